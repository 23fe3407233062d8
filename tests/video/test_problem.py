"""The result of a click as an HTTP response."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import pytest

from escalation_policy.exceptions import (
    CallInDoubtError,
    CallInProgressError,
    ClickError,
    InvalidValueError,
    LedgerError,
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from escalation_policy.testing import a_request
from escalation_policy.video import Escalation, InMemoryCallLedger, InMemoryVideoProvider, Problem, escalate, problem

SECOND: Final = timedelta(seconds=1)


def click(**facts: Any) -> Escalation:
    """Click once."""
    return escalate(a_request(**facts), provider=InMemoryVideoProvider(), ledger=InMemoryCallLedger())


class TestProblem:
    """Each result without a call has a status."""

    @pytest.mark.parametrize(
        ("result", "status", "code", "retry_after"),
        [
            (click(enabled=False), 403, "denied", None),
            (CallInProgressError("k"), 409, "in_progress", SECOND),
            (CallInDoubtError("k"), 409, "in_doubt", None),
            (ProviderUnavailableError("busy"), 503, "unavailable", None),
            (ProviderUnavailableError("busy", retry_after=30 * SECOND), 503, "unavailable", 30 * SECOND),
            (LedgerError("it failed"), 503, "ledger", None),
            (ProviderRejectedError("no"), 502, "rejected", None),
            (ProviderOutcomeUnknownError("lost"), 504, "unknown", None),
            (ProviderError("a base"), 504, "unknown", None),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, ClickError) else "",
    )
    def test_has_the_status_of_the_result(
        self, result: ClickError | Escalation, status: int, code: str, retry_after: timedelta | None
    ) -> None:
        """The title is the status in words."""
        expected = Problem(status=status, title=HTTPStatus(status).phrase, code=code, retry_after=retry_after)
        assert problem(result) == expected

    def test_is_plain_data_for_json(self) -> None:
        """RFC 9457, without a detail. The seconds are rounded up."""
        assert problem(click(enabled=False)).to_dict() == {
            "type": "about:blank",
            "title": "Forbidden",
            "status": 403,
            "code": "denied",
        }
        busy = ProviderUnavailableError("busy", retry_after=1.2 * SECOND)
        assert problem(busy).to_dict()["retry_after"] == 2

    @pytest.mark.parametrize(
        ("result", "actual"),
        [(click(), "an Escalation with a call"), (ValueError("secret"), "a ValueError"), (None, "None")],
    )
    def test_refuses_other_results(self, result: Any, actual: str) -> None:
        """A call is no problem, and other errors are not the click's."""
        expected = f"^result must be a ClickError, or an Escalation that was denied, got {actual}$"
        with pytest.raises(InvalidValueError, match=expected):
            problem(result)
