"""`rules`: a policy, as text and as JSON."""

import argparse
from collections.abc import Sequence
from typing import Any

from .. import Policy, Rule
from .._fields import closest
from ._decisions import PARTY_NAMES, policy_data, step_data, steps_of, version_suffix
from ._imports import chosen_policy
from ._output import Output, UnusableInputError
from ._parser import YES


def run_rules(arguments: argparse.Namespace, output: Output) -> int:
    """Print a policy."""
    policy, code = chosen_policy(arguments), arguments.code
    if code is not None and code not in policy:
        near = closest(code, policy)
        hint = f" (did you mean {near}?)" if near else ""
        raise UnusableInputError(f"policy {policy.id} has no such rule{hint}: {', '.join(policy)}")
    add_policy(output, policy, list(policy.rules) if code is None else [policy[code]])
    return YES


def add_policy(output: Output, policy: Policy[Any], rules: Sequence[Rule[Any]]) -> None:
    """Add rules of a policy: what it requires, its source, its remedy, and the rules that it comes after."""
    if output.format == "json":
        output.add_json(
            **policy_data(policy),
            rules=[
                {
                    "code": rule.code,
                    "requires": rule.requires.words(),
                    "explanation": rule.explanation,
                    "source": rule.source,
                    "remedy": step_data(steps_of(rule.remedy)),
                    "after": rule.after,
                }
                for rule in rules
            ],
        )
        return
    output.add("", (policy.id, "bold"), version_suffix(policy.version), f", fingerprint {policy.fingerprint}")
    for rule in rules:
        output.add("")
        output.add("", (rule.code, "bold"))
        output.add("  ", rule.explanation)
        output.add("  requires  ", rule.requires.words())
        output.add("  source    ", rule.source or "-")
        steps = [((PARTY_NAMES[step.party], "italic"), f": {step.text}") for step in steps_of(rule.remedy)]
        for index, parts in enumerate(steps or ["-"]):
            output.add("            " if index else "  remedy    ", *parts)
        output.add("  after     ", ", ".join(rule.after) or "-")
