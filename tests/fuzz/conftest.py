"""How many examples each target was asked, and how they ended: told at the end of the long form."""

import pytest

from tests.fuzz.harness import COUNTS, EXAMPLES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not EXAMPLES:
        return
    terminalreporter.section("examples by target")
    for name, outcomes in sorted(COUNTS.items()):
        ended = ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items()))
        terminalreporter.line(f"{name}: {outcomes.total()} ({ended})")
    terminalreporter.line(f"all: {sum(outcomes.total() for outcomes in COUNTS.values())}")
