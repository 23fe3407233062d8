"""Load the newest messages and their cases from Engage Digital; later, webhooks keep the cases up to date."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from escalation_policy.engage import CaseState, intervention_from_payload

from ...models import Case, Message, Source
from ...services import services


class Command(BaseCommand):
    """Load what is not in the database yet."""

    help = __doc__

    def handle(self, **_options: Any) -> None:
        """Load it."""
        now = datetime.now(UTC)  # no state is older
        deferred = {case["id"] for case in read("interventions", 150, status="deferred")}
        sources = [Source(id=payload["id"], payload=payload) for payload in read("content_sources", 150)]
        cases = []
        for payload in read("interventions", 150):
            case = intervention_from_payload(payload, deferred=payload["id"] in deferred)
            state = CaseState(id=case.id, state=case.state, state_at=now, agent_id=case.agent_id, agent_at=now)
            cases.append(Case(id=case.id, state=state.to_json()))
        messages = [
            Message(
                id=payload["id"],
                source_id=payload["source_id"],
                case_id=payload["intervention_id"],
                created_at=payload["created_at"],
                payload=payload,
            )
            for payload in read("contents", 500)
        ]
        Source.objects.bulk_create(sources, ignore_conflicts=True)
        Case.objects.bulk_create(cases, ignore_conflicts=True)
        Message.objects.bulk_create(messages, ignore_conflicts=True)


def read(path: str, number: int, **filters: str) -> Iterator[dict[str, Any]]:
    """Read the newest records of a list, in pages of 150, which is the API's maximum."""
    for offset in range(0, number, 150):
        yield from services().get(path, offset=offset, limit=min(150, number - offset), **filters)["records"]
