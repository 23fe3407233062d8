"""What is asked of RingCentral, and what comes of it: an answer, or none, and which of our errors either is.

Nothing that RingCentral, httpx or the network says in words of its own gets into an error, nor do ids and links.
"""

import re
from collections.abc import Generator, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum, unique
from typing import Any, Final, TypeVar, cast, final

import attrs

from .._calls.values import utc_now
from .._reading import JsonError, as_id, parse_json
from ..exceptions import (
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)

T = TypeVar("T")
_NOTHING, _LONGEST = timedelta(0), timedelta(hours=1)
#: How long RingCentral wants to be left alone where it does not say.
_PENALTY: Final = timedelta(seconds=30)

_DELEGATION: Final = (
    "the token's user must be the host, a delegate of the host or a Super Admin; a RingCentral administrator mends it"
)
_READING: Final = "the token's user may not read this; a RingCentral administrator mends it"
#: Why something is forbidden, and who mends it. Where RingCentral does not say, it is most likely one of those above.
_FORBIDDEN: Final = {
    "CMN-109": "the account's plan lacks this feature; a RingCentral administrator orders it",
    "CMN-401": "the app lacks a permission, such as Video; the developer adds it to the app, and has it authorised again",
    "CMN-403": "not for this type of extension; a RingCentral administrator mends it",
    "CMN-408": "the token's user lacks a permission, such as Meetings; a RingCentral administrator grants it",
}
_REFUSED: Final = {
    400: "the request makes no sense to it; the developer mends it",
    401: "the token is not valid; the developer gets a new one",
    404: "it knows no such account or extension, or the client's base_url is another service's",
    406: "it makes no such call for this extension",
    409: "the settings of the host or of the account conflict with this; a RingCentral administrator mends it",
}


@final
@attrs.frozen
class Ask:
    """A request. Its body can hold a password."""

    method: str
    path: str
    body: bytes | None = attrs.field(default=None, repr=False)


@final
@unique
class Arrival(Enum):
    """How far a request came that was not answered."""

    NEVER = "never"  #: This client cannot send it at all.
    NOT_SENT = "not_sent"
    PERHAPS = "perhaps"  #: It may have arrived.


@final
@attrs.frozen
class Failure:
    """What comes instead of an answer: the name of what was raised, or what was wrong, and how far the request came."""

    name: str
    arrival: Arrival

    def error(self, *, creating: bool = False) -> ProviderError:
        """Gives the error to raise; where nothing was to be created, no outcome is unknown."""
        if self.arrival is Arrival.NEVER:
            return ProviderRejectedError(
                f"the client cannot send this ({self.name}); "
                "the developer mends its base_url or its headers, or keeps it open"
            )
        if self.arrival is Arrival.NOT_SENT:
            return ProviderUnavailableError(f"nothing was sent to RingCentral ({self.name})")
        if creating:
            return ProviderOutcomeUnknownError(f"the request may have arrived, but no answer did ({self.name})")
        return ProviderUnavailableError(f"RingCentral did not answer ({self.name})")


@final
@attrs.frozen
class Answer:
    """What RingCentral answered.

    Attributes:
        content: None: more than it may be, compressed, or not there to be read. It can hold a link and its password.
        date: The header `Date`.
        wait: The header `Retry-After`.
    """

    status: int
    content: bytes | None = attrs.field(repr=False)
    date: str | None = None
    wait: str | None = None

    @property
    def given_at(self) -> datetime:
        """When it was given: as it says itself, or else as the clock says."""
        return _moment(self.date) or utc_now()

    @property
    def retry_after(self) -> timedelta | None:
        """How long to wait before asking again, an hour at most; None where the answer does not say."""
        text = (self.wait or "").strip()
        if re.fullmatch(r"[0-9]+", text):
            return min(timedelta(seconds=int(text.lstrip("0")[:9] or "0")), _LONGEST)
        until = _moment(text)
        return None if until is None else min(max(until - self.given_at, _NOTHING), _LONGEST)

    def fields(self) -> dict[str, Any] | None:
        """Reads the JSON object in it; None where there is none, or more than one could be read out of it."""
        try:
            fields = parse_json(self.content or b"")
        except JsonError:
            return None
        return cast("dict[str, Any]", fields) if isinstance(fields, dict) else None

    def refusal(self, *, creating: bool = False) -> ProviderError | None:
        """Gives the error to raise where the answer says that nothing was made, or is told."""
        code = self._code()
        said = f"RingCentral answered {self.status}{f' {code}' if code else ''}"
        if self.status in (408, 429):
            after = self.retry_after
            return ProviderUnavailableError(f"{said}: not now", retry_after=_PENALTY if after is None else after)
        if self.status == 503 and self.retry_after is not None:
            return ProviderUnavailableError(f"{said}: not now", retry_after=self.retry_after)
        if not 300 <= self.status < 500:
            return None
        if self.status == 403:
            why = _FORBIDDEN.get(code or "", _DELEGATION if creating else _READING)
        else:
            elsewhere = "it is elsewhere, where nothing is sent to; the developer mends the client's base_url"
            why = elsewhere if self.status < 400 else _REFUSED.get(self.status, "it refuses this")
        return ProviderRejectedError(f"{said}: {why}", code=code or f"HTTP {self.status}")

    def _code(self) -> str | None:
        """Finds the code of what is wrong; the best known one, if there are several."""
        fields = self.fields() or {}
        errors: Any = fields.get("errors")
        told = (
            [field_of(each, "errorCode") for each in cast("Iterable[object]", errors)]
            if isinstance(errors, list)
            else []
        )
        codes = [each for each in (*told, fields.get("errorCode")) if _is_code(each)]
        return next((code for code in codes if code in _FORBIDDEN), codes[0] if codes else None)


#: A conversation with RingCentral: whoever holds it sends what is asked, and passes on what comes of it.
Talk = Generator[Ask, Answer | Failure, T]


def field_of(value: object, *names: str) -> Any:
    """Gives what stands in an object, or in one in it; None where nothing does, or no object."""
    for name in names:
        value = cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
    return value


def as_digits(value: object) -> str | None:
    """Gives the id that digits stand for, which RingCentral tells as a string or as a number; None where it is none."""
    text = as_id(value) or ""
    return text if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _is_code(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Z][A-Z0-9-]{1,19}", value) is not None


def _moment(text: str | None) -> datetime | None:
    """Reads the date of a header; None where it is none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
