"""Fuzzing that is led by coverage, with atheris: `python -m tests.fuzz.guided [--seconds N] [TARGET ...]`.

It asks the targets of the other tests, each in a process of its own, for as long as it is told; what has reached new code is
changed further. An exception that is no rejection and no error of one line, a hang, or more memory than a bound ends it
with exit code 1, and the example is kept in the folder that it names. atheris is not among the locked packages, because it
does not install everywhere: `pip install atheris`.
"""

import argparse
import subprocess
import sys
import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.harness import Target, outcome_of

_SECONDS = 60
_SLOWEST = 10
"""Seconds that one example may take: the code is slower where it is counted."""
_MEMORY = 4096
"""MiB of the process, the libraries included."""
_OURS = ["audit", "classifier", "flows", "manifests", "pixels", "sources"]


def targets() -> dict[str, Target]:
    """All that can be asked, by name."""
    from tests.fuzz import test_archives, test_checkpoints, test_manifests, test_tables, test_web

    modules = (test_archives, test_checkpoints, test_manifests, test_tables, test_web)
    return {target.name: target for module in modules for target in module.TARGETS}


def fuzz(name: str, seconds: int, folder: Path, findings: Path) -> None:
    """Ask one target; the process ends here."""
    import atheris  # type: ignore[import-not-found,unused-ignore]

    with atheris.instrument_imports(include=_OURS):
        target = targets()[name]
    warnings.simplefilter("ignore")
    corpus = folder / "corpus"
    corpus.mkdir()
    file = folder / "inside" / target.file
    file.parent.mkdir(parents=True)
    target.prepare(folder / "inside")
    for number, data in enumerate(target.valid()):
        (corpus / str(number)).write_bytes(data)

    def read(data: bytes) -> None:
        file.write_bytes(data)
        outcome_of(target.read, file)

    limits = [f"-max_total_time={seconds}", f"-timeout={_SLOWEST}", f"-rss_limit_mb={_MEMORY}"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={findings}/", str(corpus)], read)
    atheris.Fuzz()


def main() -> int:
    """Ask the targets that are named, or all; 1 where something was found."""
    parser = argparse.ArgumentParser(description="Fuzzing that is led by coverage.")
    parser.add_argument("target", nargs="*", help="its name; all where none is given")
    parser.add_argument("--seconds", type=int, default=_SECONDS, help="for each target")
    parser.add_argument("--here", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if find_spec("atheris") is None:
        parser.error("needs atheris: pip install atheris")
    if given.here is not None:
        fuzz(given.target[0], given.seconds, *given.here)
    names = given.target or sorted(targets())
    if unknown := set(names) - targets().keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are: {'; '.join(sorted(targets()))}")
    findings = Path(tempfile.mkdtemp(prefix="twinset-findings-"))
    found = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="twinset-fuzz-") as folder:
            here = ("--here", folder, str(findings))
            command = [sys.executable, "-m", "tests.fuzz.guided", name, f"--seconds={given.seconds}", *here]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        lines = (done.stdout + done.stderr).splitlines()
        last = next((line for line in reversed(lines) if line.startswith("Done ")), "") if done.returncode == 0 else ""
        sys.stdout.write(f"{name}: {last or 'FOUND'}\n")
        if not last:
            found += 1
            sys.stdout.write("\n".join(lines[-40:]) + "\n")
    sys.stdout.write(f"{len(names)} targets, {found} with findings" + (f" in {findings}\n" if found else "\n"))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
