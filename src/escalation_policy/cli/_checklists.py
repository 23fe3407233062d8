"""`checklist`: the setup of one agent, as text and as JSON."""

import argparse

from .. import ReasonStatus
from ..administration import Checklist, ChecklistStep, checklist
from ._decisions import PARTY_NAMES, step_data, version_suffix
from ._files import read_agent_of_case
from ._imports import chosen_policy
from ._output import Output
from ._parser import NO, YES


def run_checklist(arguments: argparse.Namespace, output: Output) -> int:
    """List what makes the agent of a case file ready."""
    domain, agent = read_agent_of_case(arguments.file)
    answer = checklist(domain, agent, policy=chosen_policy(arguments))
    add_checklist(output, answer)
    return YES if answer.ready else NO


def add_checklist(output: Output, answer: Checklist) -> None:
    """Add a checklist: each step with who does what, then the rules that decide when the agent clicks."""
    decision = answer.decision
    if output.format == "json":
        output.add_json(
            ready=answer.ready,
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
                for step in answer.steps
            ],
            at_the_click=[{"code": rule.code, "requirement": rule.explanation} for rule in answer.at_the_click],
        )
        return
    verdict = ("READY", "bold green") if answer.ready else ("NOT READY", "bold red")
    output.add_verdict(verdict, " ", decision.policy_id, version_suffix(decision.policy_version))
    for item in answer.steps:
        output.add("")
        output.add("", (item.code, "bold"), ": ", *_state(item))
        output.add("  ", item.requirement)
        if item.warning:
            output.add("  ", ("Watch out: ", "yellow"), item.warning)
        for step in item.steps:
            output.add("    - ", (PARTY_NAMES[step.party], "italic"), f": {step.text}")
    if answer.at_the_click:
        output.add("")
        output.add("", ("This must hold too when the agent clicks", "bold"))
    for rule in answer.at_the_click:
        output.add("  - ", f"{rule.code}: {rule.explanation}")


def _state(step: ChecklistStep) -> list[str | tuple[str, str]]:
    if step.done:
        return [("done", "green")]
    if step.waits_for:
        return [("to do", "red"), f", after {', '.join(step.waits_for)}"]
    return [("to do", "red"), "" if step.status is ReasonStatus.UNMET else f", {step.status.value}"]
