"""The time that one call of a method may take, no matter what the server and the host's auth do."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import suppress
from contextvars import ContextVar
from datetime import timedelta
from threading import Event
from typing import Any, Final

import attrs
import httpx
import pytest

from escalation_policy.exceptions import (
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from escalation_policy.providers.ringcentral import (
    AsyncRingCentralVideo,
    RingCentralVideo,
    ringcentral_user_async,
)
from providers.callers import CALL, Caller, SyncCaller, assert_silent, assert_silent_variables, both, client, options
from providers.loopback import BRIDGE, Action, Loopback, ReceivedRequest, Script, a_bridge, response
from providers.test_faults import with_hook
from providers.test_ringcentral import BRIDGE_CALL

SHORT: Final = timedelta(seconds=0.2)
HEAD, BODY = response(201, a_bridge())
REFUSAL_HEAD, _ = response(403, Content_Length="100")
#: Answers that never end, although a byte arrives now and then.
TRICKLES: Final[dict[str, list[bytes | Action]]] = {
    "head": [b"HTTP/1.1 201 Created\r\nX-Filler: ", Action.TRICKLE],
    "body": [response(201, Content_Length="60000")[0], Action.TRICKLE],
}


def error_of(caller: Caller, url: str, **changes: Any) -> ProviderError:
    """Return the error of an attempt to create a call within a short time."""
    with pytest.raises(ProviderError) as caught:
        caller(url, {"timeout": SHORT}, **changes).create_call()
    assert_silent(caught.value)
    assert_silent_variables(caught.value)
    return caught.value


class Hanging(httpx.Auth):
    """An auth that hangs until it is released, before the request or after its response.

    Attributes:
        began: Set when it begins to hang.
        ended: Set when its flow has ended.
        entries: How often it was used.
    """

    def __init__(self, *, after: bool = False, on_hang: Callable[[], None] = lambda: None) -> None:
        self._after = after
        self._on_hang = on_hang
        self._released = Event()
        self.began = Event()
        self.ended = Event()
        self.entries = 0

    def release(self) -> None:
        """Let it go on."""
        self._released.set()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Hang in this thread."""
        self.entries += 1
        try:
            if self._after:
                yield request
            self.began.set()
            self._on_hang()
            assert self._released.wait(60)
            yield request
        finally:
            self.ended.set()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Hang in this task."""
        if self._after:
            yield request
        self.began.set()
        await asyncio.sleep(60)


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """Check that each test ends long before any other time-out."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 10


@both
class TestDeadline:
    """One time bounds everything that one call of a method does."""

    @pytest.mark.parametrize("script", TRICKLES.values(), ids=list(TRICKLES))
    def test_ends_an_answer_that_trickles(self, server: Loopback, caller: Caller, script: Script) -> None:
        """Httpx would read on for hours, as each byte begins its time-out anew."""
        server.script = lambda _: script
        error = error_of(caller, server.url)
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert ("the request may have arrived, but no answer did (not within 0.2 s)", ["POST"]) == (
            str(error),
            server.methods(),
        )

    def test_does_not_hide_a_refusal_whose_body_trickles(self, server: Loopback, caller: Caller) -> None:
        """The status says enough."""
        server.script = lambda _: [REFUSAL_HEAD, Action.TRICKLE]
        error = error_of(caller, server.url)
        assert isinstance(error, ProviderRejectedError)
        assert "HTTP 403" == error.code

    def test_ends_a_silence_even_if_the_client_has_no_timeouts(self, server: Loopback, caller: Caller) -> None:
        """The client is the host's, and `timeout=None` is easily written."""
        server.script = lambda _: [Action.STALL]
        assert isinstance(error_of(caller, server.url, timeout=None), ProviderOutcomeUnknownError)

    def test_ends_an_auth_that_hangs(self, server: Loopback, caller: Caller) -> None:
        """Nothing was sent, and nothing is sent later."""
        auth, sent = Hanging(), list[object]()
        error = error_of(caller, server.url, auth=auth, **with_hook(sent.append, "request", caller))
        assert isinstance(error, ProviderUnavailableError)
        assert "nothing was sent to RingCentral (not within 0.2 s)" == str(error)
        auth.release()
        if caller is SyncCaller:
            assert auth.ended.wait(60)
        assert ([], []) == (sent, server.requests)

    def test_does_not_hide_a_refusal_after_which_an_auth_hangs(self, server: Loopback, caller: Caller) -> None:
        """For example while it waits for a new token."""
        server.script = lambda _: response(401)
        auth = Hanging(after=True)
        error = error_of(caller, server.url, auth=auth)
        assert isinstance(error, ProviderRejectedError)
        auth.release()
        assert ("HTTP 401", ["POST"]) == (error.code, server.methods())

    def test_includes_the_deletion_of_a_wrong_bridge(self, server: Loopback, caller: Caller) -> None:
        """Somebody has to look after it."""
        wrong = response(201, a_bridge(discovery=None))
        server.script = lambda request: wrong if request.method == "POST" else [b"HTTP/1.1 204", Action.TRICKLE]
        error = error_of(caller, server.url)
        assert isinstance(error, ProviderOutcomeUnknownError)
        assert str(error).endswith("it could not be deleted")
        assert (BRIDGE, ["POST", "DELETE"]) == (error.call_id, server.methods())

    def test_sends_nothing_if_the_time_is_over(self, server: Loopback, caller: Caller) -> None:
        """No request begins after it."""
        with pytest.raises(ProviderUnavailableError, match=r"^nothing was sent to RingCentral \(not within 1e-06 s\)$"):
            caller(server.url, {"timeout": timedelta(microseconds=1)}).create_call()
        assert [] == server.requests

    def test_is_earlier_if_the_request_has_a_time_limit(self, server: Loopback, caller: Caller) -> None:
        """A longer limit changes nothing."""
        server.script = lambda _: TRICKLES["head"]
        for timeout, limit in ((timedelta(seconds=60), SHORT), (SHORT, timedelta(seconds=60))):
            with pytest.raises(ProviderOutcomeUnknownError, match=r"\(not within 0\.2 s\)$"):
                caller(server.url, {"timeout": timeout}).create_call(attrs.evolve(CALL, time_limit=limit))

    def test_bounds_the_look_at_a_room(self, server: Loopback, caller: Caller) -> None:
        """The agent gets the recorded link again."""
        server.script = lambda _: TRICKLES["head"]
        assert None is caller(server.url, {"timeout": SHORT}).is_open(BRIDGE_CALL)
        assert ["GET"] == server.methods()


