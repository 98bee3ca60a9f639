from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from generation.batches import BatchRunner, slices
from generation.faults import loading
from manifests.errors import InfrastructureError, ModelError


class Device:
    """Takes batches up to a size, and notes the sizes of those it was given."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.sizes: list[int] = []

    def run(self, items: Sequence[int]) -> list[int]:
        self.sizes.append(len(items))
        if len(items) > self.memory:
            raise torch.OutOfMemoryError("out of memory")
        return [-item for item in items]


@given(st.lists(st.integers()), st.integers(1, 9))
def test_slices_are_consecutive_and_only_the_last_is_short(items: list[int], size: int):
    parts = list(slices(items, size))
    assert [item for part in parts for item in part] == items
    assert all(len(part) == size for part in parts[:-1])
    assert all(0 < len(part) <= size for part in parts)


def test_a_batch_that_fits_is_run_whole():
    device = Device(memory=4)
    rows = BatchRunner(device.run, batch_size=4).rows([1, 2, 3])
    assert device.sizes == [3]
    assert [(row.result, row.batch_size, row.batch_position, row.degraded) for row in rows] == [
        (-1, 3, 0, False),
        (-2, 3, 1, False),
        (-3, 3, 2, False),
    ]


def test_out_of_memory_halves_the_batch_for_the_rest_of_the_chunk():
    device = Device(memory=3)
    runner = BatchRunner(device.run, batch_size=8)
    rows = runner.rows(list(range(8)))
    assert device.sizes == [8, 4, 2, 2, 2, 2]
    assert [row.result for row in rows] == [-item for item in range(8)]
    assert [row.batch_position for row in rows] == [0, 1] * 4
    assert {(row.batch_size, row.degraded) for row in rows} == {(2, True)}
    runner.rows(list(range(3)))
    assert device.sizes[6:] == [2, 1]
    # a batch that was to be this small loses nothing
    assert [row.degraded for row in runner.rows([1, 2])] == [False, False]


def test_the_next_chunk_tries_whole_batches_again():
    device = Device(memory=2)
    BatchRunner(device.run, batch_size=4).rows([1, 2, 3, 4])
    device.sizes.clear()
    BatchRunner(device.run, batch_size=4).rows([1, 2, 3, 4])
    assert device.sizes[0] == 4


def test_one_image_that_does_not_fit_is_an_error_for_a_person():
    with pytest.raises(InfrastructureError, match="batch of one image"):
        BatchRunner(Device(memory=0).run, batch_size=4).rows([1, 2, 3, 4])


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_filled_batches_all_have_one_size(count: int, batch_size: int, memory: int):
    device = Device(memory=memory)
    items = list(range(min(count, batch_size)))
    rows = BatchRunner(device.run, batch_size=batch_size, fill=True).rows(items)
    assert [row.result for row in rows] == [-item for item in items]
    served = {size for size in device.sizes if size <= memory}
    assert len(served) == 1
    assert {row.batch_size for row in rows} == served
    assert {row.degraded for row in rows} == {batch_size > memory}


@pytest.mark.parametrize(
    "full",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        torch.AcceleratorError("CUDA error: out of memory\nmore lines"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        MemoryError(),
        None,
    ],
)
def test_memory_runs_out_under_many_names(full: Exception | None):
    def run(items: Sequence[int]) -> Sequence[int]:
        if len(items) > 1:
            if full is None:
                torch.empty(2**60, dtype=torch.uint8)  # more than any processor can address
            else:
                raise full
        return items

    rows = BatchRunner(run, batch_size=2).rows([1, 2])
    assert [(row.result, row.batch_size, row.degraded) for row in rows] == [(1, 1, True), (2, 1, True)]


def test_a_fault_of_the_device_is_told_from_want_of_memory_and_from_a_mistake():
    def raising(error: Exception) -> BatchRunner[int, int]:
        def run(_: Sequence[int]) -> Sequence[int]:
            raise error

        return BatchRunner(run, batch_size=2)

    with pytest.raises(InfrastructureError, match=r"the model: the device failed \(CUDA error: unspecified .*\);"):
        raising(torch.AcceleratorError("CUDA error: unspecified launch failure\nmore lines")).rows([1, 2])
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        raising(RuntimeError("mat1 and mat2 shapes cannot be multiplied")).rows([1, 2])


def test_a_machine_that_cannot_compile_is_one_line():
    def no_compiler(*_: object) -> None:
        raise RuntimeError("no working C++ compiler\nmore lines")

    double = torch.compile(lambda rows: rows * 2, backend=no_compiler)

    def run(items: Sequence[int]) -> Sequence[int]:
        return [int(item) for item in double(torch.tensor(items))]

    with pytest.raises(ModelError, match=r"the model: compiling fails here \(no working C\+\+ compiler\);"):
        BatchRunner(run, batch_size=2).rows([1, 2])


def test_a_model_without_room_is_one_line():
    with pytest.raises(InfrastructureError, match="model sd: there is not enough memory to load it"), loading("sd"):
        torch.empty(2**60, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="expected"), loading("sd"):
        raise RuntimeError("expected all tensors to be on the same device")
