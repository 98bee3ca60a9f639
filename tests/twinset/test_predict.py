import csv
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from manifests.errors import DatasetError, ModelError, TwinsetError
from twinset.cli import app

SIDE = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from classifier.config import ClassifierConfig
    from classifier.detector import Detector
    from classifier.network import new_network
    from classifier.report import DetectorConfig

    training = ClassifierConfig(backbone="test_resnet")
    config = DetectorConfig(
        twinset="0", backbone="test_resnet", backbone_options={}, image_size=SIDE, mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5), threshold=0.5, generators=("sd",), dataset_name="", dataset_digest="", training=training,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("model")
    Detector(new_network(training, SIDE).eval(), config).save(folder)
    return folder


def predict(*arguments: object, wrong: int = 0) -> Result:
    result = CliRunner().invoke(app, ["predict", *map(str, arguments), "--device", "cpu"])
    if isinstance(result.exception, TwinsetError):
        raise result.exception
    assert result.exit_code == wrong, result.output
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 photographs, of which 5 are broken, and 3 texts."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for number in range(40):
        buffer = BytesIO()
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE + 8, 3), dtype=np.uint8)).save(buffer, "JPEG")
        data = buffer.getvalue() if number % 8 else buffer.getvalue()[: 100 * (number % 3)]
        (folder / f"{number:02d}.jpg").write_bytes(data)
    for number in range(3):
        (folder / f"{number}.txt").write_text("no image")
    return folder


def test_every_file_has_an_answer_or_a_reason(folder: Path, model: Path):
    result = predict(folder, "--model", model, "--json", "--batch", 7, wrong=3)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(answer["image"]).name for answer in answers] == sorted(path.name for path in folder.glob("*.jpg"))
    judged = [answer for answer in answers if answer["verdict"]]
    assert len(judged) == 35
    assert all(0 <= answer["probability"] <= 1 and not answer["reason"] for answer in judged)
    assert all(
        answer["reason"] in ("truncated", "undecodable", "not-an-image") for answer in answers if not answer["verdict"]
    )
    [summary] = result.stderr.splitlines()
    assert summary.startswith("35 judged: ")
    assert summary.endswith("5 not judged; 3 other files passed over")


def test_for_a_person_there_is_a_line_an_image(folder: Path, model: Path):
    result = predict(folder / "01.jpg", folder / "02.jpg", "--model", model)
    assert [line.split()[0] in ("real", "fake") for line in result.stdout.splitlines()] == [True, True]
    broken = predict(folder / "08.jpg", "--model", model, wrong=3)
    assert broken.stdout == ""
    assert broken.stderr.startswith("not judged: ")


def test_a_table_appears_whole(folder: Path, model: Path, tmp_path: Path):
    table = tmp_path / "new" / "answers.csv"
    result = predict(folder / "01.jpg", folder / "08.jpg", "--model", model, "--csv", table, wrong=3)
    assert result.stdout == ""
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [bool(row["verdict"]) for row in rows] == [True, False]
    assert [path.name for path in table.parent.iterdir()] == ["answers.csv"]


def test_names_cannot_move_the_cursor(folder: Path, model: Path, tmp_path: Path):
    (tmp_path / "\x1b[2Jevil\n.jpg").write_bytes((folder / "01.jpg").read_bytes())
    (tmp_path / "\udcff.jpg").write_bytes(b"broken, and its name is no text")
    for options in ((), ("--json",)):
        result = predict(tmp_path, "--model", model, *options, wrong=3)
        assert "\x1b" not in result.output
        assert len(result.output.splitlines()) == 3
    table = tmp_path / "answers.csv"
    predict(tmp_path, "--model", model, "--csv", table, wrong=3)
    assert table.read_text(encoding="utf-8").count("evil") == 1


def test_nothing_is_half_written_where_nothing_can_be_said(folder: Path, model: Path, tmp_path: Path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no image")
    table = tmp_path / "answers.csv"
    with pytest.raises(TwinsetError, match=r"no image there \(1 other files\)"):
        predict(tmp_path / "texts", "--model", model, "--csv", table)
    with pytest.raises(DatasetError, match="there is no such file or folder"):
        predict(tmp_path / "missing.jpg", "--model", model, "--csv", table)
    with pytest.raises(ModelError, match="no detector here"):
        predict(folder, "--model", tmp_path, "--csv", table)
    with pytest.raises(ModelError, match="no detector here"):
        predict(folder, "--model", tmp_path / "missing", "--csv", table)
    assert [path.name for path in tmp_path.iterdir()] == ["texts"]


def test_a_folder_in_the_place_of_the_table_is_told_before_anything_is_judged(folder: Path, model: Path):
    told = predict(folder, "--model", model, "--csv", folder, wrong=2)
    assert "Invalid value for '--csv'" in told.output
