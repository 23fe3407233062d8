"""The check that a provider of video calls keeps its promises."""

from collections.abc import Callable

from ..typing import AsyncVideoProvider, VideoProvider
from ._recorder import unseen
from ._video_service import VideoService


def check_video_provider(
    make: Callable[[], VideoProvider | AsyncVideoProvider],
    *,
    against: Callable[[VideoService], VideoProvider | AsyncVideoProvider] | None = None,
) -> None:
    """Checks that a provider keeps what `VideoProvider` promises, or `AsyncVideoProvider` where it is async.

    It makes the call that it is asked for, another one each time, for eight threads or tasks at once too; its links show
    neither title nor key; and `escalate()` gets on with it. With `against`, also: it sends a request once, its errors say
    what came of that, and they show no id and no link. It takes two minutes at most.

    Through httpx, a provider works against a `VideoService` like this:

        def answer(_: httpx.Request) -> httpx.Response:
            match service.receive():
                case ServiceAnswer.CREATED: return httpx.Response(201, json={"id": uuid4().hex})
                case ServiceAnswer.UNAVAILABLE: return httpx.Response(503)
                case ServiceAnswer.REJECTED: return httpx.Response(400)
                case ServiceAnswer.LOST: raise httpx.ReadTimeout("timed out")
                case ServiceAnswer.CONNECTION_REFUSED: raise httpx.ConnectError("refused")

        provider = MyProvider(httpx.Client(transport=httpx.MockTransport(answer)))

    Args:
        make: Makes a provider that works without a network, and succeeds each time; it may be the same one again.
        against: Makes a provider whose requests for calls are taken by this service.

    Raises:
        AssertionError: A promise is broken; says which, what was expected and what came.
    """
    __tracebackhide__ = True
    # What only this needs takes as long to import as the rest of the kit, and pytest starts with that.
    from ._provider_promises import BrokenPromiseError, keep_promises  # noqa: PLC0415

    # What is decided for clicks of ours is no test of the host's.
    with unseen():
        try:
            keep_promises(make, against)
        except BrokenPromiseError as broken:
            raise AssertionError(f"the provider breaks a promise: {broken}") from broken.__cause__
