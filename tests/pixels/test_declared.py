"""Files that say of themselves that they are generated, in the formats in which programs say it."""

import contextlib
import json
import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.config import ScreenRules
from pixels.declared import declared_generated
from pixels.decode import load, open_image
from pixels.inspect import inspect
from pixels.metadata import Metadata, read_metadata

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "compositeSynthetic",
    "algorithmicMedia",
)
TAKEN = ("digitalCapture", "computationalCapture", "negativeFilm", "algorithmicallyEnhanced", "humanEdits", "composite")
A1111 = "a red cube\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"


def declared(data: bytes) -> str:
    image = open_image(data)
    load(image)
    return declared_generated(read_metadata(image, data))


def cbor(value: object) -> bytes:
    """Texts, lists and maps as CBOR (RFC 8949)."""
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    assert isinstance(value, dict)
    return _head(5, len(value)) + b"".join(cbor(key) + cbor(content) for key, content in value.items())


def _head(kind: int, size: int) -> bytes:
    return bytes([kind << 5 | size]) if size < 24 else bytes([kind << 5 | 24, size])


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def superbox(kind: bytes, label: str, *boxes: bytes) -> bytes:
    uuid = kind + bytes.fromhex("00110010800000aa00389b71")
    return box(b"jumb", box(b"jumd", uuid + b"\x03" + label.encode() + b"\0") + b"".join(boxes))


def manifest_store(source_type: str, padding: int = 0) -> bytes:
    """A C2PA manifest store of one manifest, laid out as the specification does, without claim and signature."""
    action = {
        "action": "c2pa.created",
        "softwareAgent": "X" * (padding % 200),
        "digitalSourceType": VOCABULARY + source_type,
    }
    actions = superbox(b"cbor", "c2pa.actions.v2", box(b"cbor", cbor({"actions": [action]})))
    thumbnail = superbox(b"bfdb", "c2pa.thumbnail.claim", box(b"bidb", bytes(padding)))
    assertions = superbox(b"c2as", "c2pa.assertions", thumbnail, actions)
    return superbox(b"c2pa", "c2pa", superbox(b"c2ma", "urn:c2pa:0", assertions))


def with_app11(jpeg: bytes, store: bytes, part: int = 65_000) -> bytes:
    """A JPEG with a store in APP11 segments, the box's header in each of them."""
    parts = [store[8:][start : start + part] for start in range(0, len(store) - 8, part)]
    segments = b""
    for number, content in enumerate(parts, start=1):
        body = b"JP" + struct.pack(">HI", 1, number) + store[:8] + content
        segments += b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body
    return jpeg[:2] + segments + jpeg[2:]


def with_png_chunk(png: bytes, name: bytes, content: bytes) -> bytes:
    chunk = struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return png[:33] + chunk + png[33:]


def with_riff_chunk(webp: bytes, name: bytes, content: bytes) -> bytes:
    body = webp[8:] + name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def xmp(inside: str) -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        f'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{inside}</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def as_attribute(source_type: str) -> bytes:
    return xmp(f'<rdf:Description rdf:about="" Iptc4xmpExt:DigitalSourceType="{VOCABULARY}{source_type}"/>')


def as_element(source_type: str) -> bytes:
    name = "Iptc4xmpExt:DigitalSourceType"
    return xmp(f'<rdf:Description rdf:about=""><{name}>{source_type}</{name}></rdf:Description>')


@pytest.fixture(scope="module")
def files(draw: Callable[..., Pixels]) -> dict[str, bytes]:
    return {name: encoded(draw(), name) for name in ("JPEG", "PNG", "WEBP", "TIFF")}


def encoded(pixels: Pixels, file_format: str, **options: object) -> bytes:
    buffer = BytesIO()
    more = {"lossless": True} if file_format == "WEBP" else {}
    Image.fromarray(pixels).save(buffer, file_format, **more, **options)
    return buffer.getvalue()


def png_with_texts(pixels: Pixels, texts: dict[str, str]) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text) if not text.isascii() else info.add_text(name, text, zip=len(text) > 200)
    return encoded(pixels, "PNG", pnginfo=info)


