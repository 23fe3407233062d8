"""The protocols that a host implements: what makes video calls, and what remembers them."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from ._calls.entries import LedgerEntry, ended, resolved
from ._calls.values import CallRequest, VideoCall, case_of, utc_now
from ._fields import kind_of
from .exceptions import Fault, InvalidValueError

__all__ = ["AsyncVideoProvider", "CallLedger", "VideoProvider"]

T = TypeVar("T")


class VideoProvider(Protocol):
    """Makes video calls.

    It may also have a method `is_open(self, call: VideoCall, /) -> bool | None`, which is asked before a call is reused:
    False where its room is known to be gone, None where that is not known. An exception of it counts as None.
    """

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Makes one call, hosted by the account and the extension of the request.

        It sends its request once: to repeat what may have arrived can make two calls.

        Raises:
            ProviderUnavailableError: Nothing was made, and it may be tried again.
            ProviderRejectedError: Nothing was made, and trying again is of no use.
            ProviderOutcomeUnknownError: Nobody knows whether a call was made. Any other exception is taken for this.
        """
        ...


class AsyncVideoProvider(Protocol):
    """Makes video calls for `escalate_async()`. All is as with `VideoProvider`, with coroutine functions."""

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Makes one call, as `VideoProvider.create_call()` does."""
        ...


class CallLedger(Protocol):
    """Remembers what came of every click, so that no call is made twice. Inherit from it, and write `update()`."""

    @abstractmethod
    def update(
        self, case: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Changes what is stored of a case: passes it to `change`, stores the first thing that returns, returns the other.

        Nobody else may read or change that case in between, in any thread or process that shares the ledger, and what
        is stored has to outlive what the ledger promises to outlive. If anything raises, all stays as it was.

        Args:
            case: Names the case: 32 letters and digits.
            change: Gets the case as it is stored, or `LedgerEntry()`. It is pure and quick, and may be called once more.
            now: What time it is, where that is known: whatever has lapsed by then may be forgotten.
        """
        ...

    def end(self, key: str) -> bool:
        """Says that a call has ended: the next click makes a new one. False where no such call is recorded."""
        return self.update(case_of(key), lambda case: ended(case, key))

    def resolve(self, key: str, call: VideoCall | None, *, now: datetime | None = None) -> bool:
        """Settles a doubt: this is the call, or, with None, there is none. False where there is no doubt.

        Args:
            key: That of the `CallInDoubtError`.
            call: The call as the provider knows it; it is reused as if it had been recorded when the doubt began.
            now: What time it is. A doubt that has lapsed by then is none any more; without it, that is not looked at.

        Raises:
            InvalidValueError: The call is no `VideoCall`.
        """
        if not isinstance(call, VideoCall | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(Fault.mismatch("call", kind_of(call), "a VideoCall or None"))
        at = now or utc_now()
        return self.update(case_of(key), lambda case: resolved(case.at(at) if now else case, key, call, at))
