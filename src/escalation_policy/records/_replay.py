"""Replay: what another policy would have decided. The dry run before you change a policy."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final, final

import attrs

from .._engine.policy import Policy
from .._enums import Effect
from .._fields import FrozenMapping, check_types, dict_of, figure_of, require
from .._parts import IdSampler, merged_sample, repeated_in, to_parts
from ._record import DecisionRecord, RecordedReason
from ._recorded_policy import RecordedPolicy

#: For how many shapes of records one replay keeps compiled rules. Their keys are names of facts and predicates.
_SHAPES: Final = 256


@final
@attrs.frozen
class Replayed:
    """One record, decided again.

    Attributes:
        record: The record, with its reasons.
        effect: What the policy decides now. None if the record is not replayable.
        reasons: The rules that stand in the way now. If they and their statuses are those of the record, these are the
            record's own reasons.
        hidden: The codes of rules that are not met either, and are hidden by one of the reasons.
        missing: The facts, and the names of predicates, that the policy needs and the record does not hold. Empty if the
            record is replayable.
    """

    record: DecisionRecord
    effect: Effect | None
    reasons: tuple[RecordedReason, ...] = ()
    hidden: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def flipped(self) -> bool:
        """Whether the decision was an allow and is a denial now, or the reverse."""
        return self.effect is not None and self.effect is not self.record.effect

    @property
    def changed(self) -> bool:
        """Whether the denial has other reasons now: other rules, or other statuses."""
        return self.effect is self.record.effect and self.reasons != self.record.reasons


@final
@attrs.frozen(kw_only=True)
class Replay:
    """The result of deciding records again.

    Attributes:
        policy_id: The policy that decided them now.
        records: How many records there were. Each counts in one of the next five.
        same: The decision and its reasons are the same.
        changed: Denied then and now, for other reasons.
        now_allowed: Denied then, allowed now.
        now_denied: Allowed then, denied now.
        not_replayable: The record does not hold everything that the policy needs.
        unreadable: How many items were not records.
        missing: Facts and predicates that records do not hold, each with the number of such records, the most frequent
            first.
        keep: How many flips, and how many gaps, are kept.
        flips: The earliest decisions that flipped, by time and id.
        gaps: The earliest records that are not replayable.
        sample: The 256 smallest hashes of the ids of decisions, each with how often its id occurs.
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
    keep: int
    flips: tuple[Replayed, ...]
    gaps: tuple[Replayed, ...]
    sample: Mapping[str, int] = attrs.field(repr=False)

    @property
    def repeated(self) -> int:
        """How many ids of the sample were decided more than once. If there is one, merged parts overlap."""
        return repeated_in(self.sample)

    @staticmethod
    def merge(parts: Iterable["Replay"], *, keep: int | None = None) -> "Replay":
        """Return the replay of a log from the replays of its parts, in any order. It may be a part itself.

        Args:
            parts: The parts, replayed under one policy.
            keep: How many flips to keep, and how many gaps. None: as many as each part kept.

        Raises:
            InvalidValueError: There is no part, one is of another policy or is no replay, or a part kept fewer than `keep`.
        """
        members = to_parts(Replay, parts, "fingerprint", "policy_version", "policy_id")
        least = min(part.keep for part in members)
        is_number = keep is None or (type(keep) is int and 0 <= keep <= least)
        require(is_number, "keep", figure_of(keep), f"None or an int from 0 to {least}, as many as each part kept")
        number = least if keep is None else keep
        flips, gaps, missing = _Earliest(number), _Earliest(number), Counter[str]()
        for part in members:
            missing.update(part.missing)
            for examples, replayed in ((flips, part.flips), (gaps, part.gaps)):
                for each in replayed:
                    examples.add(each)
        return Replay(
            policy_id=members[0].policy_id,
            policy_version=members[0].policy_version,
            fingerprint=members[0].fingerprint,
            missing=_most_frequent_first(missing),
            keep=number,
            flips=flips.in_order(),
            gaps=gaps.in_order(),
            sample=merged_sample(part.sample for part in members),
            **{name: sum(getattr(part, name) for part in members) for name in _COUNTS},
        )


@final
class _Earliest:
    """Keeps the earliest records of those that are added.

    Twice as many are kept before they are sorted: so a record that is late costs a comparison.
    """

    def __init__(self, keep: int) -> None:
        self._keep: Final = keep
        self._replayed: list[Replayed] = []
        self._latest: tuple[datetime, str] | None = None

    def add(self, replayed: Replayed) -> None:
        if not self._keep or (self._latest and _place(replayed) > self._latest):
            return
        self._replayed.append(replayed)
        if len(self._replayed) >= 2 * self._keep:
            self._latest = _place(self.in_order()[-1])

    def in_order(self) -> tuple[Replayed, ...]:
        places = Counter(map(_place, self._replayed))

        def order(each: Replayed) -> tuple[datetime, str, str]:
            # The JSON orders different records that a host gave one id.
            return *_place(each), each.record.to_json() if places[_place(each)] > 1 else ""

        self._replayed.sort(key=order)
        del self._replayed[self._keep :]
        return tuple(self._replayed)


