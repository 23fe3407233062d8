"""`check_where()`: it finds the column that does not hold what it should."""
# pyright: basic

from typing import Any, Final

import pytest

from escalation_policy import EscalationRequest, Policy, Rule, fact
from escalation_policy.analysis import Where
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.testing import a_request, check_where

EMAIL: Final = fact(lambda r: r.agent.email)
POLICY: Final = Policy("mail", [Rule("known_agent", EMAIL.equals("ada@example.com"))])
#: Stands in for a table: the check only compares keys.
ROWS: Final[dict[str, str | None]] = {"k1": "ada@example.com", "k2": "bob@example.com", "k3": None}


class Table:
    """A table, and the keys that a query with a condition returns."""

    def __init__(self, *selected: str, rows: dict[str, Any] = ROWS) -> None:
        self.conditions: list[Where[Any]] = []
        self._rows = rows
        self._selected = selected

    def select(self, condition: Where[Any]) -> dict[str, Any]:
        """Return all rows, or the selected ones."""
        self.conditions.append(condition)
        return self._rows if condition.sql == "1=1" else dict.fromkeys(self._selected)


def request_of(email: str | None) -> EscalationRequest | None:
    """Make a request of a row. An empty address is refused."""
    return None if email == "" else a_request(email=email)


def problem(table: Table) -> str:
    """Return what the check finds."""
    with pytest.raises(AssertionError) as caught:
        check_where(POLICY, {EMAIL: "email"}, select=table.select, request_of=request_of)
    return str(caught.value)


class TestCheckWhere:
    """It compares the rows that are selected with those that are allowed."""

    @pytest.mark.parametrize(("style", "parameters"), [("qmark", ()), ("named", {})])
    def test_is_silent_if_they_are_the_same(self, style: Any, parameters: object) -> None:
        """It asks for all rows first."""
        table = Table("k1")

        check_where(POLICY, {EMAIL: "email"}, select=table.select, request_of=request_of, style=style)

        everything, condition = table.conditions
        assert everything == Where("1=1", parameters)  # type: ignore[type-var]
        assert "ada@example.com" in str(condition.parameters)

    def test_lists_wrong_rows_by_their_position(self) -> None:
        """With the rules that deny them, and without their keys and values."""
        assert problem(Table("k2", "k3")) == (
            "where() of policy 'mail' is wrong:\n"
            "  row 1 is allowed, but not selected\n"
            "  row 2 is selected, but denied: known_agent\n"
            "  row 3 is selected, but denied: known_agent"
        )

    def test_lists_the_first_ten(self) -> None:
        """One wrong column makes thousands of wrong rows."""
        many = {f"k{number}": None for number in range(30)}

        assert "\n  and 20 more" in problem(Table(*many, rows=many))

    def test_reports_rows_that_are_new(self) -> None:
        """The two queries do not read the same rows."""
        assert "2 selected rows are not among all rows" in problem(Table("k1", "k8", "k9"))

    def test_leaves_out_rows_that_make_no_request(self) -> None:
        """`where()` promises nothing for them."""
        check_where(
            POLICY,
            {EMAIL: "email"},
            select=Table("k1", "k2", rows={"k1": "ada@example.com", "k2": ""}).select,
            request_of=request_of,
        )

    @pytest.mark.parametrize("rows", [{}, {"k2": ""}])
    def test_needs_a_row_that_makes_a_request(self, rows: dict[str, Any]) -> None:
        """Otherwise it shows nothing."""
        assert "where() cannot be checked: no row makes a request" == problem(Table(rows=rows))

    def test_needs_rows_by_their_keys(self) -> None:
        """A list of rows cannot be compared with another one."""
        with pytest.raises(
            InvalidValueError,
            match=r"^select must be a function that returns a mapping of keys to rows, got a list from it",
        ):
            check_where(POLICY, {EMAIL: "email"}, select=lambda _: ["k1"], request_of=request_of)  # type: ignore[arg-type, return-value]
