"""Summaries: how many decisions allowed and denied, and why, counted in one pass."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, NamedTuple, TypeVar, final

import attrs

from .._enums import Effect, ReasonStatus
from .._fields import figure_of, require
from .._parts import IdSampler, merged_sample, repeated_in, to_parts
from ._record import ABOUT, DecisionRecord

_K = TypeVar("_K")
#: Midnight of a Monday, before every other time.
_ORIGIN: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@final
@attrs.frozen
class Tally(Generic[_K]):
    """How many decisions were about one thing.

    Attributes:
        key: The thing. None for an agent, a channel or a domain that the records do not name.
    """

    key: _K
    allowed: int
    denied: int


@final
@attrs.frozen
class ReasonTally:
    """How many denials had one rule with one status among their reasons."""

    code: str
    status: ReasonStatus
    denied: int


@final
@attrs.frozen(kw_only=True)
class Summary:
    """How many decisions allowed and denied. In all tables but `times`, the most frequent denials come first.

    Attributes:
        bucket: The length of the buckets of `times`.
        broken: How many lines could not be read.
        first: When the earliest decision was made. None if there is no decision.
        last: When the latest decision was made.
        reasons: Counts by reason of denial.
        agents: Counts by the id of the agent.
        channels: Counts by the kind of the channel.
        domains: Counts by the id of the domain.
        times: Counts by bucket of time, in order. The key is when the bucket begins. Empty buckets are left out.
        sample: The 256 smallest hashes of the ids of decisions, each with how often its id occurs.
    """

    bucket: timedelta
    allowed: int
    denied: int
    broken: int
    first: datetime | None
    last: datetime | None
    reasons: tuple[ReasonTally, ...]
    agents: tuple[Tally[str | None], ...]
    channels: tuple[Tally[str | None], ...]
    domains: tuple[Tally[str | None], ...]
    times: tuple[Tally[datetime], ...]
    sample: Mapping[str, int] = attrs.field(repr=False)

    @property
    def repeated(self) -> int:
        """How many ids of the sample were counted more than once. If there is one, merged parts overlap."""
        return repeated_in(self.sample)

    @staticmethod
    def merge(parts: Iterable["Summary"]) -> "Summary":
        """Return the summary of a log from the summaries of its parts, in any order. It may be a part itself.

        Raises:
            InvalidValueError: There is no part, or one has another bucket or is no summary.
        """
        members = to_parts(Summary, parts, "bucket")
        reasons = Counter[tuple[str, str]]()
        for part in members:
            for tally in part.reasons:
                reasons[tally.code, tally.status.value] += tally.denied
        return Summary(
            bucket=members[0].bucket,
            allowed=sum(part.allowed for part in members),
            denied=sum(part.denied for part in members),
            broken=sum(part.broken for part in members),
            first=min([part.first for part in members if part.first], default=None),
            last=max([part.last for part in members if part.last], default=None),
            reasons=_reason_tallies(reasons),
            agents=_most_denied_first(_add_up(tally for part in members for tally in part.agents)),
            channels=_most_denied_first(_add_up(tally for part in members for tally in part.channels)),
            domains=_most_denied_first(_add_up(tally for part in members for tally in part.domains)),
            times=_in_order(_add_up(tally for part in members for tally in part.times)),
            sample=merged_sample(part.sample for part in members),
        )


@final
class _Counts(NamedTuple):
    """How many decisions of one effect there are, by what they were about."""

    agents: dict[Any, int]
    channels: dict[Any, int]
    domains: dict[Any, int]
    times: dict[Any, int]


def summarize(records: Iterable[object], *, bucket: timedelta = timedelta(days=1)) -> Summary:
    """Count decisions in one pass. It keeps no record: memory grows only with the number of different things to count.

    Args:
        records: Records, as from `read_records()`. Everything else in it counts as broken.
        bucket: The length of the buckets of `times`. Buckets begin at midnight in UTC, and weeks on Monday.

    Raises:
        InvalidValueError: The bucket is not a positive timedelta.
    """
    is_positive = isinstance(bucket, timedelta) and bucket > timedelta(0)  # pyright: ignore[reportUnnecessaryIsInstance]
    require(is_positive, "bucket", figure_of(bucket), "a timedelta longer than 0")
    denied, allowed = [_Counts({}, {}, {}, {}) for _ in range(2)]
    reasons: dict[tuple[str, str], int] = {}
    broken, first, last, ids = 0, _NEVER, _ORIGIN, IdSampler()
    allow, agent, channel, domain = Effect.ALLOW, ABOUT["agent"], ABOUT["channel"], ABOUT["domain"]
    for record in records:
        if type(record) is not DecisionRecord:
            broken += 1
            continue
        fact, at = record.facts.get, record.at
        keys = fact(agent), fact(channel), fact(domain), (at - _ORIGIN) // bucket
        for counts, key in zip(allowed if record.effect is allow else denied, keys, strict=True):
            counts[key] = counts.get(key, 0) + 1
        if at < first:  # noqa: PLR1730  calls take longer
            first = at
        if at > last:  # noqa: PLR1730
            last = at
        for reason in record.reasons:
            code_and_status = reason.code, reason.status._value_
            reasons[code_and_status] = reasons.get(code_and_status, 0) + 1
        ids.add(record.id)
    times = _in_order(_tallies(allowed.times, denied.times, lambda key: _ORIGIN + key * bucket))
    return Summary(
        bucket=bucket,
        allowed=sum(tally.allowed for tally in times),
        denied=sum(tally.denied for tally in times),
        broken=broken,
        first=first if times else None,
        last=last if times else None,
        reasons=_reason_tallies(reasons),
        agents=_most_denied_first(_tallies(allowed.agents, denied.agents, _name)),
        channels=_most_denied_first(_tallies(allowed.channels, denied.channels, _name)),
        domains=_most_denied_first(_tallies(allowed.domains, denied.domains, _name)),
        times=times,
        sample=ids.sample(),
    )


def _name(key: object) -> str | None:
    """Return a key that is a string. Another one names nothing, so it counts as None."""
    return key if isinstance(key, str) else None


def _tallies(allowed: dict[Any, int], denied: dict[Any, int], to_key: Callable[[Any], _K]) -> list[Tally[_K]]:
    """Return the tallies of two tables of counts, with other keys."""
    sides = [
        *(Tally(to_key(key), number, 0) for key, number in allowed.items()),
        *(Tally(to_key(key), 0, number) for key, number in denied.items()),
    ]
    return _add_up(sides)


def _add_up(tallies: Iterable[Tally[_K]]) -> list[Tally[_K]]:
    """Return one tally for each key."""
    totals: dict[_K, list[int]] = {}
    for tally in tallies:
        total = totals.setdefault(tally.key, [0, 0])
        total[0] += tally.allowed
        total[1] += tally.denied
    return [Tally(key, *total) for key, total in totals.items()]


def _most_denied_first(tallies: Iterable[Tally[str | None]]) -> tuple[Tally[str | None], ...]:
    return tuple(
        sorted(tallies, key=lambda tally: (-tally.denied, -tally.allowed, tally.key is not None, tally.key or ""))
    )


def _in_order(tallies: Iterable[Tally[datetime]]) -> tuple[Tally[datetime], ...]:
    return tuple(sorted(tallies, key=lambda tally: tally.key))


def _reason_tallies(reasons: Mapping[tuple[str, str], int]) -> tuple[ReasonTally, ...]:
    return tuple(
        ReasonTally(code, ReasonStatus(status), number)
        for (code, status), number in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    )
