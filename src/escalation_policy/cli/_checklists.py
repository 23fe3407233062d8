"""Checklists: what makes an agent ready, as a page of text and as a JSON document."""

from .. import ReasonStatus
from ..administration import Checklist, ChecklistStep
from ._answers import PARTIES, document, steps_as_data, version_words
from ._page import Page


def checklist_as_text(checklist: Checklist, *, terminal: bool) -> str:
    """Tells of each step whether it is done, or who does what and what first; then what must hold at the click."""
    page = Page(terminal=terminal)
    decision = checklist.decision
    verdict = ("READY", "bold green") if checklist.ready else ("NOT READY", "bold red")
    page.add("", verdict, " ", decision.policy_id, version_words(decision.policy_version))
    for step in checklist.steps:
        page.add("")
        page.add("", (step.code, "bold"), ": ", *_standing(step))
        page.add("  ", step.requirement)
        if step.warning:
            page.add("  ", ("Watch out: ", "yellow"), step.warning)
        for each in step.steps:
            page.add("    - ", (PARTIES[each.party], "italic"), f": {each.text}")
    if checklist.at_the_click:
        page.add("")
        page.add("", ("This must hold too when the agent clicks", "bold"))
    for rule in checklist.at_the_click:
        page.add("  - ", f"{rule.code}: {rule.explanation}")
    return str(page)


def _standing(step: ChecklistStep) -> list[str | tuple[str, str]]:
    if step.done:
        return [("done", "green")]
    if step.waits_for:
        return [("to do", "red"), f", after {', '.join(step.waits_for)}"]
    return [("to do", "red"), "" if step.status is ReasonStatus.UNMET else f", {step.status.value}"]


def checklist_as_json(checklist: Checklist) -> str:
    """Writes a checklist down, step by step."""
    decision = checklist.decision
    return document(
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
                "remedy": steps_as_data(step.steps),
                "waits_for": step.waits_for,
                "warning": step.warning,
            }
            for step in checklist.steps
        ],
        at_the_click=[{"code": rule.code, "requirement": rule.explanation} for rule in checklist.at_the_click],
    )
