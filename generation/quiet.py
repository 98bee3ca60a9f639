"""Model libraries that talk to the person at the terminal, kept silent."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import diffusers.utils.logging as diffusers_logging
import transformers.utils.logging as transformers_logging


@contextmanager
def quiet() -> Iterator[None]:
    """Inside: no progress bars, no log lines below errors and no deprecation notes of diffusers and transformers.

    What their log lines would tell (a cut prompt, weights that are missing) is checked and recorded by this package.
    The libraries' own settings are put back at the end.
    """
    libraries = (diffusers_logging, transformers_logging)
    before = [(library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for library, (verbosity, bars) in zip(libraries, before, strict=True):
            library.set_verbosity(verbosity)
            if bars:
                library.enable_progress_bar()
