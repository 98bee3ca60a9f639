"""The long form tells how many examples each target was asked, from the processes that asked them."""

import os
import subprocess
import sys


def test_counts_come_back_from_other_processes():
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [
            sys.executable,
            *["-m", "pytest", "-q", "-n", "1", "-p", "no:cacheprovider", "tests/fuzz/test_tables.py", "-k", "prompts"],
        ],
        check=False,
        env=variables | {"TWINSET_FUZZ_EXAMPLES": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "prompts: 3 (" in done.stdout
    assert "all: 3" in done.stdout
