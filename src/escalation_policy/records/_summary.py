"""Summaries: how many decisions allowed and denied, and why, counted in one pass."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, NamedTuple, TypeVar, final

import attrs

from .._enums import Effect, ReasonStatus
from .._fields import figure_of, require
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
        broken: How many lines could not be read.
        first: When the earliest decision was made. None if there is no decision.
        last: When the latest decision was made.
        reasons: Counts by reason of denial.
        agents: Counts by the id of the agent.
        channels: Counts by the kind of the channel.
        domains: Counts by the id of the domain.
        times: Counts by bucket of time, in order. The key is when the bucket begins. Empty buckets are left out.
    """

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
    broken, first, last = 0, _NEVER, _ORIGIN
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
    times = [
        Tally(_ORIGIN + key * bucket, allowed.times.get(key, 0), denied.times.get(key, 0))
        for key in sorted({*allowed.times, *denied.times})
    ]
    return Summary(
        allowed=sum(tally.allowed for tally in times),
        denied=sum(tally.denied for tally in times),
        broken=broken,
        first=first if times else None,
        last=last if times else None,
        reasons=tuple(
            ReasonTally(code, ReasonStatus(status), number)
            for (code, status), number in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        ),
        agents=_tallies(allowed.agents, denied.agents),
        channels=_tallies(allowed.channels, denied.channels),
        domains=_tallies(allowed.domains, denied.domains),
        times=tuple(times),
    )


def _tallies(allowed: dict[object, int], denied: dict[object, int]) -> tuple[Tally[str | None], ...]:
    """Return the tallies of two tables of counts. A key that is not a string names nothing, so it counts as None."""
    totals: dict[str | None, list[int]] = {}
    for side, counts in enumerate((allowed, denied)):
        for key, number in counts.items():
            totals.setdefault(key if isinstance(key, str) else None, [0, 0])[side] += number
    tallies = [Tally(key, *total) for key, total in totals.items()]
    return tuple(sorted(tallies, key=lambda tally: (-tally.denied, -tally.allowed, tally.key or "")))
