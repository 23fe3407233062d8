"""RingCentral Video: create the calls of agents, and look up who has it. It needs the extra `ringcentral`.

Everything goes through an httpx client of the host's, which has RingCentral's address (`base_url`) and the token (`auth`).
"""

from datetime import timedelta
from typing import Final, final

try:
    import httpx
except ModuleNotFoundError as error:
    raise ImportError(f"{__name__} needs httpx: pip install 'escalation_policy[ringcentral]'") from error

from .._calls.values import CallRequest, VideoCall
from .._enums import VideoAccess
from .._fields import check_types
from .._http.sending import AsyncSender, Sender, checked_client, checked_timeout
from .._values import RingCentralUser
from ._access import read_access, read_user
from ._bridges import BridgeType, bridge_options, create_bridge, find_bridge

__all__ = [
    "AsyncRingCentralVideo",
    "RingCentralVideo",
    "ringcentral_user",
    "ringcentral_user_async",
    "video_access",
    "video_access_async",
]

_TIMEOUT: Final = timedelta(seconds=10)


@final
class RingCentralVideo:
    """A `VideoProvider` that creates calls on RingCentral Video.

    Each call is a bridge of its own. The agent hosts it, and guests and other accounts may join.
    """

    def __init__(
        self,
        client: httpx.Client,
        *,
        bridge: BridgeType = "Instant",
        password: bool = False,
        timeout: timedelta = _TIMEOUT,
    ) -> None:
        """Make a provider.

        Args:
            client: Has the address of RingCentral as `base_url`, and signs requests. It must never repeat a request.
            bridge: "Instant" for one call soon after, "Scheduled" if the customer may come hours later.
            password: Whether each call gets a new password, which the link carries.
            timeout: How long one call of a method takes at most: waiting for a connection, the client's auth, the response,
                and the deletion of a wrong bridge. The `time_limit` of a request lowers it.

        Raises:
            InvalidValueError: Another type of bridge, such as a PMI, which is one room for all customers; a timeout that is
                not between 1 µs and 1 day; or the client's `base_url` begins with http and is not on loopback.
            TypeError: The client is not an `httpx.Client`.
        """
        self._sender: Final = Sender(checked_client(client, httpx.Client))
        self._options: Final = bridge_options(bridge, password=password)
        self._timeout: Final = checked_timeout(timeout)

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Request a bridge once. If it is not as requested, delete it if it is certainly new, and show its link to nobody.

        The request is sent in a thread, which is given up when the time is over.

        Raises:
            ProviderUnavailableError: Nothing was sent, or RingCentral asks to wait.
            ProviderRejectedError: RingCentral refused; `code` is its error code, or `HTTP` and the status. None: the
                client can send nothing, or a bridge that was not as requested was deleted.
            ProviderOutcomeUnknownError: The request may have arrived; `call_id` is the id of a bridge that still exists.
        """
        return self._sender.run(create_bridge(call, self._options), _shorter(self._timeout, call.time_limit))

    def is_open(self, call: VideoCall, /) -> bool | None:
        """Return whether a bridge still exists. None if RingCentral does not say it."""
        return self._sender.run(find_bridge(call), self._timeout)


@final
class AsyncRingCentralVideo:
    """An `AsyncVideoProvider`: the same as `RingCentralVideo`, with coroutines."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        bridge: BridgeType = "Instant",
        password: bool = False,
        timeout: timedelta = _TIMEOUT,
    ) -> None:
        """Make a provider, as `RingCentralVideo` does."""
        self._sender: Final = AsyncSender(checked_client(client, httpx.AsyncClient))
        self._options: Final = bridge_options(bridge, password=password)
        self._timeout: Final = checked_timeout(timeout)

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Request a bridge once, as `RingCentralVideo.create_call()` does, but in the task of the caller.

        Raises:
            ProviderUnavailableError: Also if the task is cancelled before anything was sent.
            asyncio.CancelledError: The task was cancelled later, so nobody knows whether a bridge was created.
        """
        return await self._sender.run(create_bridge(call, self._options), _shorter(self._timeout, call.time_limit))

    async def is_open(self, call: VideoCall, /) -> bool | None:
        """Return whether a bridge still exists. None if RingCentral does not say it."""
        return await self._sender.run(find_bridge(call), self._timeout)


def ringcentral_user(client: httpx.Client, *, timeout: timedelta = _TIMEOUT) -> RingCentralUser:
    """Read the extension, the account and the e-mail address of the user who owns the client's token.

    It does not read the user's video access: see `video_access()`.

    Args:
        client: Has the address of RingCentral as `base_url`, and the token.
        timeout: How long it takes at most.

    Raises:
        ProviderUnavailableError: RingCentral did not answer, or asks to wait.
        ProviderRejectedError: RingCentral refused.
        InvalidPayloadError: The response is not an extension.
        InvalidValueError: The timeout is not between 1 µs and 1 day, or the client's `base_url` begins with http and is not
            on loopback.
        TypeError: The client is not an `httpx.Client`.
    """
    return Sender(checked_client(client, httpx.Client)).run(read_user(), checked_timeout(timeout))


async def ringcentral_user_async(
    client: httpx.AsyncClient,
    *,
    timeout: timedelta = _TIMEOUT,  # noqa: ASYNC109  as in the sync function
) -> RingCentralUser:
    """Do what `ringcentral_user()` does, for asyncio."""
    return await AsyncSender(checked_client(client, httpx.AsyncClient)).run(read_user(), checked_timeout(timeout))


def video_access(client: httpx.Client, user: RingCentralUser, *, timeout: timedelta = _TIMEOUT) -> VideoAccess:
    """Read whether a user has RingCentral Video, with a token of the same user.

    GRANTED: the user's video service is RingCentral Video, and the user may use it. DENIED: the service is another one or
    none, or the user's plan or settings lack it. UNKNOWN: the token is another user's, the user's account is unknown, or
    a response is unclear.

    Args:
        client: Has the address of RingCentral as `base_url`, and the token.
        user: The user who owns the token.
        timeout: How long the three requests take at most, together.

    Raises:
        ProviderUnavailableError: RingCentral did not answer, or asks to wait. UNKNOWN would be wrong: a host stores it.
        ProviderRejectedError: RingCentral refused.
        InvalidValueError: `user` is not a `RingCentralUser`, the timeout is not between 1 µs and 1 day, or the client's
            `base_url` begins with http and is not on loopback.
        TypeError: The client is not an `httpx.Client`.
    """
    check_types(RingCentralUser, user=user)
    return Sender(checked_client(client, httpx.Client)).run(read_access(user), checked_timeout(timeout))


async def video_access_async(
    client: httpx.AsyncClient,
    user: RingCentralUser,
    *,
    timeout: timedelta = _TIMEOUT,  # noqa: ASYNC109  as in the sync function
) -> VideoAccess:
    """Do what `video_access()` does, for asyncio."""
    check_types(RingCentralUser, user=user)
    return await AsyncSender(checked_client(client, httpx.AsyncClient)).run(read_access(user), checked_timeout(timeout))


def _shorter(timeout: timedelta, time_limit: timedelta | None) -> timedelta:
    return timeout if time_limit is None else min(timeout, time_limit)
