"""continue_detector: a trained detector learns a new dataset and rehearses earlier ones."""

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from classifier.replay_config import ContinueConfig
from flows.tables import read_table
from manifests.dataset import Dataset, refuse_inside_dataset


@task(name="continue", cache_policy=NO_CACHE, persist_result=False)
def run_continuing(
    *,
    detector: str,
    dataset: str,
    replay: list[str],
    settings: dict[str, Any],
    out: str,
    device: str,
    progress: bool,
    force: bool,
) -> str:
    """Measure, rehearse and train, measure again; the answer is the report as JSON."""
    from classifier.continuing import continue_training

    return continue_training(
        Path(detector),
        Dataset.open(dataset),
        [Dataset.open(earlier) for earlier in replay],
        ContinueConfig.model_validate(settings),
        Path(out),
        device=device,
        progress=progress,
        force=force,
    ).model_dump_json()


@flow(name="continue_detector", flow_run_name="continue-{out}", persist_result=False)
def continue_detector(
    *,
    detector: str,
    dataset: str,
    replay: list[str],
    out: str,
    recipe: str | None = None,
    preset: str = "full",
    progress: bool = False,
    force: bool = False,
    device: str = "auto",
) -> str:
    """Let a detector go on with a new dataset.

    Args:
        detector: folder of the trained detector.
        dataset: path or URL of the new dataset.
        replay: paths or URLs of the datasets that are rehearsed.
        out: local folder for the new detector.
        recipe: path of the recipe whose table `continue` is used; the new dataset's own when None.
        preset: which of that recipe's presets.
        progress: show a progress bar.
        force: train even where the new dataset's audit failed.
        device: `auto`, `cpu`, `cuda`, or `cuda:N`.

    Returns:
        What was gained and forgotten, as JSON.

    Raises:
        RecipeError: the table `continue` is wrong.
        ModelError: there is no detector.
        DatasetError: a dataset is missing or damaged, there is nothing to rehearse, or `out` lies in a dataset.
        GateError: the new dataset's audit failed.
    """
    opened = Dataset.open(dataset)
    refuse_inside_dataset(out)
    settings = read_table(ContinueConfig, "continue", opened, recipe, preset)
    report = run_continuing(
        detector=detector,
        dataset=dataset,
        replay=replay,
        settings=settings.model_dump(mode="json"),
        out=out,
        device=device,
        progress=progress,
        force=force,
    )
    create_table_artifact(
        table=[{"detector": out, "continued from": detector}],
        key="detector",
        description="A detector that went on learning",
    )
    return report
