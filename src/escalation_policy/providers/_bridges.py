"""Bridges, RingCentral's rooms for video calls: create one, check it, and look whether it is still there."""

import json
import re
import secrets
import string
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, cast, final
from urllib.parse import parse_qsl, urlsplit

from .._calls.values import CallRequest, VideoCall
from .._fields import closest, kind_of, require
from .._http.messages import Exchange, Request, Response
from .._reading import as_ringcentral_id, value_at
from ..exceptions import Fault, InvalidValueError, ProviderOutcomeUnknownError, ProviderRejectedError
from ._responses import response_to

BridgeType = Literal["Instant", "Scheduled"]
#: Words that paths of the API have instead of a bridge's id.
_RESERVED: Final = {"default", "pin"}
_ALPHABET: Final = string.ascii_letters + string.digits


@final
class BridgeOptions(NamedTuple):
    """What bridges to create; see `RingCentralVideo`."""

    type: BridgeType
    password: bool


def bridge_options(bridge: BridgeType, *, password: bool) -> BridgeOptions:
    """Check what bridges to create. A personal meeting (PMI) is refused: it is one room for all customers.

    Raises:
        InvalidValueError: One of the arguments is not accepted.
    """
    if bridge not in ("Instant", "Scheduled"):
        accepted = "Instant or Scheduled, as each call gets a room of its own"
        hint = closest(bridge, ("Instant", "Scheduled"))
        raise InvalidValueError(Fault.mismatch("bridge", kind_of(bridge), accepted, closest=hint))
    accepted = "True or False, as each call gets a new password"
    require(type(password) is bool, "password", kind_of(password), accepted)
    return BridgeOptions(bridge, password)


def create_bridge(call: CallRequest, options: BridgeOptions) -> Exchange[VideoCall]:
    """Create a bridge with one request. If it must not be used, delete it with one request, unless it may be an older one."""
    response = yield from response_to(_creation(call, options), creates_call=True)
    bridge = _read_bridge(response, call, options)
    if bridge is None:
        raise ProviderOutcomeUnknownError(f"RingCentral answered {response.status}, but not with a bridge")
    if bridge.call:
        return bridge.call
    problem = f"RingCentral created a bridge that is not as requested ({', '.join(bridge.faults)})"
    if not bridge.is_ours:
        problem = f"{problem}; it was left alone, as it may be somebody else's"
        raise ProviderOutcomeUnknownError(problem, call_id=bridge.id)
    deletion = yield Request("DELETE", _path_of(bridge.id))
    if isinstance(deletion, Response) and deletion.status in (204, 404):
        raise ProviderRejectedError(f"{problem}; it {'was deleted' if deletion.status == 204 else 'is gone'}")
    raise ProviderOutcomeUnknownError(f"{problem}; it could not be deleted", call_id=bridge.id)


def find_bridge(call: VideoCall) -> Exchange[bool | None]:
    """Look whether a bridge is still there. None if the response does not say it."""
    if not _is_bridge_id(call.id):
        return None
    response = yield Request("GET", _path_of(call.id))
    if not isinstance(response, Response):
        return None
    if response.status == 404:
        return False
    bridge = response.json_object() if response.status == 200 else None
    return (value_at(bridge, "id") == call.id and _host_of(bridge) == (call.account_id, call.extension_id)) or None


def _creation(call: CallRequest, options: BridgeOptions) -> Request:
    security: dict[str, object] = {"noGuests": False, "sameAccount": False}
    if options.password:
        security |= {"passwordProtected": True, "password": _new_password()}
    body = {"name": call.title, "type": options.type, "security": security}
    path = f"/rcvideo/v2/account/{call.account_id}/extension/{call.extension_id}/bridges"
    return Request("POST", path, json.dumps(body).encode())


def _new_password() -> str:
    """Return a password like the documented one: ten letters and digits, with upper case, lower case and a digit."""
    while True:
        password = "".join(secrets.choice(_ALPHABET) for _ in range(10))
        if all(any(map(is_of, password)) for is_of in (str.isupper, str.islower, str.isdigit)):
            return password


@final
class _Bridge(NamedTuple):
    """What was read of a bridge.

    Attributes:
        id: Its id.
        call: The call, or None if the bridge is not as requested.
        faults: The fields that are not as requested.
        is_ours: Whether it has the host and the type of the request. Any other bridge may be older, such as a personal meeting.
    """

    id: str
    call: VideoCall | None
    faults: list[str]
    is_ours: bool


def _read_bridge(response: Response, call: CallRequest, options: BridgeOptions) -> _Bridge | None:
    """Read a bridge strictly: everything must be as requested, or be known to be so by default. None if it has no id.

    Crash reports show the variables of a traceback, so no link that must not be used gets out of this function.
    """
    bridge = response.json_object()
    bridge_id = value_at(bridge, "id")
    if response.status != 201 or not _is_bridge_id(bridge_id):
        return None
    created = _call_from(bridge, call, response.sent_at)
    faults = list(_faults(bridge, call, options, created))
    is_ours = "host" not in faults and value_at(bridge, "type") == options.type
    return _Bridge(cast("str", bridge_id), None if faults else created, faults, is_ours)


def _faults(bridge: Any, call: CallRequest, options: BridgeOptions, created: VideoCall | None) -> Iterator[str]:
    """Yield the fields of a bridge that are not as requested, or that cannot be checked."""
    if _host_of(bridge) != (call.account_id, call.extension_id):
        yield "host"
    if value_at(bridge, "type") not in (None, options.type):
        yield "type"
    if not isinstance(value_at(bridge, "security"), dict | None):
        yield "security"
    for name in ("noGuests", "sameAccount"):
        if not _is_off(value_at(bridge, "security", name)):
            yield f"security.{name}"
    protected = value_at(bridge, "security", "passwordProtected")
    if protected is not True and (options.password or not _is_off(protected)):
        yield "security.passwordProtected"
    if created is None or (protected is True and not _has_password(created.join_url)):
        yield "discovery.web"


def _call_from(bridge: Any, call: CallRequest, created_at: datetime) -> VideoCall | None:
    """Return the call of a bridge, or None if no customer may be sent its link."""
    try:
        return VideoCall(
            id=value_at(bridge, "id"),
            join_url=value_at(bridge, "discovery", "web"),
            account_id=call.account_id,
            extension_id=call.extension_id,
            created_at=created_at,
        )
    except InvalidValueError:
        return None


def _is_off(flag: object) -> bool:
    return flag is None or flag is False


def _has_password(url: str) -> bool:
    return any(name == "pw" for name, _ in parse_qsl(urlsplit(url).query))


def _host_of(bridge: Any) -> tuple[str | None, str | None]:
    host = value_at(bridge, "host")
    return as_ringcentral_id(value_at(host, "accountId")), as_ringcentral_id(value_at(host, "extensionId"))


def _path_of(bridge_id: str) -> str:
    return f"/rcvideo/v2/bridges/{bridge_id}"


def _is_bridge_id(value: object) -> bool:
    """Return whether a value can be the id of a bridge in a path."""
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9_-]{1,128}", value)) and value not in _RESERVED
