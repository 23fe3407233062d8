"""From a decision to exactly one video call."""

from .._calls.entries import LedgerEntry
from .._calls.entry_json import entry_from_json, entry_to_json
from .._calls.values import CallRequest, VideoCall
from ._click import Escalation, EscalationOutcome
from ._escalate import escalate, escalate_async
from ._in_memory import InMemoryCallLedger, InMemoryVideoProvider
from ._reply import reply_payload
from ._sqlite import SQLiteCallLedger

__all__ = [
    "CallRequest",
    "Escalation",
    "EscalationOutcome",
    "InMemoryCallLedger",
    "InMemoryVideoProvider",
    "LedgerEntry",
    "SQLiteCallLedger",
    "VideoCall",
    "entry_from_json",
    "entry_to_json",
    "escalate",
    "escalate_async",
    "reply_payload",
]
