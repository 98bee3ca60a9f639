"""Tables that say where images are, or hold them: text and Parquet, one file or many."""
