"""Every change there is to what a ledger keeps of a case."""

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
import pytest

from escalation_policy._calls import entries
from escalation_policy._calls.entries import Claim, ClaimResult, LedgerEntry, RecordedCall, Terms, end_call, resolve
from escalation_policy._calls.values import CallRequest, VideoCall

NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
ADA: Final = CallRequest(key="case-ada", account_id="1", extension_id="2")
BOB: Final = CallRequest(key="case-bob", account_id="1", extension_id="3")
CALL: Final = VideoCall(id="b1", join_url="https://v.example/1", account_id="1", extension_id="2", created_at=NOW)
BOBS: Final = attrs.evolve(CALL, id="b2", extension_id="3")


def terms(token: str = "t", *, after: timedelta = timedelta(0), again: bool = False) -> Terms:  # noqa: S107
    """Makes the terms of a click."""
    return Terms(token, lambda: NOW + after, HOUR, MINUTE, again)


def claimed(case: LedgerEntry, wanted: CallRequest, by: Terms) -> tuple[LedgerEntry, RecordedCall | ClaimResult]:
    """Claims when the click says."""
    return entries.claim(case, wanted, by, by.clock())


def recorded(case: LedgerEntry, key: str, call: VideoCall, by: Terms) -> tuple[LedgerEntry, RecordedCall | None]:
    """Records when the click says."""
    return entries.record_call(case, key, call, by, by.clock())


def released(case: LedgerEntry, key: str, by: Terms) -> tuple[LedgerEntry, None]:
    """Releases when the click says."""
    return entries.release(case, key, by, by.clock())


def doubted(case: LedgerEntry, key: str, by: Terms) -> tuple[LedgerEntry, None]:
    """Doubts when the click says."""
    return entries.mark_doubtful(case, key, by, by.clock())


def with_call(wanted: CallRequest = ADA, call: VideoCall = CALL, case: LedgerEntry = LedgerEntry()) -> LedgerEntry:  # noqa: B008
    """Makes a case with a recorded call."""
    case, _ = claimed(case, wanted, terms())
    case, known = recorded(case, wanted.key, call, terms())
    assert known
    return case


def in_doubt() -> LedgerEntry:
    """Makes a case with a doubt."""
    return doubted(claimed(LedgerEntry(), ADA, terms())[0], ADA.key, terms())[0]


