"""`decide`: decisions, as text and as JSON."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from .. import Decision, Effect, Evidence, Party, Policy, Reason, ReasonStatus, Remedy, Step
from ._files import is_many, read_case, read_cases
from ._imports import chosen_policy
from ._output import Output, UnusableInputError
from ._parser import NO, UNUSABLE, YES

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


def run_decide(arguments: argparse.Namespace, output: Output) -> int:
    """Decide one case file, or many."""
    policy = chosen_policy(arguments)
    file, *others = arguments.files
    if not others and not is_many(file):
        decision = policy.decide(read_case(file))
        add_decision(output, decision)
        return YES if decision.allowed else NO
    answers = [
        (name, case if isinstance(case, UnusableInputError) else policy.decide(case))
        for file in arguments.files
        for name, case in read_cases(file)
    ]
    return _add_answers(output, answers)


def _add_answers(output: Output, answers: Sequence[tuple[str, Decision[Any] | UnusableInputError]]) -> int:
    """Add a line for each of many cases, and how many there are of each kind."""
    counts = Counter(
        "unusable" if isinstance(answer, UnusableInputError) else "allowed" if answer.allowed else "denied"
        for _, answer in answers
    )
    total = {name: counts[name] for name in ("allowed", "denied", "unusable")}
    if output.format == "json":
        cases = [
            {"case": name, "error": str(answer)}
            if isinstance(answer, UnusableInputError)
            else {"case": name, **decision_data(output, answer)}
            for name, answer in answers
        ]
        output.add_json(cases=cases, total=total)
    else:
        for name, answer in answers:
            if isinstance(answer, UnusableInputError):
                output.add("", ("ERROR", "bold magenta"), f" {answer}")
            else:
                codes = "" if answer.allowed else f": {', '.join(reason.code for reason in answer.reasons)}"
                output.add("", (f"{answer.effect.value.upper():5}", _STYLES[answer.effect]), f" {name}{codes}")
        words = ", ".join(f"{number:,} {name}" for name, number in total.items() if number or name != "unusable")
        output.add_verdict(f"{len(answers):,} cases: {words}")
    return UNUSABLE if counts["unusable"] else NO if counts["denied"] else YES


def add_decision(output: Output, decision: Decision[Any]) -> None:
    """Add a decision."""
    if output.format == "json":
        output.add_json(**decision_data(output, decision))
        return
    add_verdict(output, decision.effect, decision.policy_id, decision.policy_version)
    add_reasons(output, decision.reasons, decision.hidden, decision._revealed if output.reveal else None)


def add_verdict(output: Output, effect: Effect, policy_id: str, policy_version: str | None) -> None:
    """Add the effect of a decision and the policy that decided."""
    output.add_verdict((effect.value.upper(), _STYLES[effect]), " ", policy_id, version_suffix(policy_version))


def policy_data(policy: Policy[Any]) -> dict[str, Any]:
    """Return what names a policy as data for JSON."""
    return {"policy_id": policy.id, "policy_version": policy.version, "fingerprint": policy.fingerprint}


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


def decision_data(output: Output, decision: Decision[Any]) -> dict[str, object]:
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
