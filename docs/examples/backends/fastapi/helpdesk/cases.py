"""The states of cases, folded from the events of webhooks."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.schema import CreateTable

from escalation_policy.engage import CaseState, WebhookEvent, intervention_after

CASES = sa.Table(
    "cases", sa.MetaData(), sa.Column("id", sa.String, primary_key=True), sa.Column("state", sa.Text, nullable=False)
)


async def create_table(engine: AsyncEngine) -> None:
    """Create the table, if no other worker has."""
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # its IF NOT EXISTS fails if two workers do it at once
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(20210623)"))
        await connection.execute(CreateTable(CASES, if_not_exists=True))


async def fold(engine: AsyncEngine, event: WebhookEvent) -> CaseState | None:
    """Fold an event into the stored state of its case, and return the state. None: it is not about a case."""
    alone = intervention_after(None, event)
    if alone is None:
        return None
    async with engine.begin() as connection:
        # Locks the case for other workers: in SQLite the INSERT does, and in PostgreSQL FOR UPDATE.
        new = sa.text("INSERT INTO cases (id, state) VALUES (:id, :state) ON CONFLICT DO NOTHING")
        await connection.execute(new, {"id": alone.id, "state": CaseState(id=alone.id).to_json()})
        is_case = CASES.c.id == alone.id
        stored = await connection.scalar(sa.select(CASES.c.state).where(is_case).with_for_update())
        case = intervention_after(CaseState.from_json(stored or ""), event)
        assert case is not None
        await connection.execute(sa.update(CASES).where(is_case).values(state=case.to_json()))
        return case
