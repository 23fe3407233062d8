"""Golden tables: what a policy says to every combination of some values, as text for reviews."""

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
from ._builders import a_request
from ._codes import must_decide
from ._keywords import REQUEST

#: Keywords and, for each, its values: as they are, or under labels.
Axis = Mapping[str, Iterable[object] | Mapping[str, object]]
#: How wide a column is at least. What decisions say never changes a width, or one decision would change every line.
_ROOM: Final = 20
_ALLOW: Final = "allow"


@overload
def policy_table(policy: Policy[EscalationRequest], *, rows: Axis, columns: Axis) -> str: ...
@overload
def policy_table(policy: Policy[R], *, rows: Axis, columns: Axis, make: Callable[..., R]) -> str: ...
def policy_table(policy: Policy[Any], *, rows: Axis, columns: Axis, make: Callable[..., Any] = a_request) -> str:
    """Decides a request for every combination of some values, and lays the answers out as a Markdown table.

    A cell says `allow`, or names the rules in the way, with `(error)` after one that raised. Kept in a file and compared in a test, the table shows in review
    what a change of the policy means. A decision that changes, changes one line.

    Args:
        policy: The policy that decides, once for each cell.
        rows: Keywords of `make` and, for each, its values: enum members, bools, None, strs and ints, which are their
            own labels, or a mapping of labels to values of any type. Several keywords are combined.
        columns: The same with other keywords.
        make: Makes the request of a cell from its keywords. Pass `partial(a_request, policy=policy)` where a policy
            does not allow what `a_request()` makes, and a function of your own for another type of request.

    Returns:
        A line that names the policy and the keywords, an empty one, and the table; every line ends with a line feed.

    Raises:
        InvalidValueError: An axis has no values, values without a label or two of one label, or a keyword of the other
            axis; or a rule is called `allow`, as a cell is.
    """
    if _ALLOW in policy:
        problem = f"has a rule called {_ALLOW}, which is what the cell of an allowed request says"
        raise InvalidValueError(Fault("policy", problem, accepted=f"a policy without a rule called {_ALLOW}"))
    for name, axis in {"rows": rows, "columns": columns}.items():
        if not isinstance(axis, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(Fault.mismatch(name, kind_of(axis), "a mapping of keywords to values"))
    if both := [keyword for keyword in columns if keyword in rows]:
        # Another function than `a_request()` takes keywords that can be anything.
        words = ", ".join([each for each in both if each in REQUEST]) or "the same keyword"
        raise InvalidValueError(Fault("columns", f"and rows both name {words}", accepted="other keywords than in rows"))
    down, across = _combined("rows", rows), _combined("columns", columns)
    heads = [_named(rows), *across]
    widths = [max(map(len, [heads[0], *down])), *(max(_ROOM, len(label)) for label in across)]
    cells = [
        [label, *(_cell(policy, make(**row, **column)) for column in across.values())] for label, row in down.items()
    ]
    # A derived version changes with every condition; a table in version control is there to show which answers change.
    named = (policy.version or "").removesuffix(f"+{policy.fingerprint[:8]}")
    version = f", version {_inert(named)}" if named else ""
    title = f"Policy {policy.id}{version}: {heads[0]} (rows) by {_named(columns)} (columns)"
    lines = [title, "", *(_line(each, widths) for each in (heads, ["-" * width for width in widths], *cells))]
    return "".join(f"{line}\n" for line in lines)


def _cell(policy: Policy[R], request: R) -> str:
    must_decide(policy, request)
    decision = policy.decide(request)
    raised = {reason.code: " (error)" for reason in decision.reasons if reason.status is ReasonStatus.ERROR}
    codes = [f"{reason.code}{raised.get(reason.code, '')}" for reason in decision.reasons]
    return _ALLOW if decision.allowed else ", ".join(codes)


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    """Lays cells out on tab stops: one that is too long takes from the room of those after it."""
    line = ""
    for cell, stop in zip(cells, accumulate(width + 3 for width in widths), strict=True):
        line = f"{line}| {cell} ".ljust(stop)
    return f"{line}|"


def _combined(name: str, axis: Axis) -> dict[str, dict[str, object]]:
    """Multiplies the values of an axis: for each joined label, the keywords that it stands for."""
    places = [repr(keyword) if keyword in REQUEST else str(number) for number, keyword in enumerate(axis)]
    labelled = [_labelled(f"{name}[{place}]", values) for place, values in zip(places, axis.values(), strict=True)]
    for place, pairs in zip(places, labelled, strict=True):
        if not pairs:
            raise InvalidValueError(Fault(f"{name}[{place}]", "is empty: pass at least one value"))
    if not labelled:
        raise InvalidValueError(Fault(name, "is empty: pass at least one keyword with its values"))
    combined: dict[str, dict[str, object]] = {}
    for each in product(*labelled):
        label = ", ".join(label for label, _ in each)
        if label in combined:
            problem = "has two values with the same label: pass a mapping of labels to values"
            raise InvalidValueError(Fault(name, problem, accepted="values with labels of their own"))
        combined[label] = dict(zip(axis, (value for _, value in each), strict=True))
    return combined


def _labelled(name: str, values: Iterable[object] | Mapping[str, object]) -> list[tuple[str, object]]:
    """Gives each value its label."""
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
    return "none" if label is None else _inert(str(label))


def _named(axis: Axis) -> str:
    return ", ".join(map(_inert, axis))


def _inert(text: str) -> str:
    """Escapes what would end a cell or a line, or what a reader would not see."""
    escaped = text.replace("\\", "\\\\").replace("|", "\\|")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped)
