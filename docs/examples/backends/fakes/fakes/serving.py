"""Serve both fakes on one address: in a thread for tests, or beside a command (see `__main__.py`)."""

import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

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
def running(world: World) -> Generator[str]:
    """Serve both fakes in a thread, on a free port of this machine. Yield the address."""
    listener = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # asyncio sets NODELAY if it is TCP
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    server = uvicorn.Server(uvicorn.Config(app(world), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()  # the socket listens already, so nobody has to wait for the server
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        world.creation.set()
        server.should_exit = True
        thread.join()
        listener.close()


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
