import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.folder import BuildFolder
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from pages.app.catalogue import Filters
from pages.app.context import AppContext, arguments, from_arguments


def test_a_dataset_that_lies_alone(context: AppContext, dataset: Dataset):
    assert context.build is None
    assert context.detector is None
    assert context.name == "little-world"
    assert str(context.notes) == f"{dataset.root}-notes"


def test_a_build_that_has_no_dataset_yet(build: BuildFolder):
    context = AppContext.open(build.url)
    assert context.dataset is None
    assert context.name == "little-world"
    assert context.notes == build.folder
    context.prepare()
    with pytest.raises(DatasetError, match="not come to its dataset"):
        _ = context.catalogue


def test_a_build_is_found_from_the_dataset_in_it(trained: AppContext):
    within = AppContext.open(trained.opened.root)
    assert within.build is not None
    assert within.build.folder == trained.build.folder
    assert within.detector == trained.detector


def test_where_there_is_neither_it_is_said_in_a_line(tmp_path: Path):
    with pytest.raises(DatasetError, match="no dataset here"):
        AppContext.open(str(tmp_path / "nowhere"))
    with pytest.raises(DatasetError, match="no dataset is named"):
        from_arguments([])


def test_what_the_first_visitor_waits_for_can_be_read_before(context: AppContext):
    context.prepare()
    Path(context.opened.root, "manifest.parquet").unlink()
    assert context.catalogue.choices().generators
    assert context.catalogue.select(Filters()).count == context.catalogue.total


def test_a_table_that_cannot_be_read_is_told_by_the_page_and_not_before(context: AppContext):
    Path(context.opened.root, "manifest.parquet").write_bytes(b"PAR1")
    context.prepare()
    with pytest.raises(DatasetError, match=r"manifest\.parquet: cannot be read"):
        _ = context.catalogue


def test_one_object_serves_all_visits_until_the_dataset_changes(
    dataset: Dataset, with_table: Callable[[Dataset], Dataset]
):
    words = arguments(dataset.root, None)
    first = from_arguments(words)
    assert from_arguments(words) is first
    with_table(dataset)
    os.utime(Path(dataset.root) / "manifest.parquet", (1, 1))
    assert from_arguments(words) is not first
