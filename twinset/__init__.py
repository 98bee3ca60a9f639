"""Paired real/fake image datasets: pairs that differ in origin and in nothing else.

The names that people import:

    from twinset import load
    dataset = load("runs/demo")
    for pair in dataset.pairs(): ...
"""

from manifests.dataset import Dataset

__all__ = ["Dataset", "load"]


def load(url: str) -> Dataset:
    """Open a finished dataset, by path or fsspec URL.

    Raises:
        manifests.errors.DatasetError: there is none.
    """
    return Dataset.open(url)
