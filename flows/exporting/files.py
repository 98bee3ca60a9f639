"""Images as files: in folders that are named after split and label, or in folders of the splits with a table beside them."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flows.exporting.format import AllRows, ExportFormat
from flows.exporting.rows import COLUMNS, LABEL_NAMES, ImageRow, file_name
from manifests.storage import Folder
from manifests.tables import inert

TABLE = "images.csv"


@dataclass(frozen=True)
class FilesFormat(ExportFormat):
    """Every image is a file of its own."""

    def place(self, row: ImageRow) -> str:
        """The folder of an image."""
        raise NotImplementedError

    def write_shard(self, shard: str, images: Iterable[tuple[ImageRow, bytes]]) -> Sequence[ImageRow]:
        """Write each image under its pair's and member's name."""
        del shard  # the files' names say enough
        rows = []
        for row, data in images:
            path = f"{self.place(row)}/{file_name(row, data)}"
            self.folder.write(path, data)
            rows.append(row.model_copy(update={"path": path}))
        return rows


class ImageFolderFormat(FilesFormat):
    """`<split>/<label>/`, as `datasets` ("imagefolder") and torchvision (`ImageFolder`, a split at a time) read it.

    Both number the classes by the order of their names: `0_real` and `1_fake` keep the labels that they have here.
    """

    def place(self, row: ImageRow) -> str:
        """Split, then label."""
        return f"{row.split}/{row.label}_{LABEL_NAMES[row.label]}"

    def finish(self, rows: AllRows) -> None:
        """A table of all images, beside the splits."""
        write_table(self.folder, rows)


class CsvFormat(FilesFormat):
    """`images/<split>/`, and a table of all images: path, label, split, pair and the rest."""

    def place(self, row: ImageRow) -> str:
        """The split."""
        return f"images/{row.split}"

    def finish(self, rows: AllRows) -> None:
        """The table."""
        write_table(self.folder, rows)


def write_table(folder: Folder, rows: AllRows) -> None:
    """Write `images.csv`: a line an image, in the dataset's order; no cell begins a formula."""
    with folder.create(TABLE) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        for row in rows():
            writer.writerow([inert(str(value)) for value in row.model_dump().values()])
        text.detach()