class TestThreads:
    """A sync request has a thread of its own, which nobody has to wait for."""

    def test_sees_the_context_variables_of_the_caller(self, server: Loopback) -> None:
        """For example the span of a trace."""
        variable = ContextVar("variable", default="")

        def sign(request: httpx.Request) -> httpx.Request:
            request.headers["X-Value"] = variable.get()
            return request

        variable.set("the caller's")
        SyncCaller(server.url, auth=sign).create_call()
        assert "the caller's" == server.requests[0].headers["x-value"]

    def test_are_bounded_while_they_are_stuck(self, server: Loopback) -> None:
        """32 at most. When they end, the provider works again."""
        auth = Hanging()
        with client(server.url, auth=auth) as new_client:
            provider = RingCentralVideo(new_client, timeout=timedelta(milliseconds=5))
            while auth.entries < 32:
                with pytest.raises(ProviderUnavailableError, match=r"\(not within 0\.005 s\)$"):
                    provider.create_call(CALL)
            with pytest.raises(
                ProviderUnavailableError, match=r"^nothing was sent to RingCentral \(32 earlier requests are stuck\)$"
            ):
                provider.create_call(CALL)
            assert (32, []) == (auth.entries, server.requests)
            auth.release()
            while True:
                with suppress(ProviderUnavailableError, ProviderOutcomeUnknownError):
                    provider.create_call(CALL)
                if auth.entries > 32:
                    break

    @pytest.mark.parametrize(
        "script", [[Action.STALL], TRICKLES["body"], [REFUSAL_HEAD, Action.TRICKLE]], ids=["silence", "body", "refusal"]
    )
    def test_that_were_given_up_end(self, server: Loopback, script: Script) -> None:
        """Even if the client has no time-outs. Only a head that trickles, or an auth that hangs, keeps one."""
        threads: list[threading.Thread] = []

        def note_thread(request: httpx.Request) -> httpx.Request:
            threads.append(threading.current_thread())
            return request

        server.script = lambda _: script
        with client(server.url, timeout=None, auth=note_thread) as new_client:
            with pytest.raises(ProviderError):
                RingCentralVideo(new_client, timeout=SHORT).create_call(CALL)
            threads[0].join(5)
            assert not threads[0].is_alive()

    def test_that_were_given_up_send_nothing_any_more(self, server: Loopback) -> None:
        """Not even from an event hook, after which httpx sends at once."""
        released, ended = Event(), Event()

        def hang(_: httpx.Request) -> None:
            assert released.wait(60)

        class Ending(httpx.Auth):
            def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
                try:
                    yield request
                finally:
                    ended.set()

        error = error_of(SyncCaller, server.url, auth=Ending(), event_hooks={"request": [hang]})
        assert "nothing was sent to RingCentral (not within 0.2 s)" == str(error)
        released.set()
        assert ended.wait(60)
        assert [] == server.requests

    def test_that_cannot_be_started_have_sent_nothing(self, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
        """A system has so many threads and no more."""

        def fail(_: object) -> None:
            raise RuntimeError("can't start new thread")

        with client(server.url) as new_client:
            provider = RingCentralVideo(new_client)
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", fail)
                with pytest.raises(
                    ProviderUnavailableError, match=r"^nothing was sent to RingCentral \(RuntimeError\)$"
                ):
                    provider.create_call(CALL)

    def test_send_nothing_after_the_caller_was_interrupted(self, server: Loopback) -> None:
        """Nobody waits for the answer any more."""
        main = threading.get_ident()

        def interrupt() -> None:
            # A signal that arrives just before the caller waits would be noticed only after the wait.
            time.sleep(0.2)
            signal.pthread_kill(main, signal.SIGINT)

        auth = Hanging(on_hang=interrupt)
        # A process that a shell starts in the background ignores the signal.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        with client(server.url, auth=auth) as new_client:
            with pytest.raises(KeyboardInterrupt):
                RingCentralVideo(new_client).create_call(CALL)
            signal.signal(signal.SIGINT, before)
            auth.release()
            assert auth.ended.wait(60)
        assert [] == server.requests

    def test_do_not_keep_the_interpreter_from_exiting(self) -> None:
        """Not even if they are stuck for ever."""
        script = """
import threading, httpx
from datetime import timedelta
from escalation_policy.exceptions import ProviderUnavailableError
from escalation_policy.providers.ringcentral import RingCentralVideo
from escalation_policy.video import CallRequest

def hang(request):
    threading.Event().wait()

provider = RingCentralVideo(httpx.Client(base_url="https://a.example", auth=hang), timeout=timedelta(seconds=0.05))
try:
    provider.create_call(CallRequest(key="k", account_id="1", extension_id="2"))
except ProviderUnavailableError:
    print(threading.active_count())
"""
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
        assert "2\n" == done.stdout


def run_cancelled(
    server: Loopback, auth: Hanging | None, work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]], began: Event
) -> None:
    """Start work, cancel it as soon as something began, and raise what it raises."""

    async def run() -> None:
        async with httpx.AsyncClient(base_url=server.url, **options(auth=auth)) as new_client:
            task = asyncio.create_task(work(new_client))
            await asyncio.to_thread(began.wait, 60)
            task.cancel()
            await task

    asyncio.run(run())


