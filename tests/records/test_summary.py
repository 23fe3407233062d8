"""Records are counted in one pass, by what support asks first. Their order does not matter."""

import random
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final
from zlib import crc32

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import Effect, ReasonStatus
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.records import BrokenLine, DecisionRecord, ReasonTally, RecordedReason, Summary, Tally, summarize

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
UNMET, UNKNOWN, ERROR = ReasonStatus.UNMET, ReasonStatus.UNKNOWN, ReasonStatus.ERROR
FACTS: Final = {"agent.id": "u1", "message.channel.kind": "viber", "domain.id": "acme"}


def a_record(
    *reasons: tuple[str, ReasonStatus], at: datetime = AT, facts: dict[str, Any] | None = None
) -> DecisionRecord:
    """Return a record: denied for the reasons, or allowed if there are no reasons."""
    return DecisionRecord(
        id="d",
        at=at,
        effect=Effect.DENY if reasons else Effect.ALLOW,
        policy_id="p",
        fingerprint="f",
        reasons=[RecordedReason(*each) for each in reasons],
        facts=FACTS if facts is None else facts,
    )


RECORDS: Final = [
    a_record(),
    a_record(("a", UNMET), ("b", UNKNOWN)),
    a_record(("a", UNMET), at=AT + timedelta(days=1), facts=FACTS | {"agent.id": "u2"}),
    a_record(("a", ERROR), at=AT + timedelta(days=3), facts=FACTS | {"agent.id": "u2"}),
    a_record(at=AT - timedelta(hours=9, minutes=30), facts=FACTS | {"message.channel.kind": "twitter"}),
]


class TestSummarize:
    """`summarize()`."""

    def test_counts(self) -> None:
        """The most frequent denials come first. Times are in order."""
        lines = [*RECORDS, BrokenLine(6, ()), "x"]
        assert Summary(
            bucket=timedelta(days=1),
            allowed=2,
            denied=3,
            broken=2,
            first=datetime(2026, 1, 31, tzinfo=UTC),
            last=AT + timedelta(days=3),
            reasons=(ReasonTally("a", UNMET, 2), ReasonTally("a", ERROR, 1), ReasonTally("b", UNKNOWN, 1)),
            agents=(Tally("u2", 0, 2), Tally("u1", 2, 1)),
            channels=(Tally("viber", 1, 3), Tally("twitter", 1, 0)),
            domains=(Tally("acme", 2, 3),),
            times=(
                Tally(datetime(2026, 1, 31, tzinfo=UTC), 2, 1),
                Tally(datetime(2026, 2, 1, tzinfo=UTC), 0, 1),
                Tally(datetime(2026, 2, 3, tzinfo=UTC), 0, 1),
            ),
            sample={f"{crc32(b'd'):08x}{blake2b(b'd', digest_size=8).hexdigest()}": 5},
        ) == summarize(lines)

    def test_counts_nothing(self) -> None:
        """Then there is no first and no last."""
        empty: Summary = summarize([])
        assert (0, 0, 0, None, None) == (empty.allowed, empty.denied, empty.broken, empty.first, empty.last)
        assert () == empty.reasons + empty.agents + empty.channels + empty.domains + empty.times

    @given(st.permutations(RECORDS))
    def test_does_not_depend_on_the_order(self, records: list[DecisionRecord]) -> None:
        """Neither does the order of the tallies."""
        assert summarize(RECORDS) == summarize(iter(records))

    @given(
        st.lists(
            st.builds(
                a_record,
                at=st.datetimes(timezones=st.just(UTC)),
                facts=st.fixed_dictionaries(
                    {}, optional={"agent.id": st.sampled_from(["u1", "u2", None, 1, True, 1.0])}
                ),
            )
        ),
        st.timedeltas(min_value=timedelta(microseconds=1)),
    )
    def test_counts_each_record_once_in_each_table(self, records: list[DecisionRecord], bucket: timedelta) -> None:
        """For every log and every length of buckets."""
        summary = summarize(records, bucket=bucket)
        for tallies in (summary.agents, summary.channels, summary.domains, summary.times):
            assert len(records) == sum(each.allowed + each.denied for each in tallies)
            assert len(tallies) == len({each.key for each in tallies})

    # A value that is not a string names nobody.
    @pytest.mark.parametrize("facts", [{}, {"agent.id": None}, {"agent.id": 1}, {"agent.id": ("u1",)}])
    def test_counts_agents_that_records_do_not_name(self, facts: dict[str, Any]) -> None:
        """Under None."""
        assert (Tally(None, 1, 0),) == summarize([a_record(facts=facts)]).agents

    def test_adds_up_records_without_a_name(self) -> None:
        """Missing, None, or not a string."""
        records = [a_record(facts={"agent.id": value}) for value in (None, 1, True, "u1")]
        assert (Tally(None, 3, 0), Tally("u1", 1, 0)) == summarize(records).agents

    # Times begin at midnight, and weeks on Monday.
    @pytest.mark.parametrize(
        ("bucket", "begin"),
        [
            (timedelta(hours=1), datetime(2026, 1, 31, 9, tzinfo=UTC)),
            (timedelta(minutes=20), datetime(2026, 1, 31, 9, 20, tzinfo=UTC)),
            (timedelta(days=1), datetime(2026, 1, 31, tzinfo=UTC)),
            (timedelta(weeks=1), datetime(2026, 1, 26, tzinfo=UTC)),
        ],
    )
    def test_counts_by_time(self, bucket: timedelta, begin: datetime) -> None:
        """In UTC."""
        assert (Tally(begin, 1, 0),) == summarize([a_record()], bucket=bucket).times

    @pytest.mark.parametrize("at", [(1, 1, 1, 0), (9999, 12, 31, 23)])
    def test_counts_at_the_ends_of_time(self, at: tuple[int, int, int, int]) -> None:
        """A clock may be wrong."""
        summary = summarize([a_record(at=datetime(*at, tzinfo=UTC))], bucket=timedelta(weeks=1))
        assert (1, summary.last) == (summary.allowed, summary.first)

    @pytest.mark.parametrize(
        ("bucket", "shown"),
        [(timedelta(0), "0:00:00"), (timedelta(days=-1), "-1 day, 0:00:00"), (5, "5"), (None, "None")],
    )
    def test_refuses_a_time_that_has_no_length(self, bucket: Any, shown: str) -> None:
        """Before a record is read."""
        with pytest.raises(InvalidValueError) as caught:
            summarize(iter([]), bucket=bucket)
        assert f"bucket must be a timedelta longer than 0, got {shown}" == str(caught.value)

    def test_memory_is_flat(self) -> None:
        """For any number of records about the same things."""
        peaks: list[int] = []
        for count in (100, 5000):
            tracemalloc.start()
            summarize(random_records(count))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[1] < peaks[0] + 200_000  # to keep them would take millions