class TestClaimed:
    """What a claim finds, and leaves."""

    def test_is_granted_where_there_is_nothing(self) -> None:
        """It is in doubt after a minute, and lapses an hour later."""
        case, answer = claimed(LedgerEntry(), ADA, terms())
        assert answer is ClaimResult.GRANTED
        assert case == LedgerEntry(None, {ADA.key: Claim("t", NOW + MINUTE, NOW + MINUTE + HOUR)})
        assert case.lapses_at == NOW + MINUTE + HOUR

    @pytest.mark.parametrize("again", [True, False])
    def test_finds_another_in_progress_whatever_it_says(self, *, again: bool) -> None:
        """Until that is in doubt."""
        case, _ = claimed(LedgerEntry(), ADA, terms())
        assert claimed(case, ADA, terms("u", after=MINUTE * 0.99, again=again))[1] is ClaimResult.IN_PROGRESS

    def test_finds_a_doubt_in_what_never_came_to_an_end(self) -> None:
        """From the end of its time until it lapses; then it is granted."""
        case, _ = claimed(LedgerEntry(), ADA, terms())
        assert claimed(case, ADA, terms("u", after=MINUTE))[1] is ClaimResult.IN_DOUBT
        assert claimed(case, ADA, terms("u", after=HOUR))[1] is ClaimResult.IN_DOUBT
        assert claimed(case, ADA, terms("u", after=HOUR + MINUTE))[1] is ClaimResult.GRANTED

    def test_is_granted_again_over_a_doubt(self) -> None:
        """Nobody was sent that link."""
        case, answer = claimed(in_doubt(), ADA, terms("u", again=True))
        assert answer is ClaimResult.GRANTED
        assert case.claims[ADA.key].token == "u"

    def test_finds_the_recorded_call_until_it_lapses(self) -> None:
        """An hour."""
        _, answer = claimed(with_call(), ADA, terms("u", after=HOUR * 0.99))
        assert isinstance(answer, RecordedCall)
        assert answer.call == CALL
        assert claimed(with_call(), ADA, terms("u", after=HOUR))[1] is ClaimResult.GRANTED

    def test_is_granted_again_over_a_recorded_call(self) -> None:
        """The call stays recorded until there is another."""
        case, answer = claimed(with_call(), ADA, terms("u", again=True))
        assert answer is ClaimResult.GRANTED
        assert case.recorded
        assert case.recorded.call == CALL

    @pytest.mark.parametrize("field", ["account_id", "extension_id"])
    def test_is_granted_where_the_host_is_another_now(self, field: str) -> None:
        """The agent may have been given another extension."""
        assert claimed(with_call(), attrs.evolve(ADA, **{field: "9"}), terms("u"))[1] is ClaimResult.GRANTED

    def test_is_granted_in_place_of_a_call_that_is_gone(self) -> None:
        """But not in place of one that has taken its place since."""
        gone = terms("u")._replace(closed_call=CALL)
        assert claimed(with_call(), ADA, gone)[1] is ClaimResult.GRANTED
        newer = attrs.evolve(CALL, id="b9")
        _, answer = claimed(with_call(call=newer), ADA, gone)
        assert isinstance(answer, RecordedCall)
        assert answer.call == newer

    def test_is_granted_where_the_recorded_call_is_another_agents(self) -> None:
        """And whatever that agent has in doubt."""
        assert claimed(with_call(), BOB, terms("u"))[1] is ClaimResult.GRANTED
        assert claimed(in_doubt(), BOB, terms("u"))[1] is ClaimResult.GRANTED


class TestRecorded:
    """What a call is recorded with."""

    def test_ends_the_claim(self) -> None:
        """It lapses an hour after the click."""
        case = with_call()
        assert case == LedgerEntry(RecordedCall(ADA.key, CALL, None, NOW + HOUR), {})
        assert case.lapses_at == NOW + HOUR

    def test_takes_the_place_of_the_call_before(self) -> None:
        """That of the other agent, who finds nothing of it any more."""
        case = with_call(BOB, BOBS, with_call())
        assert case.recorded == RecordedCall(BOB.key, BOBS, CALL, NOW + HOUR)
        assert claimed(case, ADA, terms("u"))[1] is ClaimResult.GRANTED

    def test_supersedes_nothing_that_has_lapsed(self) -> None:
        """An hour later."""
        case, _ = claimed(with_call(), ADA, terms("u", after=HOUR))
        _, known = recorded(case, ADA.key, BOBS, terms("u", after=HOUR))
        assert known
        assert known.supersedes is None

    def test_counts_from_whoever_still_has_the_claim_even_late(self) -> None:
        """It took longer than anybody thought, but nobody has settled it."""
        case, _ = claimed(LedgerEntry(), ADA, terms())
        assert recorded(case, ADA.key, CALL, terms())[1]
        assert recorded(in_doubt(), ADA.key, CALL, terms())[1]

    def test_does_not_count_from_anybody_else(self) -> None:
        """Somebody has claimed it anew, or recorded another one."""
        case, _ = claimed(in_doubt(), ADA, terms("u", again=True))
        assert recorded(case, ADA.key, CALL, terms()) == (case, None)
        case, _ = recorded(case, ADA.key, attrs.evolve(CALL, id="b9"), terms("u"))
        assert recorded(case, ADA.key, CALL, terms()) == (case, None)

    def test_counts_where_nobody_has_anything_any_more(self) -> None:
        """Somebody has said that there is no call, or has claimed it anew in vain: there is this one."""
        assert recorded(LedgerEntry(), ADA.key, CALL, terms())[0] == with_call()
        assert recorded(with_call(BOB, BOBS), ADA.key, CALL, terms())[1]


