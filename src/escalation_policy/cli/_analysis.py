"""What the analysis says of policies, as text and JSON."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from ..analysis import Comparison, Difference, Examination, FindingKind, Relation, compare, examine
from ..exceptions import AnalysisLimitError, InvalidValueError
from ._cases import write_cases
from ._editions import import_edition
from ._imports import import_policy, import_value
from ._output import Output, UnusableInputError
from ._parser import NO, YES

T = TypeVar("T")

_WORDS: Final = {
    Relation.SAME: "Nothing changes",
    Relation.STRICTER: "Stricter: some requests are now denied, and none is now allowed",
    Relation.LOOSER: "Looser: some requests are now allowed, and none is now denied",
    Relation.DIFFERENT: "Looser and stricter: some requests are now allowed, and others are now denied",
}
_SIGNS: Final = {
    Relation.ADDED: "+",
    Relation.REMOVED: "-",
    Relation.STRICTER: "~",
    Relation.LOOSER: "~",
    Relation.DIFFERENT: "~",
}
_PARTIAL: Final = "Some values were left out, because a class of the request refuses them."


def run_compare(arguments: argparse.Namespace, output: Output) -> int:
    """Compare two policies."""
    new = import_policy(arguments.new, "NEW")
    if arguments.old_from is None:
        old = import_policy(arguments.old, "OLD")
    else:
        old = import_edition(arguments.old, arguments.old_from, new)
    comparison = _analyse(lambda: compare(old, new, like=_like(arguments)))
    add_comparison(output, comparison, {} if arguments.cases is None else write_cases(arguments.cases, comparison))
    return NO if comparison.relation in (Relation.LOOSER, Relation.DIFFERENT) else YES


def run_examine(arguments: argparse.Namespace, output: Output) -> int:
    """Find rules that cannot do what they seem to do."""
    policy = import_policy(arguments.policy, "POLICY")
    examination = _analyse(lambda: examine(policy, like=_like(arguments)))
    add_examination(output, examination)
    never = any(finding.kind is FindingKind.NEVER_ALLOWS for finding in examination.findings)
    return NO if never else YES


def _like(arguments: argparse.Namespace) -> Any:
    return None if arguments.like is None else import_value(arguments.like, "--like")


def _analyse(question: Callable[[], T]) -> T:
    try:
        return question()
    except (AnalysisLimitError, InvalidValueError) as error:
        raise UnusableInputError(str(error)) from error


def add_comparison(output: Output, comparison: Comparison, files: Mapping[int, str]) -> None:
    """Add how a new policy differs from an old one, rule by rule, with a request as an example of each difference.

    Args:
        output: The answer.
        comparison: How they differ.
        files: By the `id()` of a difference, the case file of its request.
    """
    if output.format == "json":
        output.add_json(
            relation=comparison.relation.value,
            rules={code: relation.value for code, relation in comparison.rules.items()},
            now_allowed=[_json_of(each, files) for each in comparison.now_allowed],
            now_denied=[_json_of(each, files) for each in comparison.now_denied],
            partial=comparison.partial,
        )
        return
    output.add("", (f"{_WORDS[comparison.relation]}.", "bold"))
    changed = [(code, relation) for code, relation in comparison.rules.items() if relation in _SIGNS]
    if changed:
        output.add_table("Rules", [(_SIGNS[relation], code, relation.value) for code, relation in changed])
    for title, differences, words in (
        ("Now allowed", comparison.now_allowed, "It was denied by"),
        ("Now denied", comparison.now_denied, "It is denied by"),
    ):
        if differences:
            output.add("")
            output.add("", (title, "bold"))
        for each in differences:
            output.add("  ", each.changes[0].upper(), each.changes[1:], ".")
            output.add("    ", f"{words} {', '.join(each.codes)}.", _condition_of(each))
            if file := files.get(id(each)):
                output.add("    ", f"Case file: {file}")
    if comparison.partial:
        output.add("")
        output.add("", _PARTIAL)


def _condition_of(difference: Difference) -> str:
    """Say on which answers of the host's functions a difference depends."""
    answers = {True: "true", False: "false", None: "an error"}
    assumed = " and ".join(f'"{words}" is {answers[answer]}' for words, answer in difference.assumed.items())
    if not assumed:
        return ""
    confirmed = "it is" if difference.confirmed else "it is not"
    return f" That is so if {assumed}; for this request, {confirmed}."


def _json_of(difference: Difference, files: Mapping[int, str]) -> dict[str, Any]:
    return {
        "codes": list(difference.codes),
        "request": difference.changes,
        "assumed": dict(difference.assumed),
        "confirmed": difference.confirmed,
        "case": files.get(id(difference)),
    }


def add_examination(output: Output, examination: Examination) -> None:
    """Add what is remarkable about a policy."""
    if output.format == "json":
        findings = [
            {"kind": each.kind.value, "code": each.code, "because": list(each.because), "operand": each.operand}
            for each in examination.findings
        ]
        output.add_json(findings=findings, partial=examination.partial)
        return
    for line in str(examination).splitlines():
        output.add("", f"{line[0].upper()}{line[1:]}.")
