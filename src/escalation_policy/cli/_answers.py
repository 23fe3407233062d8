"""Answers: decisions and policies as pages of text and as JSON documents."""

import json
from collections.abc import Iterable
from typing import Final

from .. import Decision, Effect, Party, Policy, ReasonStatus, Remedy, Step
from ._page import Page

#: Who takes a step.
PARTIES: Final = {
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


def decision_as_text(decision: Decision, *, reveal: bool, terminal: bool) -> str:
    """Tells the verdict, each reason with what was required and seen, what they hide, and who can mend it."""
    page = Page(terminal=terminal)
    add_verdict(page, decision)
    for reason in decision.reasons:
        error = f", {reason.error}" if reason.error else ""
        page.add("")
        page.add("", (reason.code, "bold"), ": ", (reason.status.value, _STYLES[reason.status]), error)
        for line in reason.lines():
            page.add("  ", line)
        for evidence in reason.evidence if reveal else ():
            for fact, value in decision._revealed(evidence).items():
                page.add("    ", f"{fact} = {value}")
    if decision.hidden:
        page.add("")
        page.add("", "Hidden until these are fixed: ", ", ".join(decision.hidden))
    for position, (party, steps) in enumerate(_by_party(decision).items()):
        if position == 0:
            page.add("")
            page.add("", ("Who can fix it", "bold"))
        page.add("  ", PARTIES[party])
        for text, codes in steps.items():
            # With one reason it is plain what a step is for.
            page.add("    - ", f"{', '.join(codes)}: " if len(decision.reasons) > 1 else "", text)
    return str(page)


def add_verdict(page: Page, decision: Decision) -> None:
    """Tells what was decided, and by which policy."""
    verdict = (decision.effect.value.upper(), _STYLES[decision.effect])
    page.add("", verdict, " ", decision.policy_id, version_words(decision.policy_version))


def version_words(version: str | None) -> str:
    """Says which version of a policy it is, where it has one."""
    return f", version {version}" if version else ""


def _by_party(decision: Decision) -> dict[Party, dict[str, list[str]]]:
    """Sorts the steps by who takes them, in their first order; each step once, with the codes that ask for it."""
    parties: dict[Party, dict[str, list[str]]] = {}
    for reason in decision.reasons:
        for step in steps_of(reason.remedy):
            parties.setdefault(step.party, {}).setdefault(step.text, []).append(reason.code)
    return parties


def decision_as_json(decision: Decision, *, reveal: bool) -> str:
    """Writes a decision down; with `reveal`, each evidence has the values it masks beside it."""
    return document(**decision_as_data(decision, reveal=reveal))


def decision_as_data(decision: Decision, *, reveal: bool) -> dict[str, object]:
    """Lists what a decision consists of."""
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
                    each._asdict() | ({"revealed": decision._revealed(each)} if reveal else {})
                    for each in reason.evidence
                ],
                "remedy": steps_as_data(steps_of(reason.remedy)),
                "source": reason.source,
                "error": reason.error,
            }
            for reason in decision.reasons
        ],
        "hidden": decision.hidden,
    }


def steps_as_data(steps: Iterable[Step]) -> list[dict[str, str]]:
    """Writes steps down."""
    return [{"party": step.party.value, "text": step.text} for step in steps]


def steps_of(remedy: Remedy | None) -> tuple[Step, ...]:
    """Gives the steps of a remedy; none where there is none."""
    return remedy.steps if remedy else ()


def policy_as_text(policy: Policy, *, terminal: bool) -> str:
    """Lays a policy out as a table: per rule its code, what it requires, whence, who mends it, what it comes after."""
    page = Page(terminal=terminal)
    page.add("", (policy.id, "bold"), version_words(policy.version), f", fingerprint {policy.fingerprint}")
    for rule in policy.rules:
        page.add("")
        page.add("", (rule.code, "bold"))
        page.add("  requires  ", rule.requires.words())
        page.add("  source    ", rule.source or "-")
        steps = [((PARTIES[step.party], "italic"), f": {step.text}") for step in steps_of(rule.remedy)]
        for index, parts in enumerate(steps or ["-"]):
            page.add("            " if index else "  remedy    ", *parts)
        page.add("  after     ", ", ".join(rule.after) or "-")
    return str(page)


def policy_as_json(policy: Policy) -> str:
    """Writes a policy down, rule by rule."""
    return document(
        policy_id=policy.id,
        policy_version=policy.version,
        fingerprint=policy.fingerprint,
        rules=[
            {
                "code": rule.code,
                "requires": rule.requires.words(),
                "explanation": rule.explanation,
                "source": rule.source,
                "remedy": steps_as_data(steps_of(rule.remedy)),
                "after": rule.after,
            }
            for rule in policy.rules
        ],
    )


def document(**fields: object) -> str:
    """Writes one JSON document, in ASCII, its keys sorted."""
    return json.dumps(fields, indent=2, sort_keys=True) + "\n"
