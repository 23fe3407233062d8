"""Errors as problem details (RFC 9457), for all views."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
from django.http import HttpRequest, HttpResponse, JsonResponse

from escalation_policy.exceptions import ClickError, EngageRefusedError, EngageUnavailableError, InvalidPayloadError
from escalation_policy.video import Problem, problem

log = logging.getLogger(__name__)


def respond(details: Problem, **more: Any) -> JsonResponse:
    """Answer with problem details."""
    body = {**details.to_dict(), **more}
    headers = {"Retry-After": str(body["retry_after"])} if "retry_after" in body else {}
    return JsonResponse(body, status=details.status, headers=headers, content_type="application/problem+json")


class ProblemDetails:
    """Middleware that answers with the problem if a view raises."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Call the view."""
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer to errors of clicks and of Engage Digital."""
        if isinstance(error, ClickError):
            return respond(problem(error))
        if not isinstance(error, EngageUnavailableError | EngageRefusedError | InvalidPayloadError | httpx.HTTPError):
            return None
        is_missing = isinstance(error, EngageRefusedError) and (error.record, error.status) == ("content", 404)
        is_refused = isinstance(error, EngageRefusedError | InvalidPayloadError)
        status = HTTPStatus.BAD_GATEWAY if is_refused else HTTPStatus.SERVICE_UNAVAILABLE
        # The words of httpx hold ids.
        log.error("no facts: %s", type(error).__name__ if isinstance(error, httpx.HTTPError) else error)
        if is_missing:
            status = HTTPStatus.NOT_FOUND
        retry_after = getattr(error, "retry_after", None)
        return respond(Problem(status=status, title=status.phrase, code="engage", retry_after=retry_after))
