"""The states of cases, in a database."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

from helpdesk.cases import create_table, fold
from sqlalchemy.ext.asyncio import create_async_engine

from escalation_policy.engage import CaseState, WebhookEvent, intervention_after

KINDS = ("opened", "assigned", "deferred", "closed", "reopened")
EVENTS = [
    WebhookEvent(
        id=f"event-{number}",
        type=f"intervention.{KINDS[number % 5]}",
        issued_at=datetime(2026, 1, 31, tzinfo=UTC) + timedelta(minutes=number),
        domain_id="acme",
        resource={"id": "case-1", "metadata": {"user_id": f"agent-{number % 7}"}},
    )
    for number in range(30)
]


def test_events_that_arrive_at_once_and_twice_give_the_same_state(tmp_path: Path) -> None:
    async def fold_all() -> CaseState | None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/cases.db")
        await asyncio.gather(create_table(engine), create_table(engine))
        await asyncio.gather(*(fold(engine, event) for event in random.sample(EVENTS * 2, k=60)))
        state = await fold(engine, EVENTS[0])
        await engine.dispose()
        return state

    in_order: CaseState | None = reduce(intervention_after, EVENTS, None)
    assert asyncio.run(fold_all()) == in_order
