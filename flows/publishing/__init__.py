"""Publishing a dataset: the form in which others may have it, and the places where it is put."""
