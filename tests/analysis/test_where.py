"""`where()`: what SQL it writes, and what it refuses. That it selects the right rows is a law, in `laws/test_where.py`."""
# pyright: basic

import pickle
from enum import Enum, Flag, auto
from typing import Any, Final

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, EscalationRequest, Facts, Policy, Rule, fact, predicate
from escalation_policy._engine.conditions import Condition
from escalation_policy._engine.tests import Test as EngineTest
from escalation_policy.analysis import Column, Where, given, where
from escalation_policy.exceptions import InvalidValueError, UntranslatableError
from laws.hosts import Mood
from laws.tables import ESCALATIONS, TICKETS, Database, Schema, Ticket, sqlite

EMAIL: Final = fact(lambda r: r.agent.email)
TEAMS: Final = fact(lambda r: r.agent.team_ids)
KIND: Final = fact(lambda r: r.message.channel.kind)
PROFILE: Final = fact(lambda r: r.agent.ringcentral)
ACCOUNT: Final = PROFILE.then(lambda user: user.account_id)
ticket: Final[Any] = Facts(Ticket)


def policy(*conditions: Any) -> Policy[Any]:
    """Make a policy of conditions."""
    return Policy("p", [Rule(f"r{number}", condition) for number, condition in enumerate(conditions)])


def sql(condition: Any, columns: dict[Any, str | Column]) -> str:
    """Return the SQL of a condition."""
    return where(policy(condition), columns).sql


def problems(condition: Any, columns: dict[Any, str | Column] | None = None) -> list[str]:
    """Return what is wrong with a condition that cannot be translated."""
    with pytest.raises(UntranslatableError) as caught:
        where(policy(condition), columns or {})
    assert str(caught.value) == "; ".join(map(str, caught.value.faults))
    return [str(fault) for fault in caught.value.faults]


class Odd(Enum):
    """An enum whose values are of two types."""

    ONE = 1
    TWO = "two"


class Bits(Flag):
    """An enum whose members can be joined."""

    ONE = auto()
    TWO = auto()


@attrs.frozen
class Oddity:
    """A request with facts that SQL does not have."""

    odd: Odd
    bits: Bits
    mood: Mood
    moods: frozenset[Mood]
    sets: frozenset[frozenset[str]]
    ratio: float
    ratios: frozenset[float]
    text: str
    number: int


odd: Final[Any] = Facts(Oddity)


class TestWhere:
    """The value that `where()` returns."""

    def test_holds_sql_with_placeholders_and_parameters(self) -> None:
        """In the order of the placeholders."""
        both = policy(EMAIL.one_of(["u", "t"]), TEAMS.contains("x") | EMAIL.equals("y"))

        actual = where(both, {EMAIL: "a.email", TEAMS: Column("a.id", members="SELECT 1")})

        assert actual == Where(
            "(a.email IN (?, ?) AND ((a.id IS NOT NULL AND EXISTS (WITH policy_members(policy_member) AS (SELECT 1) "
            "SELECT 1 FROM policy_members WHERE policy_members.policy_member = ?)) OR a.email = ?))",
            ("t", "u", "x", "y"),
        )

    @pytest.mark.parametrize(
        ("style", "expected", "parameters"),
        [
            ("qmark", "email IN (?, ?)", ("t", "u")),
            ("format", "email IN (%s, %s)", ("t", "u")),
            ("numeric_dollar", "email IN ($1, $2)", ("t", "u")),
            ("named", "email IN (:policy_1, :policy_2)", {"policy_1": "t", "policy_2": "u"}),
        ],
    )
    def test_has_the_placeholders_of_a_driver(self, style: Any, expected: str, parameters: object) -> None:
        """`style` names them as DB-API does, and asyncpg's `$1` as SQLAlchemy does."""
        assert where(policy(EMAIL.one_of(["t", "u"])), {EMAIL: "email"}, style=style) == Where(expected, parameters)  # type: ignore[type-var]

    def test_shows_no_values(self) -> None:
        """A constant can be an address."""
        made = where(policy(EMAIL.equals("ada@example.com")), {EMAIL: "email"})

        assert "Where(sql='email = ?', parameters=<1 values>)" == repr(made)
        assert made == pickle.loads(pickle.dumps(made))

    def test_translates_the_built_in_policy(self) -> None:
        """With a column for each fact that it reads."""
        columns: dict[Any, str | Column] = dict.fromkeys(ESCALATIONS.facts, "c")
        paths = [path for rule in ESCALATE_TO_VIDEO.rules for test in rule.requires.tests for path in test.paths]
        with pytest.raises(UntranslatableError) as caught:
            where(ESCALATE_TO_VIDEO, {})
        assert {fault.path for fault in caught.value.faults} == set(map(str, paths))
        columns |= {
            fact(lambda r: r.agent.domain_id): "c",
            fact(lambda r: r.agent.id): "c",
            fact(lambda r: r.agent.role.domain_id): "c",
            fact(lambda r: r.message.channel.domain_id): "c",
            **{each: column for each, column in ESCALATIONS.facts.items() if isinstance(column, Column)},
        }
        assert where(ESCALATE_TO_VIDEO, columns).parameters


