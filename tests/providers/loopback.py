"""An HTTP server on loopback that responds as RingCentral is documented to, or in any other way that a script says."""

import json
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from threading import Event, Thread
from typing import Any, Final, NamedTuple, Self

ACCOUNT, EXTENSION = "664287016", "664307016"
BRIDGE = "iad41-c04-ndb256065cf14ae6a1832389d9c2e"
LINK = "https://v.ringcentral.com/join/018209241352"
HASH = "99e4f8e6a241fc71279449a9c8f46eef"
DATE = "Sat, 31 Jan 2026 09:30:00 GMT"


class Action(Enum):
    """What a server can do besides sending."""

    STALL = "stall"  #: Send nothing more as long as the client waits.
    TRICKLE = "trickle"  #: Send a space every few milliseconds, as long as the client waits.
    RESET = "reset"  #: Cut the connection.


#: What a server does, in order. Then it closes the connection.
Script = Iterable[bytes | Action]


class ReceivedRequest(NamedTuple):
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.content)


def response(status: int, body: object = b"", **headers: str) -> list[bytes | Action]:
    """Return the head and the body of a response. A body that is not bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {
        "Connection": "close",
        "Content-Length": str(len(content)),
        "Content-Type": "application/json",
        "Date": DATE,
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Some Reason", *[f"{name}: {value}" for name, value in fields.items() if value], "", ""]
    return ["\r\n".join(lines).encode(), content]


def error_body(*codes: str) -> dict[str, Any]:
    """Return the body of an error, as RingCentral documents it, with texts that nobody may see."""
    errors = [{"errorCode": code, "message": "ada@example.com", "permissionName": "Secret"} for code in codes]
    return {"errorCode": "InsufficientPermissions", "message": "secret-token", "errors": errors}


def a_bridge(request: ReceivedRequest | None = None, **changes: Any) -> dict[str, Any]:
    """Return a bridge as requested, with changes. None removes a field."""
    body: dict[str, Any] = request.json() if request else {"type": "Instant", "name": "Video call", "security": {}}
    protected = "password" in body["security"]
    bridge = {
        "id": BRIDGE,
        "name": body["name"],
        "type": body["type"],
        "host": {"accountId": ACCOUNT, "extensionId": EXTENSION},
        "pins": {"pstn": {"host": "432331057631", "participant": "013409241367"}, "web": "018209241352"},
        "security": {"passwordProtected": protected, "noGuests": False, "sameAccount": False, "e2ee": False},
        "preferences": {"joinBeforeHost": True, "screenSharing": True},
        "discovery": {"web": f"{LINK}?pw={HASH}" if protected else LINK},
    }
    return {name: value for name, value in (bridge | changes).items() if value is not None}


def ringcentral(request: ReceivedRequest) -> Script:
    """Respond as RingCentral does if everything works."""
    if request.method == "POST":
        return response(201, a_bridge(request))
    return response(204) if request.method == "DELETE" else response(200, a_bridge())


class Loopback:
    """Listens on a port of its own, records the requests, and does for each request what its script says.

    Attributes:
        requests: The requests that arrived completely, in order.
        script: Returns what to do about a request.
        on_connect: What to do about a connection as soon as the first byte of a request arrives.
    """

    def __init__(self, script: Callable[[ReceivedRequest], Script] = ringcentral) -> None:
        self.requests: Final[list[ReceivedRequest]] = []
        self.script: Callable[[ReceivedRequest], Script] = script
        self.on_connect: Script = ()
        self._is_closing: Final = Event()
        self._threads: Final[list[Thread]] = []
        self._listening: Final = socket.create_server(("127.0.0.1", 0))
        self.url: Final = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing.set()
        socket.create_connection(
            self._listening.getsockname()
        ).close()  # the last connection, after which it no longer listens
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def methods(self) -> list[str]:
        """Return the methods of the requests, in order."""
        return [request.method for request in self.requests]

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while not self._is_closing.is_set():
                connection, _ = self._listening.accept()
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self.on_connect:
                connection.recv(1)
                self._act(connection, self.on_connect)
                return
            if request := _read(connection):
                self.requests.append(request)
                self._act(connection, self.script(request))

    def _act(self, connection: socket.socket, script: Script) -> None:
        for step in script:
            if step is Action.STALL:
                self._is_closing.wait()
            elif step is Action.TRICKLE:
                while not self._is_closing.wait(0.02):
                    connection.sendall(b" ")
            elif step is Action.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            else:
                connection.sendall(step)
        connection.shutdown(socket.SHUT_WR)


def _read(connection: socket.socket) -> ReceivedRequest | None:
    """Read a request. Return None if it does not arrive completely."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65_536)
        if not piece:
            return None
        data += piece
    head, _, content = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(content) < int(headers.get("content-length", "0")):
        piece = connection.recv(65_536)
        if not piece:
            return None
        content += piece
    return ReceivedRequest(method, path, headers, content)