def stored_in(data: bytes, file_format: str, store: bytes) -> bytes:
    if file_format == "JPEG":
        return with_app11(data, store)
    return with_png_chunk(data, b"caBX", store) if file_format == "PNG" else with_riff_chunk(data, b"C2PA", store)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_synthetic_c2pa_store_is_believed(files: dict[str, bytes], file_format: str):
    for term in GENERATED:
        assert declared(stored_in(files[file_format], file_format, manifest_store(term))) == (
            f"C2PA: digital source type {term}"
        )
    for term in TAKEN:
        assert declared(stored_in(files[file_format], file_format, manifest_store(term))) == ""


def test_a_synthetic_c2pa_store_in_a_tiff(draw: Callable[..., Pixels]):
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[0xCD41] = manifest_store("trainedAlgorithmicMedia")
    tags.tagtype[0xCD41] = 7
    assert declared(encoded(draw(), "TIFF", tiffinfo=tags)).startswith("C2PA")


@pytest.mark.parametrize("part", [200, 431, 65_000])
def test_a_term_that_two_segments_share_is_read(files: dict[str, bytes], part: int):
    store = manifest_store("trainedAlgorithmicMedia", padding=150)
    cut = store.index(b"trainedAlgorithmicMedia") - 8 + 10
    assert declared(with_app11(files["JPEG"], store, part=cut)) == declared(with_app11(files["JPEG"], store, part=part))
    assert declared(with_app11(files["JPEG"], store, part=cut))


@pytest.mark.parametrize("packet", [as_attribute, as_element])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_the_source_type_in_xmp_is_believed(
    draw: Callable[..., Pixels], file_format: str, packet: Callable[[str], bytes]
):
    def saved(term: str) -> bytes:
        if file_format != "PNG":
            return encoded(draw(), file_format, xmp=packet(term))
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet(term).decode())
        return encoded(draw(), "PNG", pnginfo=info)

    for term in GENERATED:
        assert declared(saved(term)) == f"XMP: digital source type {term}"
    for term in TAKEN:
        assert declared(saved(term)) == ""


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"parameters": A1111}, "`parameters`"),
        ({"prompt": json.dumps({"3": {"class_type": "KSampler"}}), "workflow": "{}"}, "`prompt`"),
        ({"workflow": json.dumps({"nodes": ["ü" * 300]}, ensure_ascii=False)}, "`workflow`"),
        ({"Dream": '"a red cube" -s 50 -S 1'}, "`Dream`"),
        ({"sd-metadata": "{}"}, "`sd-metadata`"),
        ({"Software": "NovelAI", "Comment": "{}"}, "novelai"),
        ({"Description": "a cube --v 6 Job ID: 01234567-89ab-cdef-0123-456789abcdef"}, "Midjourney job"),
    ],
)
def test_text_chunks_of_generators_are_believed(draw: Callable[..., Pixels], texts: dict[str, str], says: str):
    assert says in declared(png_with_texts(draw(), texts))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("tag", "text", "says"),
    [
        ("UserComment", b"UNICODE\0" + A1111.encode("utf-16-be"), "EXIF UserComment: settings of a sampler"),
        ("UserComment", b"ASCII\0\0\0" + A1111.encode(), "EXIF UserComment: settings of a sampler"),
        ("ImageDescription", A1111, "EXIF ImageDescription: settings of a sampler"),
        ("Software", "Adobe Firefly 1.0", "EXIF Software: adobe firefly"),
        ("Model", 'prompt:{"3": {"class_type": "KSampler"}}', "EXIF Model: a ComfyUI graph"),
        # a photograph may be of anything
        ("ImageDescription", "Midjourney, Stable Diffusion and DALL-E explained. Steps: 20", ""),
        ("Software", "Adobe Photoshop 25.0", ""),
    ],
)
def test_exif_of_generators_is_believed(
    draw: Callable[..., Pixels], file_format: str, tag: str, text: str | bytes, says: str
):
    exif = Image.Exif()
    if tag == "UserComment":
        exif.get_ifd(0x8769)[0x9286] = text
    else:
        exif[{"ImageDescription": 270, "Model": 272, "Software": 305}[tag]] = text
    assert declared(encoded(draw(), file_format, exif=exif.tobytes())) == says


