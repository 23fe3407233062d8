"""What RingCentral says about the user who owns a token: who it is, and whether it has RingCentral Video."""

from collections.abc import Mapping
from typing import Final, cast

from .._enums import VideoAccess
from .._fields import DIGITS_WORDS
from .._http.messages import Exchange, Request
from .._reading import TEXT, Faults, Form, PayloadReader, as_ringcentral_id, collect_faults, value_at
from .._values import RingCentralUser
from ..exceptions import Fault, InvalidPayloadError, ProviderUnavailableError
from ._responses import response_to

#: The extension of the token's owner.
_OWN: Final = "/restapi/v1.0/account/~/extension/~"
_ID: Final = Form(accepted=f"{DIGITS_WORDS}, as a str or an int", parse=as_ringcentral_id)
#: Reasons that are about the user: its plan or its settings.
_LIMITATIONS: Final = (
    "ServicePlanLimitation",
    "AccountLimitation",
    "ExtensionTypeLimitation",
    "ExtensionSubTypeLimitation",
    "ExtensionLimitation",
    "ConfigurationLimitation",
)


def read_user() -> Exchange[RingCentralUser]:
    """Read who owns the token."""
    with collect_faults() as faults:
        # No variable here holds the payload: crash reports show the variables of every line of a traceback.
        return _user_from((yield from _payload("extension", _OWN)), faults)


def read_access(user: RingCentralUser) -> Exchange[VideoAccess]:
    """Read whether a user has RingCentral Video. UNKNOWN if the token is not that user's or a response is unclear."""
    try:
        owner = yield from read_user()
        if (owner.extension_id, owner.account_id) != (user.extension_id, user.account_id):
            return VideoAccess.UNKNOWN
        provider = (yield from _payload("configuration", f"{_OWN}/video-configuration")).get("provider")
        if provider in ("RCMeetings", "None"):
            return VideoAccess.DENIED
        if provider != "RCVideo":
            return VideoAccess.UNKNOWN
        return _access_from((yield from _payload("features", f"{_OWN}/features?featureId=Meetings")))
    except InvalidPayloadError:
        return VideoAccess.UNKNOWN


def _user_from(payload: Mapping[str, object], faults: Faults) -> RingCentralUser:
    extension = PayloadReader(faults, "extension", payload)
    account = PayloadReader(faults, "extension.account", payload.get("account"))
    contact = payload.get("contact")
    return RingCentralUser(
        extension_id=extension.required(_ID, "id", placeholder="0"),
        account_id=account.required(_ID, "id", placeholder="0"),
        email=PayloadReader(faults, "extension.contact", {} if contact is None else contact).optional(TEXT, "email"),
    )


def _access_from(payload: Mapping[str, object]) -> VideoAccess:
    """Read whether the feature is available. Missing permissions may be the app's and say nothing about the user."""
    records = payload.get("records")
    features = cast("list[object]", records) if isinstance(records, list) else []
    meetings = [feature for feature in features if value_at(feature, "id") == "Meetings"]
    available = value_at(meetings[0], "available") if len(meetings) == 1 else None
    if available is True:
        return VideoAccess.GRANTED
    if available is not False:
        return VideoAccess.UNKNOWN
    reason = value_at(meetings[0], "reason")
    is_limited = reason is None or value_at(reason, "code") in _LIMITATIONS
    return VideoAccess.DENIED if is_limited else VideoAccess.UNKNOWN


def _payload(name: str, path: str) -> Exchange[Mapping[str, object]]:
    """Read a payload. A failure is an error: if RingCentral does not answer, nobody knows whether the user has video."""
    response = yield from response_to(Request("GET", path))
    if response.status != 200:
        raise ProviderUnavailableError(f"RingCentral answered {response.status}", retry_after=response.retry_after)
    payload = response.json_object()
    if payload is None:
        raise InvalidPayloadError([Fault.mismatch(name, "another response", "a JSON object")])
    return payload
