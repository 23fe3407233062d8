"""Ledger entries: every transition, as a pure function."""

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
import pytest

from escalation_policy._calls import entries
from escalation_policy._calls.entries import (
    Claim,
    ClaimResult,
    LedgerEntry,
    RecordedCall,
    Terms,
    end_call,
    end_case,
    resolve,
)
from escalation_policy._calls.values import CallRequest, VideoCall

NOW: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
EMPTY: Final = LedgerEntry()
ADA: Final = CallRequest(key="case-ada", account_id="1", extension_id="2")
BOB: Final = CallRequest(key="case-bob", account_id="1", extension_id="3")
CALL: Final = VideoCall(id="b1", join_url="https://v.example/1", account_id="1", extension_id="2", created_at=NOW)
CALL_OF_BOB: Final = attrs.evolve(CALL, id="b2", extension_id="3")


def terms(click: str = "first click", *, after: timedelta = timedelta(0), force_new: bool = False) -> Terms:
    """Return the terms of a click, some time after `NOW`."""
    return Terms(click, lambda: NOW + after, HOUR, MINUTE, force_new)


def claim(entry: LedgerEntry, request: CallRequest, by: Terms) -> tuple[LedgerEntry, RecordedCall | ClaimResult]:
    """Claim a call at the time of the click."""
    return entries.claim(entry, request, by, by.clock())


def record_call(entry: LedgerEntry, key: str, call: VideoCall, by: Terms) -> tuple[LedgerEntry, RecordedCall | None]:
    """Record a call at the time of the click."""
    return entries.record_call(entry, key, call, by, by.clock())


def release(entry: LedgerEntry, key: str, by: Terms) -> tuple[LedgerEntry, None]:
    """Release a claim at the time of the click."""
    return entries.release(entry, key, by, by.clock())


def mark_doubtful(entry: LedgerEntry, key: str, by: Terms) -> tuple[LedgerEntry, None]:
    """Mark a claim as doubtful at the time of the click."""
    return entries.mark_doubtful(entry, key, by, by.clock())


def with_call(request: CallRequest = ADA, call: VideoCall = CALL, entry: LedgerEntry = EMPTY) -> LedgerEntry:
    """Return an entry with a recorded call."""
    entry, _ = claim(entry, request, terms())
    entry, recorded = record_call(entry, request.key, call, terms())
    assert recorded
    return entry


def with_doubt() -> LedgerEntry:
    """Return an entry with a doubt."""
    return mark_doubtful(claim(EMPTY, ADA, terms())[0], ADA.key, terms())[0]


class TestClaim:
    """A claim is granted, refused, or answered with the recorded call."""

    def test_is_granted_if_the_entry_is_empty(self) -> None:
        """It becomes a doubt after a minute and lapses an hour later."""
        entry, result = claim(EMPTY, ADA, terms())
        assert result is ClaimResult.GRANTED
        assert entry == LedgerEntry(None, {ADA.key: Claim("first click", NOW + MINUTE, NOW + MINUTE + HOUR)})
        assert entry.lapses_at == NOW + MINUTE + HOUR

    @pytest.mark.parametrize("force_new", [True, False])
    def test_is_refused_while_another_click_has_the_claim(self, *, force_new: bool) -> None:
        """Until that claim is in doubt."""
        entry, _ = claim(EMPTY, ADA, terms())
        second_click = terms("second click", after=MINUTE * 0.99, force_new=force_new)
        assert claim(entry, ADA, second_click)[1] is ClaimResult.IN_PROGRESS

    def test_is_refused_while_an_expired_claim_is_in_doubt(self) -> None:
        """When the doubt has lapsed, it is granted."""
        entry, _ = claim(EMPTY, ADA, terms())
        assert claim(entry, ADA, terms("second click", after=MINUTE))[1] is ClaimResult.IN_DOUBT
        assert claim(entry, ADA, terms("second click", after=HOUR))[1] is ClaimResult.IN_DOUBT
        assert claim(entry, ADA, terms("second click", after=HOUR + MINUTE))[1] is ClaimResult.GRANTED

    def test_replaces_a_doubt_if_it_is_forced(self) -> None:
        """Nobody was sent the link of that call."""
        entry, result = claim(with_doubt(), ADA, terms("second click", force_new=True))
        assert result is ClaimResult.GRANTED
        assert "second click" == entry.claims[ADA.key].token

    def test_returns_the_recorded_call_until_it_lapses(self) -> None:
        """After an hour, it is granted."""
        _, recorded = claim(with_call(), ADA, terms("second click", after=HOUR * 0.99))
        assert isinstance(recorded, RecordedCall)
        assert recorded.call == CALL
        assert claim(with_call(), ADA, terms("second click", after=HOUR))[1] is ClaimResult.GRANTED

    def test_is_granted_despite_a_recorded_call_if_it_is_forced(self) -> None:
        """The call stays recorded until another one is."""
        entry, result = claim(with_call(), ADA, terms("second click", force_new=True))
        assert result is ClaimResult.GRANTED
        assert entry.recorded
        assert entry.recorded.call == CALL

    @pytest.mark.parametrize("field", ["account_id", "extension_id"])
    def test_is_granted_if_the_recorded_call_has_another_host(self, field: str) -> None:
        """The agent may have another extension now."""
        changes: dict[str, Any] = {field: "9"}
        request = attrs.evolve(ADA, **changes)
        assert claim(with_call(), request, terms("second click"))[1] is ClaimResult.GRANTED

    def test_is_granted_if_the_recorded_call_is_closed(self) -> None:
        """If another call is recorded by then, it is reused."""
        second_click = terms("second click")._replace(closed_call=CALL)
        assert claim(with_call(), ADA, second_click)[1] is ClaimResult.GRANTED
        newer = attrs.evolve(CALL, id="b9")
        _, recorded = claim(with_call(call=newer), ADA, second_click)
        assert isinstance(recorded, RecordedCall)
        assert recorded.call == newer

    def test_is_granted_if_the_call_or_the_doubt_is_of_another_agent(self) -> None:
        """They belong to another key."""
        assert claim(with_call(), BOB, terms("second click"))[1] is ClaimResult.GRANTED
        assert claim(with_doubt(), BOB, terms("second click"))[1] is ClaimResult.GRANTED


