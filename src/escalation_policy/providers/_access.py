"""What RingCentral tells a user of its own about that very user: who it is, and whether it has RingCentral Video."""

from collections.abc import Mapping
from typing import Final, cast

from .._enums import VideoAccess
from .._reading import TEXT, Faults, Form, PayloadReader, collect_faults
from .._values import RingCentralUser
from ..exceptions import Fault, InvalidPayloadError, ProviderUnavailableError
from ._answers import Ask, Failure, Talk, as_digits, field_of

_OWN: Final = "/restapi/v1.0/account/~/extension/~"
_DIGITS: Final = Form(accepted="1 to 20 ASCII digits, as a str or an int", parse=as_digits)
#: Reasons that are about the user: its plan, or how it is set up.
_LIMITATIONS: Final = (
    "ServicePlanLimitation",
    "AccountLimitation",
    "ExtensionTypeLimitation",
    "ExtensionSubTypeLimitation",
    "ExtensionLimitation",
    "ConfigurationLimitation",
)


def reading_user() -> Talk[RingCentralUser]:
    """Reads who the token's owner is."""
    with collect_faults() as faults:
        # No variable here holds the record: tools for crash reports show those of every line of a traceback.
        return _user_in((yield from _record("extension", _OWN)), faults)


def reading_access(user: RingCentralUser) -> Talk[VideoAccess]:
    """Reads whether a user has RingCentral Video; UNKNOWN where the token is not that user's, or an answer is odd."""
    try:
        owner = yield from reading_user()
        if (owner.extension_id, owner.account_id) != (user.extension_id, user.account_id):
            return VideoAccess.UNKNOWN
        provider = (yield from _record("configuration", f"{_OWN}/video-configuration")).get("provider")
        if provider in ("RCMeetings", "None"):
            return VideoAccess.DENIED
        if provider != "RCVideo":
            return VideoAccess.UNKNOWN
        return _access_in((yield from _record("features", f"{_OWN}/features?featureId=Meetings")))
    except InvalidPayloadError:
        return VideoAccess.UNKNOWN


def _user_in(told: Mapping[str, object], faults: Faults) -> RingCentralUser:
    contact = told.get("contact")
    return RingCentralUser(
        extension_id=PayloadReader(faults, "extension", told).required(_DIGITS, "id", placeholder="0"),
        account_id=PayloadReader(faults, "extension.account", told.get("account")).required(
            _DIGITS, "id", placeholder="0"
        ),
        email=PayloadReader(faults, "extension.contact", {} if contact is None else contact).optional(TEXT, "email"),
    )


def _access_in(told: Mapping[str, object]) -> VideoAccess:
    """Reads whether the feature is available. A lack of permissions can be the app's, and says nothing of the user."""
    records = told.get("records")
    listed = cast("list[object]", records) if isinstance(records, list) else []
    found = [each for each in listed if field_of(each, "id") == "Meetings"]
    available = field_of(found[0], "available") if len(found) == 1 else None
    if available is True:
        return VideoAccess.GRANTED
    if available is not False:
        return VideoAccess.UNKNOWN
    reason = field_of(found[0], "reason")
    limited = reason is None or field_of(reason, "code") in _LIMITATIONS
    return VideoAccess.DENIED if limited else VideoAccess.UNKNOWN


def _record(name: str, path: str) -> Talk[Mapping[str, object]]:
    """Reads a record. What goes wrong on the way is an error: that nobody answered does not mean that there is nothing."""
    answer = yield Ask("GET", path)
    if isinstance(answer, Failure):
        raise answer.error()
    if refusal := answer.refusal():
        raise refusal
    if answer.status != 200:
        raise ProviderUnavailableError(f"RingCentral answered {answer.status}", retry_after=answer.retry_after)
    told = answer.fields()
    if told is None:
        raise InvalidPayloadError([Fault(name, "is no JSON object", found="another answer", accepted="a JSON object")])
    return told
