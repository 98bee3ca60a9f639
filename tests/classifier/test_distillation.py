from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from classifier.config import ClassifierConfig
from classifier.detector import Detector
from classifier.distillation import Teacher, Teachers, soft_loss
from classifier.distillation_config import DistillConfig
from classifier.network import Network, new_network
from classifier.report import DetectorConfig
from classifier.teaching import DISTILLATION, Distillation, distil
from classifier.training import train
from classifier.transforms import Preprocessing
from flows.distill import distill_detector
from manifests.dataset import Dataset
from manifests.errors import DatasetError, ModelError, TwinsetError
from twinset.commands.distill import labelled_sets

MakeDataset = Callable[..., Dataset]
CONFIG = ClassifierConfig(backbone="test_resnet", epochs=1, batch_size=4, image_size=40, learning_rate=3e-3)
Logit = st.floats(-20, 20, width=32)


@given(st.lists(st.tuples(Logit, Logit), min_size=1, max_size=8), st.floats(0.5, 8))
def test_the_soft_loss_is_the_divergence_of_two_classes(logits: list[tuple[float, float]], temperature: float):
    student, teacher = torch.tensor(logits).T
    # the same by torch's own function over two classes, whose logits are 0 and z
    own, taught = (log_softmax(torch.stack([torch.zeros_like(z), z / temperature], 1), 1) for z in (student, teacher))
    expected = kl_div(own, taught, reduction="none", log_target=True).sum(1) * temperature**2
    assert soft_loss(student, teacher, temperature) == pytest.approx(expected, rel=1e-3, abs=1e-4 * temperature**2)


class Constant(torch.nn.Module):
    """Answers with one logit, and remembers what it was shown."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.logit = logit
        self.shown = torch.empty(0)

    def forward(self, images: Tensor) -> Tensor:
        self.shown = images
        return torch.full((len(images), 1), self.logit)


def constant(logit: float, temperature: float = 1.0, size: int = 8) -> Teacher:
    return Teacher(Network(Constant(logit), (0.0,) * 3, (1.0,) * 3).eval(), temperature, size)


IMAGES = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).view(2, 3, 8, 8)


@pytest.mark.parametrize("size", [8, 5, 4])
def test_a_teacher_is_shown_the_window_that_it_was_calibrated_on(size: int):
    teacher = constant(1.0, size=size)
    teacher.logits(IMAGES)
    middle = Preprocessing(size).window(IMAGES[0].permute(1, 2, 0).numpy())
    backbone = teacher.network.backbone
    assert isinstance(backbone, Constant)
    assert torch.equal((backbone.shown[0] * 255).round().byte(), torch.from_numpy(middle).permute(2, 0, 1))


def test_teachers_are_calibrated_before_they_are_combined():
    teachers = (constant(6.0, temperature=6.0), constant(-4.0, temperature=1.0), constant(4.0, temperature=2.0))
    for combine, expected in (("max", 2.0), ("mean", -1 / 3)):
        together = Teachers(teachers, DistillConfig(combine=combine))
        assert together.logits(IMAGES).tolist() == pytest.approx([expected] * 2)


def test_a_teacher_of_smaller_images_looks_at_the_middle():
    teacher = constant(0.0, size=4)
    teacher.logits(IMAGES)
    backbone = teacher.network.backbone
    assert isinstance(backbone, Constant)
    assert torch.equal((backbone.shown * 255).round().to(torch.uint8), IMAGES[..., 2:6, 2:6])


def test_alpha_weighs_teachers_against_labels():
    losses, logits = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0])
    for alpha in (0.0, 0.25, 1.0):
        teachers = Teachers((constant(3.0),), DistillConfig(alpha=alpha, temperature=2.0))
        soft = soft_loss(logits, torch.tensor([3.0, 3.0]), 2.0)
        expected = alpha * soft + (1 - alpha) * losses
        assert torch.allclose(teachers.blended(losses, logits, IMAGES), expected)


def test_nothing_flows_back_into_a_teacher():
    teacher = Teacher(new_network(CONFIG, 40).eval(), 1.0, 40)
    images = torch.zeros(2, 3, 40, 40, dtype=torch.uint8)
    Teachers((teacher,), DistillConfig()).blended(
        torch.ones(2), torch.zeros(2, requires_grad=True), images
    ).sum().backward()
    assert all(parameter.grad is None for parameter in teacher.network.parameters())


@pytest.fixture(scope="module")
def dataset(make_dataset: MakeDataset) -> Dataset:
    return make_dataset({"train": 16, "validation": 8, "test": 8}, generators=("sharp", "soft"))


@pytest.fixture(scope="module")
def specialists(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two that have learnt nothing: what they know is said by their settings."""
    folder = tmp_path_factory.mktemp("specialists")
    for name in ("sharp", "soft"):
        config = DetectorConfig(
            twinset="0", backbone="test_resnet", backbone_options={}, image_size=40, mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5), threshold=0.5, generators=(name,), dataset_name="", dataset_digest=name, training=CONFIG,
        )  # fmt: skip
        (folder / name).mkdir()
        Detector(new_network(CONFIG, 40).eval(), config).save(folder / name)
    return [folder / "sharp", folder / "soft"]


