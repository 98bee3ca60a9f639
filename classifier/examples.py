"""What a detector is evaluated on: labelled images from anywhere, and what all detectors say of them."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Described:
    """What is evaluated on.

    Attributes:
        name: of the dataset or folder.
        digest: of the dataset's index; empty for images from elsewhere.
        split: which split; empty for all.
        notes: what a reader has to know.
    """

    name: str
    digest: str = ""
    split: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One labelled image; text that is not known is empty.

    Attributes:
        name: the same in every pass.
        group: of images that are not independent of one another: a real and the fakes made from it, images of one prompt.
            Where it is empty, images of equal perceptual hash are one group.
        label: 0 real, 1 fake.
        generator: what made a fake.
        source: where the image, or the real that it belongs to, came from.
        view: the dataset's view.
        data: the image file's bytes.
        problem: why there are none.
    """

    name: str
    label: int
    group: str = ""
    generator: str = ""
    source: str = ""
    view: str = ""
    data: bytes = b""
    problem: str = ""


@dataclass(frozen=True)
class Scored:
    """Images that were scored; all arrays have an entry an image.

    Attributes:
        names, groups, generators, sources, views: as in `Example`.
        labels: 0 real, 1 fake.
        logits: of fake, by detector.
    """

    names: NDArray[np.str_]
    groups: NDArray[np.str_]
    generators: NDArray[np.str_]
    sources: NDArray[np.str_]
    views: NDArray[np.str_]
    labels: NDArray[np.int8]
    logits: Mapping[str, Floats]

    @classmethod
    def of(cls, examples: list[Example], logits: Mapping[str, Floats]) -> Self:
        """Gather what was scored; the examples' bytes are not kept."""

        def column(field: str) -> NDArray[np.str_]:
            return np.asarray([getattr(example, field) for example in examples], dtype=np.str_)

        return cls(
            names=column("name"),
            groups=column("group"),
            generators=column("generator"),
            sources=column("source"),
            views=column("view"),
            labels=np.asarray([example.label for example in examples], np.int8),
            logits=logits,
        )

    @property
    def clusters(self) -> NDArray[np.intp]:
        """A number for each group."""
        return np.unique(self.groups, return_inverse=True)[1]

    def with_logits(self, logits: Mapping[str, Floats]) -> Self:
        """The same images with other answers."""
        return replace(self, logits=logits)

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """Some of the images."""
        return replace(
            self,
            names=self.names[chosen],
            groups=self.groups[chosen],
            generators=self.generators[chosen],
            sources=self.sources[chosen],
            views=self.views[chosen],
            labels=self.labels[chosen],
            logits={name: logits[chosen] for name, logits in self.logits.items()},
        )

    def against_reals(self, fakes: NDArray[np.bool_], reals: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which images some fakes are measured on: themselves, and the reals that they belong to, as the same views show them.

        Where none of them belongs to a real, all of the reals that are offered.

        Args:
            fakes: which fakes.
            reals: which reals are offered.
        """
        shown = np.strings.add(np.strings.add(self.groups, "\n"), self.views)
        own = reals & np.isin(shown, shown[fakes])
        return fakes | (own if own.any() else reals)

    def to_parquet(self) -> bytes:
        """A row an image, with a column `logit.<detector>` for each; the same rows give the same bytes."""
        columns = {
            "name": self.names,
            "group": self.groups,
            "label": self.labels,
            "generator": self.generators,
            "source": self.sources,
            "view": self.views,
            **{f"logit.{name}": logits for name, logits in self.logits.items()},
        }
        buffer = io.BytesIO()
        pq.write_table(
            pa.table({name: pa.array(values) for name, values in columns.items()}), buffer, compression="zstd"
        )
        return buffer.getvalue()
