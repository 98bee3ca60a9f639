"""All that `twinset doctor` looks at, in the order in which it tells of it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flows.doctor.devices import check_device
from flows.doctor.findings import Finding
from flows.doctor.machine import check_backport, check_disk, check_open_files, check_python
from flows.doctor.needs import check_models, check_sources, disk_needed, fetches_urls
from flows.doctor.network import check_hub, check_prefect
from flows.doctor.packages import EXTRAS, check_extra, check_img2dataset, check_requirements
from flows.recipe import Recipe


def examine(recipe: Recipe | None = None, base: Path = Path()) -> list[Finding]:
    """Look at everything; what is slow (torch, the network, img2dataset) side by side.

    Args:
        recipe: what is to be built; None to look at the machine alone.
        base: the folder that the recipe's relative paths start from.
    """
    has_urls = recipe is not None and fetches_urls(recipe)
    with ThreadPoolExecutor() as pool:
        hub, prefect = pool.submit(check_hub), pool.submit(check_prefect)
        fetching = check_extra("fetch", is_needed=has_urls)
        imported = pool.submit(check_img2dataset) if has_urls and fetching.state == "ok" else None
        found = [check_python(), check_backport(), check_requirements(), *check_device()]
        found += [check_disk(Path.cwd(), None if recipe is None else disk_needed(recipe, base)), check_open_files()]
        found += [fetching, *(check_extra(extra) for extra in EXTRAS if extra != "fetch")]
        if imported is not None:
            found.append(imported.result())
        found += [prefect.result(), hub.result()]
        if recipe is not None:
            found += check_sources(recipe, base)
            found += check_models(recipe, base, hub_answers=hub.result().state == "ok")
    return found
