"""What the analysis says of policies, as text and JSON."""

from collections.abc import Mapping
from typing import Any, Final

from ..analysis import Comparison, Difference, Examination, Relation
from ._output import Output

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
