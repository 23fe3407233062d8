"""What RingCentral's responses mean: the error that each refusal or failure is, and who can fix it.

No text of RingCentral's gets into an error, and no id or link.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final, NamedTuple, cast, final

from .._http.messages import Delivery, Exchange, Failure, Request, Response
from .._reading import value_at
from ..exceptions import (
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)

#: How long RingCentral blocks a client that sends too much, if the response does not say it.
_PENALTY: Final = timedelta(seconds=30)
#: Why RingCentral most likely forbids something, if it names no code below.
_NO_DELEGATE: Final = (
    "the token's user must be the host, a delegate of the host or a Super Admin; a RingCentral administrator fixes it"
)
_NO_READER: Final = "the token's user may not read this; a RingCentral administrator fixes it"
#: For each code of a 403, why it is forbidden and who fixes it. `{}` is the permission.
_FORBIDDEN: Final = {
    "CMN-109": "the account's plan lacks this feature; a RingCentral administrator orders it",
    "CMN-401": "the app lacks {}; the developer adds it to the app, and has it authorised again",
    "CMN-403": "not for this type of extension; a RingCentral administrator fixes it",
    "CMN-408": "the token's user lacks {}; a RingCentral administrator grants it",
}
#: The permissions of apps and users that these requests can need. An answer can hold any text; only these are shown.
_PERMISSIONS: Final = frozenset(
    {
        "EditAccounts",
        "EditExtensions",
        "Meetings",
        "ReadAccounts",
        "ReadCompanyInfo",
        "ReadExtensions",
        "ReadUserInfo",
        "ThirdPartyAppAccess",
        "Video",
        "VideoInternal",
    }
)
#: For each other status, what is wrong and who fixes it.
_REFUSED: Final = {
    400: "the request is invalid; the developer fixes it",
    401: "the token is not valid; the developer gets a new one",
    404: "it knows no such account or extension, or the client's base_url is another service's",
    406: "it creates no such call for this extension",
    409: "the settings of the host or of the account conflict with this; a RingCentral administrator fixes it",
}


def response_to(request: Request, *, creates_call: bool = False) -> Exchange[Response]:
    """Send a request and return the response, unless it says that RingCentral did nothing.

    Args:
        request: The request.
        creates_call: Whether it creates a call. If not, its outcome does not matter, so no error says that it is unknown.

    Raises:
        ProviderUnavailableError: Nothing was sent, or RingCentral asks to wait. Also if there is no response and the
            request creates no call.
        ProviderRejectedError: RingCentral refuses, or the client cannot send the request.
        ProviderOutcomeUnknownError: There is no response, and the request creates a call.
    """
    response = yield request
    if isinstance(response, Failure):
        raise _failure(response, creates_call=creates_call)
    if refusal := _refusal(response, creates_call=creates_call):
        raise refusal
    return response


def _failure(failure: Failure, *, creates_call: bool) -> ProviderError:
    if failure.delivery is Delivery.IMPOSSIBLE:
        return ProviderRejectedError(
            f"the client cannot send this ({failure.cause}); "
            "the developer fixes its base_url or its headers, or keeps it open"
        )
    if failure.delivery is Delivery.NOT_SENT:
        return ProviderUnavailableError(f"nothing was sent to RingCentral ({failure.cause})")
    if creates_call:
        return ProviderOutcomeUnknownError(f"the request may have arrived, but no answer did ({failure.cause})")
    return ProviderUnavailableError(f"RingCentral did not answer ({failure.cause})")


def _refusal(response: Response, *, creates_call: bool) -> ProviderError | None:
    """Return the error of a response which says that RingCentral did nothing."""
    status, (code, permission) = response.status, _problem(response)
    answer = f"RingCentral answered {status}{f' {code}' if code else ''}"
    wait = response.retry_after
    if status == 429 and wait is None:
        wait = response.rate_limit_window
    if status in (408, 429) and wait is None:
        wait = _PENALTY
    if status in (408, 429, 503) and wait is not None:
        return ProviderUnavailableError(f"{answer}: not now", retry_after=wait)
    if not 300 <= status < 500:
        return None
    if status < 400:
        reason = "it redirects to another address, which is not followed; the developer fixes the client's base_url"
    elif status == 403:
        reason = _FORBIDDEN.get(code or "", _NO_DELEGATE if creates_call else _NO_READER)
        reason = reason.format(f"the permission {permission}" if permission else "a permission")
    else:
        reason = _REFUSED.get(status, "it refuses this")
    return ProviderRejectedError(f"{answer}: {reason}", code=code or f"HTTP {status}")


@final
class _Problem(NamedTuple):
    """What a refusal names: RingCentral's error code, and the permission that is missing."""

    code: str | None = None
    permission: str | None = None


def _problem(response: Response) -> _Problem:
    """Return what a refusal names. If it has several codes, prefer one with a text of its own, else the first."""
    problems = list(_problems(response.json_object()))
    first = problems[0] if problems else _Problem()
    return next((problem for problem in problems if problem.code in _FORBIDDEN), first)


def _problems(body: object) -> Iterator[_Problem]:
    errors = value_at(body, "errors")
    for error in [*cast("Iterable[object]", errors), body] if isinstance(errors, list) else [body]:
        code = value_at(error, "errorCode")
        if isinstance(code, str) and re.fullmatch(r"[A-Z]{1,8}-[0-9]{1,4}", code):
            names = (value_at(error, "permissionName"), value_at(body, "permissionName"))
            yield _Problem(code, next((name for name in names if isinstance(name, str) and name in _PERMISSIONS), None))
