"""Pages about logs: one decision with its reasons, and what another policy makes of many."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

from .. import Decision, Effect, Policy, Reason, ReasonStatus
from .._engine.decision import Outcome, PolicyStamp, make_reason
from .._engine.tests import Inputs, Readings
from .._engine.truth import Missing
from ..records import DecisionRecord, RecordedReason, Replay, Replayed
from ..records._record import ABOUT
from ._answers import PARTIES, decision_as_text, document, version_words
from ._audits import add_table
from ._page import Page
from ._summaries import written

#: What can come of deciding again.
_OUTCOMES: Final = {
    "same": "as before",
    "changed": "denied as before, for other reasons",
    "now_allowed": "denied then, allowed now",
    "now_denied": "allowed then, denied now",
    "not_replayable": "not replayable",
}
#: How many rows a table has.
_SHOWN: Final = 20
_NONE: Final = timedelta(0)


def record_as_text(record: DecisionRecord, policy: Policy[Any] | None, note: str, *, terminal: bool) -> str:
    """Explains a decision as `decide` does, and tells what it was about.

    Args:
        record: What is known of it.
        policy: The policy that decided, whose texts explain it. None: it is explained by the record alone.
        note: How it was found; nothing where it was named.
        terminal: Whether the page is for one.
    """
    head, end = Page(terminal=terminal), Page(terminal=terminal)
    if note:
        head.add("", note)
        head.add("")
    _add_record(end, record, policy)
    reasons = tuple([_reason(each, policy) for each in record.reasons])
    stamp = PolicyStamp(record.policy_id, record.policy_version, record.fingerprint)
    outcome = Outcome(reasons, record.hidden)
    readings = Readings(Inputs({}, {}), None, {})
    decision = Decision[Any]._restore(record.effect is Effect.ALLOW, stamp, outcome, readings)
    return f"{head}{decision_as_text(decision, reveal=False, terminal=terminal)}{end}"


def _reason(recorded: RecordedReason, policy: Policy[Any] | None) -> Reason:
    """Puts a reason in words: in those of its rule, or where that is not known in those of the record."""
    code, status, evidence = recorded.code, recorded.status, recorded.evidence
    if policy and code in policy:
        # Of what is unknown only some facts may be; the others are nobody's to supply.
        missing = [
            each.fact for each in evidence if status is ReasonStatus.UNKNOWN and each.seen == Missing.UNKNOWN.value
        ]
        return make_reason(policy[code], status, evidence, missing=missing, error=recorded.error)
    requirement = "; ".join(f"{each.fact} {each.required}" for each in evidence) or "something holds"
    return Reason(
        code=code, status=status, requirement=requirement, agent_text="", evidence=evidence, error=recorded.error
    )


def _add_record(page: Page, record: DecisionRecord, policy: Policy[Any] | None) -> None:
    if record.met:
        page.add("")
        page.add("", "Met: ", ", ".join(record.met))
    if policy is None:
        page.add("")
        page.add(
            "", "The policy that decided is not known here, so this is what the record alone tells; --policy names one."
        )
        if record.next_party:
            page.add("", "Who acts first: ", PARTIES[record.next_party])
    rows = [("decision", record.id), ("decided at", written(record.at))]
    if record.facts_read_at:
        rows.append(("facts read at", f"{written(record.facts_read_at)}, {_apart(record.at - record.facts_read_at)}"))
    if record.correlation_id:
        rows.append(("correlation", record.correlation_id))
    for name, value in record.about.items():
        rows.append((name, "unknown" if ABOUT[name] in record.unknown else "-" if value is None else str(value)))
    add_table(page, "What it was about", rows)


def _apart(time: timedelta) -> str:
    seconds = timedelta(seconds=round(abs(time).total_seconds()))
    return f"{seconds} {'before' if time >= _NONE else 'after'}"


def replay_as_text(replayed: Replay, *, terminal: bool) -> str:
    """Tells what another policy would change, and what it cannot tell; of the decisions concerned, the first."""
    page = Page(terminal=terminal)
    version = version_words(replayed.policy_version)
    page.add("", "Decided again by ", (replayed.policy_id, "bold"), version, f", fingerprint {replayed.fingerprint}")
    room = len(f"{replayed.records:,}")
    counts = [(words, f"{getattr(replayed, name):>{room},}") for name, words in _OUTCOMES.items()]
    add_table(page, f"Decisions: {replayed.records:,}", counts)
    if replayed.unreadable:
        page.add("")
        page.add("", f"Lines that could not be read: {replayed.unreadable:,}")
    flips = [(each.record.id, *_flip(each)) for each in replayed.flips]
    _add_some(page, "What would change", flips, replayed.now_allowed + replayed.now_denied)
    _add_some(page, "What records do not tell", [(fact, f"{n:,}") for fact, n in replayed.missing.items()], 0)
    gaps = [(each.record.id, ", ".join(each.missing)) for each in replayed.gaps]
    _add_some(page, "Not replayable", gaps, replayed.not_replayable)
    return str(page)


def _flip(each: Replayed) -> tuple[str, str]:
    if each.effect is Effect.ALLOW:
        return "allowed now", f"denied then: {_codes(each.record.reasons)}"
    return "denied now", _codes(each.reasons)


def _codes(reasons: Iterable[RecordedReason]) -> str:
    return ", ".join(f"{each.code} ({each.status.value})" for each in reasons)


def _add_some(page: Page, title: str, rows: Sequence[tuple[str, ...]], number: int) -> None:
    if rows:
        add_table(page, title, rows[:_SHOWN])
    if max(number, len(rows)) > _SHOWN:
        page.add("  ", f"and {max(number, len(rows)) - _SHOWN:,} more")


def replay_as_json(replayed: Replay) -> str:
    """Writes down what another policy would change; of the decisions concerned, as many as a replay keeps."""
    return document(
        policy_id=replayed.policy_id,
        policy_version=replayed.policy_version,
        fingerprint=replayed.fingerprint,
        records=replayed.records,
        **{name: getattr(replayed, name) for name in _OUTCOMES},
        broken=replayed.unreadable,
        missing=dict(replayed.missing),
        flips=[
            {
                "id": each.record.id,
                "effect": "allow" if each.effect is Effect.ALLOW else "deny",
                "then": _as_data(each.record.reasons),
                "now": _as_data(each.reasons),
            }
            for each in replayed.flips
        ],
        gaps=[{"id": each.record.id, "missing": each.missing} for each in replayed.gaps],
    )


def _as_data(reasons: Iterable[RecordedReason]) -> list[dict[str, str]]:
    return [{"code": each.code, "status": each.status.value} for each in reasons]
