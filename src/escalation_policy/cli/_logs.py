"""Decision logs: one decision explained, all of them counted, or decided again by another policy."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from glob import glob
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from .. import Effect
from ..records import (
    BrokenLine,
    DecisionRecord,
    RecordedReason,
    Replay,
    Replayed,
    Summary,
    Tally,
    open_log,
    read_records,
)
from ._decisions import version_suffix
from ._history import format_time
from ._output import Output
from ._parser import TABLES
from ._progress import ProgressBar

_CSV_COLUMNS: Final = ("by", "key", "status", "denied", "allowed")
#: The counts of a replay, in words.
_REPLAY_COUNTS: Final = {
    "same": "as before",
    "changed": "denied as before, for other reasons",
    "now_allowed": "denied then, allowed now",
    "now_denied": "allowed then, denied now",
    "not_replayable": "not replayable",
}
#: How many rows a table has, unless it was selected.
_MAX_ROWS: Final = 20
#: How many problems of a log are reported.
_MAX_PROBLEMS: Final = 20
#: How many lines are read before the progress bar moves on.
_PROGRESS_STEP: Final = 1000


@final
class Findings(NamedTuple):
    """What was noticed while a log, or a part of it, was read.

    Attributes:
        records: How many records were read.
        problem_count: How many problems there are.
        problems: The first of them.
    """

    records: int = 0
    problem_count: int = 0
    problems: tuple[str, ...] = ()


@final
class LogReader:
    """The records in log files, and the problems with their lines.

    Args:
        files: The paths of the files; `-` is standard input.
        progress: Shows how much was read.
        within: The path of the record in the JSON of a line.
        since: Skip the decisions before this time.
        until: Skip the decisions at this time and after it.
        start: The first byte of the range to read of each file.
        end: The byte after it. None: the end.
    """

    def __init__(  # noqa: PLR0913  # a part has as many sides
        self,
        files: Iterable[str],
        progress: ProgressBar,
        *,
        within: str | None,
        since: datetime | None = None,
        until: datetime | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> None:
        self.files: Final = list(_expanded(files))
        self.within: Final = within
        self.since: Final = since
        self.until: Final = until
        self._progress = progress
        self._start = start
        self._end = end
        self._count = 0
        self._problem_count = 0
        self._problems: list[str] = []

    def __iter__(self) -> Iterator[DecisionRecord | BrokenLine]:
        sizes = [size_of(file) for file in self.files]
        total = sum(sizes) if all(sizes) else None
        self._progress.begin("Reading", total)
        for number, file in enumerate(self.files):
            name = "standard input" if file == "-" else file
            with ExitStack() as stack:
                try:
                    log = stack.enter_context(open_log(file, start=self._start, end=self._end))
                except IsADirectoryError:  # otherwise its files would be here
                    self._add_problem(name, "is a folder without files that can be read")
                except OSError as error:
                    self._add_problem(name, str(error.strerror).lower())
                except ValueError:
                    self._add_problem(name, "no file can have this name")
                else:
                    yield from self._read(log, name, None if total is None else sum(sizes[:number]))

    def _read(self, log: BufferedIOBase, name: str, start: int | None) -> Iterator[DecisionRecord | BrokenLine]:
        file = getattr(log, "fileobj", log)  # the compressed file, if gzip compressed it: sizes are those of files
        is_range = self._start > 0
        for number, item in enumerate(read_records(log, within=self.within)):
            if start is not None and number % _PROGRESS_STEP == 0:
                self._progress.move_to(start + file.tell())
            if isinstance(item, BrokenLine):
                self._add_problem(f"{name} at byte {item.offset:,}" if is_range else f"{name}:{item.number}", str(item))
                yield item
                continue
            self._count += 1
            if (self.since is None or item.at >= self.since) and (self.until is None or item.at < self.until):
                yield item

    def _add_problem(self, place: str, problem: str) -> None:
        self._problem_count += 1
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(f"{place}: {problem}")

    def add(self, findings: Findings) -> None:
        """Add what was noticed in a part of the log."""
        self._count += findings.records
        self._problem_count += findings.problem_count
        self._problems += findings.problems[: _MAX_PROBLEMS - len(self._problems)]

    @property
    def findings(self) -> Findings:
        """What was noticed so far."""
        return Findings(self._count, self._problem_count, tuple(self._problems))

    @property
    def problems(self) -> list[str]:
        """The first problems, and how many more there are."""
        more = self._problem_count - len(self._problems)
        return [*self._problems, *([f"and {more:,} more"] if more else [])]


def _expanded(names: Iterable[str]) -> Iterator[str]:
    """Yield each file once, however often it is named. A folder stands for its files, a pattern for what it matches.

    The names that match nothing are returned as they are, so that opening them tells what is wrong.
    """
    identities: set[tuple[int, int]] = set()
    for name in names:
        for file in _files_of(name):
            try:
                status = Path(file).stat()
            except (OSError, ValueError):  # it is "-", or opening it will fail
                yield file
                continue
            if (status.st_dev, status.st_ino) not in identities:
                identities.add((status.st_dev, status.st_ino))
                yield file


def _files_of(name: str) -> list[str]:
    try:
        path = Path(name)
        if path.is_dir():
            return sorted(str(file) for file in path.iterdir() if file.is_file() and not file.name.startswith(".")) or [
                name
            ]
        return [name] if path.exists() else sorted(glob(name)) or [name]  # noqa: PTH207  Path.glob() needs the folder first
    except OSError:
        return [name]


def size_of(file: str) -> int:
    """Return the size of a file in bytes, or 0 if it cannot be known."""
    try:
        return 0 if file == "-" else Path(file).stat().st_size
    except (OSError, ValueError):
        return 0


def add_summary(output: Output, summary: Summary, by: Collection[str]) -> None:
    """Add how many decisions a log denied and allowed.

    Args:
        output: The answer.
        summary: The summary of the log.
        by: The tables to add, whole. None of them: the first rows of every table.
    """
    tables = {name: _tally_rows(summary, name) for name in by or TABLES}
    if output.format == "json":
        output.add_json(
            denied=summary.denied,
            allowed=summary.allowed,
            broken=summary.broken,
            first=summary.first and format_time(summary.first),
            last=summary.last and format_time(summary.last),
            **{TABLES[name]: rows for name, rows in tables.items()},
        )
        return
    if output.format == "csv":
        lines = [{"by": name, **row} for name, rows in tables.items() for row in rows]
        output.add_csv(_CSV_COLUMNS, [[_cell(line.get(column)) for column in _CSV_COLUMNS] for line in lines])
        return
    total = f"{summary.denied + summary.allowed:,}"
    output.add("", (f"Decisions: {total}. Denied: {summary.denied:,}. Allowed: {summary.allowed:,}.", "bold"))
    if summary.first and summary.last:
        output.add("", f"From {format_time(summary.first)} to {format_time(summary.last)}")
    if summary.broken:
        output.add("", f"Lines that could not be read: {summary.broken:,}")
    for name, rows in tables.items():
        shown = rows if by else rows[:_MAX_ROWS]
        if rows:
            output.add_table(TABLES[name].capitalize(), [_text_row(row, len(total)) for row in shown])
        if len(rows) > len(shown):
            output.add("  ", f"and {len(rows) - len(shown):,} more: --by {name} shows all")


def _tally_rows(summary: Summary, name: str) -> list[dict[str, Any]]:
    """Return the rows of one table. Reasons are reasons of denials, so they have no number of allowed decisions."""
    if name == "reason":
        return [{"key": row.code, "status": row.status.value, "denied": row.denied} for row in summary.reasons]
    tallies: tuple[Tally[Any], ...] = getattr(summary, TABLES[name])
    return [
        {"key": format_time(row.key) if name == "time" else row.key, "denied": row.denied, "allowed": row.allowed}
        for row in tallies
    ]


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _text_row(row: dict[str, Any], width: int) -> list[str]:
    labels = [str(row[name] or "-") for name in ("key", "status") if name in row]
    return [*labels, *(f"{row[name]:>{width},} {name}" for name in ("denied", "allowed") if name in row)]


def add_replay(output: Output, result: Replay) -> None:
    """Add what another policy would change, and for which decisions the records lack facts."""
    if output.format == "json":
        output.add_json(
            policy_id=result.policy_id,
            policy_version=result.policy_version,
            fingerprint=result.fingerprint,
            records=result.records,
            **{name: getattr(result, name) for name in _REPLAY_COUNTS},
            broken=result.unreadable,
            missing=dict(result.missing),
            flips=[
                {
                    "id": flip.record.id,
                    "effect": "allow" if flip.effect is Effect.ALLOW else "deny",
                    "then": _reason_data(flip.record.reasons),
                    "now": _reason_data(flip.reasons),
                }
                for flip in result.flips
            ],
            gaps=[{"id": gap.record.id, "missing": gap.missing} for gap in result.gaps],
        )
        return
    version = version_suffix(result.policy_version)
    output.add("", "Decided again by ", (result.policy_id, "bold"), version, f", fingerprint {result.fingerprint}")
    width = len(f"{result.records:,}")
    counts = [(words, f"{getattr(result, name):>{width},}") for name, words in _REPLAY_COUNTS.items()]
    output.add_table(f"Decisions: {result.records:,}", counts)
    if result.unreadable:
        output.add("")
        output.add("", f"Lines that could not be read: {result.unreadable:,}")
    flips = [(flip.record.id, *_flip_cells(flip)) for flip in result.flips]
    _add_first_rows(output, "What would change", flips, result.now_allowed + result.now_denied)
    facts = [(fact, f"{count:,}") for fact, count in result.missing.items()]
    _add_first_rows(output, "Facts that records lack", facts, len(facts))
    gaps = [(gap.record.id, ", ".join(gap.missing)) for gap in result.gaps]
    _add_first_rows(output, "Not replayable", gaps, result.not_replayable)


def _reason_data(reasons: Iterable[RecordedReason]) -> list[dict[str, str]]:
    return [{"code": reason.code, "status": reason.status.value} for reason in reasons]


def _flip_cells(flip: Replayed) -> tuple[str, str]:
    if flip.effect is Effect.ALLOW:
        return "allowed now", f"denied then: {_codes(flip.record.reasons)}"
    return "denied now", _codes(flip.reasons)


def _codes(reasons: Iterable[RecordedReason]) -> str:
    return ", ".join(f"{reason.code} ({reason.status.value})" for reason in reasons)


def _add_first_rows(output: Output, title: str, rows: Sequence[tuple[str, ...]], total: int) -> None:
    if rows:
        output.add_table(title, rows[:_MAX_ROWS])
    if total > _MAX_ROWS:
        output.add("  ", f"and {total - _MAX_ROWS:,} more")
