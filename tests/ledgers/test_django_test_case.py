"""The ledger in tests that Django runs, each in a transaction."""

from typing import Final

import pytest

from escalation_policy.exceptions import LedgerError
from escalation_policy.video import EscalationOutcome, InMemoryVideoProvider, escalate
from ledgers.databases import ENTRY_ID, get
from postgresql import needs_postgresql
from video.clicks import AT, request_of

pytest.importorskip("django", reason="needs Django")
from django.db import transaction
from django.test import TestCase

from escalation_policy.ledgers.django import DjangoCallLedger

pytestmark = [needs_postgresql, pytest.mark.usefixtures("django")]


class TestInTestCase(TestCase):
    """The ledger works in the transaction of a `TestCase`, which rolls back what a test stores."""

    databases: Final = {"default", "postgresql"}  # type: ignore[misc]

    def click(self) -> None:
        """Click twice. No other test has clicked."""
        for alias in ("default", "postgresql"):
            provider, ledger = InMemoryVideoProvider(), DjangoCallLedger(alias)
            outcomes = [escalate(request_of(1), provider=provider, ledger=ledger, now=AT).outcome for _ in range(2)]
            assert [EscalationOutcome.CREATED, EscalationOutcome.REUSED] == outcomes

    def test_clicks(self) -> None:
        """The first test."""
        self.click()

    def test_clicks_again(self) -> None:
        """The second test."""
        self.click()

    def test_refuses_a_transaction_of_the_application(self) -> None:
        """As in production."""
        with transaction.atomic(), pytest.raises(LedgerError):
            get(DjangoCallLedger(), ENTRY_ID)
