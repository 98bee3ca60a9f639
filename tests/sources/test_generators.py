"""What cells of a column of generators say."""

import pytest

from manifests.errors import SourceError
from sources.generators import generator_of, says_real


@pytest.mark.parametrize(
    "said", ["", "  ", "None", "null", "NaN", "N/A", "-", "real", "0_real", "Human", "REAL images"]
)
def test_nobody_generated_it(said: str):
    assert generator_of(said, "row 1") == ""


@pytest.mark.parametrize(("said", "name"), [("SDXL", "sdxl"), ("org/Model v1.4", "org_model_v1_4"), ("fake", "fake")])
def test_a_generator_is_called_as_records_have_it(said: str, name: str):
    assert generator_of(said, "row 1") == name
    assert not says_real(said)


def test_a_cell_that_is_no_name_is_refused():
    with pytest.raises(SourceError, match=r"row 1: '\?!' holds no letter from a to z and no digit"):
        generator_of("\x1b!", "row 1")
