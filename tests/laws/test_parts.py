"""What always holds of logs that are read in parts: the parts add up to the whole. Each class is named after its law."""
# pyright: basic

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import ESCALATE_TO_VIDEO, Login
from escalation_policy.administration import AuditTotals, Directory, audit
from escalation_policy.records import (
    BrokenLine,
    DecisionRecord,
    Replay,
    Summary,
    open_log,
    read_records,
    record,
    replay,
    summarize,
)
from escalation_policy.testing import a_domain, a_request, a_role, an_agent

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
POLICY: Final = ESCALATE_TO_VIDEO.without("intervention_owned")
REQUESTS: Final[list[Any]] = [
    a_request(),
    a_request(login=Login.PASSWORD),
    a_request(intervention_agent_id="u2"),
    a_request(login=Login.UNKNOWN, account_id="9"),
    "no request",
]
DECIDED: Final = [record(ESCALATE_TO_VIDEO.decide(request), at=AT, id="d") for request in REQUESTS]
ROLES: Final = [a_role(), a_role(id="r2", permissions=())]
BROKEN: Final = BrokenLine(1, ())
records: Final = st.builds(
    attrs.evolve,
    st.sampled_from(DECIDED),
    id=st.sampled_from([f"d{number}" for number in range(400)]),
    at=st.sampled_from([AT + timedelta(hours=hours) for hours in (0, 1, 30)]),
)
logs: Final = st.lists(records | st.just(BROKEN), max_size=30) | st.builds(
    lambda log, number: [attrs.evolve(log, id=f"x{each}") for each in range(number)], records, st.integers(250, 600)
)
agents: Final = st.lists(
    st.builds(
        an_agent,
        id=st.uuids().map(str),
        enabled=st.booleans(),
        role=st.sampled_from(ROLES),
        account_id=st.sampled_from(["664307016", "1", None]),
    ),
    max_size=8,
)


def divided(items: list[Any], chance: random.Random) -> list[list[Any]]:
    """Divide a list among some parts, each in an order of its own."""
    parts: list[list[Any]] = [[] for _ in range(chance.randint(1, 5))]
    for item in chance.sample(items, len(items)):
        chance.choice(parts).append(item)
    return parts


def merged(merge: Any, parts: list[Any], chance: random.Random) -> Any:
    """Merge parts in some order, some of them first."""
    parts = chance.sample(parts, len(parts))
    cut = chance.randint(0, len(parts) - 1)
    first = [merge(parts[:cut])] if cut else []
    return merge([*parts[cut:], *first])


class TestSummariesAddUp:
    """The summary of a log is that of its parts, however it is divided and in whatever order it is merged."""

    @given(logs, st.randoms(use_true_random=False))
    def test_in_any_order(self, log: list[Any], chance: random.Random) -> None:
        """Records may share an id."""
        parts = [summarize(part, bucket=timedelta(hours=2)) for part in divided(log, chance)]
        assert summarize(log, bucket=timedelta(hours=2)) == merged(Summary.merge, parts, chance)

    @given(logs, logs)
    def test_a_common_id_is_noticed(self, one: list[Any], other: list[Any]) -> None:
        """Always if there are no more ids than a sample keeps."""
        ids = [{each.id for each in log if each is not BROKEN} for log in (one, other)]
        unique = [{each.id: each for each in log if each is not BROKEN}.values() for log in (one, other)]
        merged = Summary.merge([summarize(log) for log in unique])
        if len(ids[0] | ids[1]) <= 256:
            assert len(ids[0] & ids[1]) == merged.repeated
        assert merged.repeated <= len(ids[0] & ids[1])


class TestReplaysAddUp:
    """So does a replay, with the same examples."""

    @given(logs, st.randoms(use_true_random=False), st.integers(0, 4))
    def test_in_any_order(self, log: list[Any], chance: random.Random, keep: int) -> None:
        """Parts may keep more."""
        log = log[:40]
        whole = replay(log, POLICY, keep=keep)
        parts = [replay(part, POLICY, keep=chance.choice([keep, keep + 3])) for part in divided(log, chance)]
        assert whole == Replay.merge([merged(Replay.merge, parts, chance)], keep=keep)
        assert len(whole.flips) == min(keep, whole.now_allowed + whole.now_denied)


class TestTotalsAddUp:
    """So do the totals of audits."""

    @given(agents, st.randoms(use_true_random=False))
    def test_in_any_order(self, members: list[Any], chance: random.Random) -> None:
        """Of one directory or many."""
        whole, *parts = (
            audit(Directory(domain=a_domain(), roles=ROLES, agents=part)).totals()
            for part in [members, *divided(members, chance)]
        )
        assert whole == merged(AuditTotals.merge, parts, chance)


class TestRangesAddUp:
    """If byte ranges follow one another, each line of a file is read once, wherever they are cut."""

    LINES: Final = [DECIDED[0].to_json().encode(), DECIDED[1].to_json().encode(), b"", b"other", b"\xff{", b"\r", b"{}"]

    @given(
        st.lists(st.sampled_from(LINES), max_size=6),
        st.sampled_from([b"\n", b"\r\n"]),
        st.booleans(),
        st.lists(st.floats(0, 1.1), max_size=5),
    )
    def test_of_any_file(self, lines: list[bytes], end: bytes, is_ended: bool, places: list[float]) -> None:  # noqa: FBT001
        """With what is wrong, and where."""
        numbered = [line.replace(b'"id":"d"', b'"id":"d%d"' % number) for number, line in enumerate(lines)]
        data = end.join(numbered) + (end if is_ended else b"")
        cuts = [0, *sorted(int(place * len(data)) for place in places), None]
        with TemporaryDirectory() as folder:
            path = Path(folder) / "a.log"
            path.write_bytes(data)
            with open_log(path) as log:
                whole = [_place_or_record(item) for item in read_records(log)]
            parts = []
            for start, stop in pairwise(cuts):
                with open_log(path, start=start or 0, end=stop) as log:
                    parts += [_place_or_record(item) for item in read_records(log)]
        assert whole == parts


def _place_or_record(item: DecisionRecord | BrokenLine) -> object:
    """Return a record, or what is wrong and where. Numbers of lines begin anew in each range."""
    return (str(item), item.file, item.offset) if isinstance(item, BrokenLine) else item
