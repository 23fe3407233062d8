"""A PostgreSQL server of our own, for what is tested against a real one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest


def _binaries() -> Path | None:
    """Find the server. Debian keeps it off the PATH."""
    command = shutil.which("pg_ctl")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[4]))
    return Path(command).resolve().parent if command else versions[-1].parent if versions else None


BINARIES: Final = _binaries()
#: Only who has the server and psycopg can run what needs them.
needs_postgresql: Final = pytest.mark.skipif(
    BINARIES is None or find_spec("psycopg") is None, reason="needs PostgreSQL and psycopg"
)


@contextmanager
def server() -> Generator[dict[str, str], None, None]:
    """Run a server without a port, and yield the variables that lead to it."""
    assert BINARIES is not None
    # Short, since a socket's path has to be, and for a user who cannot look into the folders of root's tests.
    folder = tempfile.mkdtemp(prefix="pg", dir="/tmp")
    user = _become(folder)

    def run(name: str, *arguments: str) -> None:
        done = subprocess.run(
            [f"{BINARIES}/{name}", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            cwd=folder,
            user=user,
            extra_groups=[] if user else None,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    data = f"{folder}/data"
    try:
        run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", f"-F -k {folder} -c listen_addresses=''", "start")
        try:
            yield {"PGHOST": folder, "PGUSER": "postgres", "PGDATABASE": "postgres"}
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _become(folder: str) -> str | None:
    """Give a folder to the user who runs the server, since root must not. Return that user's name, or None if it is the current user."""
    if os.geteuid() != 0:
        return None
    try:
        shutil.chown(folder, "postgres")
    except LookupError:
        shutil.chown(folder, "nobody")
        return "nobody"
    return "postgres"
