"""What is asked of everything that reads foreign bytes, and who asks it: a forked process, so that a crash is a finding.

A reader ends in a value, a `RejectedItem` or a `TwinsetError` of one line: in no other exception, no crash, no wait of
more than a few seconds, and no more memory than a bound. It writes nowhere outside its folder, runs no program, and
unpickles nothing.

`TWINSET_FUZZ_EXAMPLES=N` asks each target N times, with other bytes each time (`make fuzz`).
"""

import faulthandler
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from manifests.errors import RejectedItem, TwinsetError
from tests.fuzz.damage import damaged

EXAMPLES = int(os.environ.get("TWINSET_FUZZ_EXAMPLES", "0"))
"""Of each target; 0: few, and the same ones each time."""

COUNTS: dict[str, Counter[str]] = {}
"""How the examples of each target ended that was asked in this process."""

_SECONDS = 5
_SECONDS_WHEN_SLOW = 60
"""The machine is shared: what takes longer than `_SECONDS` of the processor is a finding, what only waits for it is none."""
_MEMORY = 512 * 2**20
"""Bytes that the reading of one target's examples may add to the process, all in all."""
_CHANGING = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate"}
_FORBIDDEN = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pickle.find_class"}


@dataclass(frozen=True)
class Target:
    """A reader of foreign bytes.

    Attributes:
        name: of the target.
        file: path of the file that holds the bytes, below the folder that the reader may write in.
        valid: whole files, which are damaged to get examples.
        read: reads the file to its end, as the program does it.
        words: what examples of a text are spiced with.
        prepare: puts what lies beside the file into the folder.
        examples: how many are asked for where `EXAMPLES` says nothing.
        may_connect: whether it is its business to ask servers.
    """

    name: str
    file: str
    valid: Callable[[], Sequence[bytes]]
    read: Callable[[Path], object]
    words: Sequence[bytes] = ()
    prepare: Callable[[Path], object] = field(default=lambda _: None)
    examples: int = 30
    may_connect: bool = False


@dataclass
class _Watch:
    """What the process does while an example is read."""

    folder: str
    may_connect: bool
    active: bool = False
    seen: list[str] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        if event in _FORBIDDEN or (event == "socket.connect" and not self.may_connect):
            self.seen.append(f"{event}{arguments!r:.200}")
        elif event == "open":
            path, mode, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else "w" in str(mode)
            if writes and not self._is_inside(path):
                self.seen.append(f"open {path!r:.200} for writing")
        elif event in _CHANGING and not self._is_inside(*arguments[:1], folder=arguments[-1]):
            self.seen.append(f"{event} {arguments[0]!r:.200}")

    def _is_inside(self, path: object, folder: object = None) -> bool:
        """Whether a path leads into the folder; it starts from another one that is open where that is given by number."""
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # an open descriptor
        start = f"/proc/self/fd/{folder}" if isinstance(folder, int) and folder >= 0 else "."
        place = os.path.realpath(os.path.join(os.path.realpath(start), os.fsdecode(path)))  # noqa: PTH118 - for any path
        return place == os.devnull or place.startswith(self.folder)


def survive(target: Target, folder: Path) -> Counter[str]:
    """Ask a target in a forked process; how its examples ended, by the name of the outcome.

    Raises:
        AssertionError: the target did something else than it may.
    """
    valid = list(target.valid())

    def examples(each: Callable[[bytes], None]) -> None:
        settings(
            max_examples=EXAMPLES or target.examples,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],  # a smaller seed is no smaller damage
            suppress_health_check=list(HealthCheck),
        )(given(st.one_of(damaged(valid, target.words), st.binary(max_size=200)))(each))()

    return _in_a_fork(target, valid, examples, folder)


def survive_each(target: Target, examples: Iterable[bytes], folder: Path) -> Counter[str]:
    """As `survive`, for some examples in particular."""

    def ask(each: Callable[[bytes], None]) -> None:
        for data in examples:
            each(data)

    return _in_a_fork(target, target.valid(), ask, folder)


def _in_a_fork(
    target: Target, valid: Sequence[bytes], ask: Callable[[Callable[[bytes], None]], None], folder: Path
) -> Counter[str]:
    inside = folder / "a" / "b" / "inside"
    (inside / target.file).parent.mkdir(parents=True)
    target.prepare(inside)
    before = _tree(folder, inside)
    report = folder / "report.json"
    with _forked(report) as child:
        if child == 0:
            report.write_text(json.dumps(_outcomes(target, valid, ask, inside)))
    after = _tree(folder, inside)
    outcomes = Counter[str](json.loads(after.pop(str(report))))
    assert after == before, f"{target.name}: changed files outside its folder"
    COUNTS[target.name] = outcomes
    return outcomes


def _outcomes(
    target: Target, valid: Sequence[bytes], ask: Callable[[Callable[[bytes], None]], None], inside: Path
) -> Counter[str]:
    """Read examples; in the forked process."""
    file = inside / target.file
    whole: Counter[str] = Counter()
    for data in valid:
        file.write_bytes(data)
        whole[outcome_of(target.read, file)] += 1
    assert whole["read"], f"{target.name}: no whole file is read"
    tempfile.tempdir = str(inside)
    watch = _Watch(str(inside.resolve()), target.may_connect)
    sys.addaudithook(watch)
    warnings.simplefilter("ignore")
    outcomes: Counter[str] = Counter()

    def each(data: bytes) -> None:
        file.write_bytes(data)
        with _clock():
            watch.active = True
            try:
                outcome = outcome_of(target.read, file)
            finally:
                watch.active = False
        assert not watch.seen, f"{target.name}: {watch.seen}"
        outcomes[outcome] += 1

    start = _peak()
    ask(each)
    grown = _peak() - start
    assert grown < _MEMORY, f"{target.name}: {grown / 2**20:.0f} MiB of memory, {_MEMORY / 2**20:.0f} at most"
    return outcomes


def outcome_of(read: Callable[[Path], object], file: Path) -> str:
    """How the reading of a file ends: `read`, `rejected` or `refused`."""
    try:
        read(file)
    except RejectedItem:
        return "rejected"
    except TwinsetError as error:
        text = str(error)
    else:
        return "read"
    assert text.strip(), "an error without a word"
    assert "\n" not in text, f"more than one line: {text}"
    return "refused"


@contextmanager
def _clock() -> Iterator[None]:
    """End the process at a signal where one example takes too long."""
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    signal.alarm(_SECONDS_WHEN_SLOW)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def _forked(report: Path) -> Iterator[int]:
    """Run the body in a forked process, which must end well; in this one the body has nothing to do."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        yield child
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code != -signal.SIGPROF, f"an example took more than {_SECONDS} seconds: it lies in {report.parent}"
        assert code >= 0, f"{signal.Signals(-code).name} ended the process; the example lies in {report.parent}"
        assert code == 0, report.with_suffix(".txt").read_text()
        return
    code = 1
    try:
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        yield 0
        code = 0
    except BaseException:  # noqa: BLE001 - it must not come back into pytest
        report.with_suffix(".txt").write_text(traceback.format_exc()[-6000:])
    finally:
        os._exit(code)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _tree(folder: Path, but: Path) -> dict[str, bytes]:
    """All files below a folder, but for those in one of its folders."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and but not in path.parents}
