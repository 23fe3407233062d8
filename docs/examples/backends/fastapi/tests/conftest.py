"""The fakes, and the backend in front of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import World, running, variables
from fastapi.testclient import TestClient

pytest_plugins = ["escalation_policy.testing.pytest_plugin"]


@pytest.fixture
def world() -> Iterator[World]:
    """Make the state behind the fakes. A request that the APIs do not document fails the test."""
    world = World()
    yield world
    assert world.wrong_requests == []


@pytest.fixture
def backend(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Start the backend, with a database of its own and Ada logged in."""
    with running(world) as address:
        for name, value in variables(world, address).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/helpdesk.db")
        from helpdesk import app  # noqa: PLC0415  it reads the environment

        with TestClient(app) as client:
            client.get("/login")
            yield client
