"""Errors as problem details (RFC 9457), for all views."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx
from django.http import HttpRequest, HttpResponse, JsonResponse

from escalation_policy.exceptions import ClickError, InvalidPayloadError
from escalation_policy.video import Problem, problem

#: What to answer if Engage Digital answers so. Everything else may be over soon.
STATUSES = {401: HTTPStatus.BAD_GATEWAY, 403: HTTPStatus.BAD_GATEWAY, 404: HTTPStatus.NOT_FOUND}
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
        if isinstance(error, httpx.HTTPStatusError):
            log.error("Engage Digital answered %s", error.response.status_code)  # the words of the error hold ids
            status = STATUSES.get(error.response.status_code, HTTPStatus.SERVICE_UNAVAILABLE)
        elif isinstance(error, httpx.TransportError):
            log.error("Engage Digital did not answer: %s", type(error).__name__)
            status = HTTPStatus.SERVICE_UNAVAILABLE
        elif isinstance(error, InvalidPayloadError):
            log.error("Engage Digital's answer cannot be read: %s", error)
            status = HTTPStatus.BAD_GATEWAY
        else:
            return None
        return respond(Problem(status=status, title=status.phrase, code="facts"))
