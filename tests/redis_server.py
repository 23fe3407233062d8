"""A Redis server of our own, for what is tested against a real one."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

BINARY: Final = shutil.which("redis-server")
#: Only who has the server and its client can run what needs them.
needs_redis: Final = pytest.mark.skipif(
    BINARY is None or find_spec("redis") is None, reason="needs redis-server and redis"
)


@contextmanager
def server() -> Generator[dict[str, str], None, None]:
    """Run a server without a port, and yield the variable that leads to it."""
    assert BINARY is not None
    # Short, since a socket's path has to be.
    folder = Path(tempfile.mkdtemp(prefix="redis", dir="/tmp"))
    socket = folder / "socket"
    # It writes everything down, but no power fails here.
    storage = ["--dir", str(folder), "--save", "", "--appendonly", "yes", "--appendfsync", "no"]
    command = [BINARY, "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", *storage]
    try:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                while not socket.exists():
                    assert process.poll() is None
                    time.sleep(0.01)
                yield {"REDIS_URL": f"unix://{socket}"}
            finally:
                process.terminate()
    finally:
        shutil.rmtree(folder)
