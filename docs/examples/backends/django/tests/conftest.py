"""The fakes, the messages in the database, and agents."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from fakes import World, running, variables
from helpdesk.services import services


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Serve the fakes to the backend. A request that the APIs do not document fails the test."""
    world = World()
    with running(world) as address:
        for name, value in variables(world, address).items():
            monkeypatch.setenv(name, value)
        services.cache_clear()
        cache.clear()
        yield world
        services().close()
    assert world.wrong_requests == []


@pytest.fixture
def ada(transactional_db: None, world: World) -> Client:  # noqa: ARG001  they come first
    """Load the messages, and return a client that is logged in as Ada.

    In the transaction of a `TestCase`, REST framework would roll back the whole test if it answers with an error.
    """
    call_command("load_messages")
    return logged_in("ada")


def logged_in(agent: str) -> Client:
    """Return a client that is logged in."""
    client = Client()
    client.get("/login", {"agent": agent})
    return client