class TestRecordCall:
    """A recorded call replaces the claim, and the call before."""

    def test_settles_the_claim(self) -> None:
        """The call lapses an hour after the click."""
        entry = with_call()
        assert entry == LedgerEntry(RecordedCall(ADA.key, CALL, None, NOW + HOUR), {})
        assert entry.lapses_at == NOW + HOUR

    def test_replaces_the_call_before(self) -> None:
        """The agent who had the case before finds no call any more."""
        entry = with_call(BOB, CALL_OF_BOB, with_call())
        assert entry.recorded == RecordedCall(BOB.key, CALL_OF_BOB, CALL, NOW + HOUR, NOW + HOUR)
        assert claim(entry, ADA, terms("second click"))[1] is ClaimResult.GRANTED

    def test_supersedes_no_call_that_has_lapsed(self) -> None:
        """An hour later."""
        entry, _ = claim(with_call(), ADA, terms("second click", after=HOUR))
        _, recorded = record_call(entry, ADA.key, CALL_OF_BOB, terms("second click", after=HOUR))
        assert recorded
        assert recorded.supersedes is None

    def test_names_the_call_before_until_that_one_lapses(self) -> None:
        """A link does not stay for longer because another call has replaced it."""
        half = MINUTE * 30
        entry, _ = claim(with_call(), BOB, terms("second click", after=half))
        entry, recorded = record_call(entry, BOB.key, CALL_OF_BOB, terms("second click", after=half))
        assert recorded == RecordedCall(BOB.key, CALL_OF_BOB, CALL, NOW + half + HOUR, NOW + HOUR)
        for after, supersedes in ((HOUR * 0.99, CALL), (HOUR, None)):
            _, reused = claim(entry, BOB, terms("third click", after=after))
            assert isinstance(reused, RecordedCall)
            assert (reused.call, reused.supersedes) == (CALL_OF_BOB, supersedes)

    def test_changes_nothing_if_that_call_is_recorded(self) -> None:
        """An update that was interrupted is repeated."""
        assert record_call(with_call(), ADA.key, CALL, terms()) == (with_call(), with_call().recorded)

    def test_depends_on_no_part_that_has_lapsed(self) -> None:
        """A ledger may have deleted it, or not."""
        entry, _ = claim(EMPTY, ADA, terms("another click"))
        later = terms(after=HOUR * 2)
        assert record_call(entry, ADA.key, CALL, later) == record_call(EMPTY, ADA.key, CALL, later)
        newer = attrs.evolve(CALL, id="b9")
        assert record_call(with_call(), ADA.key, newer, later) == record_call(EMPTY, ADA.key, newer, later)

    def test_works_for_an_expired_claim_that_nobody_has_settled(self) -> None:
        """The provider was slow."""
        entry, _ = claim(EMPTY, ADA, terms())
        assert record_call(entry, ADA.key, CALL, terms())[1]
        assert record_call(with_doubt(), ADA.key, CALL, terms())[1]

    def test_is_refused_if_another_click_has_claimed_or_recorded_a_call(self) -> None:
        """That call counts."""
        entry, _ = claim(with_doubt(), ADA, terms("second click", force_new=True))
        assert record_call(entry, ADA.key, CALL, terms()) == (entry, None)
        entry, _ = record_call(entry, ADA.key, attrs.evolve(CALL, id="b9"), terms("second click"))
        assert record_call(entry, ADA.key, CALL, terms()) == (entry, None)

    def test_works_without_a_claim_if_no_other_call_is_recorded(self) -> None:
        """Somebody has resolved the doubt too early, or another click has created nothing."""
        assert record_call(EMPTY, ADA.key, CALL, terms())[0] == with_call()
        assert record_call(with_call(BOB, CALL_OF_BOB), ADA.key, CALL, terms())[1]


