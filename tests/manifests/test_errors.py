import pytest
from pydantic import ValidationError

from manifests import errors
from manifests.errors import RejectedItem, TwinsetError, first_complaint
from manifests.header import Header
from manifests.records import Reason, Reject


@pytest.mark.parametrize("name", ["RecipeError", "SourceError", "ModelError", "DatasetError", "GateError"])
def test_all_that_a_person_can_act_on_is_one_kind(name: str):
    assert issubclass(getattr(errors, name), TwinsetError)


def test_a_rejected_item_is_no_error_of_the_run():
    rejected = RejectedItem(Reason.TOO_SMALL, "32 x 20 pixels")
    assert not isinstance(rejected, TwinsetError)
    assert (rejected.reason, rejected.detail) == (Reason.TOO_SMALL, "32 x 20 pixels")
    assert str(rejected) == "too-small: 32 x 20 pixels"
    assert str(RejectedItem(Reason.BLANK)) == "blank"


def test_a_complaint_names_the_field():
    with pytest.raises(ValidationError) as caught:
        Reject.model_validate({"key": "k", "stage": "cooking", "reason": "blank"})
    assert first_complaint(caught.value).startswith("stage: Input should be 'list'")


def test_a_complaint_is_one_printable_line_whatever_the_data_holds():
    with pytest.raises(ValidationError) as caught:
        Header.model_validate({"\n\x1b[31mred\r": 1})
    complaints = [error["loc"] for error in caught.value.errors()]
    assert ("\n\x1b[31mred\r",) in complaints
    with pytest.raises(ValidationError) as caught:
        Reject.model_validate({"key": "k", "stage": "list", "reason": "blank", "\n\x1b[31mred\r": 1})
    assert first_complaint(caught.value) == "??[31mred?: Extra inputs are not permitted"
