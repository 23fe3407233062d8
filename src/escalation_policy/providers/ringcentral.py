"""RingCentral Video: makes the calls of agents, and tells who has it. It needs the extra `ringcentral`.

All of it works through an httpx client of the host's, which has the address (`base_url`) and the token (`auth`).
"""

from typing import Final, TypeVar, final

try:
    import httpx
except ModuleNotFoundError as error:
    raise ImportError(f"{__name__} needs httpx: pip install 'escalation_policy[ringcentral]'") from error

from .._calls.values import CallRequest, VideoCall
from .._enums import VideoAccess
from .._fields import check_types, kind_of
from .._values import RingCentralUser
from ._access import reading_access, reading_user
from ._bridges import BridgeType, creating, looking, options_of
from ._sending import talk, talk_async

__all__ = ["AsyncRingCentralVideo", "RingCentralVideo", "ringcentral_user", "video_access"]

C = TypeVar("C", httpx.Client, httpx.AsyncClient)


@final
class RingCentralVideo:
    """Makes calls on RingCentral Video; a `VideoProvider`.

    Each call is a bridge of its own, whose host is the agent, and which guests and other accounts may join.
    """

    def __init__(self, client: httpx.Client, *, bridge: BridgeType = "Instant", password: bool = False) -> None:
        """Makes a provider.

        Args:
            client: Has the address of RingCentral as `base_url`, and signs requests. Nothing may repeat a request.
            bridge: "Instant" for one call soon after, "Scheduled" where the customer may come hours later.
            password: Whether each call gets a new password, which the link carries.

        Raises:
            InvalidValueError: Another kind of bridge, such as a PMI, which is one room for all customers.
            TypeError: The client is of another kind.
        """
        self._client: Final = _checked(client, httpx.Client)
        self._options: Final = options_of(bridge, password)

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Asks for a bridge once. One that is not as it was asked to be is deleted, and its link shown to nobody.

        Raises:
            ProviderUnavailableError: Nothing was sent, or RingCentral said when to come again.
            ProviderRejectedError: RingCentral refused; `code` is its error code, or `HTTP` and the status. None: the
                client can send nothing, or a bridge that was not as asked for was deleted.
            ProviderOutcomeUnknownError: The request may have arrived; `call_id` is the id of a bridge that is left.
        """
        return talk(self._client, creating(call, self._options))

    def is_open(self, call: VideoCall, /) -> bool | None:
        """Says whether a bridge is still there; None where RingCentral does not tell."""
        return talk(self._client, looking(call))


@final
class AsyncRingCentralVideo:
    """Makes calls on RingCentral Video; an `AsyncVideoProvider`. All is as with `RingCentralVideo`, with coroutines."""

    def __init__(self, client: httpx.AsyncClient, *, bridge: BridgeType = "Instant", password: bool = False) -> None:
        """Makes a provider, as `RingCentralVideo` is made."""
        self._client: Final = _checked(client, httpx.AsyncClient)
        self._options: Final = options_of(bridge, password)

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Asks for a bridge once, as `RingCentralVideo.create_call()` does."""
        return await talk_async(self._client, creating(call, self._options))

    async def is_open(self, call: VideoCall, /) -> bool | None:
        """Says whether a bridge is still there; None where RingCentral does not tell."""
        return await talk_async(self._client, looking(call))


def ringcentral_user(client: httpx.Client) -> RingCentralUser:
    """Reads the extension, the account and the e-mail address of whoever owns the client's token.

    Video access is not among it: see `video_access()`.

    Raises:
        ProviderUnavailableError: RingCentral did not answer, or not now.
        ProviderRejectedError: RingCentral refused to tell.
        InvalidPayloadError: What it told is no record of an extension.
        TypeError: The client is of another kind.
    """
    return talk(_checked(client, httpx.Client), reading_user())


def video_access(client: httpx.Client, user: RingCentralUser) -> VideoAccess:
    """Reads whether a user has RingCentral Video, with a token of that very user.

    GRANTED: its video service is RingCentral Video, and it may use it. DENIED: its service is another one, or none, or
    its plan or set-up lacks it. UNKNOWN: the token is another user's, the user's account is not known, or an answer
    leaves doubt.

    Raises:
        ProviderUnavailableError: RingCentral did not answer, or not now. That is no UNKNOWN, which a host would keep.
        ProviderRejectedError: RingCentral refused to tell.
        TypeError: The client is of another kind.
    """
    check_types(RingCentralUser, user=user)
    return talk(_checked(client, httpx.Client), reading_access(user))


def _checked(client: C, cls: type[C]) -> C:
    if not isinstance(client, cls):  # pyright: ignore[reportUnnecessaryIsInstance]
        takers = "RingCentralVideo takes an httpx.Client, AsyncRingCentralVideo an httpx.AsyncClient"
        raise TypeError(f"client must be an httpx.{cls.__name__}, got {kind_of(client)}: {takers}")
    return client
