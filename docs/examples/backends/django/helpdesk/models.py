"""What the backend keeps of Engage Digital, so that a list of messages asks for nothing but the agent."""

from typing import Any

from django.db import models, transaction

from escalation_policy import Agent, Domain, EscalationRequest, Login
from escalation_policy.engage import (
    CaseState,
    WebhookEvent,
    channel_from_payload,
    intervention_after,
    message_from_payload,
)


class Source(models.Model):
    """A channel."""

    id = models.CharField(max_length=64, primary_key=True)
    payload = models.JSONField()


class Case(models.Model):
    """A case. `state` is the JSON of a `CaseState`."""

    id = models.CharField(max_length=64, primary_key=True)
    state = models.TextField()

    @staticmethod
    def fold(event: WebhookEvent) -> CaseState | None:
        """Fold an event into the stored state of its case, and return the state. None: it is not about a case."""
        alone = intervention_after(None, event)
        if alone is None:
            return None
        with transaction.atomic():
            # First insert it: SELECT FOR UPDATE does not lock a row that does not exist.
            Case.objects.bulk_create([Case(id=alone.id, state=CaseState(id=alone.id).to_json())], ignore_conflicts=True)
            case = Case.objects.select_for_update().get(id=alone.id)
            state = intervention_after(CaseState.from_json(case.state), event)
            assert state is not None
            case.state = state.to_json()
            case.save()
        return state


class Message(models.Model):
    """A message. `payload` is the Content as the API sent it."""

    id = models.CharField(max_length=64, primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True)
    created_at = models.DateTimeField(db_index=True)
    payload = models.JSONField()

    @classmethod
    def newest(cls) -> "models.QuerySet[Message]":
        """Return the newest 500 messages, with what a request needs."""
        return cls.objects.select_related("source", "case").order_by("-created_at")[:500]

    def request_of(self, agent: Agent, *, login: Login, domain: Domain) -> EscalationRequest:
        """Return the request that a policy decides: may this agent escalate this message?"""
        channel = channel_from_payload(self.source.payload, domain_id=domain.id)
        return EscalationRequest(
            domain=domain,
            agent=agent,
            login=login,
            message=message_from_payload(self.payload, channel=channel),
            intervention=CaseState.from_json(self.case.state).intervention if self.case else None,
        )

    @property
    def row(self) -> dict[str, Any]:
        """The message in the list of the API."""
        content, source = self.payload, self.source.payload
        return {
            "id": self.id,
            "customer": content["author_id"],
            "channel": source["name"],
            "text": content["body"],
        }
