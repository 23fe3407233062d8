"""The check of providers as adapter authors run it: promise passes, and the message for each broken promise."""

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
from escalation_policy.testing import _provider_check as provider_check
from escalation_policy.testing._recorder import Recorder
from escalation_policy.video import CallRequest, InMemoryVideoProvider, VideoCall

Send = Callable[[CallRequest], str]


class StatusError(Exception):
    """An HTTP status other than success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


def transport(service: VideoService) -> Send:
    """Make a transport for an adapter. It returns the id of a call, or raises as a client does."""

    def send(_: CallRequest) -> str:
        answer = service.receive()
        if answer is ServiceAnswer.UNAVAILABLE:
            raise StatusError(503)
        if answer is ServiceAnswer.REJECTED:
            raise StatusError(400)
        if answer is ServiceAnswer.LOST:
            raise TimeoutError("timed out")
        if answer is ServiceAnswer.CONNECTION_REFUSED:
            raise ConnectionRefusedError("refused")
        return uuid4().hex

    return send


def send_request(send: Send, request: CallRequest) -> str:
    """Send a request, and raise the library's errors."""
    try:
        return send(request)
    except ConnectionRefusedError as error:
        raise ProviderUnavailableError("the service cannot be reached") from error
    except TimeoutError as error:
        raise ProviderOutcomeUnknownError("the service did not answer in time") from error
    except StatusError as error:
        if error.status == 503:
            raise ProviderUnavailableError("the service is overloaded") from error
        raise ProviderRejectedError("the service refused") from error


def a_call(request: CallRequest, name: str) -> VideoCall:
    """Return the requested call."""
    return VideoCall(
        id=name,
        join_url=f"https://video.example/join/{name}",
        account_id=request.account_id,
        extension_id=request.extension_id,
        created_at=datetime.now(UTC),
    )


class Adapter:
    """A provider that keeps all promises."""

    def __init__(self, service: VideoService) -> None:
        """Set the service that gets the requests."""
        self.send = transport(service)

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call."""
        return a_call(call, send_request(self.send, call))


class AsyncAdapter:
    """An async provider that keeps all promises."""

    def __init__(self, service: VideoService) -> None:
        """Set the service that gets the requests."""
        self.adapter = Adapter(service)

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call."""
        await asyncio.sleep(0)
        return self.adapter.create_call(call)

    async def is_open(self, _: VideoCall, /) -> bool | None:
        """Return that it does not know."""
        return None


class Provider:
    """A provider with a function for `create_call()`."""

    def __init__(self, create: Callable[[CallRequest], Any], **more: Any) -> None:
        """Set `create_call()`, and other methods by name."""
        self.create_call = create
        vars(self).update(more)


def check_broken(make: Callable[[], Any], against: Callable[[VideoService], Any] | None = None) -> list[str]:
    """Check a provider that breaks a promise, and return the lines of the message."""
    with pytest.raises(AssertionError) as caught:
        check_video_provider(make, against=against)
    first, *more = str(caught.value).splitlines()
    return [first.removeprefix("the provider breaks a promise: "), *more]


def message(promise: str, expected: str, actual: str) -> list[str]:
    """Return the lines of the message for a broken promise."""
    return [promise, f"  expected: {expected}", f"  actual: {actual}"]


def changing(change: Callable[[VideoCall, CallRequest], VideoCall]) -> Callable[[], Provider]:
    """Make providers whose calls are changed."""
    return lambda: Provider(lambda request: change(a_call(request, uuid4().hex), request))


def failing(error: Callable[[CallRequest], Exception]) -> Callable[[VideoService], Provider]:
    """Make adapters that raise this error instead of others of its class."""

    def against(service: VideoService) -> Provider:
        adapter = Adapter(service)

        def create(call: CallRequest) -> VideoCall:
            try:
                return adapter.create_call(call)
            except ProviderError as raised:
                if type(raised) is type(error(call)):
                    raise error(call) from None
                raise

        return Provider(create)

    return against


