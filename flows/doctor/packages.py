"""What is installed: the packages that twinset needs, and those of its extras."""

import importlib.metadata
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

from packaging.requirements import Requirement

from flows.doctor.findings import Finding, missing, ok, warning

EXTRAS = {
    "fetch": "sources that are lists of URLs",
    "fast": "other ways to run a detector, and ONNX export",
    "web": "`twinset pages` and `twinset serve`",
    "cluster": "Ray, Dask and object stores",
}
"""The extras, and what each is for."""

_PROJECT = "twinset"
_IMPORT_SECONDS = 120


def check_requirements() -> Finding:
    """Whether what twinset always needs is installed, in versions that it gets on with."""
    wrong = _wrong(extra="")
    if wrong:
        return missing("packages", "; ".join(wrong), "pip install --upgrade twinset")
    return ok("packages", f"twinset {importlib.metadata.version(_PROJECT)}, and all that it asks for")


def check_extra(extra: str, *, is_needed: bool = False) -> Finding:
    """Whether an extra is installed.

    Args:
        extra: one of `EXTRAS`.
        is_needed: whether a recipe needs it.
    """
    name = f"twinset[{extra}]"
    wrong = _wrong(extra)
    if not wrong:
        return ok(name, EXTRAS[extra])
    tell = missing if is_needed else warning
    return tell(name, f"{'; '.join(wrong)}: needed for {EXTRAS[extra]}", f"pip install 'twinset[{extra}]'")


def check_img2dataset() -> Finding:
    """Whether the program that fetches lists of URLs can be imported, in a process of its own as when it is used."""
    result = subprocess.run(
        [sys.executable, "-c", "import img2dataset"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_IMPORT_SECONDS,
        # else it asks the network whether there is a newer version of a library
        env=os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"},
    )
    if result.returncode == 0:
        return ok("img2dataset", f"{importlib.metadata.version('img2dataset')}, and it can be imported")
    last = result.stderr.strip().splitlines()[-1:] or ["it ended without a word"]
    return missing("img2dataset", f"cannot be imported: {last[0]}", "pip install --force-reinstall 'twinset[fetch]'")


def _wrong(extra: str) -> list[str]:
    """What of twinset's requirements (with an extra: of that alone) is not installed as it should be."""
    return [complaint for line in _requirements(extra) if (complaint := _complaint(line))]


def _requirements(extra: str) -> list[Requirement]:
    declared = [Requirement(line) for line in importlib.metadata.requires(_PROJECT) or ()]
    return [
        requirement
        for requirement in declared
        if _is_of_extra(requirement) == bool(extra)
        and (requirement.marker is None or requirement.marker.evaluate({"extra": extra}))
    ]


def _is_of_extra(requirement: Requirement) -> bool:
    return requirement.marker is not None and "extra" in str(requirement.marker)


def _complaint(requirement: Requirement) -> str:
    """What is wrong with one package; empty where nothing is."""
    try:
        version = importlib.metadata.version(requirement.name)
    except PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} {version}, expected {requirement.specifier}"
