"""The two classes behind one door: what holds for one holds for the other. It needs httpx."""

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
_CONTEXT: Final = ssl.create_default_context()  # costs 50 ms; one will do

#: Long enough for any machine, but where the server never answers.
PATIENT: Final = httpx.Timeout(60)
IMPATIENT: Final = httpx.Timeout(60, read=0.2)


def options(**changes: Any) -> dict[str, Any]:
    """Gives what a client is made from."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return {"headers": headers, "timeout": PATIENT, "trust_env": False, "verify": _CONTEXT} | changes


def client(url: str = "", **changes: Any) -> httpx.Client:
    """Makes a client as a host does."""
    return httpx.Client(base_url=url, **options(**changes))


class Sync:
    """`RingCentralVideo`, with a client of its own for each question."""

    def __init__(self, url: str, provider: dict[str, Any] | None = None, **changes: Any) -> None:
        self._made: Final = (url, provider or {}, changes)

    def create_call(self, call: CallRequest = CALL) -> VideoCall:
        """Makes a call."""
        url, provider, changes = self._made
        with client(url, **changes) as each:
            return RingCentralVideo(each, **provider).create_call(call)

    def is_open(self, call: VideoCall) -> bool | None:
        """Says whether a call is open."""
        url, provider, changes = self._made
        with client(url, **changes) as each:
            return RingCentralVideo(each, **provider).is_open(call)


class Async:
    """`AsyncRingCentralVideo`, with a loop and a client of its own for each question."""

    def __init__(self, url: str, provider: dict[str, Any] | None = None, **changes: Any) -> None:
        self._made: Final = (url, provider or {}, changes)

    def create_call(self, call: CallRequest = CALL) -> VideoCall:
        """Makes a call."""

        async def creating() -> VideoCall:
            url, provider, changes = self._made
            async with httpx.AsyncClient(base_url=url, **options(**changes)) as each:
                return await AsyncRingCentralVideo(each, **provider).create_call(call)

        return asyncio.run(creating())

    def is_open(self, call: VideoCall) -> bool | None:
        """Says whether a call is open."""

        async def asking() -> bool | None:
            url, provider, changes = self._made
            async with httpx.AsyncClient(base_url=url, **options(**changes)) as each:
                return await AsyncRingCentralVideo(each, **provider).is_open(call)

        return asyncio.run(asking())


Door = type[Sync] | type[Async]
both: Final = pytest.mark.parametrize("door", [Sync, Async], ids=["sync", "async"])


def chain(error: BaseException | None) -> list[BaseException]:
    """Gives an error with all that hangs on it, shown in a traceback or not."""
    return [] if error is None else [error, *chain(error.__cause__), *chain(error.__context__)]


def assert_silent(error: BaseException) -> None:
    """Nothing that hangs on an error tells a token, an id, a link, a password, or what RingCentral said in words."""
    kept = ["secret", "ada@", LINK, HASH, "pw=", ACCOUNT, EXTENSION, DATE, "127.0.0.1"]
    for each in chain(error):
        shown = f"{each} {each!r} {vars(each)}".replace(BRIDGE, "")
        assert [] == [word for word in kept if word in shown]
        assert type(each).__module__.startswith(("escalation_policy.", "builtins"))


def assert_silent_variables(error: BaseException, *more: str) -> None:
    """Nor do the variables that a tool for crash reports shows beside our lines of a traceback."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [repr(frame.f_locals) for frame in frames if "escalation_policy" in frame.f_globals["__name__"]]
    assert len(ours) > 1
    assert [] == [
        word for word in ("secret", "ada@", LINK, HASH, "pw=", *more) for variables in ours if word in variables
    ]
