"""The law of `where()`: it selects exactly the rows whose requests the policy allows, on every database."""
# pyright: basic

from collections.abc import Callable, Generator
from random import Random
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import Policy, Rule
from escalation_policy.analysis import Where, where
from laws.tables import SCHEMAS, Condition, Database, Schema, sqlite
from postgresql import needs_postgresql

pytestmark = pytest.mark.once

SIZE: Final = 600


class Table(NamedTuple):
    """A filled table, the requests of its rows by their ids, and the style of the database's driver."""

    schema: Schema
    requests: dict[int, Any]
    database: Database
    style: Any

    def allowed(self, policy: Policy[Any]) -> set[int]:
        """Return the rows that a policy allows."""
        return {number for number, request in self.requests.items() if policy.allows(request)}

    def selected(self, condition: Where[Any]) -> set[int]:
        """Return the rows that SQL selects, of those that make a request."""
        return self.database.select(condition) & self.requests.keys()


@pytest.fixture(params=SCHEMAS)
def fill(request: pytest.FixtureRequest) -> Callable[[Database, str], Table]:
    """Return a function that fills a database with 600 rows, many of them dirty."""
    schema = SCHEMAS[request.param]
    rows = schema.rows(SIZE)
    requests = {row["id"]: made for row in rows if (made := schema.request_of(row)) is not None}
    assert len(requests) > SIZE * 0.9
    return lambda database, style: Table(schema, requests, database.fill(schema, rows), style)


@pytest.fixture
def in_duckdb() -> Database:
    """Make an empty database of DuckDB in memory."""
    duckdb = pytest.importorskip("duckdb", reason="needs duckdb")
    return Database(duckdb.connect(":memory:"), "?")


@pytest.fixture
def in_postgresql(postgresql: dict[str, str]) -> Generator[Database, None, None]:
    """Connect with a server of our own."""
    import psycopg  # noqa: PLC0415  not everybody has it

    with psycopg.connect(
        host=postgresql["PGHOST"], user=postgresql["PGUSER"], dbname=postgresql["PGDATABASE"], autocommit=True
    ) as connection:
        yield Database(connection, "%s")


def check(table: Table) -> None:
    """Compare SQL with decisions, for random conditions."""

    @given(st.randoms(use_true_random=False))
    def law(random: Random) -> None:
        policy = Policy(
            "p", [Rule(f"r{number}", table.schema.condition(random)) for number in range(random.choice([1, 1, 2]))]
        )
        assert table.allowed(policy) == table.selected(where(policy, table.schema.facts, style=table.style))

    law()


class TestWhere:
    """Exactly the allowed rows: NULL, empty strings, unknown words and wrong case included."""

    def test_selects_what_the_policy_allows_on_sqlite(self, fill: Callable[[Database, str], Table]) -> None:
        """SQLite compares what other databases refuse to."""
        check(fill(sqlite(), "named"))

    def test_selects_what_the_policy_allows_on_duckdb(
        self, fill: Callable[[Database, str], Table], in_duckdb: Database
    ) -> None:
        """With the numbered placeholders, which asyncpg has too."""
        check(fill(in_duckdb, "numeric_dollar"))

    @needs_postgresql
    def test_selects_what_the_policy_allows_on_postgresql(
        self, fill: Callable[[Database, str], Table], in_postgresql: Database
    ) -> None:
        """With a real server."""
        check(fill(in_postgresql, "format"))

    @pytest.mark.slow
    def test_selects_what_the_policy_allows_for_every_test(self, fill: Callable[[Database, str], Table]) -> None:
        """Random conditions are unlikely to hold each of them; here each is alone, as it is and negated."""
        table = fill(sqlite(), "qmark")
        for test in table.schema.tests:
            for condition in (test, ~test):
                policy = Policy("p", [Rule("r", condition)])
                actual = table.selected(where(policy, table.schema.facts))
                assert table.allowed(policy) == actual, condition

    def test_the_naive_translation_breaks_the_law(self, fill: Callable[[Database, str], Table]) -> None:
        """So the rows are dirty enough. It is what one writes who thinks that NULL is None and `NOT` is `~`."""
        table, random = fill(sqlite(), "qmark"), Random(0)  # noqa: S311  the same conditions each time
        policies = [Policy("p", [Rule("r", table.schema.condition(random))]) for _ in range(20)]
        selected = [table.selected(Naive(table.schema).where(policy.rules[0].requires)) for policy in policies]
        allowed = [table.allowed(policy) for policy in policies]

        assert any(actual - expected for actual, expected in zip(selected, allowed, strict=True))
        assert any(expected - actual for actual, expected in zip(selected, allowed, strict=True))


class Naive:
    """Translates each operator to its nearest relative in SQL, and negation to `NOT`."""

    def __init__(self, schema: Schema) -> None:
        self._columns = {fact.path.identity: column for fact, column in schema.facts.items()}
        self._values: list[Any] = []

    def where(self, condition: Condition) -> Where[Any]:
        """Translate a condition."""
        sql = condition.fold(self._test, lambda word, parts: f"({f' {word} '.join(parts)})")
        return Where(sql, tuple(self._values))

    def _test(self, test: Any) -> str:
        sql = self._operator(test, *test.paths)
        return f"NOT ({sql})" if test.negated else f"({sql})"

    def _operator(self, test: Any, left: Any, right: Any = None) -> str:
        if test.kind in ("is_set", "is_true"):
            return f"{self._column(left)}{' IS NOT NULL' * (test.kind == 'is_set')}"
        if test.kind == "contains":
            return f"{self._column(right) if right else self._listed(test)} IN ({self._members(left)})"
        if left.member is None:
            return f"{self._column(left)} " + (f"= {self._column(right)}" if right else f"IN ({self._listed(test)})")
        others = self._members(right) if right else f"SELECT {' UNION SELECT '.join(self._listed(test).split(','))}"
        same = f" AND NOT EXISTS ({others} EXCEPT {self._members(left)})" if test.kind == "equals" else ""
        return f"NOT EXISTS ({self._members(left)} EXCEPT {others}){same}"

    def _column(self, path: Any) -> str:
        column: Any = self._columns[path.identity]
        return str(column if isinstance(column, str) else column.sql)

    def _members(self, path: Any) -> str:
        column: Any = self._columns[path.identity]
        return str(column.members)

    def _listed(self, test: Any) -> str:
        operand = test.operand if isinstance(test.operand, frozenset) else [test.operand]
        self._values.extend(sorted(getattr(each, "value", each) for each in operand))
        return ",".join("?" * len(operand))
