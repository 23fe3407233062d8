"""The protocols that a host implements: a provider that creates video calls, and a ledger that remembers them."""

from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from ._calls.entries import LedgerEntry, end_call, end_case, resolve
from ._calls.values import CallRequest, VideoCall, entry_id_of, entry_id_of_case, utc_now
from ._fields import kind_of, require

__all__ = ["AsyncCallLedger", "AsyncVideoProvider", "CallLedger", "VideoProvider"]

T = TypeVar("T")


class VideoProvider(Protocol):
    """Creates video calls.

    A provider may also have a method `is_open(self, call: VideoCall, /) -> bool | None`. It is called before a call is
    reused, and returns False if the room of the call no longer exists, None if that is unknown. An exception counts as None.
    """

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create one call, hosted by the account and the extension of the request.

        Send the request to the service only once: to repeat a request that may have arrived can create two calls. Return
        or raise within the time limit of the request.

        Raises:
            ProviderUnavailableError: No call was created. A retry may succeed.
            ProviderRejectedError: No call was created. A retry cannot succeed.
            ProviderOutcomeUnknownError: Nobody knows whether a call was created. Any other exception has the same meaning.
        """
        ...


class AsyncVideoProvider(Protocol):
    """Creates video calls for `escalate_async()`: a `VideoProvider` whose methods are coroutine functions."""

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create one call, as `VideoProvider.create_call()` does.

        Only the end of the event loop cancels it. If it is cancelled before it has sent anything, it may raise
        `ProviderUnavailableError`. `CancelledError` means that nobody knows whether a call was created.
        """
        ...


class CallLedger(Protocol):
    """Remembers the result of every click, so that no call is created twice. Inherit from it and write `update()`."""

    @abstractmethod
    def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Load an entry, call `change(entry)`, store the first item of the result and return the second, atomically.

        Between loading and storing, nobody else may read or change the entry, in any thread or process that shares the
        ledger. Stored entries must survive what the ledger documents: a restart, a crash, a power cut. If anything
        raises, nothing changes.

        Args:
            entry_id: Identifies the entry: 32 letters and digits.
            change: Receives the stored entry, or `LedgerEntry()` if nothing is stored. It is pure and fast, and may be called
                more than once.
            now: The current time, if it is known. What has lapsed by then may be deleted, from any entry.
        """
        ...

    def end(self, key: str) -> bool:
        """Forget a call that has ended, so that the next click creates a new one. Return False if it is not recorded."""
        return self.update(entry_id_of(key), lambda entry: end_call(entry, key))

    def end_case(self, *, domain_id: str, intervention_id: str) -> bool:
        """Forget the call of any agent in a case that is closed. Return False if none is recorded.

        Claims and doubts stay.

        Args:
            domain_id: The id of the domain of the case.
            intervention_id: The id of the case.

        Raises:
            InvalidValueError: An id is not a non-empty str.
        """
        return self.update(entry_id_of_case(domain_id, intervention_id), end_case)

    def resolve(self, key: str, call: VideoCall | None, *, now: datetime | None = None) -> bool:
        """Settle a doubt. Return False if there was no doubt.

        Args:
            key: The key of the `CallInDoubtError`.
            call: The call that the provider created. None: it did not create one. The call is reused as if it had been
                recorded when the doubt began.
            now: The current time. A doubt that has lapsed by then no longer counts. By default, lapsed doubts count too.

        Raises:
            InvalidValueError: `call` is not a `VideoCall` or None.
        """
        return self.update(entry_id_of(key), _resolving(key, call, now))


class AsyncCallLedger(Protocol):
    """A `CallLedger` for `escalate_async()` whose methods are coroutine functions. Inherit from it and write `update()`.

    The event loop's end can cancel an update. Then it either has stored everything or nothing, as if anything else had raised.
    """

    @abstractmethod
    async def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, T]], /, now: datetime | None = None
    ) -> T:
        """Change an entry, as `CallLedger.update()` does. `change` is a plain function."""
        ...

    async def end(self, key: str) -> bool:
        """Forget a call that has ended, as `CallLedger.end()` does."""
        return await self.update(entry_id_of(key), lambda entry: end_call(entry, key))

    async def end_case(self, *, domain_id: str, intervention_id: str) -> bool:
        """Forget the call of a case that is closed, as `CallLedger.end_case()` does."""
        return await self.update(entry_id_of_case(domain_id, intervention_id), end_case)

    async def resolve(self, key: str, call: VideoCall | None, *, now: datetime | None = None) -> bool:
        """Settle a doubt, as `CallLedger.resolve()` does."""
        return await self.update(entry_id_of(key), _resolving(key, call, now))


def _resolving(
    key: str, call: VideoCall | None, now: datetime | None
) -> Callable[[LedgerEntry], tuple[LedgerEntry, bool]]:
    """Return the change that settles a doubt."""
    require(isinstance(call, VideoCall | None), "call", kind_of(call), "a VideoCall or None")  # pyright: ignore[reportUnnecessaryIsInstance]
    at = now or utc_now()
    return lambda entry: resolve(entry.at(at) if now else entry, key, call, at)