class TestSql:
    """What a test becomes."""

    def test_of_an_enum_lists_the_members_that_are_known(self) -> None:
        """A newer word of the API, or the wrong case, is in no list."""
        made = where(policy(~KIND.equals(ChannelKind.TWITTER)), {KIND: "kind"})

        assert {member.value for member in ChannelKind} - {"twitter", "unknown"} == set(made.parameters)
        assert "NOT" not in made.sql

    def test_of_a_text_that_differs_excludes_the_empty_one_if_the_class_does(self) -> None:
        """A field of a host's accepts it."""
        assert "(email <> ? AND email <> '')" == sql(~EMAIL.equals("t"), {EMAIL: "email"})
        title = ticket(lambda r: r.title)
        assert "title <> ?" == sql(~title.equals("t"), {title: "title"})

    def test_of_absence_asks_the_parts_above(self) -> None:
        """An account is unknown if its column is NULL, and absent if there is no profile."""
        assert "rc IS NULL" == sql(~ACCOUNT.is_set(), {PROFILE: "rc", ACCOUNT: "account"})
        email = PROFILE.then(lambda user: user.email)
        assert "(rc IS NULL OR (email IS NULL OR email = ''))" == sql(~email.is_set(), {PROFILE: "rc", email: "email"})

    def test_of_absence_below_an_unknown_part_asks_whether_that_is_there(self) -> None:
        """What is below an unknown part is unknown too."""
        lost, text = ticket(lambda r: r.lost), ticket(lambda r: r.lost.text)

        assert "(lost IS NOT NULL AND text IS NULL)" == sql(~text.is_set(), {lost: "lost", text: "text"})
        assert ["lost has no column"] == problems(~text.is_set(), {text: "text"})

    def test_of_absence_asks_no_part_that_is_always_there(self) -> None:
        """As its annotation says. A column is asked if there is one."""
        steady, text = ticket(lambda r: r.steady), ticket(lambda r: r.steady.text)

        assert "text IS NULL" == sql(~text.is_set(), {text: "text"})
        assert "(part IS NULL OR text IS NULL)" == sql(~text.is_set(), {text: "text", steady: "part"})

    @pytest.mark.parametrize(
        "condition",
        [
            ~fact(lambda r: r.agent.enabled).is_set(),
            ~fact(lambda r: r.message.private).is_set(),
            ~fact.context("c", int).is_set(),
        ],
    )
    def test_of_what_is_never_absent_is_never_true(self, condition: Any) -> None:
        """And needs no column: NULL would mean that it is unknown."""
        assert "1=0" == sql(condition, {})

    def test_of_what_the_class_refuses_is_never_true(self) -> None:
        """Although the database may hold it."""
        assert "1=0" == sql(EMAIL.equals(""), {EMAIL: "email"})

    def test_of_a_value_asks_the_parts_above_that_have_columns(self) -> None:
        """A row can hold an account although the profile is gone."""
        assert "account = ?" == sql(ACCOUNT.equals("1"), {ACCOUNT: "account"})
        assert "(rc IS NOT NULL AND account = ?)" == sql(ACCOUNT.equals("1"), {ACCOUNT: "account", PROFILE: "rc"})

    def test_of_a_value_that_has_no_operators_asks_whether_it_is_there(self) -> None:
        """Parts and numbers with fractions."""
        ratio = odd(lambda r: r.ratio)
        assert "rc IS NOT NULL" == sql(PROFILE.is_set(), {PROFILE: "rc"})
        assert "ratio IS NOT NULL" == sql(ratio.is_set(), {ratio: "ratio"})

    def test_puts_expressions_in_brackets(self) -> None:
        """But no names."""
        assert "(a || b) = ?" == sql(EMAIL.equals("t"), {EMAIL: "a || b"})
        assert 'a."email" = ?' == sql(EMAIL.equals("t"), {EMAIL: 'a."email"'})

    def test_finds_a_column_by_the_path_of_its_fact(self) -> None:
        """Two facts of one path are the same fact."""
        assert "e = ?" == sql(EMAIL.equals("t"), {fact(lambda r: r.agent.email): "e"})


