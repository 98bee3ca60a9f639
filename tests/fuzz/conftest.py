"""How many examples each target was asked, and how they ended: told at the end of the long form."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.fuzz.harness import COUNTS, EXAMPLES

_PROPERTY = "examples"


@pytest.fixture(autouse=True)
def count(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Put a test's counts on its report: reports come back from the processes that xdist runs tests in."""
    yield
    for name, outcomes in COUNTS.items():
        record_property(_PROPERTY, [name, dict(outcomes)])
    COUNTS.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not EXAMPLES:
        return
    told = [report for reports in terminalreporter.stats.values() for report in reports]
    counts: dict[str, Counter[str]] = {
        value[0]: Counter(value[1])
        for report in told
        for name, value in getattr(report, "user_properties", ())
        if name == _PROPERTY
    }
    terminalreporter.section("examples by target")
    for name, outcomes in sorted(counts.items()):
        ended = ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items()))
        terminalreporter.line(f"{name}: {outcomes.total()} ({ended})")
    terminalreporter.line(f"all: {sum(outcomes.total() for outcomes in counts.values())}")
