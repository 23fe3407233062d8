"""The fakes, and the backend in front of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import World, running, served, variables
from httpx import Client


@pytest.fixture
def world() -> Iterator[World]:
    """Make the state behind the fakes. A request that the APIs do not document fails the test."""
    world = World()
    yield world
    assert world.wrong_requests == []


@pytest.fixture
def site(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the backend, which finds the fakes and a database of its own, and return its address."""
    with running(world) as address:
        for name, value in variables(world, address).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/helpdesk.db")
        from helpdesk.app import app  # noqa: PLC0415  it reads the environment

        with served(app) as site:
            yield site


@pytest.fixture
def ada(site: str) -> Iterator[Client]:
    """Return a client that is logged in as Ada."""
    with Client(base_url=site) as client:
        client.get("/login")
        yield client
