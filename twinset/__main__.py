"""`python -m twinset` is `twinset`."""

from twinset.cli import main

main()
