"""Rule coverage put down: as lines for a terminal, as a page of Markdown, as a JSON document."""

import json
import re
from collections.abc import Sequence
from typing import Final

import attrs

from ._coverage import OUTCOMES, Figures, Row

INCOMPLETE: Final = "incomplete: a worker stopped, and what it had decided is not counted"
_SCHEMA: Final = "escalation_policy.policy_coverage/1"


def counted(figures: Sequence[Figures]) -> tuple[int, int]:
    """Counts the rules that are covered, and all rules."""
    return sum(each.covered for each in figures), sum(len(each.rows) for each in figures)


def percent(figures: Sequence[Figures]) -> float:
    """Gives the share of the rules that are covered, rounded down to a tenth: only what is whole is 100."""
    covered, rules = counted(figures)
    return 1000 * covered // rules / 10 if rules else 0.0


def _said(*figures: Figures) -> str:
    covered, rules = counted(figures)
    return f"{covered} of {rules} rules covered, {percent(figures)} %"


def _counts(row: Row) -> list[str]:
    return [str(row.counts[outcome]) for outcome in OUTCOMES]


def as_lines(figures: Sequence[Figures]) -> list[str]:
    """Draws a table for each policy, and says below it what is missing."""
    lines: list[str] = []
    for policy in figures:
        lines += [f"{policy.id}: {_said(policy)}", *_table(policy)]
        for label, row in policy.rows.items():
            lines += [f"  {label} was never {each}: {how.call or how.why}" for each, how in row.missing.items()]
    return [*lines, f"all policies: {_said(*figures)}"] if len(figures) > 1 else lines


def _table(policy: Figures) -> list[str]:
    cells = [["rule", *OUTCOMES], *([label, *_counts(row)] for label, row in policy.rows.items())]
    first, *others = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(["", label.ljust(first), *(each.rjust(width) for each, width in zip(counts, others, strict=True))])
        for label, *counts in cells
    ]


def as_markdown(figures: Sequence[Figures], *, complete: bool) -> str:
    """Writes a page, with what each rule requires."""
    parts = ["# Policy coverage", f"{_said(*figures)}.", *([] if complete else [f"{INCOMPLETE}."])]
    for policy in figures:
        table = [f"| rule | requires | {' | '.join(OUTCOMES)} |", f"| --- | --- |{' ---: |' * len(OUTCOMES)}"]
        missing: list[str] = []
        for label, row in policy.rows.items():
            table.append(f"| `{label}` | {_escaped(row.requires)} | {' | '.join(_counts(row))} |")
            for each, how in row.missing.items():
                missing.append(
                    f"- `{label}` was never {each}: {f'`{how.call}`' if how.call else _escaped(str(how.why))}"
                )
        parts += [f"## {policy.id}", f"{_said(policy)}.", "\n".join(table), *(["\n".join(missing)] if missing else [])]
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Takes from a text what it would mean in a table."""
    return re.sub(r"([\\`*<|\[])", r"\\\1", " ".join(text.split()))


def as_json(figures: Sequence[Figures], *, complete: bool) -> str:
    """Writes a document whose shape stays as it is while `schema` does.

    It has `schema`; `complete`, false where a worker stopped; `covered`, `rules` and `percent` of all policies; and
    `policies` by id. Each has its `id`, `covered`, `percent` and its `rules` in order. Each of these has its `code`; its
    `label`, which is the code, numbered where there are several conditions under it; what it `requires`; how often it was
    `met`, `unmet`, `unknown`, `error` and `decisive`; whether it is `covered`; and `missing`: for `met` and `decisive`,
    where it never was, the `call` that makes such a request, or `why` there is none. The other of the two is null.
    """
    covered, rules = counted(figures)
    document = {
        "schema": _SCHEMA,
        "complete": complete,
        "covered": covered,
        "rules": rules,
        "percent": percent(figures),
        "policies": [
            {
                "id": policy.id,
                "covered": policy.covered,
                "percent": percent([policy]),
                "rules": [
                    {
                        "code": row.code,
                        "label": label,
                        "requires": row.requires,
                        **row.counts,
                        "covered": not row.missing,
                        "missing": {each: attrs.asdict(how) for each, how in row.missing.items()},
                    }
                    for label, row in policy.rows.items()
                ],
            }
            for policy in figures
        ],
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