def test_a_declared_image_is_no_real_one_but_may_be_a_fake(draw: Callable[..., Pixels]):
    data = png_with_texts(draw(), {"parameters": A1111})
    with pytest.raises(RejectedItem) as rejected:
        inspect(data, ScreenRules())
    assert rejected.value.reason is Reason.DECLARED_GENERATED
    assert "parameters" in rejected.value.detail
    assert inspect(data, ScreenRules(), existing_fake=True) == inspect(data, ScreenRules(declared_generated="keep"))


@settings(max_examples=80)
@given(content=st.binary(max_size=300), where=st.sampled_from(["JPEG", "PNG", "WEBP"]), term=st.booleans())
def test_hostile_synthetic_stores_end_in_an_answer(files: dict[str, bytes], content: bytes, where: str, term: bool):
    store = content + (f"digitalSourceType\x77{GENERATED[0]}".encode() if term else b"")
    data = with_riff_chunk(files["WEBP"], b"C2PA", store) if where == "WEBP" else b""
    if where == "PNG":
        data = with_png_chunk(files["PNG"], b"caBX", store)
    if where == "JPEG":
        segment = b"\xff\xeb" + struct.pack(">H", len(store) + 4) + b"JP" + store
        data = files["JPEG"][:2] + segment + files["JPEG"][2:]
    found = declared(data)
    assert found.isprintable()
    if term and where != "JPEG":
        assert found


@settings(max_examples=80)
@given(
    texts=st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=3),
    exif=st.dictionaries(st.sampled_from(["Software", "UserComment"]), st.text(max_size=60), max_size=2),
    binary=st.binary(max_size=200),
)
def test_what_is_found_is_told_in_known_words(texts: dict[str, str], exif: dict[str, str], binary: bytes):
    found = declared_generated(Metadata(texts=texts, exif=exif, xmp=binary, c2pa=binary))
    assert found.isprintable()
    assert len(found) < 100


@pytest.fixture(scope="module")
def talkative(draw: Callable[..., Pixels]) -> dict[str, bytes]:
    """A small file of each format with all kinds of metadata that it can have."""
    exif, store, packet = Image.Exif(), manifest_store("digitalCapture"), as_element("digitalCapture")
    exif[305] = "a camera"
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "words".encode("utf-16-be")
    pixels = draw(16, 16)
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
    texts.add_text("Comment", "words" * 50, zip=True)
    webp = encoded(pixels, "WEBP", exif=exif.tobytes(), xmp=packet)
    return {
        "JPEG": with_app11(encoded(pixels, "JPEG", exif=exif.tobytes(), xmp=packet, comment=b"words"), store, part=50),
        "PNG": with_png_chunk(encoded(pixels, "PNG", exif=exif.tobytes(), pnginfo=texts), b"caBX", store),
        "WEBP": with_riff_chunk(webp, b"C2PA", store),
        "TIFF": encoded(pixels, "TIFF", tiffinfo={305: "a camera", 700: packet, 0xCD41: store}),
    }


def test_words_that_say_nothing_of_generation_are_read_and_pass(talkative: dict[str, bytes]):
    for data in talkative.values():
        image = open_image(data)
        load(image)
        words = read_metadata(image, data)
        assert b"digitalCapture" in words.c2pa
        assert b"digitalCapture" in words.xmp
        assert words.exif["Software"] == "a camera"
        assert declared_generated(words) == ""


@settings(max_examples=100)
@given(
    file_format=st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
)
def test_damaged_metadata_never_stops_a_run(
    talkative: dict[str, bytes], file_format: str, damage: list[tuple[float, int]]
):
    data = bytearray(talkative[file_format])
    for place, value in damage:
        data[int(place * len(data))] = value
    with contextlib.suppress(RejectedItem):
        inspect(bytes(data), ScreenRules(min_side=16))


def test_megabytes_of_metadata_are_read_in_no_time():
    long = b"digitalsourcetype" * 300_000
    text = "Steps: 1, " * 300_000
    assert declared_generated(Metadata(texts={"a": text}, exif={"UserComment": text}, xmp=long, c2pa=long)) == ""
