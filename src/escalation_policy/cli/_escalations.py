"""Escalations: the call that a case would bring about, as a page of text and as a JSON document."""

from .. import EscalationRequest, Policy
from .._calls.values import TITLE
from ..video import Escalation, InMemoryCallLedger, InMemoryVideoProvider, escalate
from ._answers import add_verdict, decision_as_data, decision_as_text, document
from ._page import Page


def click_twice(request: EscalationRequest, policy: Policy[EscalationRequest]) -> tuple[Escalation, Escalation]:
    """Escalates once and once more. The call is made up."""
    provider, ledger = InMemoryVideoProvider(), InMemoryCallLedger()
    first, second = (escalate(request, provider=provider, ledger=ledger, policy=policy) for _ in range(2))
    return first, second


def escalation_as_text(first: Escalation, second: Escalation, *, reveal: bool, terminal: bool) -> str:
    """Tells of the call that would be created, and what a second click would do; of a denial, what `decide` tells."""
    data = _call_as_data(first, second, reveal=reveal)
    if data is None:
        return decision_as_text(first.decision, reveal=reveal, terminal=terminal)
    page = Page(terminal=terminal)
    add_verdict(page, first.decision)
    page.add("")
    page.add("", ("What would be created", "bold"))
    page.add("  account          ", f"{data['account_id']}")
    page.add("  extension        ", f"{data['extension_id']}")
    page.add("  title            ", f"{data['title']}")
    page.add("  key              ", f"{data['key']}")
    page.add("  link             ", f"{data['join_url']}, made up: there is no such call")
    page.add("  reply privately  ", "yes, the API posts publicly by default" if first.reply_privately else "no")
    page.add("  second click     ", f"{data['second_click']}")
    return str(page)


def escalation_as_json(first: Escalation, second: Escalation, *, reveal: bool) -> str:
    """Writes down the decision, and the call that would be created; None of a denial."""
    call = _call_as_data(first, second, reveal=reveal)
    return document(**decision_as_data(first.decision, reveal=reveal), call=call)


def _call_as_data(first: Escalation, second: Escalation, *, reveal: bool) -> dict[str, object] | None:
    if first.call is None:
        return None
    return {
        "account_id": first.call.account_id if reveal else "set",
        "extension_id": first.call.extension_id if reveal else "set",
        "title": TITLE,
        "key": first.key,
        "join_url": first.call.join_url,
        "made_up": True,
        "reply_privately": first.reply_privately,
        "second_click": second.outcome.value,
    }