class TestReleasedAndDoubted:
    """How a claim ends without a call."""

    def test_leaves_what_was_there_before(self) -> None:
        """A claim over a recorded call leaves that."""
        case, _ = claimed(with_call(), ADA, terms("u", again=True))
        assert released(case, ADA.key, terms("u"))[0] == with_call()

    def test_leaves_a_doubt_for_an_hour(self) -> None:
        """From the click on."""
        assert in_doubt() == LedgerEntry(None, {ADA.key: Claim("t", None, NOW + HOUR)})

    @pytest.mark.parametrize("change", [released, doubted])
    @pytest.mark.parametrize("case", [LedgerEntry(), in_doubt(), with_call()], ids=["nothing", "doubt", "call"])
    def test_changes_nothing_of_somebody_elses(
        self, change: Callable[[LedgerEntry, str, Terms], object], case: LedgerEntry
    ) -> None:
        """The token tells."""
        assert change(case, ADA.key, terms("u")) == (case, None)


class TestEnded:
    """A call that is over."""

    def test_is_forgotten(self) -> None:
        """Only if it is that of the key."""
        assert end_call(with_call(), ADA.key) == (LedgerEntry(None, {}), True)
        assert end_call(with_call(), BOB.key) == (with_call(), False)
        assert end_call(LedgerEntry(), ADA.key) == (LedgerEntry(), False)

    def test_leaves_claims_alone(self) -> None:
        """A doubt is settled, not ended."""
        assert end_call(in_doubt(), ADA.key) == (in_doubt(), False)


class TestResolved:
    """A doubt that is settled."""

    def test_becomes_the_call_for_as_long_as_the_doubt_would_have_lasted(self) -> None:
        """As if it had been recorded when the doubt began."""
        assert resolve(in_doubt(), ADA.key, CALL, NOW) == (with_call(), True)

    def test_becomes_what_was_there_before(self) -> None:
        """Nothing, or the call that was to be replaced."""
        assert resolve(in_doubt(), ADA.key, None, NOW) == (LedgerEntry(None, {}), True)
        case, _ = claimed(with_call(), ADA, terms("u", again=True))
        assert resolve(doubted(case, ADA.key, terms("u"))[0], ADA.key, None, NOW) == (with_call(), True)

    def test_takes_the_place_of_the_call_before(self) -> None:
        """As any call does."""
        case, _ = claimed(with_call(), BOB, terms("u"))
        case, _ = resolve(doubted(case, BOB.key, terms("u"))[0], BOB.key, BOBS, NOW)
        assert case.recorded
        assert case.recorded.supersedes == CALL

    def test_needs_a_doubt(self) -> None:
        """What is in progress is none, until its time is out."""
        case, _ = claimed(LedgerEntry(), ADA, terms())
        assert resolve(case, ADA.key, CALL, NOW) == (case, False)
        assert resolve(case, ADA.key, None, NOW + MINUTE) == (LedgerEntry(None, {}), True)
        assert resolve(LedgerEntry(), ADA.key, CALL, NOW) == (LedgerEntry(), False)


class TestCase:
    """What a ledger stores."""

    def test_may_be_forgotten_when_all_of_it_has_lapsed(self) -> None:
        """Whichever lasts longest."""
        assert LedgerEntry().lapses_at is None
        case, _ = claimed(with_call(), BOB, terms("u"))
        assert case.lapses_at == NOW + MINUTE + HOUR

    def test_is_copied_and_pickled_empty_too(self) -> None:
        """As all values are."""
        assert (
            pickle.loads(pickle.dumps(LedgerEntry()))
            == copy.deepcopy(LedgerEntry())
            == LedgerEntry()
            == LedgerEntry(None, {})
        )

    def test_loses_what_has_lapsed_part_by_part(self) -> None:
        """The call first, in this one."""
        case, _ = claimed(with_call(), BOB, terms("u"))
        assert case.at(NOW) == case
        assert case.at(NOW + HOUR) == LedgerEntry(None, case.claims)
        assert case.at(NOW + HOUR + MINUTE) == LedgerEntry(None, {})
        assert with_call().at(NOW) is not None
        assert with_call().at(NOW + HOUR) == LedgerEntry(None, {})