def test_a_student_of_two_specialists(dataset: Dataset, specialists: list[Path], tmp_path: Path):
    settings = DistillConfig(alpha=0.7)
    report = distil(dataset, specialists, CONFIG, settings, tmp_path / "student", device="cpu")
    assert Distillation.model_validate_json((tmp_path / "student" / DISTILLATION).read_bytes()) == report
    assert [(teacher.name, teacher.calibrated_on) for teacher in report.teachers] == [
        ("sharp", ("sharp",)),
        ("soft", ("soft",)),
    ]
    # all are measured on the same images, of both generators
    assert {metrics.n_fake for metrics in (report.student, *(teacher.validation for teacher in report.teachers))} == {
        16
    }
    # their answers, and not the labels alone, made it
    train(dataset, CONFIG, tmp_path / "untaught", device="cpu")
    taught, untaught = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("student", "untaught"))
    assert taught != untaught


def test_teachers_that_cannot_teach_are_named(dataset: Dataset, specialists: list[Path], tmp_path: Path):
    small = CONFIG.model_copy(update={"image_size": 32})
    settings = DistillConfig()
    with pytest.raises(ModelError, match="this teacher sees 40 pixels, the student 32"):
        distil(dataset, specialists, small, settings, tmp_path / "out", device="cpu")
    with pytest.raises(ModelError, match="two teachers lie in folders of this name"):
        distil(dataset, [specialists[0]] * 2, CONFIG, settings, tmp_path / "out", device="cpu")
    with pytest.raises(ModelError, match="no detector here"):
        distil(dataset, [tmp_path], CONFIG, settings, tmp_path / "out", device="cpu")
    with pytest.raises(TwinsetError, match="no teachers"):
        distil(dataset, [], CONFIG, settings, tmp_path / "out", device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_a_student_is_not_written_into_a_finished_dataset(dataset: Dataset, specialists: list[Path]):
    with pytest.raises(DatasetError, match="which stays as it is"):
        distill_detector.fn(
            dataset=dataset.root, teachers=[str(folder) for folder in specialists], out=f"{dataset.root}/student"
        )


def test_sets_that_would_share_an_evaluation_are_refused_before_anything_is_trained(
    make_dataset: MakeDataset, tmp_path: Path
):
    one, other = (make_dataset({"test": 4}) for _ in range(2))
    assert [images.described.name for images in labelled_sets([one.root])] == [one.header.name]
    with pytest.raises(TwinsetError, match="another evaluation is called"):
        labelled_sets([one.root, other.root])
    (tmp_path / "photographs").mkdir()
    with pytest.raises(DatasetError, match="no labelled images here"):
        labelled_sets([str(tmp_path / "photographs")])
