"""What pytest has to know before it collects."""

from collections.abc import Generator

import pytest
from hypothesis import settings

import postgresql as postgresql_server
import redis_server

pytest_plugins = ["pytester"]

# A busy machine is no fault of the code's, so there is no deadline. `--hypothesis-profile=thorough` tries more examples.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def postgresql() -> Generator[dict[str, str], None, None]:
    """Start one server for all tests that need it, and return the variables that lead to it."""
    with postgresql_server.server() as variables:
        yield variables


@pytest.fixture(scope="session")
def redis() -> Generator[dict[str, str], None, None]:
    """Do the same with Redis."""
    with redis_server.server() as variables:
        yield variables
