"""From a decision to exactly one video call."""

from .._calls.entries import LedgerEntry
from .._calls.entry_json import entry_from_json, entry_to_json
from .._calls.values import CallRequest, VideoCall
from ._call_for import call_for, call_for_async
from ._click import Escalation, EscalationOutcome
from ._escalate import escalate, escalate_async
from ._in_memory import InMemoryCallLedger, InMemoryVideoProvider
from ._problem import Problem, problem
from ._sqlite import SQLiteCallLedger

__all__ = [
    "CallRequest",
    "Escalation",
    "EscalationOutcome",
    "InMemoryCallLedger",
    "InMemoryVideoProvider",
    "LedgerEntry",
    "Problem",
    "SQLiteCallLedger",
    "VideoCall",
    "call_for",
    "call_for_async",
    "entry_from_json",
    "entry_to_json",
    "escalate",
    "escalate_async",
    "problem",
]
