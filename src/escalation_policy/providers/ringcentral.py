"""RingCentral Video: create the calls of agents, and look up who has it. It needs the extra `ringcentral`.

Everything goes through an httpx client of the host's, which has RingCentral's address (`base_url`) and the token (`auth`).
"""

from typing import Final, TypeVar, final

try:
    import httpx
except ModuleNotFoundError as error:
    raise ImportError(f"{__name__} needs httpx: pip install 'escalation_policy[ringcentral]'") from error

from .._calls.values import CallRequest, VideoCall
from .._enums import VideoAccess
from .._fields import check_types, kind_of
from .._http.sending import run_exchange, run_exchange_async
from .._values import RingCentralUser
from ._access import read_access, read_user
from ._bridges import BridgeType, bridge_options, create_bridge, find_bridge

__all__ = ["AsyncRingCentralVideo", "RingCentralVideo", "ringcentral_user", "video_access"]

C = TypeVar("C", httpx.Client, httpx.AsyncClient)


@final
class RingCentralVideo:
    """A `VideoProvider` that creates calls on RingCentral Video.

    Each call is a bridge of its own. The agent hosts it, and guests and other accounts may join.
    """

    def __init__(self, client: httpx.Client, *, bridge: BridgeType = "Instant", password: bool = False) -> None:
        """Make a provider.

        Args:
            client: Has the address of RingCentral as `base_url`, and signs requests. It must never repeat a request.
            bridge: "Instant" for one call soon after, "Scheduled" if the customer may come hours later.
            password: Whether each call gets a new password, which the link carries.

        Raises:
            InvalidValueError: Another type of bridge, such as a PMI, which is one room for all customers.
            TypeError: The client is not an `httpx.Client`.
        """
        self._client: Final = _checked(client, httpx.Client)
        self._options: Final = bridge_options(bridge, password=password)

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Request a bridge once. If it is not as requested, delete it and show its link to nobody.

        Raises:
            ProviderUnavailableError: Nothing was sent, or RingCentral asks to wait.
            ProviderRejectedError: RingCentral refused; `code` is its error code, or `HTTP` and the status. None: the
                client can send nothing, or a bridge that was not as requested was deleted.
            ProviderOutcomeUnknownError: The request may have arrived; `call_id` is the id of a bridge that still exists.
        """
        return run_exchange(self._client, create_bridge(call, self._options))

    def is_open(self, call: VideoCall, /) -> bool | None:
        """Return whether a bridge still exists. None if RingCentral does not say it."""
        return run_exchange(self._client, find_bridge(call))


@final
class AsyncRingCentralVideo:
    """An `AsyncVideoProvider`: the same as `RingCentralVideo`, with coroutines."""

    def __init__(self, client: httpx.AsyncClient, *, bridge: BridgeType = "Instant", password: bool = False) -> None:
        """Make a provider, as `RingCentralVideo` does."""
        self._client: Final = _checked(client, httpx.AsyncClient)
        self._options: Final = bridge_options(bridge, password=password)

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Request a bridge once, as `RingCentralVideo.create_call()` does."""
        return await run_exchange_async(self._client, create_bridge(call, self._options))

    async def is_open(self, call: VideoCall, /) -> bool | None:
        """Return whether a bridge still exists. None if RingCentral does not say it."""
        return await run_exchange_async(self._client, find_bridge(call))


def ringcentral_user(client: httpx.Client) -> RingCentralUser:
    """Read the extension, the account and the e-mail address of the user who owns the client's token.

    It does not read the user's video access: see `video_access()`.

    Raises:
        ProviderUnavailableError: RingCentral did not answer, or asks to wait.
        ProviderRejectedError: RingCentral refused.
        InvalidPayloadError: The response is not an extension.
        TypeError: The client is not an `httpx.Client`.
    """
    return run_exchange(_checked(client, httpx.Client), read_user())


def video_access(client: httpx.Client, user: RingCentralUser) -> VideoAccess:
    """Read whether a user has RingCentral Video, with a token of the same user.

    GRANTED: the user's video service is RingCentral Video, and the user may use it. DENIED: the service is another one or
    none, or the user's plan or settings lack it. UNKNOWN: the token is another user's, the user's account is unknown, or
    a response is unclear.

    Raises:
        ProviderUnavailableError: RingCentral did not answer, or asks to wait. UNKNOWN would be wrong: a host stores it.
        ProviderRejectedError: RingCentral refused.
        TypeError: The client is not an `httpx.Client`.
    """
    check_types(RingCentralUser, user=user)
    return run_exchange(_checked(client, httpx.Client), read_access(user))


def _checked(client: C, cls: type[C]) -> C:
    if not isinstance(client, cls):  # pyright: ignore[reportUnnecessaryIsInstance]
        classes = "RingCentralVideo takes an httpx.Client, AsyncRingCentralVideo an httpx.AsyncClient"
        raise TypeError(f"client must be an httpx.{cls.__name__}, got {kind_of(client)}: {classes}")
    return client
