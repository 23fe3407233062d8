"""Decision logs: one decision explained, all of them counted, or decided again by another policy."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from .. import ESCALATE_TO_VIDEO, Effect, Policy, Reason, ReasonStatus
from .._engine.decision import make_reason
from .._engine.truth import Missing
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
from ._decisions import PARTY_NAMES, add_reasons, add_verdict, version_suffix
from ._output import Output
from ._progress import ProgressBar

#: The tables of a summary, by the option that selects them.
TABLES: Final = {"reason": "reasons", "agent": "agents", "channel": "channels", "domain": "domains", "time": "times"}
#: The lengths of the times in a summary.
BUCKETS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_CSV_COLUMNS: Final = ("by", "key", "status", "denied", "allowed")
#: What a decision was about, by the fact.
_SUBJECTS: Final = {
    "domain.id": "domain",
    "agent.id": "agent",
    "agent.role.id": "role",
    "message.channel.kind": "channel",
    "login": "login",
    "message.id": "message",
    "intervention.id": "intervention",
    "intervention.state": "state",
}
#: The facts whose ids find a decision, besides its own id and its correlation id.
_SEARCHED_FACTS: Final = ("agent.id", "message.id", "intervention.id")
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
        start: int = 0,
        end: int | None = None,
    ) -> None:
        self.files: Final = list(files)
        self.within: Final = within
        self.since: Final = since
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
            if self.since is None or item.at >= self.since:
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


def size_of(file: str) -> int:
    """Return the size of a file in bytes, or 0 if it cannot be known."""
    try:
        return 0 if file == "-" else Path(file).stat().st_size
    except (OSError, ValueError):
        return 0


def add_explanation(output: Output, log: LogReader, name: str, policy: Policy[Any] | None) -> bool:
    """Find a decision, and add its reasons, as `decide` does, and what it was about.

    Args:
        output: The answer.
        log: The log.
        name: The id of a decision; or the id of an agent, a message or a case, or a correlation id. Then the latest denial
            with this id is explained, or the latest decision if nothing was denied.
        policy: A policy that may have decided, besides the built-in one.

    Returns:
        Whether a decision was found.
    """
    record, note = _find(log, name)
    if record is None:
        return False
    if note:
        output.add("", note)
        output.add("")
    # The texts are those of the policy that decided. Without it, only the record can explain the decision.
    policies = (policy, ESCALATE_TO_VIDEO)
    decider = next((policy for policy in policies if policy and policy.fingerprint == record.fingerprint), None)
    add_verdict(output, record.effect, record.policy_id, record.policy_version)
    add_reasons(output, [_reason(reason, decider) for reason in record.reasons], record.hidden)
    if record.met:
        output.add("")
        output.add("", "Met: ", ", ".join(record.met))
    if decider is None:
        output.add("")
        output.add(
            "",
            "The policy that decided is not known here, so the record alone explains the decision. --policy can name it.",
        )
        if record.next_party:
            output.add("", "Who acts first: ", PARTY_NAMES[record.next_party])
    output.add_table("What it was about", _subject_rows(record))
    return True


def _find(log: LogReader, name: str) -> tuple[DecisionRecord | None, str]:
    """Return the decision with an id, or else the latest denial or decision about it, and a note that says so."""
    latest: DecisionRecord | None = None
    decided, denied = 0, 0
    for item in log:
        if isinstance(item, BrokenLine):
            continue
        if item.id == name:
            return item, ""
        if name not in (item.correlation_id, *map(item.facts.get, _SEARCHED_FACTS)):
            continue
        decided += 1
        denied += item.effect is Effect.DENY
        if latest is None or _rank(item) >= _rank(latest):
            latest = item
    kind = "denial" if denied else "decision"
    return latest, f"About {name}: {decided:,} decided, {denied:,} denied. The latest {kind}:"


def _rank(record: DecisionRecord) -> tuple[bool, datetime]:
    return record.effect is Effect.DENY, record.at


def _reason(recorded: RecordedReason, policy: Policy[Any] | None) -> Reason:
    """Return a reason in the words of its rule, or if the rule is not known, in the words of the record."""
    code, status, evidence = recorded.code, recorded.status, recorded.evidence
    if policy and code in policy:
        # Only the facts that nobody supplied can be supplied now.
        missing = [
            item.fact for item in evidence if status is ReasonStatus.UNKNOWN and item.seen == Missing.UNKNOWN.value
        ]
        return make_reason(policy[code], status, evidence, missing=missing, error=recorded.error)
    requirement = "; ".join(f"{item.fact} {item.required}" for item in evidence) or "something holds"
    return Reason(
        code=code, status=status, requirement=requirement, agent_text="", evidence=evidence, error=recorded.error
    )


def _subject_rows(record: DecisionRecord) -> list[tuple[str, str]]:
    rows = [("decision", record.id), ("decided at", format_time(record.at))]
    if record.facts_read_at:
        age = record.at - record.facts_read_at
        seconds = timedelta(seconds=round(abs(age).total_seconds()))
        distance = f"{seconds} {'before' if age >= timedelta(0) else 'after'}"
        rows.append(("facts read at", f"{format_time(record.facts_read_at)}, {distance}"))
    if record.correlation_id:
        rows.append(("correlation", record.correlation_id))
    for fact, label in _SUBJECTS.items():
        value = record.facts.get(fact)
        rows.append((label, "unknown" if fact in record.unknown else "-" if value is None else str(value)))
    return rows


def format_time(at: datetime) -> str:
    """Return a time in UTC as text."""
    return f"{at.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


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
