"""What the kit checks: the policy in French, and the ledger."""

from pathlib import Path

import pytest
from helpdesk.french import FRENCH
from sqlalchemy.ext.asyncio import create_async_engine

from escalation_policy import ESCALATE_TO_VIDEO
from escalation_policy.ledgers.sqlalchemy import AsyncSQLAlchemyCallLedger
from escalation_policy.testing import a_request, assert_denied, assert_same, check_call_ledger


def test_decides_the_same_in_french() -> None:
    assert_same(FRENCH, ESCALATE_TO_VIDEO)


@pytest.mark.parametrize("code", list(ESCALATE_TO_VIDEO))
def test_has_each_reason_in_french(code: str) -> None:
    request = a_request(denied_by=code)
    assert_denied(FRENCH, request, by=code)
    texts = [policy.decide(request).reasons[0].agent_text for policy in (FRENCH, ESCALATE_TO_VIDEO)]
    assert texts[0] != texts[1]


def test_the_ledger_keeps_its_promises(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/calls.db")
    check_call_ledger(lambda: AsyncSQLAlchemyCallLedger(engine), inside=engine.begin, thread_ends=engine.dispose)