class TestReleaseAndMarkDoubtful:
    """A claim that leads to no recorded call."""

    def test_release_restores_the_entry(self) -> None:
        """The recorded call is still there."""
        entry, _ = claim(with_call(), ADA, terms("second click", force_new=True))
        assert release(entry, ADA.key, terms("second click"))[0] == with_call()

    def test_a_doubt_lasts_for_an_hour(self) -> None:
        """From the click on."""
        assert with_doubt() == LedgerEntry(None, {ADA.key: Claim("first click", None, NOW + HOUR)})

    @pytest.mark.parametrize("change", [release, mark_doubtful])
    @pytest.mark.parametrize("entry", [EMPTY, with_doubt(), with_call()], ids=["empty", "doubt", "call"])
    def test_nothing_changes_if_the_click_does_not_own_the_claim(
        self, change: Callable[[LedgerEntry, str, Terms], object], entry: LedgerEntry
    ) -> None:
        """The token identifies the click."""
        assert change(entry, ADA.key, terms("second click")) == (entry, None)


class TestEndCall:
    """A recorded call that has ended is forgotten."""

    def test_forgets_the_recorded_call_of_the_key(self) -> None:
        """Calls under other keys stay."""
        assert end_call(with_call(), ADA.key) == (LedgerEntry(None, {}), True)
        assert end_call(with_call(), BOB.key) == (with_call(), False)
        assert end_call(EMPTY, ADA.key) == (EMPTY, False)

    def test_keeps_claims(self) -> None:
        """A doubt is resolved, not ended."""
        assert end_call(with_doubt(), ADA.key) == (with_doubt(), False)


class TestEndCase:
    """A case is closed."""

    def test_forgets_the_recorded_call_of_any_agent(self) -> None:
        """Once."""
        assert end_case(with_call()) == (EMPTY, True)
        assert end_case(with_call(BOB, CALL_OF_BOB)) == (EMPTY, True)
        assert end_case(EMPTY) == (EMPTY, False)

    def test_keeps_claims(self) -> None:
        """A click that is under way records its call."""
        entry, _ = claim(with_call(), BOB, terms("second click"))
        assert end_case(entry) == (LedgerEntry(None, entry.claims), True)
        assert end_case(with_doubt()) == (with_doubt(), False)


class TestResolve:
    """A doubt is settled by somebody who knows."""

    def test_records_the_call_for_as_long_as_the_doubt_would_have_lasted(self) -> None:
        """As if it had been recorded when the doubt began."""
        assert resolve(with_doubt(), ADA.key, CALL, NOW) == (with_call(), True)

    def test_restores_the_entry_if_there_is_no_call(self) -> None:
        """It is empty, or has the call that was to be replaced."""
        assert resolve(with_doubt(), ADA.key, None, NOW) == (LedgerEntry(None, {}), True)
        entry, _ = claim(with_call(), ADA, terms("second click", force_new=True))
        doubtful, _ = mark_doubtful(entry, ADA.key, terms("second click"))
        assert resolve(doubtful, ADA.key, None, NOW) == (with_call(), True)

    def test_replaces_the_call_before(self) -> None:
        """As any recorded call does."""
        entry, _ = claim(with_call(), BOB, terms("second click"))
        doubtful, _ = mark_doubtful(entry, BOB.key, terms("second click"))
        entry, _ = resolve(doubtful, BOB.key, CALL_OF_BOB, NOW)
        assert entry.recorded
        assert entry.recorded.supersedes == CALL
        entry, _ = resolve(doubtful, BOB.key, CALL_OF_BOB, NOW + HOUR)
        assert entry.recorded
        assert entry.recorded.supersedes is None

    def test_changes_nothing_if_there_is_no_doubt(self) -> None:
        """A call in progress is in doubt only when its claim expires."""
        entry, _ = claim(EMPTY, ADA, terms())
        assert resolve(entry, ADA.key, CALL, NOW) == (entry, False)
        assert resolve(entry, ADA.key, None, NOW + MINUTE) == (LedgerEntry(None, {}), True)
        assert resolve(EMPTY, ADA.key, CALL, NOW) == (EMPTY, False)


class TestLedgerEntry:
    """The value that a ledger stores."""

    def test_lapses_when_its_last_part_does(self) -> None:
        """An empty entry does not lapse."""
        assert EMPTY.lapses_at is None
        entry, _ = claim(with_call(), BOB, terms("second click"))
        assert entry.lapses_at == NOW + MINUTE + HOUR

    def test_can_be_copied_and_pickled(self) -> None:
        """With claims and without."""
        for entry in (EMPTY, with_doubt()):
            assert pickle.loads(pickle.dumps(entry)) == copy.deepcopy(entry) == entry
        assert LedgerEntry() == LedgerEntry(None, {})

    def test_loses_lapsed_parts_one_by_one(self) -> None:
        """Here, the call lapses first."""
        entry, _ = claim(with_call(), BOB, terms("second click"))
        assert entry.at(NOW) == entry
        assert entry.at(NOW + HOUR) == LedgerEntry(None, entry.claims)
        assert entry.at(NOW + HOUR + MINUTE) == LedgerEntry(None, {})
