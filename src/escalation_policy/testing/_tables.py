"""Golden tables: the decisions of a policy for every combination of some values, as text for reviews."""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from itertools import accumulate, product
from operator import itemgetter
from typing import Any, Final, cast, overload

from .. import EscalationRequest, Policy, ReasonStatus
from .._engine.conditions import R
from .._fields import is_collection, kind_of
from ..exceptions import Fault, InvalidValueError
from ._assertions import check_request
from ._builders import PLACES, a_request

#: Keywords and, for each, its values, or a mapping of labels to values.
Axis = Mapping[str, Iterable[object] | Mapping[str, object]]
#: The minimum width of a column. Cells never change a width, or one new decision would change every line.
_MIN_WIDTH: Final = 20
_ALLOW: Final = "allow"


@overload
def policy_table(policy: Policy[EscalationRequest], *, rows: Axis, columns: Axis) -> str: ...
@overload
def policy_table(policy: Policy[R], *, rows: Axis, columns: Axis, make: Callable[..., R]) -> str: ...
def policy_table(policy: Policy[Any], *, rows: Axis, columns: Axis, make: Callable[..., Any] = a_request) -> str:
    """Decide a request for every combination of some values, and return the decisions as a Markdown table.

    A cell is `allow`, or the codes of the reasons, with `(error)` after a rule that raised an exception. If you keep the
    table in a file and compare it in a test, a review shows what a change of the policy means: one changed decision
    changes one line.

    Args:
        policy: The policy, which decides once for each cell.
        rows: Keywords of `make` and, for each, its values: enum members, bools, None, strs and ints, which are their
            own labels, or a mapping of labels to values of any type. Several keywords are combined.
        columns: The same with other keywords.
        make: Makes the request of a cell from its keywords. Pass `partial(a_request, policy=policy)` if the policy does
            not allow what `a_request()` makes, and a function of your own for another type of request.

    Returns:
        A line with the policy and the keywords, an empty line, and the table. Every line ends with a line feed.

    Raises:
        InvalidValueError: An axis has no values, values without a label, two values with one label, or a keyword of the
            other axis; or the policy has a rule called `allow`.
    """
    if _ALLOW in policy:
        problem = f"has a rule called {_ALLOW}, which is what the cell of an allowed request says"
        raise InvalidValueError(Fault("policy", problem, accepted=f"a policy without a rule called {_ALLOW}"))
    for name, axis in {"rows": rows, "columns": columns}.items():
        if not isinstance(axis, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(Fault.mismatch(name, kind_of(axis), "a mapping of keywords to values"))
    if shared := [keyword for keyword in columns if keyword in rows]:
        # Another function than `a_request()` may have any keywords, and errors do not show them.
        words = ", ".join([keyword for keyword in shared if keyword in PLACES["a_request"]]) or "the same keyword"
        raise InvalidValueError(Fault("columns", f"and rows both name {words}", accepted="other keywords than in rows"))
    row_keywords, column_keywords = _combinations("rows", rows), _combinations("columns", columns)
    header = [_title(rows), *column_keywords]
    widths = [
        max(map(len, [header[0], *row_keywords])),
        *(max(_MIN_WIDTH, len(label)) for label in column_keywords),
    ]
    body = [
        [label, *(_cell(policy, make(**row, **column)) for column in column_keywords.values())]
        for label, row in row_keywords.items()
    ]
    # A derived version changes with every condition, but the table must only change if a decision does.
    own_version = (policy.version or "").removesuffix(f"+{policy.fingerprint[:8]}")
    version = f", version {_escape(own_version)}" if own_version else ""
    title = f"Policy {policy.id}{version}: {header[0]} (rows) by {_title(columns)} (columns)"
    lines = [title, "", *(_line(cells, widths) for cells in (header, ["-" * width for width in widths], *body))]
    return "".join(f"{line}\n" for line in lines)


def _cell(policy: Policy[R], request: R) -> str:
    check_request(policy, request)
    decision = policy.decide(request)
    if decision.allowed:
        return _ALLOW
    return ", ".join(
        f"{reason.code} (error)" if reason.status is ReasonStatus.ERROR else reason.code for reason in decision.reasons
    )


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    """Align cells at tab stops. A cell that is too long takes space from those after it."""
    line = ""
    for cell, stop in zip(cells, accumulate(width + 3 for width in widths), strict=True):
        line = f"{line}| {cell} ".ljust(stop)
    return f"{line}|"


def _combinations(name: str, axis: Axis) -> dict[str, dict[str, object]]:
    """Return the keywords of every combination of an axis' values, by its label."""
    places = [repr(keyword) if keyword in PLACES["a_request"] else str(number) for number, keyword in enumerate(axis)]
    labelled = [_labelled(f"{name}[{place}]", values) for place, values in zip(places, axis.values(), strict=True)]
    for place, pairs in zip(places, labelled, strict=True):
        if not pairs:
            raise InvalidValueError(Fault(f"{name}[{place}]", "is empty: pass at least one value"))
    if not labelled:
        raise InvalidValueError(Fault(name, "is empty: pass at least one keyword with its values"))
    combinations: dict[str, dict[str, object]] = {}
    for combination in product(*labelled):
        label = ", ".join(label for label, _ in combination)
        if label in combinations:
            problem = "has two values with the same label: pass a mapping of labels to values"
            raise InvalidValueError(Fault(name, problem, accepted="values with labels of their own"))
        combinations[label] = dict(zip(axis, (value for _, value in combination), strict=True))
    return combinations


def _labelled(name: str, values: Iterable[object] | Mapping[str, object]) -> list[tuple[str, object]]:
    """Return each value with its label."""
    if isinstance(values, Mapping):
        pairs = list(cast("Mapping[object, object]", values).items())
    elif is_collection(values):
        pairs = [(value, value) for value in values]
    else:
        accepted = "a collection of values, or a mapping of labels to values"
        raise InvalidValueError(Fault.mismatch(name, kind_of(values), accepted))
    labelled = [(_label(name, label), value) for label, value in pairs]
    # The order of a set differs from process to process.
    return sorted(labelled, key=itemgetter(0)) if isinstance(values, AbstractSet) else labelled


def _label(name: str, value: object) -> str:
    label = value.value if isinstance(value, Enum) else value
    if isinstance(label, bool):
        return "yes" if label else "no"
    if label is not None and not isinstance(label, str | int):
        accepted = "enum members, bools, None, strs and ints, or a mapping of labels to values"
        raise InvalidValueError(Fault.mismatch(name, kind_of(value), accepted))
    return "none" if label is None else _escape(str(label))


def _title(axis: Axis) -> str:
    return ", ".join(map(_escape, axis))


def _escape(text: str) -> str:
    """Escape characters that would end a cell or a line, or that a reader would not see."""
    escaped = text.replace("\\", "\\\\").replace("|", "\\|")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped)
