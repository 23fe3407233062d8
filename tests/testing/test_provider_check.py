"""The check of providers as adapter authors run it: what passes, and what is said of each promise that is broken."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event, get_ident
from typing import Any, cast
from uuid import uuid4

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO
from escalation_policy.exceptions import (
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from escalation_policy.testing import ServiceAnswer, VideoService, a_request, check_video_provider
from escalation_policy.testing import _provider_promises as promises
from escalation_policy.testing._recorder import Recorder
from escalation_policy.video import CallRequest, InMemoryVideoProvider, VideoCall

Send = Callable[[CallRequest], str]


class Turned(Exception):  # noqa: N818
    """The service's answer is no call; the status says why."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


def transport(service: VideoService) -> Send:
    """Makes what an adapter sends its requests through: a call's id, or what a client raises."""

    def send(_: CallRequest) -> str:
        answer = service.receive()
        if answer is ServiceAnswer.UNAVAILABLE:
            raise Turned(503)
        if answer is ServiceAnswer.REJECTED:
            raise Turned(400)
        if answer is ServiceAnswer.LOST:
            raise TimeoutError("timed out")
        if answer is ServiceAnswer.CONNECTION_REFUSED:
            raise ConnectionRefusedError("refused")
        return uuid4().hex

    return send


def sent(send: Send, wanted: CallRequest) -> str:
    """Sends a request, and says in the library's words what came of it."""
    try:
        return send(wanted)
    except ConnectionRefusedError as error:
        raise ProviderUnavailableError("the service cannot be reached") from error
    except TimeoutError as error:
        raise ProviderOutcomeUnknownError("the service did not answer in time") from error
    except Turned as error:
        if error.status == 503:
            raise ProviderUnavailableError("the service is overloaded") from error
        raise ProviderRejectedError("the service refused") from error


def made(wanted: CallRequest, name: str) -> VideoCall:
    """Makes the call that was asked for."""
    return VideoCall(
        id=name,
        join_url=f"https://video.example/join/{name}",
        account_id=wanted.account_id,
        extension_id=wanted.extension_id,
        created_at=datetime.now(UTC),
    )


class Adapter:
    """Keeps all promises."""

    def __init__(self, service: VideoService) -> None:
        """Sends its requests to a service."""
        self.send = transport(service)

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Makes a call."""
        return made(call, sent(self.send, call))


class AsyncAdapter:
    """Keeps all promises too."""

    def __init__(self, service: VideoService) -> None:
        """Sends its requests to a service."""
        self.mine = Adapter(service)

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Makes a call."""
        await asyncio.sleep(0)
        return self.mine.create_call(call)

    async def is_open(self, _: VideoCall, /) -> bool | None:
        """Knows nothing of what is open."""
        return None


class Making:
    """Makes calls as one function does it."""

    def __init__(self, create: Callable[[CallRequest], Any], **more: Any) -> None:
        """Has other methods too."""
        self.create_call = create
        vars(self).update(more)


def broken(make: Callable[[], Any], against: Callable[[VideoService], Any] | None = None) -> list[str]:
    """Checks a provider that breaks a promise, and gives what is said of it."""
    with pytest.raises(AssertionError) as caught:
        check_video_provider(make, against=against)
    first, *more = str(caught.value).splitlines()
    return [first.removeprefix("the provider breaks a promise: "), *more]


def told(what: str, expected: str, came: str) -> list[str]:
    """Says what is said of a broken promise."""
    return [what, f"  expected: {expected}", f"  came: {came}"]


def calling(change: Callable[[VideoCall, CallRequest], VideoCall]) -> Callable[[], Making]:
    """Makes providers whose calls are changed."""
    return lambda: Making(lambda wanted: change(made(wanted, uuid4().hex), wanted))


def failing(error: Callable[[CallRequest], Exception]) -> Callable[[VideoService], Making]:
    """Makes adapters that raise this in the place of others of its kind."""

    def against(service: VideoService) -> Making:
        adapter = Adapter(service)

        def create(call: CallRequest) -> VideoCall:
            try:
                return adapter.create_call(call)
            except ProviderError as raised:
                if type(raised) is type(error(call)):
                    raise error(call) from None
                raise

        return Making(create)

    return against


