"""distill_detector: specialists teach one student on a dataset's shards."""

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from classifier.config import ClassifierConfig
from classifier.distillation_config import DistillConfig
from flows.tables import read_table
from manifests.dataset import Dataset, refuse_inside_dataset


@task(name="distill", cache_policy=NO_CACHE, persist_result=False)
def run_distillation(
    *,
    dataset: str,
    teachers: list[str],
    config: dict[str, Any],
    settings: dict[str, Any],
    out: str,
    device: str,
    progress: bool,
    force: bool,
) -> str:
    """Calibrate the teachers, train the student, measure; the answer is the report as JSON."""
    from classifier.teaching import distil

    return distil(
        Dataset.open(dataset),
        [Path(teacher) for teacher in teachers],
        ClassifierConfig.model_validate(config),
        DistillConfig.model_validate(settings),
        Path(out),
        device=device,
        progress=progress,
        force=force,
    ).model_dump_json()


@flow(name="distill_detector", flow_run_name="distill-{out}", persist_result=False)
def distill_detector(
    *,
    dataset: str,
    teachers: list[str],
    out: str,
    recipe: str | None = None,
    preset: str = "full",
    progress: bool = False,
    force: bool = False,
    device: str = "auto",
) -> str:
    """Train a student on a dataset's labels and its teachers' answers.

    Args:
        dataset: path or URL of the dataset.
        teachers: folders of the trained detectors.
        out: local folder for the student.
        recipe: path of the recipe whose tables `classifier` and `distill` are used; the dataset's own when None.
        preset: which of that recipe's presets.
        progress: show a progress bar.
        force: train even where the audit failed.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.

    Returns:
        Teachers and student side by side on validation, as JSON.

    Raises:
        RecipeError: a table is wrong, or the recipe has no `classifier`.
        ModelError: a teacher cannot be loaded, or sees larger images than the student.
        GateError: the dataset's audit failed.
        DatasetError: there is no finished dataset, or `out` lies in one.
    """
    opened = Dataset.open(dataset)
    refuse_inside_dataset(out)
    config = read_table(ClassifierConfig, "classifier", opened, recipe, preset)
    settings = read_table(DistillConfig, "distill", opened, recipe, preset)
    report = run_distillation(
        dataset=opened.root,
        teachers=teachers,
        config=config.model_dump(mode="json"),
        settings=settings.model_dump(mode="json"),
        out=out,
        device=device,
        progress=progress,
        force=force,
    )
    create_table_artifact(
        table=[{"detector": out, "taught by": ", ".join(teachers)}], key="detector", description="A distilled detector"
    )
    return report
