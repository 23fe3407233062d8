"""Bridges, as RingCentral calls its rooms for video calls: asking for one, and trusting the one that is answered."""

import json
import re
import secrets
import string
from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, NamedTuple, final
from urllib.parse import parse_qsl, urlsplit

from .._calls.values import CallRequest, VideoCall
from .._fields import closest, kind_of
from ..exceptions import (
    Fault,
    InvalidValueError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
)
from ._answers import Answer, Ask, Failure, Talk, as_digits, field_of

BridgeType = Literal["Instant", "Scheduled"]
#: What stands where a bridge's id would, and is none.
_RESERVED: Final = {"default", "pin"}
_ALPHABET: Final = string.ascii_letters + string.digits


@final
class Options(NamedTuple):
    """What bridges to make; see `RingCentralVideo`."""

    bridge: BridgeType
    password: bool


@final
class Bridge(NamedTuple):
    """The bridge that an answer tells of.

    Attributes:
        id: None where the answer names none.
        call: None where it is not what was asked for.
        faults: The fields because of which it is not.
    """

    id: str | None
    call: VideoCall | None
    faults: tuple[str, ...]


def options_of(bridge: object, password: object) -> Options:
    """Checks what bridges to make. A personal meeting (PMI) is refused: it is one room for all customers.

    Raises:
        InvalidValueError: One of them is nothing that can be asked for.
    """
    if bridge not in ("Instant", "Scheduled"):
        accepted = "Instant or Scheduled, as each call gets a room of its own"
        hint = closest(bridge, ("Instant", "Scheduled"))
        raise InvalidValueError(Fault.mismatch("bridge", kind_of(bridge), accepted, closest=hint))
    if not isinstance(password, bool):
        accepted = "True or False, as each call gets a new password"
        raise InvalidValueError(Fault.mismatch("password", kind_of(password), accepted))
    return Options(bridge, password)


def creating(call: CallRequest, options: Options) -> Talk[VideoCall]:
    """Asks for a bridge, once, and deletes one that must not be used, once."""
    answer = yield _request(call, options)
    if isinstance(answer, Failure):
        raise answer.error(creating=True)
    if refusal := answer.refusal(creating=True):
        raise refusal
    bridge = _bridge_in(answer, call, options)
    if bridge.id is None:
        raise ProviderOutcomeUnknownError(f"RingCentral answered {answer.status}, which does not tell what it made")
    if bridge.call is not None:
        return bridge.call
    made = f"RingCentral made a bridge that is not as it was asked to be ({', '.join(bridge.faults)})"
    if "type" in bridge.faults:
        raise ProviderOutcomeUnknownError(f"{made}; it was left alone, since it may be older", call_id=bridge.id)
    gone = yield Ask("DELETE", f"/rcvideo/v2/bridges/{bridge.id}")
    if isinstance(gone, Answer) and gone.status in (204, 404):
        raise ProviderRejectedError(f"{made}; it {'was deleted' if gone.status == 204 else 'is gone'}")
    raise ProviderOutcomeUnknownError(f"{made}; it could not be deleted", call_id=bridge.id)


def looking(call: VideoCall) -> Talk[bool | None]:
    """Asks whether a bridge is still there; None where the answer does not tell."""
    if not _is_id(call.id):
        return None
    answer = yield Ask("GET", f"/rcvideo/v2/bridges/{call.id}")
    if isinstance(answer, Failure):
        return None
    if answer.status == 404:
        return False
    told = answer.fields() if answer.status == 200 else None
    return (field_of(told, "id") == call.id and _host_in(told) == (call.account_id, call.extension_id)) or None


def _request(call: CallRequest, options: Options) -> Ask:
    security: dict[str, object] = {"noGuests": False, "sameAccount": False}
    if options.password:
        security |= {"passwordProtected": True, "password": _new_password()}
    body = {"name": call.title, "type": options.bridge, "security": security}
    path = f"/rcvideo/v2/account/{call.account_id}/extension/{call.extension_id}/bridges"
    return Ask("POST", path, json.dumps(body).encode())


def _new_password() -> str:
    """Makes a password like the documented one: ten letters and digits, of each sort at least one."""
    while True:
        password = "".join(secrets.choice(_ALPHABET) for _ in range(10))
        if all(any(map(is_of, password)) for is_of in (str.isupper, str.islower, str.isdigit)):
            return password


def _bridge_in(answer: Answer, call: CallRequest, options: Options) -> Bridge:
    """Reads a bridge strictly: all is wrong that is not as it was asked to be, or not what it must be to be checked."""
    told = answer.fields()
    bridge_id = field_of(told, "id")
    if answer.status != 201 or not _is_id(bridge_id):
        return Bridge(None, None, ())
    made = _call_in(told, bridge_id, call, answer.given_at)
    faults = tuple(_faults(told, call, options, made))
    return Bridge(bridge_id, None if faults else made, faults)


def _faults(told: object, call: CallRequest, options: Options, made: VideoCall | None) -> Iterator[str]:
    if _host_in(told) != (call.account_id, call.extension_id):
        yield "host"
    if field_of(told, "type") not in (None, options.bridge):
        yield "type"
    if not isinstance(field_of(told, "security"), dict | None):
        yield "security"
    for name in ("noGuests", "sameAccount"):
        if not _is_off(field_of(told, "security", name)):
            yield f"security.{name}"
    protected = field_of(told, "security", "passwordProtected")
    if protected is not True and (options.password or not _is_off(protected)):
        yield "security.passwordProtected"
    if made is None or (protected is True and not _carries_password(made.join_url)):
        yield "discovery.web"


def _call_in(told: object, bridge_id: str, call: CallRequest, created_at: datetime) -> VideoCall | None:
    try:
        return VideoCall(
            id=bridge_id,
            join_url=field_of(told, "discovery", "web"),
            account_id=call.account_id,
            extension_id=call.extension_id,
            created_at=created_at,
        )
    except InvalidValueError:
        return None


def _is_off(flag: object) -> bool:
    return flag is None or flag is False


def _carries_password(url: str) -> bool:
    return any(name == "pw" for name, _ in parse_qsl(urlsplit(url).query))


def _host_in(told: object) -> tuple[str | None, str | None]:
    return as_digits(field_of(told, "host", "accountId")), as_digits(field_of(told, "host", "extensionId"))


def _is_id(value: object) -> bool:
    """Return whether a value names a bridge and can stand in a path."""
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9_-]{1,128}", value)) and value not in _RESERVED