class TestCancellation:
    """Who is cancelled learns that nothing was created, if that is certain."""

    @staticmethod
    async def create(async_client: httpx.AsyncClient) -> None:
        """Create a call."""
        await AsyncRingCentralVideo(async_client).create_call(CALL)

    def test_before_anything_was_sent_is_unavailable(self, server: Loopback) -> None:
        """So `escalate_async()` releases its claim."""
        auth = Hanging()
        with pytest.raises(ProviderUnavailableError) as caught:
            run_cancelled(server, auth, self.create, auth.began)
        assert ("nothing was sent to RingCentral (CancelledError)", []) == (str(caught.value), server.requests)
        assert_silent(caught.value)

    def test_after_a_refusal_is_rejected(self, server: Loopback) -> None:
        """While the auth waits for a new token."""
        server.script = lambda _: response(401)
        auth = Hanging(after=True)
        with pytest.raises(ProviderRejectedError, match=r"^RingCentral answered 401: "):
            run_cancelled(server, auth, self.create, auth.began)

    def test_after_the_request_was_sent_stays_a_cancellation(self, server: Loopback) -> None:
        """So `escalate_async()` has a doubt."""
        arrived = stalling(server)
        with pytest.raises(asyncio.CancelledError):
            run_cancelled(server, None, self.create, arrived)
        assert ["POST"] == server.methods()

    def test_of_anything_else_stays_a_cancellation(self, server: Loopback) -> None:
        """It creates nothing, so nobody has to know more."""

        async def look(async_client: httpx.AsyncClient) -> None:
            await AsyncRingCentralVideo(async_client).is_open(BRIDGE_CALL)

        server.script = lambda _: response(401)
        for work in (ringcentral_user_async, look):
            for auth in (Hanging(), Hanging(after=True)):
                with pytest.raises(asyncio.CancelledError):
                    run_cancelled(server, auth, work, auth.began)

    def test_by_a_timeout_of_the_hosts_is_that_timeout(self, server: Loopback) -> None:
        """If the request may have arrived. The provider's own deadline is a later one."""
        stalling(server)

        async def create() -> None:
            async with httpx.AsyncClient(base_url=server.url, **options()) as async_client, asyncio.timeout(0.2):
                await self.create(async_client)

        with pytest.raises(TimeoutError):
            asyncio.run(create())


def stalling(server: Loopback) -> Event:
    """Let a server never answer. Return the event that a request arrived."""
    arrived = Event()

    def stall(_: ReceivedRequest) -> Script:
        arrived.set()
        return [Action.STALL]

    server.script = stall
    return arrived
