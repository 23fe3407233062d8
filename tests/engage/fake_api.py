"""A fake of the Engage API: records by their paths, and what they answer instead. It needs httpx."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import httpx

from escalation_policy import Domain, Login, RingCentralUser, VideoAccess
from escalation_policy.engage.api import AsyncEngageApi, EngageApi, Loaded

DOMAIN: Final = Domain(id="acme", ringcentral_account_id="664287016")
URL: Final = "https://acme.api.digital.ringcentral.com/1.0"
ADA: Final = RingCentralUser(extension_id="664307016", account_id="664287016", video=VideoAccess.GRANTED)
TOKEN: Final = "secret-token"  # noqa: S105  nobody's

Answer = httpx.Response | Exception | dict[str, Any]


def page(*records: Any, count: int | None = None, offset: int = 0) -> dict[str, Any]:
    """Return a page of a list."""
    total = len(records) if count is None else count
    return {"count": total, "limit": 150, "offset": offset, "records": list(records)}


RECORDS: Final[dict[str, Answer]] = {
    "/contents/c1": {
        "id": "c1",
        "source_id": "s1",
        "status": "assigned",
        "intervention_id": "i1",
        "thread_id": "t1",
        "author_id": "p1",
        "body": "secret text",
    },
    "/users/u1": {"id": "u1", "enabled": True, "role_id": "r1", "rc_user_id": "664307016", "email": "ada@example.com"},
    "/content_sources/s1": {"id": "s1", "type": "whats_app"},
    "/interventions/i1": {"id": "i1", "source_id": "s1", "thread_id": "t1", "user_id": "u1", "closed": False},
    "/identities/p1": {"id": "p1", "user_ids": []},
    "/roles/r1": {"id": "r1", "label": "Video agent", "escalate_to_video": True},
    "/interventions": page(),
}


class FakeApi:
    """Answers requests with records, and remembers their paths and queries."""

    def __init__(self, **changes: Answer) -> None:
        """Take answers by path, with `__` for `/`."""
        self.records: dict[str, Answer] = RECORDS | {f"/{path.replace('__', '/')}": to for path, to in changes.items()}
        self.requests: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.requests.append(request.url.raw_path.decode().removeprefix("/1.0"))
        answer = self.records.get(request.url.path.removeprefix("/1.0"), httpx.Response(404))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            # A response can be read once, but the tests of sync and async code share it.
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return httpx.Response(200, json=answer)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of a client."""
        return {
            "base_url": URL,
            "headers": {"Authorization": f"Bearer {TOKEN}"},
            "transport": httpx.MockTransport(self),
        }


def arguments(**changes: Any) -> dict[str, Any]:
    """Return the arguments of a click."""
    click = {"content_id": "c1", "user_id": "u1", "login": Login.RINGCENTRAL_SSO, "ringcentral": ADA}
    return click | changes


def load(fake: FakeApi, **changes: Any) -> Loaded:
    """Load a request with sync code."""
    with httpx.Client(**fake.options) as client:
        return EngageApi(client, domain=DOMAIN).request_for(**arguments(**changes))


def load_async(fake: FakeApi, **changes: Any) -> Loaded:
    """Load a request with async code."""

    async def run() -> Loaded:
        async with httpx.AsyncClient(**fake.options) as client:
            return await AsyncEngageApi(client, domain=DOMAIN).request_for(**arguments(**changes))

    return asyncio.run(run())


Load = Callable[..., Loaded]