class TestCheckVideoProvider:
    """A provider that keeps its promises passes."""

    def test_accepts_the_provider_in_memory(self) -> None:
        """It takes one line."""
        check_video_provider(InMemoryVideoProvider)

    @pytest.mark.parametrize("adapter", [Adapter, AsyncAdapter])
    def test_accepts_a_provider_whose_service_fails(
        self, adapter: Callable[[VideoService], Adapter | AsyncAdapter]
    ) -> None:
        """Sync or async."""
        check_video_provider(lambda: adapter(VideoService()), against=adapter)

    def test_accepts_the_same_provider_each_time(self) -> None:
        """`make` need not make a new one."""
        provider = InMemoryVideoProvider()
        check_video_provider(lambda: provider)

    @pytest.mark.parametrize("adapter", [Adapter, AsyncAdapter])
    def test_works_in_an_async_test(self, adapter: Callable[[VideoService], Adapter | AsyncAdapter]) -> None:
        """Although a loop is already running there."""

        async def test() -> None:
            check_video_provider(lambda: adapter(VideoService()))

        asyncio.run(test())

    @pytest.mark.parametrize("adapter", [Adapter, AsyncAdapter])
    def test_is_not_recorded_as_a_test_of_the_policy(
        self, adapter: Callable[[VideoService], Adapter | AsyncAdapter]
    ) -> None:
        """The recorder sees only decisions of the host's tests."""
        policies: list[object] = []
        remove = Recorder(lambda policy, _: policies.append(policy)).install()
        try:
            check_video_provider(lambda: adapter(VideoService()))
            ESCALATE_TO_VIDEO.decide(a_request())
        finally:
            remove()
        assert 1 == len(policies)

    def test_calls_from_eight_threads_at_once(self) -> None:
        """Even if each call returns immediately."""
        threads: set[int] = set()

        def make() -> Provider:
            home = get_ident()

            def create(request: CallRequest) -> VideoCall:
                threads.update({get_ident()} - {home})
                return a_call(request, uuid4().hex)

            return Provider(create)

        check_video_provider(make)
        assert 8 == len(threads)

    def test_accepts_an_is_open_that_raises(self) -> None:
        """An exception means that the provider does not know."""

        def is_open(_: VideoCall) -> None:
            raise TimeoutError

        check_video_provider(lambda: Provider(Adapter(VideoService()).create_call, is_open=is_open))

    def test_accepts_a_second_attempt_to_connect(self) -> None:
        """Nothing arrived, so nothing was created."""

        def against(service: VideoService) -> Provider:
            send = transport(service)

            def patient(request: CallRequest) -> str:
                try:
                    return send(request)
                except ConnectionRefusedError:
                    return send(request)

            return Provider(lambda request: a_call(request, send_request(patient, request)))

        check_video_provider(lambda: against(VideoService()), against=against)


