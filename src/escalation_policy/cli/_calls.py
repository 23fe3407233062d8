"""`escalate`: the call that a case leads to, as text and as JSON."""

import argparse

from .. import EscalationRequest, Policy
from .._calls.values import TITLE
from ..video import Escalation, InMemoryCallLedger, InMemoryVideoProvider, escalate
from ._decisions import add_decision, add_verdict, decision_data
from ._files import read_case
from ._imports import chosen_policy
from ._output import Output
from ._parser import NO, YES


def run_escalate(arguments: argparse.Namespace, output: Output) -> int:
    """Show the call of a case file."""
    escalation = add_call(output, read_case(arguments.file), chosen_policy(arguments))
    return YES if escalation.decision.allowed else NO


def add_call(output: Output, request: EscalationRequest, policy: Policy[EscalationRequest]) -> Escalation:
    """Add the call that two clicks on one request would lead to, and return the first click's result.

    Provider and ledger are in memory. No call is created, and the link is made up. For a denial, only the decision is added.
    """
    provider, ledger = InMemoryVideoProvider(), InMemoryCallLedger()
    first, second = (escalate(request, provider=provider, ledger=ledger, policy=policy) for _ in range(2))
    call = _call_data(output, first, second)
    if output.format == "json":
        output.add_json(**decision_data(output, first.decision), call=call)
    elif call is None:
        add_decision(output, first.decision)
    else:
        add_verdict(output, first.decision.effect, first.decision.policy_id, first.decision.policy_version)
        output.add("")
        output.add("", ("What would be created", "bold"))
        output.add("  account          ", f"{call['account_id']}")
        output.add("  extension        ", f"{call['extension_id']}")
        output.add("  title            ", f"{call['title']}")
        output.add("  key              ", f"{call['key']}")
        output.add("  link             ", f"{call['join_url']}, made up: there is no such call")
        output.add("  reply privately  ", "yes, the API posts publicly by default" if first.reply_privately else "no")
        output.add("  second click     ", f"{call['second_click']}")
    return first


def _call_data(output: Output, first: Escalation, second: Escalation) -> dict[str, object] | None:
    if first.call is None:
        return None
    return {
        "account_id": first.call.account_id if output.reveal else "set",
        "extension_id": first.call.extension_id if output.reveal else "set",
        "title": TITLE,
        "key": first.key,
        "join_url": first.call.join_url,
        "made_up": True,
        "reply_privately": first.reply_privately,
        "second_click": second.outcome.value,
    }
