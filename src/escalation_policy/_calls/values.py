"""Calls: what is asked of a video provider, and what it made."""

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, final
from urllib.parse import SplitResult, urlsplit

import attrs

from .._fields import DIGITS, PRIVATE, checked, is_digits, validator
from .._request import EscalationRequest
from ..exceptions import Fault, InvalidValueError

#: What a call is called; never a customer's words.
TITLE: Final = "Video call"
#: Of each part of a key.
_DIGITS: Final = 32
#: What RFC 3986 has in no URL: it would break out of the page or the message that shows the link.
_NEVER_IN_A_URL: Final = frozenset(' "<>\\^`{|}')
_NEVER_IN_A_HOST: Final = frozenset("@%")
_put: Final = object.__setattr__


def _url_of(text: str) -> SplitResult | None:
    """Takes a URL apart; None where it is none that a customer may be sent."""
    if not text.isascii() or not text.isprintable() or not _NEVER_IN_A_URL.isdisjoint(text):
        return None
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        return None
    clean = url.scheme == "https" and url.hostname and not _NEVER_IN_A_HOST.intersection(url.netloc) and port != 0
    return url if clean else None


def _without_query(text: str) -> str:
    """Shows where a URL leads, without what it may carry along, such as a password."""
    return repr(text.partition("?")[0].partition("#")[0])


_TEXT: Final = validator("a non-empty str", lambda text: type(text) is str and text != "")
_ID: Final = validator("1 to 20 ASCII digits", is_digits)


@final
@attrs.frozen(kw_only=True)
class CallRequest:
    """What a provider is asked to create.

    Attributes:
        key: What two requests for the same call have in common: a hash of domain, case and agent. It holds no id.
        account_id: The RingCentral account of the host, 1 to 20 ASCII digits.
        extension_id: The extension of the host, 1 to 20 ASCII digits.
        title: What to call it; nothing that a customer wrote.
    """

    key: str = attrs.field(validator=_TEXT)
    account_id: str = attrs.field(validator=_ID, repr=False)
    extension_id: str = attrs.field(validator=_ID, repr=False)
    title: str = attrs.field(default=TITLE, validator=_TEXT)


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class VideoCall:
    """A video call that exists.

    Attributes:
        id: What the provider calls it.
        join_url: Where the customer joins: https, printable ASCII, without user info. Its query can hold the password,
            and is shown in no repr.
        account_id: The RingCentral account of its host, 1 to 20 ASCII digits.
        extension_id: The extension of its host, 1 to 20 ASCII digits.
        created_at: When it was created, with a zone.
    """

    id: str
    join_url: str = attrs.field(
        validator=validator(
            "an https URL of printable ASCII without user info", lambda text: _url_of(text) is not None
        ),
        repr=_without_query,
    )
    account_id: str = attrs.field(validator=DIGITS, metadata={PRIVATE: "account"})
    extension_id: str = attrs.field(validator=DIGITS, metadata={PRIVATE: "extension"})
    created_at: datetime = attrs.field(
        validator=validator(
            "a datetime with a zone", lambda at: at.utcoffset() is not None, found="a datetime without one"
        )
    )

    def hosted_as(self, wanted: CallRequest) -> bool:
        """Says whether its host is the one that a request asks for."""
        return self.account_id == wanted.account_id and self.extension_id == wanted.extension_id


def utc_now() -> datetime:
    """Says what time it is, by the clock."""
    return datetime.now(UTC)


def case_of(key: str) -> str:
    """Gives the part of a key that the calls of all agents in one case share."""
    return key[:_DIGITS]


def call_request_for(request: EscalationRequest, *, title: str = TITLE) -> CallRequest:
    """Makes the request for the call of an agent in a case; where no case is known, in that of the message alone.

    Raises:
        InvalidValueError: The agent has no extension, or nobody knows in which account: no call can be created.
    """
    user = request.agent.ringcentral
    if user is None or user.account_id is None:
        missing = "agent.ringcentral" if user is None else "agent.ringcentral.account_id"
        problem = "is None, but a call needs a host: no call can be created"
        raise InvalidValueError(Fault(missing, problem, found="None", accepted="known, to create a call"))
    case_id = request.intervention.id if request.intervention else request.message.intervention_id
    subject = f"message {request.message.id}" if case_id is None else f"intervention {case_id}"
    key = f"{_hash(request.domain.id, subject)}-{_hash(request.agent.domain_id, request.agent.id)}"
    if title is not TITLE:
        return CallRequest(key=key, account_id=user.account_id, extension_id=user.extension_id, title=title)
    # What a user holds was checked when it was made; to do that again takes longer than to make the rest.
    wanted = object.__new__(CallRequest)
    _put(wanted, "key", key)
    _put(wanted, "account_id", user.account_id)
    _put(wanted, "extension_id", user.extension_id)
    _put(wanted, "title", title)
    return wanted


@lru_cache(maxsize=1024)
def _hash(first: str, second: str) -> str:
    """Hashes two texts. The length of one of them keeps any two others from giving the same."""
    text = f"{len(first)} {first}{second}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
