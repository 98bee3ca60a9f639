"""The same photographs, published in many formats, are the same real images: no source touches a byte."""

import base64
import csv
import datetime as dt
import hashlib
import ipaddress
import ssl
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import TypeAdapter

from sources.base import Fetched
from sources.config import SourceConfig
from sources.open_images import HEADER
from tests.tars import tarred

FETCH = {"private_hosts": ["127.0.0.1"]}


@pytest.fixture(scope="module")
def files(photographs: list[Path]) -> dict[str, bytes]:
    """Photographs by `<wnid>/<name>`."""
    return {f"{path.name[:9]}/{path.name}": path.read_bytes() for path in photographs}


def gathered(settings: Mapping[str, Any], workdir: Path) -> list[str]:
    """Digests of all that a source has, fetched in chunks, in no order."""
    source = TypeAdapter(SourceConfig).validate_python(settings).open()
    outcomes = [outcome for _, outcome in source.fetch(list(source.list()), workdir)]
    failed = [outcome for outcome in outcomes if not isinstance(outcome, Fetched)]
    assert failed == []
    assert all(outcome.image.made is None for outcome in outcomes if isinstance(outcome, Fetched))
    return sorted(outcome.image.sha256 for outcome in outcomes if isinstance(outcome, Fetched))


def digests(files: Mapping[str, bytes]) -> list[str]:
    return sorted(hashlib.sha256(data).hexdigest() for data in files.values())


# --- formats on a disk ---


def as_folder(files: Mapping[str, bytes], root: Path) -> dict[str, Any]:
    for name, data in files.items():
        (root / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "set" / name).write_bytes(data)
    return {"type": "folder", "path": str(root / "set")}


def as_zip(files: Mapping[str, bytes], root: Path) -> dict[str, Any]:
    with zipfile.ZipFile(root / "set.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return {"type": "archive", "path": str(root / "set.zip")}


def as_imagenet(files: Mapping[str, bytes], root: Path) -> dict[str, Any]:
    classes: dict[str, dict[str, bytes]] = {}
    for name, data in files.items():
        wnid, _, base = name.partition("/")
        classes.setdefault(wnid, {})[base] = data
    outer = tarred({f"{wnid}.tar": tarred(images) for wnid, images in classes.items()})
    (root / "ILSVRC2012_img_train.tar").write_bytes(outer)
    return {"type": "imagenet", "path": str(root / "ILSVRC2012_img_train.tar")}


def as_webdataset(files: Mapping[str, bytes], root: Path) -> dict[str, Any]:
    members: dict[str, bytes] = {}
    for number, (name, data) in enumerate(files.items()):
        members |= {f"{number:09}.jpg": data, f"{number:09}.txt": name.encode()}
    shards = [dict(list(members.items())[first : first + 160]) for first in range(0, len(members), 160)]
    for number, shard in enumerate(shards):
        (root / f"{number:05}.tar").write_bytes(tarred(shard))
    return {"type": "webdataset", "path": f"{root}/{{00000..{len(shards) - 1:05}}}.tar", "caption": "txt"}


@pytest.mark.parametrize("publish", [as_folder, as_zip, as_imagenet, as_webdataset], ids=lambda f: f.__name__[3:])
def test_on_a_disk(
    publish: Callable[[Mapping[str, bytes], Path], dict[str, Any]], files: dict[str, bytes], tmp_path: Path
):
    assert gathered(publish(files, tmp_path), tmp_path) == digests(files)


def test_on_the_hub(files: dict[str, bytes], hub: Any, hub_parquet: Callable[..., bytes], tmp_path: Path):
    items = list(files.items())
    for part in range(2):
        wnids = [name[:9] for name, _ in items[part::2]]
        columns = {"image": [data for _, data in items[part::2]], "label": wnids}
        hub.datasets.setdefault("some/photographs", {})[f"data/train-{part:05}-of-00002.parquet"] = hub_parquet(
            columns, row_group_size=50
        )
    found = gathered({"type": "hub", "repo": "some/photographs", "label_column": "label"}, tmp_path)
    assert found == digests(files)


# --- lists of URLs, fetched over HTTPS whose certificate a local authority has signed ---


def authority() -> tuple[bytes, bytes]:
    """A certificate authority, and the key and certificate that it gives to 127.0.0.1; both as PEM."""
    now = dt.datetime.now(dt.UTC)

    def certificate(subject: str, key: Any, issuer: str, is_authority: bool) -> x509.CertificateBuilder:
        names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
        return (
            x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate("a local authority", root_key, "a local authority", is_authority=True)
    leaf = (
        certificate("127.0.0.1", key, "a local authority", is_authority=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    pem = partial(x509.Certificate.public_bytes, encoding=serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem(root.sign(root_key, hashes.SHA256())), secret + pem(leaf.sign(root_key, hashes.SHA256()))


@pytest.fixture
def urls(files: dict[str, bytes], server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The photographs by HTTPS URL; fetching processes trust the authority of the server's certificate."""
    trusted, own = authority()
    (tmp_path / "authority.pem").write_bytes(trusted)
    (tmp_path / "server.pem").write_bytes(own)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    for name, data in files.items():
        server.routes[f"/{name}"] = partial(_answer, data)
    return {server.url(f"/{name}").replace("http:", "https:"): data for name, data in files.items()}


def _answer(data: bytes, handler: Any) -> None:
    handler.answer(data, Content_Type="image/jpeg")


def test_in_open_images_csv_over_https(urls: dict[str, bytes], tmp_path: Path):
    with (tmp_path / "train-images-boxable-with-rotation.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER, lineterminator="\n", restval="")
        writer.writeheader()
        for number, (url, data) in enumerate(urls.items()):
            md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
            row = {"ImageID": f"{number:016x}", "Subset": "train", "OriginalURL": url, "Rotation": "0.0"}
            writer.writerow(row | {"OriginalSize": str(len(data)), "OriginalMD5": md5})
    settings = {"type": "open-images", "csv": str(tmp_path / "train-images-boxable-with-rotation.csv"), "fetch": FETCH}
    assert gathered(settings, tmp_path) == digests(urls)


def test_in_laion_parquet_over_https(urls: dict[str, bytes], tmp_path: Path):
    count = len(urls)
    table = pa.table(
        {
            "URL": list(urls),
            "TEXT": ["a caption"] * count,
            "WIDTH": pa.array([500.0] * count, pa.float64()),
            "HEIGHT": pa.array([375] * count, pa.int64()),
            "similarity": [0.3] * count,
            "hash": pa.array(range(count), pa.int64()),
            "punsafe": pa.array([0.01] * count, pa.float32()),
            "pwatermark": pa.array([0.1] * count, pa.float32()),
            "aesthetic": pa.array([7.0] * count, pa.float32()),
        }
    )
    part = tmp_path / "part-00000-5114fd87-297e-42b0-9d11-50f1df323dfa-c000.snappy.parquet"
    pq.write_table(table, part, compression="snappy")
    assert gathered({"type": "laion", "path": str(part), "fetch": FETCH}, tmp_path) == digests(urls)
