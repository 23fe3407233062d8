"""An HTTP server on loopback that speaks as RingCentral is documented to, or in any other way that it is told to."""

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


class Do(Enum):
    """What a server can do but send."""

    STALL = "stall"  #: Sends nothing more, for as long as the client waits.
    RESET = "reset"  #: Cuts the connection.


#: What a server does, in order. Then it closes the connection.
Script = Iterable[bytes | Do]


class Seen(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        """Reads the body."""
        return json.loads(self.content)


def answer(status: int, body: object = b"", **headers: str) -> list[bytes | Do]:
    """Lays an answer out: its head, and its body, of which what is no bytes is made JSON."""
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
    """Makes the body of an error, as the platform has it, with words that nobody must see."""
    errors = [{"errorCode": code, "message": "ada@example.com", "permissionName": "Secret"} for code in codes]
    return {"errorCode": "InsufficientPermissions", "message": "secret-token", "errors": errors}


def a_bridge(asked: Seen | None = None, **changes: Any) -> dict[str, Any]:
    """Makes the record of a bridge: as it was asked for, but for the changes. None drops a field."""
    body: dict[str, Any] = asked.json() if asked else {"type": "Instant", "name": "Video call", "security": {}}
    protected = "password" in body["security"]
    record = {
        "id": BRIDGE,
        "name": body["name"],
        "type": body["type"],
        "host": {"accountId": ACCOUNT, "extensionId": EXTENSION},
        "pins": {"pstn": {"host": "432331057631", "participant": "013409241367"}, "web": "018209241352"},
        "security": {"passwordProtected": protected, "noGuests": False, "sameAccount": False, "e2ee": False},
        "preferences": {"joinBeforeHost": True, "screenSharing": True},
        "discovery": {"web": f"{LINK}?pw={HASH}" if protected else LINK},
    }
    return {name: value for name, value in (record | changes).items() if value is not None}


def ringcentral(asked: Seen) -> Script:
    """Answers as RingCentral does where all is well."""
    if asked.method == "POST":
        return answer(201, a_bridge(asked))
    return answer(204) if asked.method == "DELETE" else answer(200, a_bridge())


class Loopback:
    """Listens on a port of its own, remembers what it was asked, and does for each request what its script says.

    Attributes:
        seen: The requests that came whole, in order.
        script: Says what to do about a request.
        on_connect: What to do about a connection as soon as the first byte of a request is there.
    """

    def __init__(self, script: Callable[[Seen], Script] = ringcentral) -> None:
        self.seen: Final[list[Seen]] = []
        self.script: Callable[[Seen], Script] = script
        self.on_connect: Script = ()
        self._ended: Final = Event()
        self._threads: Final[list[Thread]] = []
        self._listening: Final = socket.create_server(("127.0.0.1", 0))
        self.url: Final = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        socket.create_connection(self._listening.getsockname()).close()  # the last one, so that it stops to listen
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def methods(self) -> list[str]:
        """Gives the methods of what was asked, in order."""
        return [each.method for each in self.seen]

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while not self._ended.is_set():
                connection, _ = self._listening.accept()
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self.on_connect:
                connection.recv(1)
                self._act(connection, self.on_connect)
                return
            if asked := _read(connection):
                self.seen.append(asked)
                self._act(connection, self.script(asked))

    def _act(self, connection: socket.socket, script: Script) -> None:
        for each in script:
            if each is Do.STALL:
                self._ended.wait()
            elif each is Do.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            else:
                connection.sendall(each)
        connection.shutdown(socket.SHUT_WR)


def _read(connection: socket.socket) -> Seen | None:
    """Reads a request; None where it does not come whole."""
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
    return Seen(method, path, headers, content)
