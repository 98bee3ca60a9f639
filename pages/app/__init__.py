"""The pages that `twinset pages` serves."""
