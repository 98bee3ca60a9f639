"""Whether a dataset is what its own records say: everything is read, and all that is wrong is named."""
