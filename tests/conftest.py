"""What pytest has to know before it collects."""

from collections.abc import Callable, Generator
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import settings

import postgresql as postgresql_server
import redis_server

pytest_plugins = ["pytester"]

# A busy machine is no fault of the code's, so there is no deadline. `--hypothesis-profile=thorough` tries more examples, and
# `exhaustive` takes minutes for a single test.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None)
settings.register_profile("exhaustive", deadline=None, max_examples=2100)
settings.load_profile("quick")

_NUMBERS: Final = count(1)


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


@pytest.fixture(scope="session")
def new_database(postgresql: dict[str, str]) -> Callable[[], str]:
    """Return a function that creates an empty database in PostgreSQL, and returns its name."""
    connect = import_module("psycopg").connect

    def create() -> str:
        name = f"calls{next(_NUMBERS)}"
        with connect(f"host={postgresql['PGHOST']} user=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    return create


@pytest.fixture(scope="session")
def new_file() -> Generator[Callable[[], Path], None, None]:
    """Return a function that returns the path of a new file, in memory if possible: SQLite waits for the disk."""
    memory = Path("/dev/shm")  # noqa: S108  the folder in it is private
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield lambda: Path(folder) / f"{next(_NUMBERS)}.db"


@pytest.fixture(scope="session")
def django(
    new_database: Callable[[], str], postgresql: dict[str, str], new_file: Callable[[], Path]
) -> Generator[None, None, None]:
    """Set up Django with a database of each kind, and migrate both."""
    name, engine = new_database(), "django.db.backends.postgresql"
    in_postgresql = {"ENGINE": engine, "HOST": postgresql["PGHOST"], "USER": "postgres", "NAME": name}
    import_module("django.conf").settings.configure(
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": new_file()},
            "postgresql": in_postgresql,
            # The same database, through other connections.
            "calls": in_postgresql,
            "pooled": in_postgresql | {"OPTIONS": {"pool": True}},
            "repeatable": in_postgresql | {"OPTIONS": {"isolation_level": 3}},
        },
        INSTALLED_APPS=["escalation_policy.ledgers.django"],
    )
    import_module("django").setup()
    for alias in ("default", "postgresql"):
        import_module("django.core.management").call_command("migrate", database=alias, verbosity=0)
    yield
    connections = import_module("django.db").connections
    connections.close_all()
    connections["pooled"].close_pool()
