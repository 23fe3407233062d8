"""Call requests and video calls: what a video provider receives and what it returns."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final, final
from urllib.parse import urlsplit

import attrs

from .._fields import DIGITS, PRIVATE, ZONED, check_types, checked, validator
from .._request import EscalationRequest
from ..exceptions import Fault, InvalidValueError

#: The default title of a call. It never quotes a customer.
TITLE: Final = "Video call"
#: The length of each of the two hashes in a key.
_HASH_LENGTH: Final = 32
#: RFC 3986 allows these in no URL. They would let a link break out of the page or the message that shows it.
_NEVER_IN_A_URL: Final = frozenset(' "<>\\^`{|}')
_NEVER_IN_A_HOST: Final = frozenset("@%")

#: How messages describe what `is_safe_url()` accepts.
SAFE_URL_WORDS: Final = "an https URL of printable ASCII without user info"


def is_safe_url(text: str) -> bool:
    """Return whether a text is a link that a customer may be sent."""
    if not text.isascii() or not text.isprintable() or not _NEVER_IN_A_URL.isdisjoint(text):
        return False
    try:
        url = urlsplit(text)
        has_host = bool(url.hostname) and _NEVER_IN_A_HOST.isdisjoint(url.netloc) and url.port != 0
    except ValueError:  # an invalid port or IPv6 address
        return False
    return url.scheme == "https" and has_host


def _host_of(link: str) -> str:
    """Show where a link leads. Everybody who has its path can join the call, and its query can hold a password."""
    return f"<link at {urlsplit(link).hostname}>"


_POSITIVE: Final = validator("more than 0", lambda limit: limit > timedelta(0), wrong="0 or less")


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class CallRequest:
    """A call that a provider is to create.

    Attributes:
        key: Identifies the call. It is a hash of the domain, the case and the agent, and holds no id.
        account_id: The RingCentral account of the host, 1 to 20 ASCII digits.
        extension_id: The extension of the host, 1 to 20 ASCII digits.
        title: The title of the call. It must not quote a customer.
        time_limit: How long the provider may take. After that, other clicks take the call to be in doubt. None: as long as
            the provider likes.
    """

    key: str
    account_id: str = attrs.field(validator=DIGITS, metadata={PRIVATE: "account"})
    extension_id: str = attrs.field(validator=DIGITS, metadata={PRIVATE: "extension"})
    title: str = TITLE
    time_limit: timedelta | None = attrs.field(default=None, validator=_POSITIVE)


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class VideoCall:
    """A video call that exists. Its repr shows no id.

    Attributes:
        id: The provider's id of the call.
        join_url: The link for the customer: https, printable ASCII, without user info. A repr shows its host only.
        account_id: The RingCentral account of the host, 1 to 20 ASCII digits.
        extension_id: The extension of the host, 1 to 20 ASCII digits.
        created_at: When the call was created, with a zone.
    """

    id: str = attrs.field(metadata={PRIVATE: True})
    join_url: str = attrs.field(validator=validator(SAFE_URL_WORDS, is_safe_url), repr=_host_of)
    account_id: str = attrs.field(validator=DIGITS, metadata={PRIVATE: "account"})
    extension_id: str = attrs.field(validator=DIGITS, metadata={PRIVATE: "extension"})
    created_at: datetime = attrs.field(validator=ZONED)

    def hosted_as(self, request: CallRequest) -> bool:
        """Return whether the call has the host that a request names."""
        return self.account_id == request.account_id and self.extension_id == request.extension_id


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def entry_id_of(key: str) -> str:
    """Return the id of the ledger entry for a key: the part that the keys of all agents in one case share."""
    return key[:_HASH_LENGTH]


def entry_id_of_case(domain_id: str, intervention_id: str) -> str:
    """Return the id of the ledger entry for a case.

    Raises:
        InvalidValueError: An id is not a non-empty str.
    """
    check_types(str, domain_id=domain_id, intervention_id=intervention_id)
    return _hash(domain_id, f"intervention {intervention_id}")


def call_request_for(
    request: EscalationRequest, *, title: str = TITLE, time_limit: timedelta | None = None
) -> CallRequest:
    """Return the request for the call of an agent in a case. If no case is known, the message takes its place.

    Raises:
        InvalidValueError: The agent has no extension, or the account of the extension is unknown.
    """
    user = request.agent.ringcentral
    if user is None or user.account_id is None:
        path = "agent.ringcentral" if user is None else "agent.ringcentral.account_id"
        problem = "is None, but a call needs a host: no call can be created"
        raise InvalidValueError(Fault(path, problem, found="None", accepted="known, to create a call"))
    case_id = request.intervention.id if request.intervention else request.message.intervention_id
    if case_id is None:
        entry_id = _hash(request.domain.id, f"message {request.message.id}")
    else:
        entry_id = entry_id_of_case(request.domain.id, case_id)
    return CallRequest(
        key=f"{entry_id}-{_hash(request.agent.domain_id, request.agent.id)}",
        account_id=user.account_id,
        extension_id=user.extension_id,
        title=title,
        time_limit=time_limit,
    )


def _hash(first: str, second: str) -> str:
    # With the length of the first text, no two different pairs are joined to the same text.
    text = f"{len(first)} {first}{second}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
