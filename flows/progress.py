"""What a person sees while a build runs: a bar a stage, on a terminal; a line a stage elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


@dataclass
class StageProgress:
    """One stage's bar.

    Attributes:
        bars: the bars on the terminal.
        bar: this stage's.
    """

    bars: Progress
    bar: TaskID

    def advance(self) -> None:
        """One more chunk is done."""
        self.bars.advance(self.bar)


_console = Console(stderr=True)
_bars: list[Progress] = []


@contextmanager
def shown(console: Console | None = None) -> Iterator[None]:
    """Show the progress of what runs inside the block."""
    with _progress("{task.description:<20}", "chunks", console or _console) as bars:
        _bars.append(bars)
        try:
            yield
        finally:
            _bars.remove(bars)


@contextmanager
def stage(name: str, chunks: int) -> Iterator[StageProgress]:
    """One stage's bar; a silent one where nobody looks."""
    bars = _bars[-1] if _bars else Progress(disable=True)
    bar = bars.add_task(name, total=chunks)
    yield StageProgress(bars, bar)
    bars.update(bar, completed=chunks)
    bars.stop_task(bar)


@contextmanager
def counting(name: str, total: int | None, unit: str) -> Iterator[Callable[[], None]]:
    """One bar for work outside a build's stages; the block is given what says that one more unit is done."""
    with _progress("{task.description}", unit, _console) as bars:
        bar = bars.add_task(name, total=total)
        yield lambda: bars.advance(bar)


def _progress(description: str, unit: str, console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn(description),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        console=console,
    )
