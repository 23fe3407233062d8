"""What tests of providers share. Without httpx, none of them is collected."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from providers.loopback import Loopback

collect_ignore_glob = [] if find_spec("httpx") else ["test_*.py"]


@pytest.fixture
def server() -> Iterator[Loopback]:
    """Return a server that creates bridges."""
    with Loopback() as server:
        yield server