def _place(replayed: Replayed) -> tuple[datetime, str]:
    return replayed.record.at, replayed.record.id


def replay(records: Iterable[object], policy: Policy[Any], *, keep: int = 1000) -> Replay:
    """Decide records again under another policy, or a newer version of theirs, and count what would change.

    Memory stays flat, however many records there are: everything is counted, but only the earliest `keep` flips and the
    earliest `keep` records that are not replayable are kept. Use `replay_each()` if you need all of them.

    Args:
        records: The records, as from `read_records()`. Everything else in it is counted and skipped.
        policy: The policy.
        keep: How many flips to keep, and how many records that are not replayable.

    Raises:
        InvalidValueError: An argument is not accepted.
    """
    require(type(keep) is int and keep >= 0, "keep", figure_of(keep), "an int of 0 or more")
    decide, counts, missing = _decider(policy), Counter[str](), Counter[str]()
    flips, gaps, ids = _Earliest(keep), _Earliest(keep), IdSampler()
    for record in records:
        if type(record) is not DecisionRecord:
            counts["unreadable"] += 1
            continue
        counts["records"] += 1
        ids.add(record.id)
        replayed = decide(record)
        outcome = _outcome(replayed)
        counts[outcome] += 1
        missing.update(replayed.missing)
        if outcome not in ("same", "changed"):
            (flips if replayed.flipped else gaps).add(replayed)
    return Replay(
        policy_id=policy.id,
        policy_version=policy.version,
        fingerprint=policy.fingerprint,
        missing=_most_frequent_first(missing),
        keep=keep,
        flips=flips.in_order(),
        gaps=gaps.in_order(),
        sample=ids.sample(),
        **{name: counts[name] for name in _COUNTS},
    )


def replay_each(records: Iterable[object], policy: Policy[Any]) -> Iterator[Replayed]:
    """Decide each record again under another policy, one by one and in order. Skip everything that is not a record.

    Raises:
        InvalidValueError: The policy is not a `Policy`.
    """
    decide = _decider(policy)
    return (decide(record) for record in records if type(record) is DecisionRecord)


_COUNTS: Final = ("records", "same", "changed", "now_allowed", "now_denied", "not_replayable", "unreadable")


def _most_frequent_first(counts: Mapping[str, int]) -> Mapping[str, int]:
    return FrozenMapping(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))


def _outcome(replayed: Replayed) -> str:
    if replayed.effect is None:
        return "not_replayable"
    if replayed.flipped:
        return "now_allowed" if replayed.effect is Effect.ALLOW else "now_denied"
    return "changed" if replayed.changed else "same"


def _decider(policy: Policy[Any]) -> Callable[[DecisionRecord], Replayed]:
    """Return the function that decides records under a policy. It keeps the rules that it has compiled."""
    check_types(Policy, policy=policy)
    tests = [test for rule in policy.rules for test in rule.requires.tests]
    names = {str(path) for test in tests for path in test.paths}
    questions = {test.question for test in tests}
    of_shape = lru_cache(_SHAPES)(partial(RecordedPolicy, policy))

    @lru_cache(_SHAPES)
    def recorded_policy(
        unknown: tuple[str, ...],
        masked: tuple[str, ...],
        outputs: tuple[tuple[str, bool], ...],
        missing: tuple[str, ...],
    ) -> RecordedPolicy:
        # Records differ in many facts that this policy does not read.
        return of_shape(
            tuple([name for name in unknown if name in names]),
            tuple([name for name in masked if name in names]),
            tuple([output for output in outputs if output[0] in questions]),
            missing,
        )

    def decide(record: DecisionRecord, missing: tuple[str, ...] = ()) -> Replayed:
        facts = dict_of(record.facts)
        rules = recorded_policy(record.unknown, record.masked, tuple(record.outputs.items()), missing)
        failing = rules.failing_rules(facts)
        if failing is None and (undecodable := rules.undecodable(facts)):
            return decide(record, (*missing, *undecodable))
        if failing == []:
            return Replayed(record, Effect.ALLOW)
        statuses, not_recorded = rules.statuses(facts, failing)
        if not_recorded:
            return Replayed(record, None, missing=tuple(not_recorded))
        if not statuses:
            return Replayed(record, Effect.ALLOW)
        hidden = policy.hidden_among(statuses)
        shown = {code: status for code, status in statuses.items() if code not in hidden}
        is_same = {reason.code: reason.status for reason in record.reasons} == shown
        return Replayed(record, Effect.DENY, record.reasons if is_same else rules.reasons(facts, shown), hidden)

    return decide
