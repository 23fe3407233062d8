"""Replay: what another policy would have decided. The dry run before a policy is changed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Final, final

import attrs

from .._engine.policy import Policy
from .._enums import Effect
from .._fields import FrozenMapping, dict_of, figure_of, kind_of
from ..exceptions import Fault, InvalidValueError
from ._record import DecisionRecord, RecordedReason
from ._twins import Twin

#: How many shapes of records are kept, each with a policy's rules compiled for it.
_SHAPES: Final = 256


@final
@attrs.frozen
class Replayed:
    """One record, decided again.

    Attributes:
        record: The record, with the reasons of its time.
        effect: What the policy decides now; None where the record is not replayable.
        reasons: The rules that stand in the way now. Where they are the same as then, and came out alike, these are the
            reasons of the record.
        hidden: The codes of rules that are not met either, behind one of the reasons.
        missing: The facts, and the names of predicates, that the policy asks for and the record does not tell; empty where
            it is replayable.
    """

    record: DecisionRecord
    effect: Effect | None
    reasons: tuple[RecordedReason, ...] = ()
    hidden: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def flipped(self) -> bool:
        """Whether what was allowed is denied now, or what was denied is allowed."""
        return self.effect is not None and self.effect is not self.record.effect

    @property
    def changed(self) -> bool:
        """Whether it is denied as before, for other reasons: other rules, or one that came out otherwise."""
        return self.effect is self.record.effect and self.reasons != self.record.reasons


@final
@attrs.frozen(kw_only=True)
class Replay:
    """What came of deciding records again.

    Attributes:
        policy_id: The policy that decided them now.
        records: How many there were. Each is one of the five that follow.
        same: Decided as before, for the same reasons.
        changed: Denied as before, for other reasons.
        now_allowed: Denied then, allowed now.
        now_denied: Allowed then, denied now.
        not_replayable: Those that do not tell all that the policy asks.
        unreadable: How many things among the records were none.
        missing: What was not told, with how many records did not tell it, the most frequent first.
        flips: The first of those that flipped, as many as were to be kept.
        gaps: The first of those that are not replayable, as many as were to be kept.
    """

    policy_id: str
    policy_version: str | None
    fingerprint: str
    records: int
    same: int
    changed: int
    now_allowed: int
    now_denied: int
    not_replayable: int
    unreadable: int
    missing: Mapping[str, int]
    flips: tuple[Replayed, ...]
    gaps: tuple[Replayed, ...]


def replay(records: Iterable[object], policy: Policy[Any], *, keep: int = 1000) -> Replay:
    """Decides records again under another policy, or a newer version of theirs, and says what would change.

    Memory stays flat, however many records there are: of the flips, and of what is not replayable, all are counted and
    the first `keep` kept. For each of a million, take `replay_each()`.

    Args:
        records: The records, as `read_records()` gives them. Whatever is no record is counted, and left out.
        policy: The policy.
        keep: How many flips to keep, and how many records that are not replayable.

    Raises:
        InvalidValueError: An argument is not what it should be.
    """
    if type(keep) is not int or keep < 0:
        raise InvalidValueError(Fault.mismatch("keep", figure_of(keep), "an int of 0 or more"))
    decided, counts, missing = _decider(policy), Counter[str](), Counter[str]()
    flips: list[Replayed] = []
    gaps: list[Replayed] = []
    for record in records:
        if type(record) is not DecisionRecord:
            counts["unreadable"] += 1
            continue
        counts["records"] += 1
        each = decided(record)
        outcome = _outcome(each)
        counts[outcome] += 1
        missing.update(each.missing)
        kept = flips if each.flipped else gaps
        if outcome not in ("same", "changed") and len(kept) < keep:
            kept.append(each)
    ordered = sorted(missing.items(), key=lambda told: (-told[1], told[0]))
    return Replay(
        policy_id=policy.id,
        policy_version=policy.version,
        fingerprint=policy.fingerprint,
        missing=FrozenMapping(dict(ordered)),
        flips=tuple(flips),
        gaps=tuple(gaps),
        **{name: counts[name] for name in _COUNTS},
    )


def replay_each(records: Iterable[object], policy: Policy[Any]) -> Iterator[Replayed]:
    """Decides each record again under another policy, one by one and in order; whatever is no record is left out.

    Raises:
        InvalidValueError: The policy is none.
    """
    decided = _decider(policy)
    return (decided(record) for record in records if type(record) is DecisionRecord)


_COUNTS: Final = ("records", "same", "changed", "now_allowed", "now_denied", "not_replayable", "unreadable")


def _outcome(each: Replayed) -> str:
    if each.effect is None:
        return "not_replayable"
    if each.flipped:
        return "now_allowed" if each.effect is Effect.ALLOW else "now_denied"
    return "changed" if each.changed else "same"


def _decider(policy: Policy[Any]) -> Callable[[DecisionRecord], Replayed]:
    """Makes what decides a record under a policy."""
    if type(policy) is not Policy:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(Fault.mismatch("policy", kind_of(policy), "a Policy"))
    return partial(_decided, lru_cache(_SHAPES)(partial(Twin, policy)))


def _decided(twin_of: Callable[..., Twin], record: DecisionRecord, gone: tuple[str, ...] = ()) -> Replayed:
    """Decides one record, without the facts that are not there or of which nobody can say what they mean."""
    facts = dict_of(record.facts)
    twin = twin_of(record.unknown, record.masked, tuple(record.outputs.items()), gone)
    not_met = twin.sieve(facts)
    if not_met is None and (gaps := twin.gaps(facts)):
        return _decided(twin_of, record, (*gone, *gaps))
    if not_met == []:
        return Replayed(record, Effect.ALLOW)
    statuses, missing = twin.statuses(facts, not_met)
    if missing:
        return Replayed(record, None, missing=tuple(missing))
    if not statuses:
        return Replayed(record, Effect.ALLOW)
    hidden = twin.hidden(statuses)
    shown = {code: status for code, status in statuses.items() if code not in hidden}
    same = {reason.code: reason.status for reason in record.reasons} == shown
    return Replayed(record, Effect.DENY, record.reasons if same else twin.reasons(facts, shown), hidden)
