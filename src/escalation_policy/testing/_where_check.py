"""The check of `where()` on a host's own tables: the SQL must select the rows that the policy allows."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

from .. import Policy
from .._engine.conditions import R
from .._fields import kind_of, require
from ..analysis import Column, Where, where
from ._recorder import unseen

#: How many rows a message lists.
_MOST: Final = 10


def check_where(
    policy: Policy[R],
    columns: Mapping[Any, str | Column],
    *,
    select: Callable[[Where[Any]], Mapping[Any, Any]],
    request_of: Callable[[Any], R | None],
    style: Literal["qmark", "format", "numeric_dollar", "named"] = "qmark",
) -> None:
    """Check on a table of yours that `where()` selects exactly the rows that the policy allows.

    It finds columns that do not hold what they should: a collation that ignores case, NULL for two meanings, a fact in
    the wrong column. It reads all rows, so use a copy or a part of a large table.

    Args:
        policy: The policy.
        columns: As for `where()`.
        select: Runs your query with a condition, and returns the selected rows by their primary keys. It is called twice,
            with `1=1` first.
        request_of: Makes the request of a row, as your application does. It returns None for a row that it refuses, which
            is not compared.
        style: As for `where()`.

    Raises:
        AssertionError: A row is selected but denied, or allowed but not selected, or there is nothing to compare. The
            message lists rows by their position among all rows, and shows no values.
    """
    __tracebackhide__ = True
    condition = where(policy, columns, style=style)
    rows = _selected(select, Where[Any]("1=1", type(condition.parameters)()))
    selected = _selected(select, condition)
    # These decisions are no test of the host's: they would cover all rules.
    with unseen():
        requests = {key: request for key, row in rows.items() if (request := request_of(row)) is not None}
        wrong = list(_differences(policy, rows, requests, selected))
    if not requests:
        raise AssertionError("where() cannot be checked: no row makes a request")
    if wrong:
        more = [f"and {len(wrong) - _MOST} more"] if len(wrong) > _MOST else []
        raise AssertionError("\n  ".join([f"where() of policy {policy.id!r} is wrong:", *wrong[:_MOST], *more]))


def _selected(select: Callable[[Where[Any]], Mapping[Any, Any]], condition: Where[Any]) -> Mapping[Any, Any]:
    rows = select(condition)
    is_mapping = isinstance(rows, Mapping)  # pyright: ignore[reportUnnecessaryIsInstance]
    require(is_mapping, "select", f"{kind_of(rows)} from it", "a function that returns a mapping of keys to rows")
    return rows


def _differences(
    policy: Policy[R], rows: Mapping[Any, Any], requests: Mapping[Any, R], selected: Mapping[Any, Any]
) -> Iterator[str]:
    for position, key in enumerate(rows, start=1):
        if key in requests:
            decision = policy.decide(requests[key])
            if decision.allowed and key not in selected:
                yield f"row {position} is allowed, but not selected"
            if not decision.allowed and key in selected:
                codes = ", ".join(reason.code for reason in decision.reasons)
                yield f"row {position} is selected, but denied: {codes}"
    if others := selected.keys() - rows.keys():
        yield f"{len(others)} selected rows are not among all rows"
