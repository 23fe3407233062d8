"""The webhook."""

from typing import Any

from django.test import Client
from helpdesk.models import Case

from escalation_policy import InterventionState
from escalation_policy.engage import CaseState

CLICK = "/api/messages/message-1/call"
SECRET = {"X-Dimelo-Secret": "a secret of the webhook"}


def body_of(kind: str, at: str, case_id: str = "case-1", domain_id: str = "acme") -> dict[str, Any]:
    """Make the body of a request, as the documentation of webhooks shows it."""
    resource = {"type": "intervention", "id": case_id, "metadata": {"user_id": "ada", "thread_id": "thread-1"}}
    event = {"id": "event-1", "type": kind, "issued_at": at, "resource": resource}
    return {"id": "request-1", "domain_id": domain_id, "events": [event]}


def send(client: Client, body: dict[str, Any]) -> int:
    """Send a webhook."""
    return client.post("/webhook", body, content_type="application/json", headers=SECRET).status_code


def test_forgets_the_call_of_a_closed_case_and_shows_no_button(ada: Client) -> None:
    ada.post(CLICK)
    assert send(ada, body_of("intervention.closed", "2999-01-31T10:00:00Z")) == 204
    assert ada.get(CLICK).status_code == 404
    assert b'<p id="reason-message-1">' in ada.get("/messages").content


def test_keeps_the_call_if_an_old_event_comes_late(ada: Client) -> None:
    ada.post(CLICK)
    assert send(ada, body_of("intervention.closed", "2001-01-31T10:00:00Z")) == 204
    assert send(ada, body_of("intervention.closed", "2999-01-31T10:00:00Z", domain_id="other")) == 204
    assert send(ada, body_of("content.imported", "2999-01-31T10:00:00Z")) == 204
    assert ada.get(CLICK).status_code == 200


def test_stores_the_state_of_a_new_case(ada: Client) -> None:
    send(ada, body_of("intervention.opened", "2026-01-31T10:00:00Z", case_id="case-99"))
    assert CaseState.from_json(Case.objects.get(id="case-99").state).state is InterventionState.OPEN


def test_refuses_a_body_that_it_cannot_read(ada: Client) -> None:
    assert send(ada, {}) == 400


def test_answers_the_challenge(ada: Client) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "a token of the webhook", "hub.challenge": "5f2c"}
    answer = ada.get("/webhook", query, headers=SECRET)
    assert (answer.content, answer["Content-Type"]) == (b"5f2c", "text/plain")
    assert ada.get("/webhook", {**query, "hub.verify_token": "another"}, headers=SECRET).status_code == 403


def test_needs_the_secret(ada: Client) -> None:
    assert ada.post("/webhook").status_code == 403
