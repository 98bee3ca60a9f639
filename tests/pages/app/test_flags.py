from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.storage import Folder
from manifests.wanted import read_wanted
from pages.app.context import AppContext
from pages.app.flags import FLAGS, Flag, flag, read_flags, unflag

ONE, OTHER = "0123456789abcdef-scene", "fedcba9876543210-patch"


def test_flags_are_kept_in_order_with_what_was_said(tmp_path: Path):
    folder = Folder.at(str(tmp_path))
    assert read_flags(folder) == []
    flag(folder, ONE, "shows  a\nface")
    flag(folder, OTHER, "")
    flag(folder, ONE, "again")
    assert read_flags(folder) == [Flag(ONE, "shows a face"), Flag(OTHER, "")]


def test_a_flag_that_is_taken_back_leaves_nothing(tmp_path: Path):
    folder = Folder.at(str(tmp_path))
    flag(folder, ONE, "shows a face")
    flag(folder, OTHER, "blurred")
    unflag(folder, ONE)
    assert read_flags(folder) == [Flag(OTHER, "blurred")]
    unflag(folder, OTHER)
    assert (tmp_path / FLAGS).read_text() == ""


@given(st.text(max_size=400))
def test_whatever_is_said_adds_no_entry_to_the_list(why: str):
    folder = Folder.at("memory://flags-of-a-test")
    folder.remove_all()
    flag(folder, ONE, why)
    lines = folder.read(FLAGS).decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [ONE]
    assert len(lines) <= 2


def test_takedown_reads_the_list(context: AppContext):
    row = context.catalogue.at(3)
    flag(context.notes, row.pair_id, "not ours to show")
    wanted = read_wanted([("ids", f"{context.notes}/{FLAGS}")])
    assert wanted.entries == {("ids", row.pair_id.partition("-")[0])}


def test_the_list_lies_beside_the_dataset_and_never_in_it(context: AppContext, dataset: Dataset):
    before = dataset.folder.files()
    flag(context.notes, ONE, "")
    assert dataset.folder.files() == before
    assert str(context.notes) == f"{dataset.root}-notes"


def test_a_folder_that_cannot_be_written_is_an_error_for_a_person(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot write"):
        flag(Folder.at(str(tmp_path / "file" / "notes")), ONE, "")
