"""Decisions, calls, checklists and policies, as text and as JSON."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from .. import Decision, Effect, EscalationRequest, Evidence, Party, Policy, Reason, ReasonStatus, Remedy, Step
from .._calls.values import TITLE
from ..administration import Checklist, ChecklistStep
from ..video import Escalation, InMemoryCallLedger, InMemoryVideoProvider, escalate
from ._output import Output

#: The party that takes a step, as the subject of a sentence.
PARTY_NAMES: Final = {
    Party.AGENT: "The agent",
    Party.ENGAGE_ADMINISTRATOR: "An Engage Digital administrator",
    Party.RINGCENTRAL_ADMINISTRATOR: "A RingCentral administrator",
    Party.RINGCENTRAL: "RingCentral",
    Party.DEVELOPER: "The developers of the host application",
    Party.NOBODY: "Nobody",
}
_STYLES: Final = {
    Effect.ALLOW: "bold green",
    Effect.DENY: "bold red",
    ReasonStatus.MET: "green",
    ReasonStatus.UNMET: "red",
    ReasonStatus.UNKNOWN: "yellow",
    ReasonStatus.ERROR: "magenta",
}


def add_decision(output: Output, decision: Decision[Any]) -> None:
    """Add a decision."""
    if output.format == "json":
        output.add_json(**_decision_data(output, decision))
        return
    add_verdict(output, decision.effect, decision.policy_id, decision.policy_version)
    add_reasons(output, decision.reasons, decision.hidden, decision._revealed if output.reveal else None)


def add_verdict(output: Output, effect: Effect, policy_id: str, policy_version: str | None) -> None:
    """Add the effect of a decision and the policy that decided."""
    output.add("", (effect.value.upper(), _STYLES[effect]), " ", policy_id, version_suffix(policy_version))


def version_suffix(version: str | None) -> str:
    """Return the version of a policy as the end of a line; empty if it has none."""
    return f", version {version}" if version else ""


def add_reasons(
    output: Output,
    reasons: Sequence[Reason],
    hidden: Sequence[str],
    revealed: Callable[[Evidence], dict[str, str]] | None = None,
) -> None:
    """Add each reason with what was required and seen, the codes that the reasons hide, and who can fix it.

    Args:
        output: The answer.
        reasons: The reasons of a decision.
        hidden: The codes of the rules that they hide.
        revealed: Returns the values that evidence masks, by fact. None: show none.
    """
    for reason in reasons:
        error = f", {reason.error}" if reason.error else ""
        output.add("")
        output.add("", (reason.code, "bold"), ": ", (reason.status.value, _STYLES[reason.status]), error)
        for line in reason.lines():
            output.add("  ", line)
        if revealed:
            for evidence in reason.evidence:
                for fact, value in revealed(evidence).items():
                    output.add("    ", f"{fact} = {value}")
    if hidden:
        output.add("")
        output.add("", "Hidden until these are fixed: ", ", ".join(hidden))
    parties = _steps_by_party(reasons)
    if parties:
        output.add("")
        output.add("", ("Who can fix it", "bold"))
    for party, steps in parties.items():
        output.add("  ", PARTY_NAMES[party])
        for text, codes in steps.items():
            # If there is only one reason, all steps belong to it.
            output.add("    - ", f"{', '.join(codes)}: " if len(reasons) > 1 else "", text)


def _steps_by_party(reasons: Iterable[Reason]) -> dict[Party, dict[str, list[str]]]:
    """Group the steps by party, in their order. Each step is there once, with the codes of the rules that need it."""
    parties: dict[Party, dict[str, list[str]]] = {}
    for reason in reasons:
        for step in steps_of(reason.remedy):
            parties.setdefault(step.party, {}).setdefault(step.text, []).append(reason.code)
    return parties


def _decision_data(output: Output, decision: Decision[Any]) -> dict[str, object]:
    return {
        "effect": decision.effect.value,
        "policy_id": decision.policy_id,
        "policy_version": decision.policy_version,
        "fingerprint": decision.fingerprint,
        "reasons": [
            {
                "code": reason.code,
                "status": reason.status.value,
                "requirement": reason.requirement,
                "explanation": reason.explanation,
                "agent_text": reason.agent_text,
                "evidence": [
                    evidence._asdict() | ({"revealed": decision._revealed(evidence)} if output.reveal else {})
                    for evidence in reason.evidence
                ],
                "remedy": step_data(steps_of(reason.remedy)),
                "source": reason.source,
                "error": reason.error,
            }
            for reason in decision.reasons
        ],
        "hidden": decision.hidden,
    }


def steps_of(remedy: Remedy | None) -> tuple[Step, ...]:
    """Return the steps of a remedy. None has no steps."""
    return remedy.steps if remedy else ()


def step_data(steps: Iterable[Step]) -> list[dict[str, str]]:
    """Return steps as data for JSON."""
    return [{"party": step.party.value, "text": step.text} for step in steps]


def add_call(output: Output, request: EscalationRequest, policy: Policy[EscalationRequest]) -> Escalation:
    """Add the call that two clicks on one request would lead to, and return the first click's result.

    Provider and ledger are in memory. No call is created, and the link is made up. For a denial, only the decision is added.
    """
    provider, ledger = InMemoryVideoProvider(), InMemoryCallLedger()
    first, second = (escalate(request, provider=provider, ledger=ledger, policy=policy) for _ in range(2))
    call = _call_data(output, first, second)
    if output.format == "json":
        output.add_json(**_decision_data(output, first.decision), call=call)
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


def add_checklist(output: Output, checklist: Checklist) -> None:
    """Add a checklist: each step with who does what, then the rules that decide when the agent clicks."""
    decision = checklist.decision
    if output.format == "json":
        output.add_json(
            ready=checklist.ready,
            policy_id=decision.policy_id,
            policy_version=decision.policy_version,
            fingerprint=decision.fingerprint,
            steps=[
                {
                    "code": step.code,
                    "done": step.done,
                    "status": step.status.value,
                    "requirement": step.requirement,
                    "remedy": step_data(step.steps),
                    "waits_for": step.waits_for,
                    "warning": step.warning,
                }
                for step in checklist.steps
            ],
            at_the_click=[{"code": rule.code, "requirement": rule.explanation} for rule in checklist.at_the_click],
        )
        return
    verdict = ("READY", "bold green") if checklist.ready else ("NOT READY", "bold red")
    output.add("", verdict, " ", decision.policy_id, version_suffix(decision.policy_version))
    for item in checklist.steps:
        output.add("")
        output.add("", (item.code, "bold"), ": ", *_state(item))
        output.add("  ", item.requirement)
        if item.warning:
            output.add("  ", ("Watch out: ", "yellow"), item.warning)
        for step in item.steps:
            output.add("    - ", (PARTY_NAMES[step.party], "italic"), f": {step.text}")
    if checklist.at_the_click:
        output.add("")
        output.add("", ("This must hold too when the agent clicks", "bold"))
    for rule in checklist.at_the_click:
        output.add("  - ", f"{rule.code}: {rule.explanation}")


def _state(step: ChecklistStep) -> list[str | tuple[str, str]]:
    if step.done:
        return [("done", "green")]
    if step.waits_for:
        return [("to do", "red"), f", after {', '.join(step.waits_for)}"]
    return [("to do", "red"), "" if step.status is ReasonStatus.UNMET else f", {step.status.value}"]


def add_policy(output: Output, policy: Policy[Any]) -> None:
    """Add each rule of a policy: what it requires, its source, its remedy, and the rules that it comes after."""
    if output.format == "json":
        output.add_json(
            policy_id=policy.id,
            policy_version=policy.version,
            fingerprint=policy.fingerprint,
            rules=[
                {
                    "code": rule.code,
                    "requires": rule.requires.words(),
                    "explanation": rule.explanation,
                    "source": rule.source,
                    "remedy": step_data(steps_of(rule.remedy)),
                    "after": rule.after,
                }
                for rule in policy.rules
            ],
        )
        return
    output.add("", (policy.id, "bold"), version_suffix(policy.version), f", fingerprint {policy.fingerprint}")
    for rule in policy.rules:
        output.add("")
        output.add("", (rule.code, "bold"))
        output.add("  requires  ", rule.requires.words())
        output.add("  source    ", rule.source or "-")
        steps = [((PARTY_NAMES[step.party], "italic"), f": {step.text}") for step in steps_of(rule.remedy)]
        for index, parts in enumerate(steps or ["-"]):
            output.add("            " if index else "  remedy    ", *parts)
        output.add("  after     ", ", ".join(rule.after) or "-")
