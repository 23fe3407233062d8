"""The click on the button, for all views."""

import logging
from datetime import timedelta

import httpx
from django.http import HttpRequest

from escalation_policy import EscalationRequest, Login
from escalation_policy.video import Escalation, EscalationOutcome, escalate, reply_payload

from .services import services

WAIT = timedelta(seconds=2)
log = logging.getLogger(__name__)


def login_of(request: HttpRequest) -> Login:
    """Return how the agent logged in, which the login has stored."""
    return Login(request.session["login"])


def facts_about(message_id: str, request: HttpRequest) -> EscalationRequest:
    """Load all facts about a message and the agent from the APIs, at this moment."""
    user_id, login, ringcentral = request.user.get_username(), login_of(request), services().ringcentral
    loaded = services().engage.request_for(
        content_id=message_id, user_id=user_id, login=login, ringcentral=ringcentral.user
    )
    return loaded.request


def click(facts: EscalationRequest, *, again: bool) -> tuple[Escalation, bool]:
    """Decide, and return the one call and whether its link was sent to the customer."""
    escalation = escalate(facts, provider=services().ringcentral, ledger=services().ledger, again=again, wait=WAIT)
    if escalation.supersedes:
        services().ringcentral.end(escalation.supersedes)
    is_new = escalation.outcome is EscalationOutcome.CREATED
    return escalation, is_new and send_link(escalation)


def send_link(escalation: Escalation) -> bool:
    """Send the link as a reply of the agent, and return whether that worked. The call exists in any case."""
    reply = reply_payload(escalation, text="Please join me on video: {link}")
    author = {"impersonated_user_id": escalation.decision.request.agent.id}
    try:
        services().client.post("contents", data={**reply, **author}).raise_for_status()
    except httpx.HTTPError as error:
        log.error("the link was not sent: %s", type(error).__name__)  # noqa: TRY400  its words hold ids
        return False
    return True
