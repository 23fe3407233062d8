"""The decisions about one agent, message or case: the newest explained, the others as a short timeline."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import heappush, heappushpop
from itertools import groupby
from typing import Any, Final, NamedTuple, final

import attrs

from .. import ESCALATE_TO_VIDEO, Effect, Policy, Reason, ReasonStatus
from .._engine.decision import make_reason
from .._engine.truth import Missing
from ..records import BrokenLine, DecisionRecord, RecordedReason
from ._decisions import PARTY_NAMES, add_reasons, add_verdict
from ._output import Output

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
_CHANNEL: Final = "message.channel.kind"
#: How many of the newest decisions are kept to find where a run of them begins. The others are only counted.
_KEPT: Final = 10_000
#: How many runs a timeline shows.
_MAX_RUNS: Final = 8
_TIMES: Final = {1: "once", 2: "twice"}
_WORDS: Final = {Effect.ALLOW: "allowed", Effect.DENY: "denied"}


@final
class _Moment(NamedTuple):
    """What a timeline needs of a decision. Moments sort by time, and then by their place in the log."""

    at: datetime
    number: int
    allowed: bool
    codes: tuple[str, ...]
    id: str


@final
@attrs.frozen
class _Run:
    """Decisions that follow one another in time and have the same effect."""

    first: _Moment
    last: _Moment
    count: int
    codes: list[str]
    is_whole: bool

    @property
    def effect(self) -> Effect:
        """The effect of all of them."""
        return Effect.ALLOW if self.last.allowed else Effect.DENY

    @property
    def times(self) -> str:
        """How many there are, in words."""
        times = _TIMES.get(self.count, f"{self.count:,} times")
        return times if self.is_whole else f"at least {times}"

    @property
    def causes(self) -> str:
        """The codes of the rules that stood in the way, the most frequent first. Empty if all were allowed."""
        return f" for {', '.join(self.codes)}" if self.codes else ""


@final
class History:
    """All decisions about one agent, message or case, or with one correlation id.

    Memory stays flat: counts are of all decisions, but only the newest of them are kept. Lines can be in any order.

    Attributes:
        latest: The newest decision, or None without any. If the name is the id of a decision, this one.
        is_decision: Whether the name is the id of `latest`.
        allowed: How many were allowed.
        denied: How many were denied.
        reasons: How many denials had a rule with a status among their reasons.
    """

    def __init__(self) -> None:
        self.latest: DecisionRecord | None = None
        self.is_decision = False
        self.allowed = 0
        self.denied = 0
        self.reasons: Counter[tuple[str, str]] = Counter()
        self._newest: list[_Moment] = []

    @classmethod
    def of(
        cls,
        log: Iterable[DecisionRecord | BrokenLine],
        name: str,
        *,
        code: str | None = None,
        channel: str | None = None,
    ) -> "History":
        """Read the history of a name. If it is the id of a decision, the rest of the log is not read.

        Args:
            log: The log.
            name: The id of a decision, an agent, a message or a case, or a correlation id.
            code: Only denials with this rule among their reasons.
            channel: Only decisions about this kind of channel.
        """
        history = cls()
        for record in log:
            if isinstance(record, BrokenLine):
                continue
            if record.id == name:
                history = cls()
                history.is_decision = True
                history._add(record)
                return history
            if (
                name in (record.correlation_id, *map(record.facts.get, _SEARCHED_FACTS))
                and (code is None or any(reason.code == code for reason in record.reasons))
                and (channel is None or record.facts.get(_CHANNEL) == channel)
            ):
                history._add(record)
        return history

    def _add(self, record: DecisionRecord) -> None:
        moment = _Moment(
            record.at,
            self.allowed + self.denied,
            record.effect is Effect.ALLOW,
            tuple([reason.code for reason in record.reasons]),
            record.id,
        )
        if moment.allowed:
            self.allowed += 1
        else:
            self.denied += 1
        self.reasons.update([(reason.code, reason.status.value) for reason in record.reasons])
        if self.latest is None or record.at >= self.latest.at:
            self.latest = record
        if len(self._newest) < _KEPT:
            heappush(self._newest, moment)
        else:
            heappushpop(self._newest, moment)

    def runs(self) -> Iterator[_Run]:
        """Yield the runs of decisions with the same effect, the newest first."""
        is_all = len(self._newest) == self.allowed + self.denied
        left = len(self._newest)
        for _, group in groupby(sorted(self._newest, reverse=True), key=lambda moment: moment.allowed):
            moments = list(group)
            left -= len(moments)
            codes = Counter(code for moment in moments for code in moment.codes)
            common = [code for code, _ in codes.most_common()]
            yield _Run(moments[-1], moments[0], len(moments), common, is_all or left > 0)


def add_explanation(output: Output, history: History, name: str, policy: Policy[Any] | None, *, is_part: bool) -> bool:
    """Add the newest decision, its reasons, as `decide` does, and what it was about; before them, how it came to this.

    Args:
        output: The answer.
        history: The decisions that were found.
        name: What was searched for.
        policy: A policy that may have decided, besides the built-in one.
        is_part: Whether options left decisions out, so that there may be newer ones.

    Returns:
        Whether a decision was found.
    """
    record = history.latest
    if record is None:
        return False
    runs = list(history.runs())
    if output.format == "json":
        _add_json(output, history, record, runs)
        return True
    if not history.is_decision:
        _add_timeline(output, name, history, runs, is_part=is_part)
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


def _verdict(runs: list[_Run]) -> str:
    """Return how the newest decisions came out, since when, and what was before."""
    now = runs[0]
    earlier = "" if now.is_whole else " or earlier"
    since = f"{_WORDS[now.effect]} since {_day(now.first.at)}{earlier} ({now.times}){now.causes}"
    if len(runs) == 1:
        return since
    before = runs[1]
    return f"{since}; before that {_WORDS[before.effect]} {before.times}{before.causes}"


def _add_timeline(output: Output, name: str, history: History, runs: list[_Run], *, is_part: bool) -> None:
    now = runs[0]
    output.add("", f"{name}: ", (_verdict(runs), "bold green" if now.last.allowed else "bold red"))
    output.add("", f"Decided: {history.allowed + history.denied:,}. Denied: {history.denied:,}.")
    if is_part:
        output.add("", "The options left out other decisions. There may be newer ones.")
    if now.last.allowed and len(runs) > 1:
        output.add("", f"The last denial was {runs[1].last.id}. To explain it, ask for this id.")
    if len(runs) > 1:
        rows = [(_period(run), f"{_WORDS[run.effect]} {run.times}{run.causes}") for run in runs[:_MAX_RUNS]]
        output.add_table("Timeline, the newest first", rows)
    if len(runs) > _MAX_RUNS or not runs[-1].is_whole:
        output.add("  ", "and what was before: --until shows it")
    if history.denied > 1:
        width = len(f"{history.denied:,}")
        reasons = [(code, status, f"{count:>{width},}") for (code, status), count in history.reasons.most_common()]
        output.add_table("Reasons of all denials", reasons)
    output.add("")
    output.add("", ("The newest decision", "bold"), f", {format_time(now.last.at)}:")
    output.add("")


def _period(run: _Run) -> str:
    first, last = (f"{at.replace(tzinfo=None).isoformat(timespec='minutes')}Z" for at in (run.first.at, run.last.at))
    return first if first == last else f"{first} to {last}"


def _day(at: datetime) -> str:
    return at.date().isoformat()


def _add_json(output: Output, history: History, record: DecisionRecord, runs: list[_Run]) -> None:
    output.add_json(
        verdict=_verdict(runs),
        decided=history.allowed + history.denied,
        allowed=history.allowed,
        denied=history.denied,
        reasons=[
            {"key": code, "status": status, "denied": count} for (code, status), count in history.reasons.most_common()
        ],
        timeline=[
            {
                "effect": run.effect.value,
                "count": run.count,
                "is_complete": run.is_whole,
                "first": format_time(run.first.at),
                "last": format_time(run.last.at),
                "last_id": run.last.id,
                "codes": run.codes,
            }
            for run in runs
        ],
        latest={
            "id": record.id,
            "at": format_time(record.at),
            "effect": record.effect.value,
            "policy_id": record.policy_id,
            "policy_version": record.policy_version,
            "reasons": [{"code": reason.code, "status": reason.status.value} for reason in record.reasons],
            "hidden": record.hidden,
            "next_party": record.next_party and record.next_party.value,
            "about": {label: record.facts.get(fact) for fact, label in _SUBJECTS.items()},
        },
    )


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
