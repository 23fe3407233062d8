"""What pytest has to know before it collects."""

from collections.abc import Generator

import pytest
from hypothesis import settings

from postgresql import server

pytest_plugins = ["pytester"]

# A busy machine is no fault of the code's, so there is no deadline. `--hypothesis-profile=thorough` tries more examples.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def postgresql() -> Generator[dict[str, str], None, None]:
    """Start one server for all tests that need it, and return the variables that lead to it."""
    with server() as variables:
        yield variables