class TestMerge:
    """`Summary.merge()`."""

    def test_adds_parts_up(self) -> None:
        """The result is a summary like any other."""
        parts = [summarize([RECORDS[0], "x"]), summarize([]), summarize(RECORDS[1:])]
        assert summarize([*RECORDS, "x"]) == Summary.merge(iter(parts))

    def test_notices_parts_that_overlap(self) -> None:
        """If one file is read twice, for example."""
        records = [attrs.evolve(RECORDS[0], id=f"d{number}") for number in range(1000)]
        parts = [summarize(records[:600]), summarize(records[600:])]
        assert 0 == Summary.merge(parts).repeated
        assert 256 == Summary.merge([*parts, *parts]).repeated
        assert 0 < Summary.merge([*parts, summarize(records[500:700])]).repeated < 256
        assert "sample" not in repr(parts[0])

    @pytest.mark.parametrize(
        ("parts", "actual"),
        [
            ([], ", got none"),
            (summarize([]), ", got a Summary"),
            ([summarize([]), "x"], ", got a str"),
            (
                [summarize([]), summarize([], bucket=timedelta(hours=1))],
                " with the same bucket, got some that differ in bucket",
            ),
        ],
    )
    def test_refuses_what_does_not_add_up(self, parts: Any, actual: str) -> None:
        """Summaries with other buckets count other things."""
        with pytest.raises(InvalidValueError) as caught:
            Summary.merge(parts)
        assert f"parts must be one or more Summary values{actual}" == str(caught.value)


def random_records(count: int) -> Iterator[DecisionRecord]:
    """Yield records of fifty agents."""
    chance = random.Random(0)  # noqa: S311  no secret
    for _ in range(count):
        facts = FACTS | {"agent.id": f"u{chance.randrange(50)}"}
        yield attrs.evolve(RECORDS[chance.randrange(5)], facts=facts)