class TestRest:
    """The rest of a policy, once some facts are known, holds tests that no condition of a host's has."""

    @pytest.mark.parametrize("kind", ["one_of", "subset_of", "equals"])
    @pytest.mark.parametrize("constants", [frozenset(), frozenset({"t"}), frozenset({"t", "u"})])
    @pytest.mark.parametrize("schema", [ESCALATIONS, TICKETS])
    def test_selects_what_it_allows(self, kind: str, constants: frozenset[str], schema: Schema) -> None:
        """Is empty, is a certain set, is one of none; and the opposite of each."""
        rows = schema.rows(100)
        requests = {row["id"]: schema.request_of(row) for row in rows}
        database: Database = sqlite().fill(schema, rows)
        for path in [each.path for each in schema.facts if each.path.member in (None, str)]:
            if path.exact is (str if kind == "one_of" else frozenset):
                test = EngineTest(kind, (path,), constants)
                for each in (test, ~test):
                    only = policy(Condition(path.request_type, (each,)))
                    allowed = {number for number, request in requests.items() if request and only.allows(request)}
                    selected = {number for number in database.select(where(only, schema.facts)) if requests[number]}
                    assert allowed == selected, each

    def test_of_given_facts_is_translated_as_it_is(self) -> None:
        """Everything, nothing, or the conditions that remain."""
        asked = policy(EMAIL.equals("t"), KIND.equals(ChannelKind.CHAT))
        rests = [
            given(asked, {EMAIL: email, **({KIND: ChannelKind.CHAT} if kind else {})})
            for email, kind in (("t", True), ("u", True), ("t", False))
        ]

        assert ["1=1", "1=0", "kind = ?"] == [where(rest, {KIND: "kind"}).sql for rest in rests]


