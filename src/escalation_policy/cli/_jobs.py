"""Logs that several processes read together."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, final

from ..records import Replay, Summary
from ._logs import Findings, LogReader, size_of
from ._output import UnusableInputError
from ._progress import ProgressBar

_T = TypeVar("_T", Summary, Replay)
#: How many ranges each process gets. The last ones to end have little to wait for.
_RANGES: Final = 4
#: The shortest range, in bytes. Starting a process takes as long as reading a few of these.
_SHORTEST: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"


@final
class Part(NamedTuple):
    """A file, or a range of its bytes."""

    file: str
    start: int = 0
    end: int | None = None


def parts_of(files: list[str], jobs: int) -> list[Part]:
    """Divide files among processes. A file that gzip packed is one part."""
    step = max(sum(map(size_of, files)) // (_RANGES * jobs), _SHORTEST)
    return [part for file in files for part in _ranges(file, step)]


def _ranges(file: str, step: int) -> Iterator[Part]:
    size = size_of(file)
    starts = [0] if size <= step or not _has_ranges(file) else [*range(0, size, step)]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        yield Part(file, start, end)


def _has_ranges(file: str) -> bool:
    """Return whether parts of a file can be read. If it cannot be opened, one process reports that."""
    try:
        with Path(file).open("rb") as stream:
            return stream.read(2) != _GZIP
    except OSError:
        return False


def read_log(
    log: LogReader,
    jobs: int,
    read: Callable[[LogReader], _T],
    merge: Callable[[Iterable[_T]], _T],
    progress: ProgressBar,
) -> _T:
    """Read a log, in several processes if there is more than one job, and merge their results.

    Args:
        log: The log. It gets the problems and the count of all processes.
        jobs: How many processes.
        read: Reads a part. It is called in another process, so it must be possible to pickle it.
        merge: Merges the results of the parts.
        progress: Shows how many parts were read.

    Raises:
        UnusableInputError: The log is standard input, which processes cannot share, or a process was killed.
    """
    if jobs == 1:
        return read(log)
    if "-" in log.files:
        raise UnusableInputError("--jobs reads files, and not standard input")
    parts = parts_of(log.files, jobs)

    # Most commands need no processes, and to import them takes as long as to decide a case.
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor  # noqa: PLC0415
    from multiprocessing import get_context  # noqa: PLC0415

    def results(pool: ProcessPoolExecutor) -> Iterator[_T]:
        reading = pool.map(partial(_read_part, read, log.within, log.since, log.until), parts)
        for result, findings in progress.track(reading, "Reading", len(parts)):
            log.add(findings)
            yield result

    try:
        # A thread draws the progress, and a fork copies no threads.
        with ProcessPoolExecutor(min(jobs, len(parts)), mp_context=get_context("spawn")) as pool:
            merged = merge(results(pool))
    except BrokenProcessPool as error:
        raise UnusableInputError("a process ended before it had read its part; try fewer --jobs") from error
    if merged.repeated:
        sample = len(merged.sample)
        log.add(
            Findings(
                0, 1, (f"the files overlap: of {sample:,} decisions, {merged.repeated:,} were read more than once",)
            )
        )
    return merged


def _read_part(
    read: Callable[[LogReader], Any], within: str | None, since: datetime | None, until: datetime | None, part: Part
) -> tuple[Any, Findings]:
    log = LogReader([part.file], ProgressBar(), within=within, since=since, until=until, start=part.start, end=part.end)
    return read(log), log.findings
