"""Other people's datasets: labelled images in the layouts in which they are published, read as streams."""

from audit.foreign.items import ForeignDataset, ForeignItem
from audit.foreign.labels import parse_label_names
from audit.foreign.opening import LAYOUTS, open_foreign

__all__ = ["LAYOUTS", "ForeignDataset", "ForeignItem", "open_foreign", "parse_label_names"]
