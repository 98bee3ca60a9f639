"""The stages that make a dataset again from its manifest."""
