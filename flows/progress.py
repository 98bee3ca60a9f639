"""What a person sees while a build runs: a bar a stage, on a terminal; a line a stage elsewhere."""

from collections.abc import Iterator
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
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<20}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("chunks"),
        TimeElapsedColumn(),
        console=console or _console,
    )
    with bars:
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
