import pytest

from manifests.errors import InfrastructureError, RejectedItem
from manifests.records import Reason
from pixels.failures import decoding


def test_too_little_memory_is_no_fault_of_the_file():
    # else the image would be dropped for good, although a second try may succeed
    with pytest.raises(InfrastructureError, match="not enough memory to decode an image \\(PNG\\)"), decoding("PNG"):
        raise MemoryError


def test_whatever_else_a_decoder_raises_drops_the_image():
    with pytest.raises(RejectedItem) as caught, decoding("PNG"):
        raise ZeroDivisionError
    assert caught.value.reason is Reason.UNDECODABLE
