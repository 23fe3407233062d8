"""Claims: what a ledger keeps of one case, and every change there is to it. Pure: a ledger only stores.

    nothing ── claimed ──> creating ── recorded ──> a recorded call ── ended ──> nothing
                              ├── released ──> as it was before, but for a doubt that was claimed again
                              └── doubted, or its process died ──> in doubt ── resolved ──> a recorded call, or as before

A case has one recorded call at most: the next one takes its place. What was recorded or in doubt lapses.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final, NamedTuple, final

from .._fields import FrozenMapping
from .values import CallRequest, VideoCall


@final
class Attempt(NamedTuple):
    """A claim that has not come to an end.

    Attributes:
        token: Of whoever made the claim: nobody else brings it to an end, but by settling a doubt.
        expires_at: From when on nobody knows whether there is a call, unless somebody says; None: it is so already.
        lapses_at: From when on it counts no more.
    """

    token: str
    expires_at: datetime | None
    lapses_at: datetime

    def is_in_doubt(self, now: datetime) -> bool:
        """Says whether nobody knows what came of it."""
        return self.expires_at is None or self.expires_at <= now


@final
class RecordedCall(NamedTuple):
    """A call that is known.

    Attributes:
        key: Of whose claim it came.
        supersedes: The call that had its place before, if there was one.
        lapses_at: From when on it is reused no more.
    """

    key: str
    call: VideoCall
    supersedes: VideoCall | None
    lapses_at: datetime


@final
class LedgerEntry(NamedTuple):
    """What a ledger stores of one case. A ledger need not look into it.

    Attributes:
        recorded: The last call, whichever agent's it is.
        attempts: The claims that have not come to an end, by key.
    """

    recorded: RecordedCall | None = None
    attempts: Mapping[str, Attempt] = FrozenMapping({})

    @property
    def lapses_at(self) -> datetime | None:
        """From when on nothing in it counts any more, and it may be forgotten; None where it is empty."""
        times = [attempt.lapses_at for attempt in self.attempts.values()]
        return max([*times, self.recorded.lapses_at] if self.recorded else times, default=None)

    def at(self, now: datetime) -> "LedgerEntry":
        """Gives what of it still counts."""
        known, attempts = self
        if known and known.lapses_at <= now:
            known = None
        elif not attempts:
            return self
        return LedgerEntry(known, {key: attempt for key, attempt in attempts.items() if now < attempt.lapses_at})

    def holds(self, key: str, token: str) -> bool:
        """Says whether a claim has not come to an end."""
        attempt = self.attempts.get(key)
        return attempt is not None and attempt.token == token

    def without(self, key: str) -> dict[str, Attempt]:
        """Gives the claims of all other keys."""
        others = dict(self.attempts)
        others.pop(key, None)
        return others


EMPTY: Final = LedgerEntry()


@final
@unique
class ClaimState(Enum):
    """What becomes of a claim where no call is recorded."""

    GRANTED = "granted"
    IN_PROGRESS = "in progress"
    IN_DOUBT = "in doubt"


@final
class Terms(NamedTuple):
    """The terms on which a key is claimed.

    Attributes:
        token: Names this claim.
        clock: Tells what time it is, in UTC.
        reuse_for: For how long a call is reused, and a doubt lasts.
        claim_timeout: After how long a claim whose process never came back is in doubt.
        again: Whether a recorded call, or one in doubt, is given up for a new one.
        instead_of: The recorded call that is given up, if it still is the one recorded.
    """

    token: str
    clock: Callable[[], datetime]
    reuse_for: timedelta
    claim_timeout: timedelta
    again: bool
    instead_of: VideoCall | None = None


def claimed(
    case: LedgerEntry, wanted: CallRequest, terms: Terms, now: datetime
) -> tuple[LedgerEntry, RecordedCall | ClaimState]:
    """Claims a call, so that nobody else creates it; or gives the one that is recorded."""
    token, _, reuse_for, claim_timeout, again, instead_of = terms
    known, attempts = case = case.at(now)
    key = wanted.key
    if attempt := attempts.get(key):
        if not attempt.is_in_doubt(now):
            return case, ClaimState.IN_PROGRESS
        if not again:
            return case, ClaimState.IN_DOUBT
    elif known and known.key == key and not again and known.call.hosted_as(wanted) and known.call != instead_of:
        return case, known
    expires_at = now + claim_timeout
    mine = Attempt(token, expires_at, expires_at + reuse_for)
    return LedgerEntry(known, {**attempts, key: mine}), ClaimState.GRANTED


def recorded(
    case: LedgerEntry, key: str, call: VideoCall, terms: Terms, now: datetime
) -> tuple[LedgerEntry, RecordedCall | None]:
    """Records the call of a claim; None where somebody else has claimed or recorded that call since."""
    before, attempts = case
    mine = attempts.get(key)
    taken = mine.token != terms.token if mine else before is not None and before.key == key
    if taken:
        return case, None
    supersedes = before.call if before and now < before.lapses_at else None
    known = RecordedCall(key, call, supersedes, now + terms.reuse_for)
    return LedgerEntry(known, case.without(key)), known


def released(case: LedgerEntry, key: str, terms: Terms, _: datetime) -> tuple[LedgerEntry, None]:
    """Gives up a claim under which nothing came into being."""
    return (LedgerEntry(case.recorded, case.without(key)) if case.holds(key, terms.token) else case), None


def doubted(case: LedgerEntry, key: str, terms: Terms, now: datetime) -> tuple[LedgerEntry, None]:
    """Notes that nobody knows what came of a claim."""
    if not case.holds(key, terms.token):
        return case, None
    in_doubt = Attempt(terms.token, None, now + terms.reuse_for)
    return LedgerEntry(case.recorded, {**case.attempts, key: in_doubt}), None


def ended(case: LedgerEntry, key: str) -> tuple[LedgerEntry, bool]:
    """Forgets a recorded call; says whether there was one."""
    known = case.recorded is not None and case.recorded.key == key
    return (LedgerEntry(None, case.attempts) if known else case), known


def resolved(case: LedgerEntry, key: str, call: VideoCall | None, now: datetime) -> tuple[LedgerEntry, bool]:
    """Settles a doubt: this is the call, or there is none; says whether there was a doubt."""
    attempt = case.attempts.get(key)
    if attempt is None or not attempt.is_in_doubt(now):
        return case, False
    known = case.recorded
    if call is not None:
        known = RecordedCall(key, call, known and known.call, attempt.lapses_at)
    return LedgerEntry(known, case.without(key)), True