class TestUntranslatableError:
    """It names every fact that has no SQL, and no value."""

    def test_lists_all_facts_without_a_column(self) -> None:
        """Each once, in the order of the rules."""
        two = EMAIL.equals("t") & (~TEAMS.contains(EMAIL) | KIND.is_set())

        assert [
            "agent.email has no column",
            "agent.team_ids has no column",
            "message.channel.kind has no column",
        ] == problems(two)

    @pytest.mark.parametrize(
        ("condition", "problem"),
        [
            (EMAIL.satisfies("short", bool), "agent.email is tested by a function, which SQL cannot call"),
            (predicate("open", bool), "open is tested by a function, which SQL cannot call"),
            (~PROFILE.then(lambda user: user.email).is_set(), "agent.ringcentral has no column"),
            (
                TEAMS.contains("t"),
                "agent.team_ids is a set: pass Column(sql, members=…) with a sub-select of its members",
            ),
            (odd(lambda r: r.mood).is_set(), "mood is an enum whose members are compared in their own way"),
            (odd(lambda r: r.moods).is_set(), "moods is an enum whose members are compared in their own way"),
            (odd(lambda r: r.bits).is_set(), "bits is an enum whose members are compared in their own way"),
            (odd(lambda r: r.odd).is_set(), "odd is an enum whose values are neither all str nor all int"),
            (odd(lambda r: r.sets).is_set(), "sets is a set of values that SQL does not compare"),
            (odd(lambda r: r.ratios).is_set(), "ratios is a set of values that SQL does not compare"),
            (odd(lambda r: r.text).equals("\0"), "text is compared with a constant that not every database can hold"),
            (
                odd(lambda r: r.text).equals("\ud800"),
                "text is compared with a constant that not every database can hold",
            ),
            (
                odd(lambda r: r.number).equals(2**63),
                "number is compared with a constant that not every database can hold",
            ),
        ],
    )
    def test_says_what_is_in_the_way(self, condition: Any, problem: str) -> None:
        """Nothing is left out of the SQL instead."""
        columns: dict[Any, str | Column] = {
            EMAIL: "c",
            TEAMS: "c",
            PROFILE.then(lambda user: user.email): "c",
            **{odd(lambda r, name=name: getattr(r, name)): "c" for name in ("odd", "bits", "mood", "text", "number")},
            **{
                odd(lambda r, name=name: getattr(r, name)): Column("c", "SELECT 1")
                for name in ("moods", "sets", "ratios")
            },
        }
        columns = {each: column for each, column in columns.items() if each.path.request_type is condition.request_type}

        assert [problem] == problems(condition, columns)


class TestArguments:
    """What `where()` refuses."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["p", {}], "policy must be a Policy, got a str"),
            ([policy(EMAIL.is_set()), []], "columns must be a mapping of facts to columns, got an empty list"),
            (
                [policy(EMAIL.is_set()), {"agent.email": "e"}],
                "columns must be a mapping of facts to columns, got a str as a key",
            ),
            (
                [policy(EMAIL.is_set()), {ticket(lambda r: r.title): "e"}],
                "columns[title] must be a fact of EscalationRequest, got one of Ticket",
            ),
            (
                [policy(EMAIL.is_set()), {EMAIL: 1}],
                "columns[agent.email] must be a non-empty str or a Column, got an int",
            ),
            (
                [policy(EMAIL.is_set()), {EMAIL: " "}],
                "columns[agent.email] must be a non-empty str or a Column, got a blank str",
            ),
            (
                [policy(EMAIL.is_set()), {EMAIL: "e", fact(lambda r: r.agent.email): "f"}],
                "columns[agent.email] has more than one column",
            ),
            (
                [policy(EMAIL.is_set()), {EMAIL: Column("e", "SELECT 1")}],
                "columns[agent.email] has members, but it is no set",
            ),
        ],
    )
    def test_are_named_in_the_message(self, arguments: list[Any], message: str) -> None:
        """No value is shown."""
        with pytest.raises(InvalidValueError) as caught:
            where(*arguments)
        assert message == str(caught.value)

    def test_suggest_the_style_that_is_meant(self) -> None:
        """As other messages do."""
        with pytest.raises(InvalidValueError, match=r"style must be one of qmark, .* \(did you mean named\?\)"):
            where(policy(EMAIL.is_set()), {EMAIL: "e"}, style="name")  # type: ignore[call-overload]
        with pytest.raises(InvalidValueError, match=r"style must be one of qmark, .*, got a list$"):
            where(policy(EMAIL.is_set()), {EMAIL: "e"}, style=["named"])  # type: ignore[call-overload]

    def test_may_name_facts_that_the_policy_does_not_read(self) -> None:
        """One mapping serves all policies of a request type."""
        assert "e <> ''" == sql(EMAIL.is_set(), {EMAIL: "e", KIND: "k"})
        assert EscalationRequest is policy(EMAIL.is_set()).request_type
