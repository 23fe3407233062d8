"""Call the sync and the async provider in the same way: what holds for one holds for the other. It needs httpx."""

import asyncio
import ssl
import traceback
from typing import Any, Final

import httpx
import pytest

from escalation_policy.providers.ringcentral import AsyncRingCentralVideo, RingCentralVideo
from escalation_policy.video import CallRequest, VideoCall
from providers.loopback import ACCOUNT, BRIDGE, DATE, EXTENSION, HASH, LINK

TOKEN: Final = "secret-token"  # noqa: S105  nobody's
CALL: Final = CallRequest(key="k", account_id=ACCOUNT, extension_id=EXTENSION)
_CONTEXT: Final = ssl.create_default_context()  # takes 50 ms, so all clients share it

#: Long enough for any machine, unless the server never responds.
PATIENT: Final = httpx.Timeout(60)
IMPATIENT: Final = httpx.Timeout(60, read=0.2)


def options(**changes: Any) -> dict[str, Any]:
    """Return the arguments of a client."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return {"headers": headers, "timeout": PATIENT, "trust_env": False, "verify": _CONTEXT} | changes


def client(url: str = "", **changes: Any) -> httpx.Client:
    """Return a client as a host makes it."""
    return httpx.Client(base_url=url, **options(**changes))


class SyncCaller:
    """Calls `RingCentralVideo`, with a new client each time."""

    def __init__(self, url: str, provider_options: dict[str, Any] | None = None, **changes: Any) -> None:
        self._url: Final = url
        self._provider_options: Final = provider_options or {}
        self._changes: Final = changes

    def create_call(self, call: CallRequest = CALL) -> VideoCall:
        """Create a call."""
        with client(self._url, **self._changes) as new_client:
            return RingCentralVideo(new_client, **self._provider_options).create_call(call)

    def is_open(self, call: VideoCall) -> bool | None:
        """Return whether a call is open."""
        with client(self._url, **self._changes) as new_client:
            return RingCentralVideo(new_client, **self._provider_options).is_open(call)


class AsyncCaller:
    """Calls `AsyncRingCentralVideo`, with a new loop and a new client each time."""

    def __init__(self, url: str, provider_options: dict[str, Any] | None = None, **changes: Any) -> None:
        self._url: Final = url
        self._provider_options: Final = provider_options or {}
        self._changes: Final = changes

    def create_call(self, call: CallRequest = CALL) -> VideoCall:
        """Create a call."""

        async def create() -> VideoCall:
            async with self._client() as new_client:
                return await AsyncRingCentralVideo(new_client, **self._provider_options).create_call(call)

        return asyncio.run(create())

    def is_open(self, call: VideoCall) -> bool | None:
        """Return whether a call is open."""

        async def look() -> bool | None:
            async with self._client() as new_client:
                return await AsyncRingCentralVideo(new_client, **self._provider_options).is_open(call)

        return asyncio.run(look())

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._url, **options(**self._changes))


Caller = type[SyncCaller] | type[AsyncCaller]
both: Final = pytest.mark.parametrize("caller", [SyncCaller, AsyncCaller], ids=["sync", "async"])


def chain(error: BaseException | None) -> list[BaseException]:
    """Return an error with all its causes and contexts, whether a traceback shows them or not."""
    return [] if error is None else [error, *chain(error.__cause__), *chain(error.__context__)]


def assert_silent(error: BaseException) -> None:
    """Check that no error of the chain shows a token, an id, a link, a password or a text of RingCentral's."""
    secrets = ["secret", "ada@", LINK, HASH, "pw=", ACCOUNT, EXTENSION, DATE, "127.0.0.1"]
    for member in chain(error):
        text = f"{member} {member!r} {vars(member)}".replace(BRIDGE, "")
        assert [] == [secret for secret in secrets if secret in text]
        assert [] == [secret for secret in secrets if secret in "".join(traceback.format_exception(member))]
        assert type(member).__module__.startswith(("escalation_policy.", "builtins"))


def assert_silent_variables(error: BaseException, *more_secrets: str) -> None:
    """Check the variables too that crash reports show beside the library's lines of a traceback."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    texts = [repr(frame.f_locals) for frame in frames if "escalation_policy" in frame.f_globals["__name__"]]
    assert len(texts) > 1
    secrets = ["secret", "ada@", LINK, HASH, "pw=", *more_secrets]
    assert [] == [secret for secret in secrets for text in texts if secret in text]
