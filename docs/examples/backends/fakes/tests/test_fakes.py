"""The fakes refuse what the OpenAPI files do not allow, and note it."""

from collections.abc import Iterator
from typing import Any

import pytest
from fakes import World, running
from httpx import Client

BACKEND = {"Authorization": "Bearer engage-token-of-the-backend"}
ADA = {"Authorization": "Bearer ringcentral-token-of-ada"}
BRIDGES = "/rcvideo/v2/account/664287016/extension/664307016/bridges"


WORLD = World()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Return a client of the fakes."""
    with running(WORLD) as address, Client(base_url=address) as client:
        yield client


@pytest.fixture
def world() -> World:
    """Return the state behind the fakes."""
    WORLD.wrong_requests.clear()
    return WORLD


@pytest.mark.parametrize(
    ("request_line", "more", "status"),
    [
        ("GET /1.0/contents/message-1", {}, 401),  # without a token
        ("GET /1.0/contents/message-1?fields=id", {"headers": BACKEND}, 400),
        ("GET /1.0/contents?limit=151", {"headers": BACKEND}, 400),
        ("GET /1.0/interventions?status=open", {"headers": BACKEND}, 400),
        ("GET /1.0/messages", {"headers": BACKEND}, 404),
        ("PUT /1.0/contents/message-1", {"headers": BACKEND}, 404),
        ("POST /1.0/contents", {"headers": BACKEND, "data": {"in_reply_to_id": "message-1"}}, 422),
        ("POST /1.0/contents", {"headers": BACKEND, "data": {"body": "Hello", "in_reply_to_id": "nothing"}}, 422),
        ("POST /1.0/contents", {"headers": BACKEND, "data": {"body": "Hello", "privately": "true"}}, 400),
        ("POST /1.0/contents", {"headers": BACKEND, "json": {"body": "Hello"}}, 400),
        ("GET /1.0/contents/message-1?impersonated_user_id=nobody", {"headers": BACKEND}, 400),
        (f"POST {BRIDGES}", {}, 401),
        (f"POST {BRIDGES}", {"headers": ADA, "data": {"type": "Instant"}}, 400),
        (f"POST {BRIDGES}", {"headers": ADA, "json": {"kind": "Instant"}}, 400),
        (f"POST {BRIDGES}", {"headers": ADA, "json": {"type": "Weekly"}}, 400),
        (f"POST {BRIDGES}", {"headers": ADA, "json": {"security": {"noGuests": "no"}}}, 400),
        (f"POST {BRIDGES}", {"headers": ADA, "json": {"security": {"passwordProtected": True}}}, 400),
        ("GET /rcvideo/v1/bridges", {"headers": ADA}, 404),
    ],
)
def test_wrong_requests_are_noted(
    request_line: str, more: dict[str, Any], status: int, world: World, client: Client
) -> None:
    assert client.request(*request_line.split(), **more).status_code == status
    assert len(world.wrong_requests) == 1
    assert not world.replies
    assert not world.bridges


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        ("GET /1.0/contents/nothing", BACKEND, 404),
        ("GET /1.0/contents/message-1", {"Authorization": "Bearer old"}, 401),
        (f"POST {BRIDGES}".replace("664307016", "664307018"), ADA, 403),  # Dan is the host
        ("GET /rcvideo/v2/bridges/nothing", ADA, 404),
    ],
)
def test_refusals_of_the_apis_are_no_faults_of_the_backend(
    request_line: str, headers: dict[str, str], status: int, world: World, client: Client
) -> None:
    assert client.request(*request_line.split(), headers=headers).status_code == status
    assert world.wrong_requests == []


def test_only_users_that_manage_roles_read_them(world: World, client: Client) -> None:
    world.tokens["ada's token"] = "ada"
    answers = [
        client.get("/1.0/roles/agent", headers=each) for each in (BACKEND, {"Authorization": "Bearer ada's token"})
    ]
    assert [answer.status_code for answer in answers] == [200, 403]
