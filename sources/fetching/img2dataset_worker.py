"""The program in which img2dataset runs: `python -m sources.fetching.img2dataset_worker FOLDER`.

img2dataset works on the main thread alone and spawns processes, which import this file anew under another name: that is
where the bounded opener is put in place of urllib's own.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.request import install_opener

if __name__ in ("__main__", "__mp_main__"):
    # webdataset, which img2dataset imports, takes torch where there is one and does without it elsewhere; in each of the
    # three processes it would cost half the time to start and 600 MB of memory
    sys.modules["torch"] = None  # type: ignore[assignment]  # Python's way to say that there is no such module

import pyarrow as pa
import pyarrow.parquet as pq
from img2dataset import download

from sources.fetching.answers import ANSWERS, AnswerLog
from sources.fetching.bounded_opener import BoundedOpener
from sources.fetching.downloading import JOB, OUTCOMES, OUTPUT, Job, Outcome
from sources.fetching.opt_out import opts_out
from sources.tars import walk


def read_job(folder: Path) -> Job:
    """The input of the run."""
    return Job.model_validate_json((folder / JOB).read_bytes())


def bound_requests(folder: Path) -> None:
    """Put the limits of the job on all that this process asks through urllib."""
    job = read_job(folder)
    opted_out = partial(opts_out, token=job.settings.user_agent_token)
    log = AnswerLog(folder / ANSWERS)
    install_opener(BoundedOpener(job.settings, max_bytes=job.max_bytes, opted_out=opted_out, log=log.add))


def end_with_parent() -> None:
    """Kill this whole process group as soon as the process that started it is gone: it holds our standard input."""
    os.read(sys.stdin.fileno(), 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def run(folder: Path) -> None:
    """Fetch the URLs of the job and write down what became of each."""
    job = read_job(folder)
    urls, output = folder / "urls.parquet", folder / OUTPUT
    pq.write_table(pa.table({"item": list(range(len(job.urls))), "url": job.urls}), urls)
    download(
        url_list=str(urls),
        input_format="parquet",
        save_additional_columns=["item"],
        output_folder=str(output),
        output_format="webdataset",  # with two files an image, making them takes longer than fetching
        disable_all_reencoding=True,
        extract_exif=False,
        compute_hash=None,
        processes_count=1,
        thread_count=job.settings.concurrency,
        number_sample_per_shard=len(job.urls),
        retries=job.settings.retries,
        user_agent_token=job.settings.user_agent_token,
        disallowed_header_directives=[],  # the opener has asked before it read the body
    )
    with (folder / OUTCOMES).open("w") as lines:
        for shard in sorted(output.glob("*.tar")):
            for outcome in _outcomes(shard):
                lines.write(outcome.model_dump_json() + "\n")


def _outcomes(shard: Path) -> Iterator[Outcome]:
    """What became of the URLs of a shard; the table beside it holds the failures too."""
    with shard.open("rb") as stream:
        members = {member.name: member for member in walk(stream, str(shard))}
    table = pq.read_table(shard.with_suffix(".parquet"), columns=["item", "key", "status", "error_message"])
    for row in table.to_pylist():
        if row["status"] == "success":
            member = members[f"{row['key']}.jpg"]
            yield Outcome(item=row["item"], file=shard.name, offset=member.offset, size=member.size)
        else:
            yield Outcome(item=row["item"], error=str(row["error_message"]))


if __name__ == "__mp_main__":  # in a process that img2dataset spawned
    bound_requests(Path(sys.argv[1]))
    # what img2dataset imports is never garbage, and looking through it again and again takes a tenth of the time
    gc.freeze()

if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    run(Path(sys.argv[1]))
