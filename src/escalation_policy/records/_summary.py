"""Summaries: how many decisions allowed and denied, by what, in one pass."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, NamedTuple, TypeVar, final

import attrs

from .._enums import Effect, ReasonStatus
from .._fields import figure_of
from ..exceptions import Fault, InvalidValueError
from ._record import ABOUT, DecisionRecord

_K = TypeVar("_K")
#: Midnight of a Monday, before every time there is.
_ORIGIN: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_NONE: Final = timedelta(0)


@final
@attrs.frozen
class Tally(Generic[_K]):
    """How many decisions were about one thing.

    Attributes:
        key: What they were about. None for an agent, a channel or a domain: their records do not tell.
    """

    key: _K
    allowed: int
    denied: int


@final
@attrs.frozen
class ReasonTally:
    """How many denials one rule was a reason of, with one status."""

    code: str
    status: ReasonStatus
    denied: int


@final
@attrs.frozen(kw_only=True)
class Summary:
    """How many decisions allowed and denied. Where it is counted by something, what was denied most often comes first.

    Attributes:
        broken: How many lines could not be read.
        first: When the earliest decision was made; None where there is none.
        last: When the latest was.
        reasons: By what stood in the way.
        agents: By the id of the agent.
        channels: By the kind of the channel.
        domains: By the id of the domain.
        times: By when it was decided, in order; the key is when the time begins. Those without a decision are left out.
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
    """How many decisions of one effect, by what they were about."""

    agents: dict[Any, int]
    channels: dict[Any, int]
    domains: dict[Any, int]
    times: dict[Any, int]


def summarize(records: Iterable[object], *, bucket: timedelta = timedelta(days=1)) -> Summary:
    """Counts decisions in one pass, and keeps none: it takes as much memory as there are different things to count.

    Args:
        records: Records, as from `read_records()`. What is none counts as broken.
        bucket: How long the times are by which is counted. They begin at midnight in UTC, and weeks on Monday.

    Raises:
        InvalidValueError: The bucket is not what it should be.
    """
    if not isinstance(bucket, timedelta) or bucket <= _NONE:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(Fault.mismatch("bucket", figure_of(bucket), "a timedelta longer than 0"))
    denied, allowed = [_Counts({}, {}, {}, {}) for _ in range(2)]
    reasons: dict[tuple[str, str], int] = {}
    broken, first, last = 0, _NEVER, _ORIGIN
    allow, agent, channel, domain = Effect.ALLOW, ABOUT["agent"], ABOUT["channel"], ABOUT["domain"]
    for record in records:
        if type(record) is not DecisionRecord:
            broken += 1
            continue
        # The mapping itself would ask twice for each.
        told = record.facts.get
        at = record.at
        keys = told(agent), told(channel), told(domain), (at - _ORIGIN) // bucket
        for counts, key in zip(allowed if record.effect is allow else denied, keys, strict=True):
            counts[key] = counts.get(key, 0) + 1
        if at < first:  # noqa: PLR1730  calls take longer
            first = at
        if at > last:  # noqa: PLR1730
            last = at
        for reason in record.reasons:
            why = reason.code, reason.status._value_
            reasons[why] = reasons.get(why, 0) + 1
    times = [
        Tally(_ORIGIN + key * bucket, allowed.times.get(key, 0), denied.times.get(key, 0))
        for key in sorted({*allowed.times, *denied.times})
    ]
    return Summary(
        allowed=sum(each.allowed for each in times),
        denied=sum(each.denied for each in times),
        broken=broken,
        first=first if times else None,
        last=last if times else None,
        reasons=tuple(
            ReasonTally(code, ReasonStatus(status), number)
            for (code, status), number in sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
        ),
        agents=_tallies(allowed.agents, denied.agents),
        channels=_tallies(allowed.channels, denied.channels),
        domains=_tallies(allowed.domains, denied.domains),
        times=tuple(times),
    )


def _tallies(allowed: dict[object, int], denied: dict[object, int]) -> tuple[Tally[str | None], ...]:
    """Puts what was counted together; a key that is no name tells as little as none."""
    totals: dict[str | None, list[int]] = {}
    for side, counts in enumerate((allowed, denied)):
        for key, number in counts.items():
            totals.setdefault(key if isinstance(key, str) else None, [0, 0])[side] += number
    tallies = [Tally(key, *each) for key, each in totals.items()]
    return tuple(sorted(tallies, key=lambda each: (-each.denied, -each.allowed, each.key or "")))
