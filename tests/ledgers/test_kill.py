"""`kill -9` of a process in the middle of a click, on a ledger that other processes share."""

from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from escalation_policy.exceptions import CallInDoubtError, CallInProgressError
from escalation_policy.video import EscalationOutcome, InMemoryVideoProvider, escalate
from ledgers.databases import clicking
from postgresql import needs_postgresql
from video.clicks import AT, request_of

pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy")
import sqlalchemy as sa

from escalation_policy.ledgers.sqlalchemy import SQLAlchemyCallLedger

KINDS: Final = [
    "sqlalchemy",
    pytest.param("django", marks=pytest.mark.skipif(find_spec("django") is None, reason="needs Django")),
]

pytestmark = [needs_postgresql, pytest.mark.once]


@pytest.mark.parametrize("kind", KINDS)
class TestKill:
    """Another process clicks next."""

    def kill(self, where: str, kind: str, log: Path, folder: str, database: str) -> SQLAlchemyCallLedger:
        """Kill a process, and return the ledger of another one."""
        engine = sa.create_engine(f"postgresql+psycopg://postgres@/{database}?host={folder}", poolclass=sa.NullPool)
        ledger = SQLAlchemyCallLedger(engine)
        ledger.forget_lapsed(AT)
        with clicking(where, kind, folder, database, log) as process:
            assert process.stdout is not None
            assert b"c" == process.stdout.read(1)
        return ledger

    @pytest.mark.slow
    def test_while_the_call_is_created_leaves_it_in_doubt(
        self, kind: str, tmp_path: Path, postgresql: dict[str, str], new_database: Callable[[], str]
    ) -> None:
        """After the claim has expired. Nobody creates a second call."""
        ledger = self.kill("provider", kind, tmp_path / "log", postgresql["PGHOST"], new_database())
        provider = InMemoryVideoProvider()
        for seconds, error in ((59, CallInProgressError), (61, CallInDoubtError)):
            with pytest.raises(error):
                escalate(request_of(1), provider=provider, ledger=ledger, now=AT + timedelta(seconds=seconds))
        assert () == provider.calls

    @pytest.mark.slow
    def test_while_the_claim_is_stored_leaves_nothing(
        self, kind: str, tmp_path: Path, postgresql: dict[str, str], new_database: Callable[[], str]
    ) -> None:
        """No lock either: the database ends the transaction with the connection."""
        ledger = self.kill("ledger", kind, tmp_path / "log", postgresql["PGHOST"], new_database())
        provider = InMemoryVideoProvider()
        assert EscalationOutcome.CREATED is escalate(request_of(1), provider=provider, ledger=ledger, now=AT).outcome
