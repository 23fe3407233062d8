"""Serve both fakes on one address: in a thread for tests, or beside a command (see `__main__.py`)."""

import json
import os
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .engage import engage
from .ringcentral import ringcentral
from .world import ACCOUNT_ID, World


def app(world: World) -> ASGIApp:
    """Make one application of both fakes."""
    engage_app, ringcentral_app = engage(world), ringcentral(world)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope.get("method", ""), scope.get("path", "")
        world.requests.append(f"{method} {path}")
        for failure in world.failures:
            if failure[0] == method and path.startswith(failure[1]):
                world.failures.remove(failure)
                await JSONResponse({}, failure[2], headers=failure[3])(scope, receive, send)
                return
        if path.startswith("/1.0/"):
            await engage_app({**scope, "root_path": "/1.0"}, receive, send)
        else:
            await ringcentral_app(scope, receive, send)

    return serve


@contextmanager
def served(application: ASGIApp, *, lifespan: Literal["on", "off"] = "on") -> Generator[str]:
    """Serve an application in a thread, on a free port of this machine. Yield the address."""
    # asyncio turns off the delay of small packets only if it knows that the socket is TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)  # from now on, connections wait until the server has started
    server = uvicorn.Server(uvicorn.Config(application, lifespan=lifespan, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def running(world: World) -> Generator[str]:
    """Serve both fakes in a thread. Yield their address."""
    with served(app(world), lifespan="off") as address:
        try:
            yield address
        finally:
            world.creation.set()


def environment(world: World, address: str) -> dict[str, str]:
    """Return the environment for a backend in a process of its own."""
    return {**os.environ, **variables(world, address)}


def variables(world: World, address: str) -> dict[str, str]:
    """Return the environment variables with which the example backends find the fakes."""
    tokens = {extension: token for token, extension in world.ringcentral_tokens.items()}
    return {
        "ENGAGE_URL": f"{address}/1.0",
        "ENGAGE_DOMAIN": "acme",
        "ENGAGE_TOKEN": next(iter(world.tokens)),
        "RINGCENTRAL_URL": address,
        "RINGCENTRAL_TOKENS": json.dumps(tokens),
        "RINGCENTRAL_ACCOUNT_ID": ACCOUNT_ID,
        "WEBHOOK_SECRET": "a secret of the webhook",
        "WEBHOOK_TOKEN": "a token of the webhook",
        "SESSION_SECRET": "a secret of the sessions",
    }