class TestCheckVideoProvider:
    """A provider that keeps its promises passes."""

    def test_passes_the_one_in_memory(self) -> None:
        """In one line."""
        check_video_provider(InMemoryVideoProvider)

    @pytest.mark.parametrize("adapter", [Adapter, AsyncAdapter])
    def test_passes_one_whose_service_fails(self, adapter: Callable[[VideoService], Adapter | AsyncAdapter]) -> None:
        """Whether it is async or not."""
        check_video_provider(lambda: adapter(VideoService()), against=adapter)

    def test_passes_one_and_the_same(self) -> None:
        """Also where `make` gives it again and again."""
        provider = InMemoryVideoProvider()
        check_video_provider(lambda: provider)

    @pytest.mark.parametrize("adapter", [Adapter, AsyncAdapter])
    def test_may_be_asked_for_by_a_test_that_is_async(
        self, adapter: Callable[[VideoService], Adapter | AsyncAdapter]
    ) -> None:
        """Though a loop is running then."""

        async def test() -> None:
            check_video_provider(lambda: adapter(VideoService()))

        asyncio.run(test())

    @pytest.mark.parametrize("adapter", [Adapter, AsyncAdapter])
    def test_decides_unseen(self, adapter: Callable[[VideoService], Adapter | AsyncAdapter]) -> None:
        """Its clicks are no tests of the host's policy."""
        seen: list[object] = []
        remove = Recorder(lambda policy, _: seen.append(policy)).install()
        try:
            check_video_provider(lambda: adapter(VideoService()))
            ESCALATE_TO_VIDEO.decide(a_request())
        finally:
            remove()
        assert 1 == len(seen)

    def test_asks_from_eight_threads_at_once(self) -> None:
        """However quickly each is answered."""
        threads: set[int] = set()

        def make() -> Making:
            home = get_ident()

            def create(wanted: CallRequest) -> VideoCall:
                threads.update({get_ident()} - {home})
                return made(wanted, uuid4().hex)

            return Making(create)

        check_video_provider(make)
        assert 8 == len(threads)

    def test_passes_one_that_raises_when_it_does_not_know_what_is_open(self) -> None:
        """Which counts as not knowing."""

        def is_open(_: VideoCall) -> None:
            raise TimeoutError

        check_video_provider(lambda: Making(Adapter(VideoService()).create_call, is_open=is_open))

    def test_passes_one_that_tries_again_to_connect(self) -> None:
        """Nothing arrived: nothing was made."""

        def against(service: VideoService) -> Making:
            send = transport(service)

            def patient(wanted: CallRequest) -> str:
                try:
                    return send(wanted)
                except ConnectionRefusedError:
                    return send(wanted)

            return Making(lambda wanted: made(wanted, sent(patient, wanted)))

        check_video_provider(lambda: against(VideoService()), against=against)


