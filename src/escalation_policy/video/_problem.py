"""The result of a click that has no call, as an HTTP response."""

import math
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, final

import attrs

from .._fields import checked, kind_of
from ..exceptions import ClickError, Fault, InvalidValueError, ProviderUnavailableError
from ._click import Escalation, EscalationOutcome

_STATUSES: Final = {
    "denied": HTTPStatus.FORBIDDEN,
    "in_progress": HTTPStatus.CONFLICT,
    "in_doubt": HTTPStatus.CONFLICT,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "ledger": HTTPStatus.SERVICE_UNAVAILABLE,
    "rejected": HTTPStatus.BAD_GATEWAY,
    "unknown": HTTPStatus.GATEWAY_TIMEOUT,
}
#: When to look again at a call that is being created.
_SOON: Final = timedelta(seconds=1)


@final
@attrs.frozen(kw_only=True, field_transformer=checked)
class Problem:
    """A click without a call, as an HTTP response.

    Attributes:
        status: The HTTP status.
        title: The status in words.
        code: The code of the outcome, such as `in_doubt`.
        retry_after: When to try again. None if that is unknown or does not help.
    """

    status: int
    title: str
    code: str
    retry_after: timedelta | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the problem details of RFC 9457 as plain data for JSON. `retry_after` is in whole seconds, rounded up."""
        data = {"type": "about:blank", "title": self.title, "status": self.status, "code": self.code}
        return (
            data if self.retry_after is None else {**data, "retry_after": math.ceil(self.retry_after.total_seconds())}
        )


def problem(result: ClickError | Escalation) -> Problem:
    """Return the HTTP response for a click that has no call.

    Args:
        result: The error that `escalate()` raised, or an escalation that was denied.

    Raises:
        InvalidValueError: It is neither.
    """
    is_denied = isinstance(result, Escalation) and result.outcome is EscalationOutcome.DENIED
    if not is_denied and not isinstance(result, ClickError):
        actual = "an Escalation with a call" if isinstance(result, Escalation) else kind_of(result)  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(Fault.mismatch("result", actual, "a ClickError, or an Escalation that was denied"))
    code = str(result.outcome)
    status = _STATUSES[code]
    retry_after = _SOON if code == "in_progress" else None
    if isinstance(result, ProviderUnavailableError):
        retry_after = result.retry_after
    return Problem(status=int(status), title=status.phrase, code=code, retry_after=retry_after)
