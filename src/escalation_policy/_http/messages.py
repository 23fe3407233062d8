"""Requests, responses and failures as plain values, without httpx."""

import re
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum, unique
from typing import Any, Final, TypeVar, cast, final

import attrs

from .._reading import JsonError, parse_json

T = TypeVar("T")
_LONGEST_WAIT: Final = timedelta(hours=1)


@final
@attrs.frozen
class Request:
    """A request to a service. Its path can hold ids, and its body a password.

    Attributes:
        most_bytes: How long the body of the response is at most. The content of a longer one is None.
    """

    method: str
    path: str = attrs.field(repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    most_bytes: int = 65_536


@final
@unique
class Delivery(Enum):
    """How far a request got that has no response."""

    IMPOSSIBLE = "impossible"  #: This client can never send it.
    NOT_SENT = "not_sent"
    POSSIBLE = "possible"  #: It may have arrived.


@final
@attrs.frozen
class Failure:
    """The outcome of a request that has no response.

    Attributes:
        cause: The name of the exception's class, or what is wrong with the client.
        delivery: How far the request got.
    """

    cause: str
    delivery: Delivery


@final
@attrs.frozen
class Response:
    """A service's response.

    Attributes:
        content: The body, which can hold a link and its password. None if it is too long, compressed or incomplete.
        date_header: The header `Date`.
        retry_after_header: The header `Retry-After`.
        window_header: The header `X-Rate-Limit-Window`. Services send it with every response, not only if they refuse.
    """

    status: int
    content: bytes | None = attrs.field(repr=False)
    date_header: str | None = None
    retry_after_header: str | None = None
    window_header: str | None = None

    @property
    def sent_at(self) -> datetime:
        """When the service sent it: the header's date if it has one, else the time now."""
        return _parse_date(self.date_header) or datetime.now(UTC)

    @property
    def retry_after(self) -> timedelta | None:
        """How long to wait before the next request, one hour at most. None if the header does not say it."""
        text = (self.retry_after_header or "").strip()
        if (wait := _parse_seconds(text)) is not None:
            return wait
        until = _parse_date(text)
        return None if until is None else min(max(until - self.sent_at, timedelta(0)), _LONGEST_WAIT)

    @property
    def rate_limit_window(self) -> timedelta | None:
        """How long requests are counted together, one hour at most. None if the header does not say it."""
        return _parse_seconds((self.window_header or "").strip())

    def json_object(self) -> dict[str, Any] | None:
        """Return the JSON object in the body, or None if the body is anything else or ambiguous."""
        try:
            value = parse_json(self.content or b"")
        except JsonError:
            return None
        return cast("dict[str, Any]", value) if isinstance(value, dict) else None


#: Yields requests, is sent the response or failure of each, and returns a result. `sending` runs it, sync or async.
Exchange = Generator[Request, Response | Failure, T]


def _parse_seconds(text: str) -> timedelta | None:
    """Parse a number of seconds, one hour at most. Return None if it is not one."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return None
    # A number of thousands of digits is infinite as a float.
    return timedelta(seconds=min(float(text), _LONGEST_WAIT.total_seconds()))


def _parse_date(text: str | None) -> datetime | None:
    """Parse the date of a header. Return None if it is not one."""
    try:
        date = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, OverflowError):
        return None
    return date.replace(tzinfo=date.tzinfo or UTC)
