import pytest

from manifests import canonical
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import Reason, Reject
from pages.app.rejects import Rejects

KINDS = (("reals", Reason.NOT_FOUND), ("screen", Reason.GREYSCALE), ("split", Reason.BRIDGES_SPLITS))


def rejects() -> list[Reject]:
    return [
        Reject(key=f"{number}", stage=stage, reason=reason, detail="x" * (number % 7))
        for number in range(1_000)
        for stage, reason in [KINDS[number**2 % 3]]
    ]


def test_each_page_is_that_part_of_the_list(dataset: Dataset):
    dataset.folder.write("rejects.jsonl", b"".join(canonical.dumps(reject) + b"\n" for reject in rejects()))
    found = Rejects(dataset)
    assert found.counts().total() == 1_000
    for stage, reason in KINDS:
        of_kind = [reject for reject in rejects() if reject.reason == reason]
        assert found.counts()[stage, reason] == len(of_kind)
        for start in (0, 12, 99, 100, 101, 250, len(of_kind) - 3, len(of_kind), -1):
            expected = of_kind[start : start + 12] if start >= 0 else []
            assert found.page(stage, reason, start, 12) == expected
    assert found.page("reals", "no such reason", 0, 12) == []


def test_a_line_that_is_no_reject_is_named(dataset: Dataset):
    dataset.folder.write("rejects.jsonl", canonical.dumps(rejects()[0]) + b"\n{\n")
    with pytest.raises(DatasetError, match="line 2"):
        Rejects(dataset)