class TestBrokenPromises:
    """Each broken promise has a message of its own."""

    # The requested call.
    def test_reports_a_missing_create_call(self) -> None:
        """It is not a provider."""
        assert message("the provider creates calls", "a method create_call()", "none") == check_broken(
            cast("Any", object)
        )

    def test_reports_another_argument(self) -> None:
        """`escalate()` does not pass it."""

        def create(request: CallRequest, title: str) -> VideoCall:
            return a_call(request, title)

        promise, expected = "create_call() takes nothing but a request", "one positional argument"
        lines = message(promise, expected, "missing a required argument: 'title'")
        assert lines == check_broken(lambda: Provider(cast("Any", create)))

    def test_reports_another_host(self) -> None:
        """One agent would host the calls of all."""
        other = changing(lambda call, _: attrs.evolve(call, extension_id="1"))
        assert message(
            "the call has the host of the request", "the extension of the request", "another extension"
        ) == check_broken(other)
        other = changing(lambda call, _: attrs.evolve(call, account_id="1"))
        assert message(
            "the call has the host of the request", "the account of the request", "another account"
        ) == check_broken(other)

    def test_reports_the_host_of_an_earlier_call(self) -> None:
        """The provider remembers the first host."""
        hosts: list[CallRequest] = []

        def create(request: CallRequest) -> VideoCall:
            hosts.append(request)
            return a_call(hosts[0], uuid4().hex)

        assert message(
            "the call has the host of the request", "the account of the request", "another account"
        ) == check_broken(lambda: Provider(create))

    def test_reports_a_result_that_is_not_a_call(self) -> None:
        """For example the service's response, not parsed."""
        lines = message("create_call() creates a call", "a VideoCall", "a dict")
        assert lines == check_broken(lambda: Provider(lambda request: {"id": request.key}))

    def test_reports_an_exception(self) -> None:
        """The message shows it, and it is the cause of the failure."""
        error = ProviderRejectedError("no such account")
        with pytest.raises(AssertionError, match=r"actual: ProviderRejectedError: no such account$") as caught:
            check_video_provider(lambda: InMemoryVideoProvider(errors=[error]))
        assert error is caught.value.__cause__

    @pytest.mark.parametrize("days", [-2, 2])
    def test_reports_another_time(self, days: int) -> None:
        """A wrong time zone is off by hours; two days are a clock that was never set, or another date."""
        at = datetime.now(UTC) + timedelta(days=days)
        other = changing(lambda call, _: attrs.evolve(call, created_at=at))
        assert message("created_at is the time of creation", "now, give or take a day", f"{at}") == check_broken(other)

    @pytest.mark.parametrize("title", ["{}", "{}?x=1"])
    def test_reports_a_title_in_the_link(self, title: str) -> None:
        """In any spelling."""

        def create(request: CallRequest) -> VideoCall:
            link = title.format(request.title.replace(" ", "%20").upper())
            return attrs.evolve(a_call(request, uuid4().hex), join_url=f"https://video.example/{link}")

        assert message("the link does not show the title", "no part of it", "a part of it") == check_broken(
            lambda: Provider(create)
        )

    @pytest.mark.parametrize("part", [slice(0, 65), slice(0, 8), slice(40, 48)], ids=["all", "beginning", "middle"])
    def test_reports_a_key_in_the_link(self, part: slice) -> None:
        """Even if it is only a part of the key."""
        name = changing(lambda call, request: attrs.evolve(call, join_url=f"https://video.example/{request.key[part]}"))
        assert message("the link does not show the key", "no part of it", "a part of it") == check_broken(name)

    # A call for each request.
    def test_reports_one_call_for_all_requests(self) -> None:
        """For example a permanent room."""
        one = changing(lambda call, _: attrs.evolve(call, id="1"))
        assert message("each request creates a call of its own: two requests", "2 ids", "1") == check_broken(one)
        one = changing(lambda call, _: attrs.evolve(call, join_url="https://video.example/room"))
        assert message("each request creates a call of its own: two requests", "2 links", "1") == check_broken(one)

    def test_reports_the_same_call_for_a_repeated_request(self) -> None:
        """`again=True` would get the same dead room."""
        calls: dict[str, VideoCall] = {}

        def create(request: CallRequest) -> VideoCall:
            return calls.setdefault(request.key, a_call(request, uuid4().hex))

        promise = "each request creates a call of its own: the same request again"
        assert message(promise, "2 ids", "1") == check_broken(lambda: Provider(create))

    def test_reports_calls_that_threads_mix_up(self) -> None:
        """Eight threads read a counter before one of them writes it."""

        def make() -> Provider:
            calls: list[VideoCall] = []
            barrier, home = Barrier(8), get_ident()

            def create(request: CallRequest) -> VideoCall:
                number = len(calls)
                if get_ident() != home:
                    barrier.wait(10)
                calls.append(a_call(request, f"{number}"))
                return calls[-1]

            return Provider(create)

        assert message("each request creates a call of its own: 8 threads at once", "8 ids", "1") == check_broken(make)

    def test_reports_calls_that_tasks_mix_up(self) -> None:
        """Wherever the provider awaits something."""

        def make() -> Provider:
            calls: list[VideoCall] = []

            async def create(request: CallRequest) -> VideoCall:
                number = len(calls)
                await asyncio.sleep(0)
                calls.append(a_call(request, f"{number}"))
                return calls[-1]

            return Provider(create)

        assert message("each request creates a call of its own: 8 tasks at once", "8 ids", "1") == check_broken(make)

    def test_reports_hosts_that_tasks_mix_up(self) -> None:
        """One caller gets the call of another one."""

        def make() -> Provider:
            latest: list[CallRequest] = []

            async def create(request: CallRequest) -> VideoCall:
                latest.append(request)
                await asyncio.sleep(0)
                return a_call(latest[-1], uuid4().hex)

            return Provider(create)

        assert message(
            "the call has the host of the request", "the account of the request", "another account"
        ) == check_broken(make)

    # is_open().
    @pytest.mark.parametrize(("answer", "shown"), [("hunter2", "a str"), (1, "1"), (False, "False")])
    def test_reports_an_is_open_that_is_wrong_about_a_new_call(self, answer: object, shown: str) -> None:
        """Every click would create a call, or none ever would."""
        create = Adapter(VideoService()).create_call

        def is_open(_: VideoCall) -> object:
            return answer

        promise = "is_open() says whether a call that it has just created can be joined"
        assert message(promise, "True or None", shown) == check_broken(lambda: Provider(create, is_open=is_open))

    def test_reports_an_is_open_that_returns_no_bool(self) -> None:
        """Only False means that a call is gone."""
        provider = InMemoryVideoProvider()

        def is_open(call: VideoCall) -> object:
            return 404 if provider.is_open(call) is None else True

        promise = "is_open() says whether a call that it never created can be joined"
        lines = message(promise, "True or False or None", "404")
        assert lines == check_broken(lambda: Provider(provider.create_call, is_open=is_open))

    def test_reports_an_async_is_open_of_a_sync_provider(self) -> None:
        """`escalate()` would not await it."""
        create, is_open = Adapter(VideoService()).create_call, AsyncAdapter(VideoService()).is_open
        lines = message("is_open() is async only if create_call() is", "a function", "a coroutine function")
        assert lines == check_broken(lambda: Provider(create, is_open=is_open))

    # Clicks.
    def test_reports_a_provider_that_refuses_the_request_of_a_click(self) -> None:
        """Here, the title that every call has."""

        def create(request: CallRequest) -> VideoCall:
            if request.title == "Video call":
                raise ProviderRejectedError("a title is request")
            return a_call(request, uuid4().hex)

        lines = message(
            "escalate() works with the provider", "an Escalation", "ProviderRejectedError: a title is request"
        )
        assert lines == check_broken(lambda: Provider(create))

    def test_reports_a_second_click_that_creates_another_call(self) -> None:
        """`is_open()` is right only once."""
        answers = iter([True, None, False])

        def is_open(_: VideoCall) -> bool | None:
            return next(answers)

        create = AsyncAdapter(VideoService()).create_call
        lines = message("escalate_async() reuses a call that was just created", "the same call", "another one")
        assert lines == check_broken(lambda: Provider(create, is_open=is_open))

    # Answers of the service.
    def test_reports_a_repeated_request(self) -> None:
        """The first one may have arrived, and each creates a call."""

        def against(service: VideoService) -> Provider:
            send = transport(service)

            def retrying(request: CallRequest) -> str:
                for _ in range(2):
                    with suppress(TimeoutError):
                        return send(request)
                return send(request)

            return Provider(lambda request: a_call(request, send_request(retrying, request)))

        promise = "it sends a request once, if the service's answer is lost"
        assert message(promise, "1 request", "3") == check_broken(InMemoryVideoProvider, against)

    def test_reports_a_repeated_request_that_was_refused(self) -> None:
        """The service asked the provider to wait."""

        def against(service: VideoService) -> Provider:
            send = transport(service)

            def retrying(request: CallRequest) -> str:
                with suppress(StatusError):
                    return send(request)
                return send(request)

            return Provider(lambda request: a_call(request, send_request(retrying, request)))

        promise = "it sends a request once, if the service's answer is unavailable"
        assert message(promise, "1 request", "2") == check_broken(InMemoryVideoProvider, against)

    def test_reports_a_provider_that_does_not_use_the_service(self) -> None:
        """The check would prove nothing."""
        promise = "it sends requests to the service, if the service's answer is created"
        lines = message(promise, "a request", "none")
        assert lines == check_broken(InMemoryVideoProvider, lambda _: InMemoryVideoProvider())

    @pytest.mark.parametrize(
        ("error", "answer", "expected"),
        [
            (ConnectionRefusedError, "connection_refused", "ProviderUnavailableError"),
            (TimeoutError, "lost", "ProviderOutcomeUnknownError"),
            (StatusError, "unavailable", "ProviderUnavailableError"),
        ],
    )
    def test_reports_exceptions_of_the_client(self, error: type[Exception], answer: str, expected: str) -> None:
        """Nobody can see from them whether to try again."""

        def against(service: VideoService) -> Provider:
            send = transport(service)

            def create(request: CallRequest) -> VideoCall:
                try:
                    name = send_request(send, request)
                except Exception as failed:
                    if isinstance(failed.__cause__, error):
                        raise failed.__cause__ from None
                    raise
                return a_call(request, name)

            return Provider(create)

        promise, expected_line, actual_line = check_broken(InMemoryVideoProvider, against)
        assert f"errors say whether a call was created, if the service's answer is {answer}" == promise
        lines = (expected_line, actual_line.rpartition(":")[0])
        assert (f"  expected: a {expected}", f"  actual: {error.__name__}") == lines

    @pytest.mark.parametrize(
        ("answer", "other", "expected"),
        [
            ("lost", ProviderUnavailableError, "ProviderOutcomeUnknownError"),
            ("rejected", ProviderOutcomeUnknownError, "ProviderRejectedError"),
            ("unavailable", ProviderRejectedError, "ProviderUnavailableError"),
        ],
    )
    def test_reports_the_wrong_error(self, answer: str, other: type[Exception], expected: str) -> None:
        """If a time-out counts as "unavailable", the next attempt creates a second call."""

        def against(service: VideoService) -> Provider:
            adapter = Adapter(service)

            def create(request: CallRequest) -> VideoCall:
                try:
                    return adapter.create_call(request)
                except Exception as error:
                    if type(error).__name__ == expected and service.arrivals:
                        raise other("sorry") from None
                    raise

            return Provider(create)

        promise = f"errors say whether a call was created, if the service's answer is {answer}"
        assert message(promise, f"a {expected}", f"{other.__name__}: sorry") == check_broken(
            InMemoryVideoProvider, against
        )

    def test_reports_an_invented_call(self) -> None:
        """The service created none."""

        def against(service: VideoService) -> Provider:
            adapter = Adapter(service)

            def create(request: CallRequest) -> VideoCall:
                with suppress(ProviderRejectedError):
                    return adapter.create_call(request)
                return a_call(request, "none")

            return Provider(create)

        promise = "errors say whether a call was created, if the service's answer is rejected"
        lines = message(promise, "a ProviderRejectedError", "a VideoCall")
        assert lines == check_broken(InMemoryVideoProvider, against)

    @pytest.mark.parametrize(
        ("text", "leak"),
        [
            ("refused for {call.account_id}", "account"),
            ("no extension {call.extension_id}", "extension"),
            ("refused: https://video.example/join/1?pw=secret", "link"),
        ],
    )
    @pytest.mark.parametrize("place", ["error", "cause", "context"])
    def test_reports_leaks_in_the_texts_of_errors(self, text: str, leak: str, place: str) -> None:
        """In each error that a traceback shows."""

        def against(service: VideoService) -> Provider:
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
                    raise ProviderRejectedError("refused")  # noqa: B904  the context is promise leaks

            return Provider(create)

        promise = "errors show no ids and no links, if the service's answer is rejected"
        where = "ProviderRejectedError" if place == "error" else "ValueError"
        assert message(promise, f"no {leak}", f"one in the text of {where}") == check_broken(
            InMemoryVideoProvider, against
        )

    def test_accepts_a_hidden_exception_of_the_client(self) -> None:
        """With `from None`, no traceback shows it."""

        def against(service: VideoService) -> Provider:
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

            return Provider(create)

        check_video_provider(InMemoryVideoProvider, against=against)

    @pytest.mark.parametrize(
        ("answer", "error", "name", "text", "leak"),
        [
            ("rejected", ProviderRejectedError, "code", "account {call.account_id}", "account"),
            ("rejected", ProviderRejectedError, "code", "{call.extension_id}/none", "extension"),
            ("lost", ProviderOutcomeUnknownError, "call_id", "https://video.example/1?pw=1", "link"),
        ],
    )
    def test_reports_leaks_in_the_attributes_of_errors(
        self, answer: str, error: type[ProviderError], name: str, text: str, leak: str
    ) -> None:
        """Hosts log them too."""

        def leaking(call: CallRequest) -> Exception:
            return error("sorry", **{name: text.format(call=call)})

        promise = f"errors show no ids and no links, if the service's answer is {answer}"
        lines = message(promise, f"no {leak}", f"one in the {name} of {error.__name__}")
        assert lines == check_broken(InMemoryVideoProvider, failing(leaking))

    @pytest.mark.parametrize("after", [timedelta(seconds=-5), 5])
    def test_reports_a_retry_after_that_is_not_a_duration(self, after: Any) -> None:
        """Below zero, or without a unit."""

        def error(_: CallRequest) -> Exception:
            return ProviderUnavailableError("overloaded", retry_after=after)

        promise = "retry_after is how long to wait, if the service's answer is unavailable"
        lines = message(promise, "a timedelta of 0 or more", str(after))
        assert lines == check_broken(InMemoryVideoProvider, failing(error))

    @pytest.mark.parametrize(
        "error",
        [
            ProviderUnavailableError("overloaded", retry_after=timedelta(0)),
            ProviderRejectedError("refused", code="CMN-101"),
            ProviderOutcomeUnknownError("no answer", call_id="call-1"),
        ],
    )
    def test_accepts_attributes_from_the_service(self, error: Exception) -> None:
        """Its error code, its id of a call, its time to wait."""
        check_video_provider(InMemoryVideoProvider, against=failing(lambda _: error))

    # The time limit.
    @pytest.mark.parametrize("is_async", [False, True])
    def test_reports_the_promise_at_which_a_provider_is_stuck(
        self, monkeypatch: pytest.MonkeyPatch, *, is_async: bool
    ) -> None:
        """The time limit covers all promises together."""
        monkeypatch.setattr(provider_check, "_TIME_LIMIT", 0.5)
        freed = Event()

        def create(request: CallRequest) -> VideoCall:
            freed.wait()
            return a_call(request, uuid4().hex)

        async def create_elsewhere(request: CallRequest) -> VideoCall:
            return await asyncio.to_thread(create, request)

        try:
            lines = check_broken(lambda: Provider(create_elsewhere if is_async else create))
            assert (
                message("create_call() creates the requested call", "all results within 0.5 seconds", "it is stuck")
                == lines
            )
        finally:
            freed.set()

    def test_leaves_no_thread_that_the_interpreter_waits_for(self) -> None:
        """Not even a thread of asyncio's executor."""
        script = """if True:
            import asyncio, threading
            from escalation_policy.testing import _provider_check, check_video_provider

            class Hanging:
                async def create_call(self, call):
                    await asyncio.to_thread(threading.Event().wait)

            _provider_check._TIME_LIMIT = 0.5
            try:
                check_video_provider(Hanging)
            except AssertionError as error:
                print(error)
        """
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.endswith("  actual: it is stuck\n")


class TestVideoService:
    """The service behind a provider."""

    @pytest.mark.parametrize("answer", ServiceAnswer)
    def test_gives_the_same_answer_each_time_and_counts(self, answer: ServiceAnswer) -> None:
        """If the connection is refused, nothing arrives."""
        service = VideoService(answer)
        assert [answer, answer] == [service.receive(), service.receive()]
        assert 2 == service.attempts
        assert (0 if answer is ServiceAnswer.CONNECTION_REFUSED else 2) == service.arrivals

    def test_creates_calls_by_default(self) -> None:
        """As services mostly do."""
        assert ServiceAnswer.CREATED is VideoService().receive()