class TestBrokenPromises:
    """What is said of each."""

    # It makes what it is asked for.
    def test_without_create_call(self) -> None:
        """It is no provider."""
        assert told("it makes calls", "a method create_call()", "none") == broken(cast("Any", object))

    def test_with_more_arguments(self) -> None:
        """Nobody passes them."""

        def create(wanted: CallRequest, title: str) -> VideoCall:
            return made(wanted, title)

        what, expected = "create_call() takes a request alone", "one argument, by position"
        lines = told(what, expected, "missing a required argument: 'title'")
        assert lines == broken(lambda: Making(cast("Any", create)))

    def test_with_another_host(self) -> None:
        """The calls of all agents are one agent's."""
        other = calling(lambda call, _: attrs.evolve(call, extension_id="1"))
        assert told("the host is the one asked for", "the extension of the request", "another one") == broken(other)
        other = calling(lambda call, _: attrs.evolve(call, account_id="1"))
        assert told("the host is the one asked for", "the account of the request", "another one") == broken(other)

    def test_with_the_first_host(self) -> None:
        """Whoever comes second is not the host."""
        hosts: list[CallRequest] = []

        def create(wanted: CallRequest) -> VideoCall:
            hosts.append(wanted)
            return made(hosts[0], uuid4().hex)

        assert told("the host is the one asked for", "the account of the request", "another one") == broken(
            lambda: Making(create)
        )

    def test_with_what_is_no_call(self) -> None:
        """Such as the service's answer, unread."""
        lines = told("create_call() makes a call", "a VideoCall", "a dict")
        assert lines == broken(lambda: Making(lambda wanted: {"id": wanted.key}))

    def test_that_raises(self) -> None:
        """The error is told, and is the cause of the failure."""
        error = ProviderRejectedError("no such account")
        with pytest.raises(AssertionError, match=r"came: ProviderRejectedError: no such account$") as caught:
            check_video_provider(lambda: InMemoryVideoProvider(errors=[error]))
        assert error is caught.value.__cause__

    @pytest.mark.parametrize("days", [-2, 2])
    def test_of_another_time(self, days: int) -> None:
        """A time zone that was not read is hours; this is a clock that nobody set, or a date that is another one."""
        at = datetime.now(UTC) + timedelta(days=days)
        other = calling(lambda call, _: attrs.evolve(call, created_at=at))
        assert told("created_at tells when", "now, give or take a day", f"{at}") == broken(other)

    @pytest.mark.parametrize("title", ["{}", "{}?x=1"])
    def test_with_the_title_in_the_link(self, title: str) -> None:
        """However it is spelled."""

        def create(wanted: CallRequest) -> VideoCall:
            link = title.format(wanted.title.replace(" ", "%20").upper())
            return attrs.evolve(made(wanted, uuid4().hex), join_url=f"https://video.example/{link}")

        assert told("a link tells nothing of the title", "nothing of it", "some of it") == broken(
            lambda: Making(create)
        )

    @pytest.mark.parametrize("part", [slice(0, 65), slice(0, 8), slice(40, 48)], ids=["all", "beginning", "middle"])
    def test_with_the_key_in_the_link(self, part: slice) -> None:
        """Or a part of it."""
        name = calling(lambda call, wanted: attrs.evolve(call, join_url=f"https://video.example/{wanted.key[part]}"))
        assert told("a link tells nothing of the key", "nothing of it", "some of it") == broken(name)

    # Each request makes a call of its own.
    def test_that_makes_one_call_for_all(self) -> None:
        """As a room that is always there."""
        one = calling(lambda call, _: attrs.evolve(call, id="1"))
        assert told("each request makes a call of its own: two requests", "2 ids", "1") == broken(one)
        one = calling(lambda call, _: attrs.evolve(call, join_url="https://video.example/room"))
        assert told("each request makes a call of its own: two requests", "2 links", "1") == broken(one)

    def test_that_knows_a_request_again(self) -> None:
        """It would give the same dead room to `again=True`."""
        calls: dict[str, VideoCall] = {}

        def create(wanted: CallRequest) -> VideoCall:
            return calls.setdefault(wanted.key, made(wanted, uuid4().hex))

        what = "each request makes a call of its own: the same request again"
        assert told(what, "2 ids", "1") == broken(lambda: Making(create))

    def test_that_threads_confuse(self) -> None:
        """It counts, and eight of them read the counter before any has written."""

        def make() -> Making:
            calls: list[VideoCall] = []
            barrier, home = Barrier(8), get_ident()

            def create(wanted: CallRequest) -> VideoCall:
                number = len(calls)
                if get_ident() != home:
                    barrier.wait(10)
                calls.append(made(wanted, f"{number}"))
                return calls[-1]

            return Making(create)

        assert told("each request makes a call of its own: 8 threads at once", "8 ids", "1") == broken(make)

    def test_that_tasks_confuse(self) -> None:
        """As threads do, wherever it waits."""

        def make() -> Making:
            calls: list[VideoCall] = []

            async def create(wanted: CallRequest) -> VideoCall:
                number = len(calls)
                await asyncio.sleep(0)
                calls.append(made(wanted, f"{number}"))
                return calls[-1]

            return Making(create)

        assert told("each request makes a call of its own: 8 tasks at once", "8 ids", "1") == broken(make)

    def test_that_mixes_up_hosts_at_once(self) -> None:
        """A call that is made for one is given to another."""

        def make() -> Making:
            latest: list[CallRequest] = []

            async def create(wanted: CallRequest) -> VideoCall:
                latest.append(wanted)
                await asyncio.sleep(0)
                return made(latest[-1], uuid4().hex)

            return Making(create)

        assert told("the host is the one asked for", "the account of the request", "another one") == broken(make)

    # What is open.
    @pytest.mark.parametrize(("answer", "shown"), [("hunter2", "a str"), (1, "1"), (False, "False")])
    def test_that_does_not_know_its_own_call(self, answer: object, shown: str) -> None:
        """Every click would make another one, or none ever."""
        create = Adapter(VideoService()).create_call

        def is_open(_: VideoCall) -> object:
            return answer

        what = "is_open() tells whether a call just made can be joined"
        assert told(what, "True or None", shown) == broken(lambda: Making(create, is_open=is_open))

    def test_that_gives_no_bool_for_a_call_that_is_gone(self) -> None:
        """Only False says that it is."""
        provider = InMemoryVideoProvider()

        def is_open(call: VideoCall) -> object:
            return 404 if provider.is_open(call) is None else True

        what = "is_open() tells whether a call it never made can be joined"
        lines = told(what, "True or False or None", "404")
        assert lines == broken(lambda: Making(provider.create_call, is_open=is_open))

    def test_whose_is_open_nobody_awaits(self) -> None:
        """`escalate()` would never know."""
        create, is_open = Adapter(VideoService()).create_call, AsyncAdapter(VideoService()).is_open
        lines = told("is_open() is asked as create_call() is", "a function", "a coroutine function")
        assert lines == broken(lambda: Making(create, is_open=is_open))

    # Clicks.
    def test_that_refuses_what_a_click_asks_for(self) -> None:
        """Such as the title that every call has."""

        def create(wanted: CallRequest) -> VideoCall:
            if wanted.title == "Video call":
                raise ProviderRejectedError("a title is wanted")
            return made(wanted, uuid4().hex)

        lines = told("escalate() gets on with it", "an Escalation", "ProviderRejectedError: a title is wanted")
        assert lines == broken(lambda: Making(create))

    def test_whose_second_click_makes_another_call(self) -> None:
        """It knows what is open only when it is asked for the first time."""
        answers = iter([True, None, False])

        def is_open(_: VideoCall) -> bool | None:
            return next(answers)

        create = AsyncAdapter(VideoService()).create_call
        lines = told("escalate_async() reuses a call that was just made", "the same call", "another one")
        assert lines == broken(lambda: Making(create, is_open=is_open))

    # What a service answers.
    def test_that_tries_again(self) -> None:
        """The request may have arrived: every time another call."""

        def against(service: VideoService) -> Making:
            send = transport(service)

            def retrying(wanted: CallRequest) -> str:
                for _ in range(2):
                    with suppress(TimeoutError):
                        return send(wanted)
                return send(wanted)

            return Making(lambda wanted: made(wanted, sent(retrying, wanted)))

        what = "a request is sent once, where the service's answer is lost"
        assert told(what, "1 request", "3") == broken(InMemoryVideoProvider, against)

    def test_that_tries_again_when_it_is_turned_away(self) -> None:
        """Whoever is turned away is to wait."""

        def against(service: VideoService) -> Making:
            send = transport(service)

            def retrying(wanted: CallRequest) -> str:
                with suppress(Turned):
                    return send(wanted)
                return send(wanted)

            return Making(lambda wanted: made(wanted, sent(retrying, wanted)))

        what = "a request is sent once, where the service's answer is unavailable"
        assert told(what, "1 request", "2") == broken(InMemoryVideoProvider, against)

    def test_that_asks_something_else(self) -> None:
        """Nothing can be said of it."""
        what = "it asks the service it was given, where the service's answer is created"
        lines = told(what, "a request", "none")
        assert lines == broken(InMemoryVideoProvider, lambda _: InMemoryVideoProvider())

    @pytest.mark.parametrize(
        ("error", "answer", "expected"),
        [
            (ConnectionRefusedError, "connection_refused", "ProviderUnavailableError"),
            (TimeoutError, "lost", "ProviderOutcomeUnknownError"),
            (Turned, "unavailable", "ProviderUnavailableError"),
        ],
    )
    def test_that_lets_through_what_its_client_raises(self, error: type[Exception], answer: str, expected: str) -> None:
        """Nobody can tell from it what may be done next."""

        def against(service: VideoService) -> Making:
            send = transport(service)

            def create(wanted: CallRequest) -> VideoCall:
                try:
                    name = sent(send, wanted)
                except Exception as failed:
                    if isinstance(failed.__cause__, error):
                        raise failed.__cause__ from None
                    raise
                return made(wanted, name)

            return Making(create)

        first, wanted, came = broken(InMemoryVideoProvider, against)
        assert f"errors say what came of it, where the service's answer is {answer}" == first
        assert (f"  expected: {expected}", f"  came: {error.__name__}") == (wanted, came.rpartition(":")[0])

    @pytest.mark.parametrize(
        ("answer", "says", "expected"),
        [
            ("lost", ProviderUnavailableError, "ProviderOutcomeUnknownError"),
            ("rejected", ProviderOutcomeUnknownError, "ProviderRejectedError"),
            ("unavailable", ProviderRejectedError, "ProviderUnavailableError"),
        ],
    )
    def test_that_says_something_else(self, answer: str, says: type[Exception], expected: str) -> None:
        """A time-out that is taken for "unavailable" is tried again, and makes a second call."""

        def against(service: VideoService) -> Making:
            adapter = Adapter(service)

            def create(wanted: CallRequest) -> VideoCall:
                try:
                    return adapter.create_call(wanted)
                except Exception as error:
                    if type(error).__name__ == expected and service.arrivals:
                        raise says("sorry") from None
                    raise

            return Making(create)

        what = f"errors say what came of it, where the service's answer is {answer}"
        assert told(what, expected, f"{says.__name__}: sorry") == broken(InMemoryVideoProvider, against)

    def test_that_makes_a_call_up(self) -> None:
        """Where there is none."""

        def against(service: VideoService) -> Making:
            adapter = Adapter(service)

            def create(wanted: CallRequest) -> VideoCall:
                with suppress(ProviderRejectedError):
                    return adapter.create_call(wanted)
                return made(wanted, "none")

            return Making(create)

        what = "errors say what came of it, where the service's answer is rejected"
        lines = told(what, "ProviderRejectedError", "a VideoCall")
        assert lines == broken(InMemoryVideoProvider, against)

    @pytest.mark.parametrize(
        ("text", "leak"),
        [
            ("refused for {call.account_id}", "account"),
            ("no extension {call.extension_id}", "extension"),
            ("refused: https://video.example/join/1?pw=secret", "link"),
        ],
    )
    @pytest.mark.parametrize("place", ["error", "cause", "context"])
    def test_whose_errors_leak(self, text: str, leak: str, place: str) -> None:
        """Wherever a traceback shows it."""

        def against(service: VideoService) -> Making:
            adapter = Adapter(service)

            def create(call: CallRequest) -> VideoCall:
                try:
                    return adapter.create_call(call)
                except ProviderRejectedError:
                    words = text.format(call=call)
                if place == "error":
                    raise ProviderRejectedError(words)
                if place == "cause":
                    raise ProviderRejectedError("refused") from ValueError(words)
                try:
                    raise ValueError(words)  # noqa: TRY301
                except ValueError:
                    raise ProviderRejectedError("refused")  # noqa: B904  the context is what leaks

            return Making(create)

        what = "errors show no ids and no links, where the service's answer is rejected"
        where = "ProviderRejectedError" if place == "error" else "ValueError"
        assert told(what, f"no {leak}", f"one in the text of {where}") == broken(InMemoryVideoProvider, against)

    def test_may_hide_what_its_client_raised(self) -> None:
        """Behind `from None` no traceback shows it."""

        def against(service: VideoService) -> Making:
            adapter = Adapter(service)

            def create(call: CallRequest) -> VideoCall:
                try:
                    return adapter.create_call(call)
                except ProviderRejectedError:
                    pass
                try:
                    raise ValueError(call.account_id)  # noqa: TRY301
                except ValueError:
                    raise ProviderRejectedError("refused") from None

            return Making(create)

        check_video_provider(InMemoryVideoProvider, against=against)

    @pytest.mark.parametrize(
        ("answer", "error", "name", "text", "leak"),
        [
            ("rejected", ProviderRejectedError, "code", "account {call.account_id}", "account"),
            ("rejected", ProviderRejectedError, "code", "{call.extension_id}/none", "extension"),
            ("lost", ProviderOutcomeUnknownError, "call_id", "https://video.example/1?pw=1", "link"),
        ],
    )
    def test_whose_errors_carry_a_leak(
        self, answer: str, error: type[ProviderError], name: str, text: str, leak: str
    ) -> None:
        """Hosts log what an error carries as they log its text."""

        def leaking(call: CallRequest) -> Exception:
            return error("sorry", **{name: text.format(call=call)})

        what = f"errors show no ids and no links, where the service's answer is {answer}"
        lines = told(what, f"no {leak}", f"one in the {name} of {error.__name__}")
        assert lines == broken(InMemoryVideoProvider, failing(leaking))

    @pytest.mark.parametrize("after", [timedelta(seconds=-5), 5])
    def test_that_says_to_wait_for_what_is_no_time(self, after: Any) -> None:
        """Below zero, or without a unit."""

        def error(_: CallRequest) -> Exception:
            return ProviderUnavailableError("overloaded", retry_after=after)

        what = "retry_after is how long to wait, where the service's answer is unavailable"
        lines = told(what, "a timedelta of 0 or more", str(after))
        assert lines == broken(InMemoryVideoProvider, failing(error))

    @pytest.mark.parametrize(
        "error",
        [
            ProviderUnavailableError("overloaded", retry_after=timedelta(0)),
            ProviderRejectedError("refused", code="CMN-101"),
            ProviderOutcomeUnknownError("no answer", call_id="call-1"),
        ],
    )
    def test_may_carry_what_the_service_said(self, error: Exception) -> None:
        """Its code, its id of a call, its time to wait."""
        check_video_provider(InMemoryVideoProvider, against=failing(lambda _: error))

    # It answers in time.
    @pytest.mark.parametrize("is_async", [False, True])
    def test_that_hangs(self, monkeypatch: pytest.MonkeyPatch, *, is_async: bool) -> None:
        """What is said is where it is stuck."""
        monkeypatch.setattr(promises, "_STUCK", 0.5)
        freed = Event()

        def create(wanted: CallRequest) -> VideoCall:
            freed.wait()
            return made(wanted, uuid4().hex)

        async def create_elsewhere(wanted: CallRequest) -> VideoCall:
            return await asyncio.to_thread(create, wanted)

        try:
            lines = broken(lambda: Making(create_elsewhere if is_async else create))
            assert told("it makes what is asked for", "all answers within 0.5 seconds", "it is stuck") == lines
        finally:
            freed.set()

    def test_that_hangs_for_ever(self) -> None:
        """Nobody waits for its threads, not even at exit."""
        script = """if True:
            import asyncio, threading
            from escalation_policy.testing import _provider_promises, check_video_provider

            class Hanging:
                async def create_call(self, call):
                    await asyncio.to_thread(threading.Event().wait)

            _provider_promises._STUCK = 0.5
            try:
                check_video_provider(Hanging)
            except AssertionError as error:
                print(error)
        """
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.endswith("  came: it is stuck\n")


class TestVideoService:
    """The service that stands in."""

    @pytest.mark.parametrize("answer", ServiceAnswer)
    def test_says_the_same_each_time_and_counts(self, answer: ServiceAnswer) -> None:
        """Where the connection is refused, nothing arrives."""
        service = VideoService(answer)
        assert [answer, answer] == [service.receive(), service.receive()]
        assert 2 == service.attempts
        assert (0 if answer is ServiceAnswer.CONNECTION_REFUSED else 2) == service.arrivals

    def test_makes_calls_unless_told_otherwise(self) -> None:
        """As services mostly do."""
        assert ServiceAnswer.CREATED is VideoService().receive()
