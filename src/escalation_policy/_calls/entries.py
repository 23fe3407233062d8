"""Ledger entries and their transitions, as pure functions. A ledger only stores entries.

    empty ── claim ──> claimed ── record_call ──> recorded ── end_call, end_case ──> empty
                          ├── release ──> as before the claim, except that a doubt that it replaced is not restored
                          └── mark_doubtful, or the process dies ──> in doubt ── resolve ──> recorded, or as before

An entry belongs to one case. It holds at most one recorded call, which the next recorded call replaces, and one claim per
agent. Recorded calls and doubts lapse: each transition that gets the time ignores what has lapsed by then, whether or not the
ledger has deleted it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final, NamedTuple, final

from .._fields import FrozenMapping, dict_of
from .values import CallRequest, VideoCall


@final
class Claim(NamedTuple):
    """The exclusive right of one click to create a call, until the claim is settled.

    Attributes:
        token: Identifies the click. Only this click can settle the claim, except through `resolve()`.
        expires_at: When the claim becomes a doubt because its process never came back. None: it is a doubt now.
        lapses_at: When the claim no longer counts.
    """

    token: str
    expires_at: datetime | None
    lapses_at: datetime

    def is_in_doubt(self, now: datetime) -> bool:
        """Return whether nobody knows if a call was created under this claim."""
        return self.expires_at is None or self.expires_at <= now


@final
class RecordedCall(NamedTuple):
    """A call that is recorded.

    Attributes:
        key: The key under which it was claimed.
        supersedes: The recorded call that it replaced, if there was one.
        lapses_at: When it is no longer reused.
        supersedes_until: When the call that it replaced lapses, and is no longer named. None: as late as this one.
    """

    key: str
    call: VideoCall
    supersedes: VideoCall | None
    lapses_at: datetime
    supersedes_until: datetime | None = None

    def at(self, now: datetime) -> "RecordedCall | None":
        """Return the recorded call without what has lapsed."""
        if now >= self.lapses_at:
            return None
        if self.supersedes_until is None or now < self.supersedes_until:
            return self
        return self._replace(supersedes=None, supersedes_until=None)


@final
class LedgerEntry(NamedTuple):
    """What a ledger stores about one case. A ledger need not look into it.

    Attributes:
        recorded: The latest recorded call, of any agent.
        claims: The unsettled claims, by key.
    """

    recorded: RecordedCall | None = None
    claims: Mapping[str, Claim] = FrozenMapping({})

    @property
    def lapses_at(self) -> datetime | None:
        """When nothing in the entry counts any more, so that it may be deleted. None if it is empty."""
        return max(lapse_times(self), default=None)

    def at(self, now: datetime) -> "LedgerEntry":
        """Return the entry without the parts that have lapsed."""
        recorded = self.recorded and self.recorded.at(now)
        claims = {key: claim for key, claim in dict_of(self.claims).items() if now < claim.lapses_at}
        is_same = recorded is self.recorded and len(claims) == len(self.claims)
        return self if is_same else LedgerEntry(recorded, FrozenMapping(claims))

    def with_claim(self, key: str, claim: Claim) -> "LedgerEntry":
        """Return the entry with a claim added or replaced."""
        return LedgerEntry(self.recorded, FrozenMapping({**dict_of(self.claims), key: claim}))

    def without_claim(self, key: str) -> "LedgerEntry":
        """Return the entry without the claim for a key."""
        claims = {other: claim for other, claim in dict_of(self.claims).items() if other != key}
        return LedgerEntry(self.recorded, FrozenMapping(claims))


EMPTY: Final = LedgerEntry()


def lapse_times(entry: LedgerEntry) -> list[datetime]:
    """Return when each part of an entry lapses."""
    times = [claim.lapses_at for claim in entry.claims.values()]
    if entry.recorded:
        times.append(entry.recorded.lapses_at)
        if entry.recorded.supersedes_until:
            times.append(entry.recorded.supersedes_until)
    return times


@final
@unique
class ClaimResult(Enum):
    """The result of a claim if no recorded call can be reused."""

    GRANTED = "granted"
    IN_PROGRESS = "in progress"
    IN_DOUBT = "in doubt"


@final
class Terms(NamedTuple):
    """The terms on which a click claims a call.

    Attributes:
        token: Identifies the click.
        clock: Returns the current time in UTC.
        reuse_for: How long a call is reused and a doubt lasts.
        claim_timeout: How long a claim may stay unsettled before it becomes a doubt.
        force_new: Whether to create a new call even if one is recorded or in doubt.
        closed_call: A recorded call whose room no longer exists, so that it is not reused.
    """

    token: str
    clock: Callable[[], datetime]
    reuse_for: timedelta
    claim_timeout: timedelta
    force_new: bool
    closed_call: VideoCall | None = None


def claim(
    entry: LedgerEntry, request: CallRequest, terms: Terms, now: datetime
) -> tuple[LedgerEntry, RecordedCall | ClaimResult]:
    """Claim a call, so that nobody else creates it, or return the recorded call if it can be reused."""
    entry = entry.at(now)
    if current := entry.claims.get(request.key):
        if not current.is_in_doubt(now):
            return entry, ClaimResult.IN_PROGRESS
        if not terms.force_new:
            return entry, ClaimResult.IN_DOUBT
    elif not terms.force_new and (recorded := call_to_reuse(entry, request)) and recorded.call != terms.closed_call:
        return entry, recorded
    expires_at = now + terms.claim_timeout
    new_claim = Claim(terms.token, expires_at, expires_at + terms.reuse_for)
    return entry.with_claim(request.key, new_claim), ClaimResult.GRANTED


def call_to_reuse(entry: LedgerEntry, request: CallRequest) -> RecordedCall | None:
    """Return the recorded call that a click would reuse, from an entry without lapsed parts."""
    recorded = entry.recorded
    is_settled = request.key not in entry.claims
    is_same = is_settled and recorded and recorded.key == request.key and recorded.call.hosted_as(request)
    return recorded if is_same else None


def record_call(
    entry: LedgerEntry, key: str, call: VideoCall, terms: Terms, now: datetime
) -> tuple[LedgerEntry, RecordedCall | None]:
    """Record a call that was created under a claim. Return None if another click has claimed or recorded one since.

    To record the same call once more changes nothing.
    """
    entry = entry.at(now)
    previous = entry.recorded
    if not _owns_claim(entry, key, terms):
        if key in entry.claims:
            return entry, None
        # Without any claim, the call is recorded too: somebody has resolved the doubt, or another click has given up.
        if previous and previous.key == key:
            return entry, (previous if previous.call == call else None)
    recorded = _replacing(previous, key, call, now + terms.reuse_for)
    return LedgerEntry(recorded, entry.without_claim(key).claims), recorded


def _replacing(previous: RecordedCall | None, key: str, call: VideoCall, lapses_at: datetime) -> RecordedCall:
    """Return a recorded call that replaces the one before. It names that one only until that one would have lapsed."""
    if previous is None:
        return RecordedCall(key, call, None, lapses_at)
    return RecordedCall(key, call, previous.call, lapses_at, min(previous.lapses_at, lapses_at))


def release(entry: LedgerEntry, key: str, terms: Terms, now: datetime) -> tuple[LedgerEntry, None]:
    """Give up a claim under which nothing was created."""
    entry = entry.at(now)
    return (entry.without_claim(key) if _owns_claim(entry, key, terms) else entry), None


def mark_doubtful(entry: LedgerEntry, key: str, terms: Terms, now: datetime) -> tuple[LedgerEntry, None]:
    """Note that nobody knows whether a call was created under a claim."""
    entry = entry.at(now)
    if not _owns_claim(entry, key, terms):
        return entry, None
    return entry.with_claim(key, Claim(terms.token, None, now + terms.reuse_for)), None


def _owns_claim(entry: LedgerEntry, key: str, terms: Terms) -> bool:
    current = entry.claims.get(key)
    return current is not None and current.token == terms.token


def end_call(entry: LedgerEntry, key: str) -> tuple[LedgerEntry, bool]:
    """Forget the recorded call for a key. Return whether there was one."""
    has_call = entry.recorded is not None and entry.recorded.key == key
    return (entry._replace(recorded=None) if has_call else entry), has_call


def end_case(entry: LedgerEntry) -> tuple[LedgerEntry, bool]:
    """Forget the recorded call of a case, of any agent. Return whether there was one. Claims and doubts stay."""
    return entry._replace(recorded=None), entry.recorded is not None


def resolve(entry: LedgerEntry, key: str, call: VideoCall | None, now: datetime) -> tuple[LedgerEntry, bool]:
    """Settle a doubt: `call` was created, or with None, no call was. Return whether there was a doubt."""
    doubt = entry.claims.get(key)
    if doubt is None or not doubt.is_in_doubt(now):
        return entry, False
    settled = entry.without_claim(key)
    if call is not None:
        previous = entry.recorded and entry.recorded.at(now)
        settled = settled._replace(recorded=_replacing(previous, key, call, doubt.lapses_at))
    return settled, True
