"""The stages of a build, a file each: what a stage reads, what its chunks depend on, and what it does with one chunk."""
