"""train_classifier: a dataset's shards become a detector."""

from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from pydantic import ValidationError

from classifier.config import ClassifierConfig
from manifests.dataset import Dataset, refuse_inside_dataset
from manifests.errors import RecipeError, first_complaint


@task(name="train", cache_policy=NO_CACHE, persist_result=False)
def run_training(dataset: str, config: dict[str, Any], out: str, *, progress: bool, force: bool, device: str) -> str:
    """Train, choose the threshold, measure; the answer is the report as JSON."""
    from classifier.training import train

    return train(
        dataset, ClassifierConfig.model_validate(config), out, device=device, progress=progress, force=force
    ).model_dump_json()


@flow(name="train_classifier", flow_run_name="train-{out}", persist_result=False)
def train_classifier(
    dataset: str,
    out: str,
    *,
    config: dict[str, Any] | None = None,
    progress: bool = False,
    force: bool = False,
    device: str = "auto",
) -> str:
    """Train a detector on a dataset.

    Args:
        dataset: path or URL of the dataset.
        out: local folder for the detector.
        config: the `classifier` table to use; the one in the dataset's own recipe when None.
        progress: show a progress bar.
        force: train even where the audit failed.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.

    Returns:
        The detector's report, as JSON.

    Raises:
        RecipeError: the `classifier` table is wrong.
        GateError: the dataset's audit failed.
        DatasetError: there is no finished dataset, or the folder lies in one.
    """
    opened = Dataset.open(dataset)
    refuse_inside_dataset(out)
    checked = _checked(opened, config)
    report = run_training(
        opened.root, checked.model_dump(mode="json"), out, progress=progress, force=force, device=device
    )
    create_table_artifact(
        table=[{"detector": out, "trained on": opened.header.name}], key="detector", description="A trained detector"
    )
    return report


def train_along(
    dataset: str, out: str, config: dict[str, Any] | None = None, force: bool = False, device: str = "auto"
) -> str:
    """Be a further process of a training that torchrun started: Prefect watches the first one alone.

    Arguments, answer and errors are those of `train_classifier`.
    """
    from classifier.training import train

    opened = Dataset.open(dataset)
    return train(opened, _checked(opened, config), out, device=device, force=force).model_dump_json()


def _checked(dataset: Dataset, config: dict[str, Any] | None) -> ClassifierConfig:
    table = dataset.header.recipe.get("classifier") if config is None else config
    try:
        return ClassifierConfig.model_validate(table or {})
    except ValidationError as error:
        raise RecipeError(f"classifier.{first_complaint(error)}.") from None
