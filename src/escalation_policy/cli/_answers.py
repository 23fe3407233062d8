"""Answers: decisions and policies as pages of text and as JSON documents."""

import json
from typing import Final

from .. import Decision, Effect, Party, Policy, ReasonStatus, Remedy
from .._decision import unmasked
from ._page import Page

_PARTIES: Final = {
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
    verdict = (decision.effect.value.upper(), _STYLES[decision.effect])
    page.add("", verdict, " ", decision.policy_id, _version(decision.policy_version))
    for reason in decision.reasons:
        # One explanation tells all; apart they are found faster.
        told, _, seen = reason.explanation.rpartition(" Seen: ")
        requirement, _, required = told.partition(" Required: ")
        error = f", {reason.error}" if reason.error else ""
        page.add("")
        page.add("", (reason.code, "bold"), ": ", (reason.status.value, _STYLES[reason.status]), error)
        page.add("  ", requirement)
        if required:
            page.add("  ", "Required: ", required)
        page.add("  ", "Seen: ", seen)
        for each in reason.evidence if reveal else ():
            for fact, value in unmasked(decision.request, each).items():
                page.add("    ", f"{fact} = {value}")
    if decision.hidden:
        page.add("")
        page.add("", "Hidden until these are mended: ", ", ".join(decision.hidden))
    for position, (party, steps) in enumerate(_by_party(decision).items()):
        if position == 0:
            page.add("")
            page.add("", ("Who can mend it", "bold"))
        page.add("  ", _PARTIES[party])
        for text, codes in steps.items():
            # With one reason it is plain what a step is for.
            page.add("    - ", f"{', '.join(codes)}: " if len(decision.reasons) > 1 else "", text)
    return str(page)


def _version(version: str | None) -> str:
    return f", version {version}" if version else ""


def _by_party(decision: Decision) -> dict[Party, dict[str, list[str]]]:
    """Sorts the steps by who takes them, in their first order; each step once, with the codes that ask for it."""
    parties: dict[Party, dict[str, list[str]]] = {}
    for reason in decision.reasons:
        for step in reason.remedy.steps if reason.remedy else ():
            parties.setdefault(step.party, {}).setdefault(step.text, []).append(reason.code)
    return parties


def decision_as_json(decision: Decision, *, reveal: bool) -> str:
    """Writes a decision down; with `reveal`, each evidence has the values it masks beside it."""
    return _document(
        effect=decision.effect.value,
        policy_id=decision.policy_id,
        policy_version=decision.policy_version,
        fingerprint=decision.fingerprint,
        reasons=[
            {
                "code": reason.code,
                "status": reason.status.value,
                "explanation": reason.explanation,
                "agent_text": reason.agent_text,
                "evidence": [
                    {"fact": each.fact, "required": each.required, "seen": each.seen}
                    | ({"revealed": unmasked(decision.request, each)} if reveal else {})
                    for each in reason.evidence
                ],
                "remedy": _steps(reason.remedy),
                "source": reason.source,
                "error": reason.error,
            }
            for reason in decision.reasons
        ],
        hidden=decision.hidden,
    )


def _steps(remedy: Remedy | None) -> list[dict[str, str]]:
    return [{"party": step.party.value, "text": step.text} for step in (remedy.steps if remedy else ())]


def policy_as_text(policy: Policy, *, terminal: bool) -> str:
    """Lays a policy out as a table: per rule its code, what it requires, whence, who mends it, what it comes after."""
    page = Page(terminal=terminal)
    page.add("", (policy.id, "bold"), _version(policy.version), f", fingerprint {policy.fingerprint}")
    for rule in policy.rules:
        page.add("")
        page.add("", (rule.code, "bold"))
        page.add("  requires  ", rule.requires.words())
        page.add("  source    ", rule.source or "-")
        steps = (
            [((_PARTIES[step.party], "italic"), f": {step.text}") for step in rule.remedy.steps] if rule.remedy else []
        )
        for index, parts in enumerate(steps or ["-"]):
            page.add("            " if index else "  remedy    ", *parts)
        page.add("  after     ", ", ".join(rule.after) or "-")
    return str(page)


def policy_as_json(policy: Policy) -> str:
    """Writes a policy down, rule by rule."""
    return _document(
        policy_id=policy.id,
        policy_version=policy.version,
        fingerprint=policy.fingerprint,
        rules=[
            {
                "code": rule.code,
                "requires": rule.requires.words(),
                "explanation": rule.explanation,
                "source": rule.source,
                "remedy": _steps(rule.remedy),
                "after": rule.after,
            }
            for rule in policy.rules
        ],
    )


def _document(**fields: object) -> str:
    return json.dumps(fields, indent=2, sort_keys=True) + "\n"
