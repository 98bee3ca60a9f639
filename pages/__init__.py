"""Web pages for people: what is in a dataset, what the audit found, how a detector does."""
