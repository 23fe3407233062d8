"""Golden tables: every cell is right, and nothing moves but what has changed."""

import re
from collections.abc import Mapping
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, InterventionState, Login, Policy, Rule, context
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.testing import a_request, a_role, policy_table
from support import SAMPLE, Sample, Size

GOLDEN: Final = Path(__file__).parent / "golden"
FLAG: Final = SAMPLE(lambda r: r.flag).is_true()
#: Answers differently for each combination of flag, size and number.
SAMPLES: Final = Policy(
    "samples",
    [
        Rule("flag", FLAG),
        Rule("small", SAMPLE(lambda r: r.size).equals(Size.SMALL)),
        Rule("three", SAMPLE(lambda r: r.number).equals(3)),
    ],
)
#: What a host may pass where it has no type checker.
Loose = Mapping[str, Any]


def table(rows: Loose, columns: Loose, policy: Policy[Sample] = SAMPLES) -> str:
    """Makes a table of samples."""
    return policy_table(policy, rows=rows, columns=columns, make=Sample)


def sample(**_: object) -> Sample:
    """Makes the same sample whatever the keywords."""
    return Sample()


def cells_of(text: str) -> list[list[str]]:
    """Reads a table as Markdown does: a backslash takes its meaning from whatever stands after it."""
    cells = [re.findall(r"\| ((?:\\.|[^|\\])*) (?=\|)", line) for line in text.split("\n")[2:-1]]
    return [[re.sub(r"\\(?=[|\\])", "", cell).rstrip() for cell in line] for line in cells]


def labels(values: Any) -> list[str]:
    """Makes a table with these values on its rows, and gives their labels."""
    told = policy_table(SAMPLES, rows={"value": values}, columns={"flag": [True]}, make=sample)
    return [line[0] for line in cells_of(told)[2:]]


class Odd(Enum):
    """An enum whose values are not all text."""

    NUMBER = 7
    PAIR = (1, 2)


class TestPolicyTable:
    """`policy_table()`."""

    def test_of_the_built_in_policy_is_the_golden_one(self) -> None:
        """One line compares a table with a file."""
        golden = (GOLDEN / "channels-and-logins.md").read_text(encoding="utf-8")
        assert golden == policy_table(ESCALATE_TO_VIDEO, rows={"channel": ChannelKind}, columns={"login": Login})

    def test_says_allow_or_what_is_in_the_way(self) -> None:
        """The codes of the reasons, in the policy's order; what is hidden stays out."""
        expected = """\
Policy escalate_to_video, version 1: role, state (rows) by ringcentral (columns)

| role, state          | of the domain's account | none                 |
| -------------------- | ----------------------- | -------------------- |
| agents, open         | role_permits            | role_permits, extension_linked |
| agents, closed       | role_permits, agent_engaged | role_permits, extension_linked, agent_engaged |
| video agents, open   | allow                   | extension_linked     |
| video agents, closed | agent_engaged           | extension_linked, agent_engaged |
"""
        roles = {"agents": a_role(permissions=()), "video agents": a_role()}
        states = [InterventionState.OPEN, InterventionState.CLOSED]
        extensions = {"of the domain's account": a_request().agent.ringcentral, "none": None}
        rows, columns = {"role": roles, "state": states}, {"ringcentral": extensions}
        assert expected == policy_table(ESCALATE_TO_VIDEO, rows=rows, columns=columns)

    def test_combines_the_keywords_of_each_axis(self) -> None:
        """In the order in which they are given, the last one changing fastest."""
        rows = {"flag": (True, False), "number": iter([3, 4])}
        expected = [
            ["flag, number", "small", "large"],
            ["-" * 12, "-" * 20, "-" * 20],
            ["yes, 3", "allow", "small"],
            ["yes, 4", "three", "small, three"],
            ["no, 3", "flag", "flag, small"],
            ["no, 4", "flag, three", "flag, small, three"],
        ]
        assert expected == cells_of(table(rows, {"size": Size}))

    def test_makes_and_decides_each_request_once(self) -> None:
        """Row by row."""
        made: list[Loose] = []
        asked: list[Sample] = []

        def listen(request: Sample) -> bool:
            asked.append(request)
            return True

        policy = Policy("p", [Rule("r", SAMPLE.predicate("listen", listen))])

        def make(**fields: Any) -> Sample:
            made.append(fields)
            return Sample(**fields)

        policy_table(policy, rows={"number": [1, 2]}, columns={"flag": [True, False]}, make=make)
        expected: list[Loose] = [{"number": number, "flag": flag} for number in (1, 2) for flag in (True, False)]
        assert expected == made
        assert [Sample(**each) for each in expected] == asked

    def test_takes_defaults_from_make(self) -> None:
        """A policy that does not allow what `a_request()` makes has the same rule in every cell otherwise."""
        policy = ESCALATE_TO_VIDEO.with_rules(Rule("consent", context("consent", bool).is_true()))
        logins = [Login.RINGCENTRAL_SSO, Login.SAML]
        told = policy_table(
            policy, rows={"login": logins}, columns={"enabled": [True]}, make=partial(a_request, policy=policy)
        )
        assert ["allow", "ringcentral_sso"] == [line[1] for line in cells_of(told)[2:]]
        told = policy_table(policy, rows={"login": logins}, columns={"enabled": [True]})
        assert ["consent", "ringcentral_sso, consent"] == [line[1] for line in cells_of(told)[2:]]

    def test_passes_on_what_the_builder_refuses(self) -> None:
        """It knows its keywords, and says which are meant."""
        with pytest.raises(
            TypeError, match=re.escape("a_request() takes no argument of that name, did you mean channel?")
        ):
            policy_table(ESCALATE_TO_VIDEO, rows={"chanel": ChannelKind}, columns={"login": Login})

    @pytest.mark.parametrize(
        ("version", "title"),
        [
            (None, "Policy p: number (rows) by flag (columns)"),
            ("2.0", "Policy p, version 2.0: number (rows) by flag (columns)"),
            ("a\nb", "Policy p, version a\\nb: number (rows) by flag (columns)"),
        ],
        ids=["none", "plain", "two lines"],
    )
    def test_is_headed_by_policy_version_and_keywords(self, version: str | None, title: str) -> None:
        """On one line, and then an empty one, which Markdown wants in front of a table."""
        told = table({"number": [1]}, {"flag": [True]}, Policy("p", [Rule("r", FLAG)], version=version))
        assert [title, ""] == told.split("\n")[:2]

    # Whoever compares files or reads terminals is not to be misled.
    @given(st.lists(st.text(min_size=1), min_size=1, max_size=4, unique=True))
    def test_keeps_its_shape_whatever_the_labels(self, names: list[str]) -> None:
        """One line per row, one cell per column, no blanks at the end of a line, and printable all over."""
        told = table(
            {"name": dict.fromkeys(names, "x")},
            {"number": {f"{name}.": index for index, name in enumerate(names)}, "flag": [True]},
        )
        lines = told.split("\n")
        assert "" == lines[-1]
        assert len(names) + 5 == len(lines)
        assert all(line == line.rstrip() and line.isprintable() for line in lines)
        assert {len(names) + 1} == {len(line) for line in cells_of(told)}

    def test_says_what_the_policy_decides(self) -> None:
        """Cell by cell."""
        channels, logins, flags = list(ChannelKind), list(Login), [True, False, None]
        told = policy_table(ESCALATE_TO_VIDEO, rows={"channel": channels, "private": flags}, columns={"login": logins})
        requests = [
            [a_request(channel=channel, private=private, login=login) for login in logins]
            for channel in channels
            for private in flags
        ]
        for line, row in zip(cells_of(told)[2:], requests, strict=True):
            for cell, request in zip(line[1:], row, strict=True):
                decision = ESCALATE_TO_VIDEO.decide(request)
                assert cell.split(", ") == (["allow"] if decision else [reason.code for reason in decision.reasons])


class TestLayout:
    """Tables are read in the differences between two of their versions."""

    AXES: Final[tuple[Loose, Loose]] = {"number": range(9)}, {"size": Size, "flag": [True, False]}

    def test_changes_one_line_for_a_changed_cell(self) -> None:
        """Also where the new cell is by far the longest, or was."""

        def denies(number: int, code: str) -> Policy[Sample]:
            at = SAMPLE(lambda r: r.number).equals(number) & FLAG & SAMPLE(lambda r: r.size).equals(Size.SMALL)
            return Policy("p", [Rule(code, ~at)])

        usual, wide = (table(*self.AXES, policy=denies(5, "x" * size)).split("\n") for size in (1, 90))
        allowed = table(*self.AXES, policy=denies(10, "x")).split("\n")
        assert [9] == [index for index, lines in enumerate(zip(usual, wide, strict=True)) if lines[0] != lines[1]]
        assert [9] == [index for index, lines in enumerate(zip(allowed, wide, strict=True)) if lines[0] != lines[1]]

    def test_lets_a_long_cell_take_room_from_those_after_it(self) -> None:
        """The next column that can stands where it should again."""
        policy = Policy("p", [Rule("a_code_of_27_letters_or_more", ~FLAG | SAMPLE(lambda r: r.number).equals(1))])
        expected = """\
| number | small, yes           | small, no            | large, yes           | large, no            |
| ------ | -------------------- | -------------------- | -------------------- | -------------------- |
| 1      | allow                | allow                | allow                | allow                |
| 2      | a_code_of_27_letters_or_more | allow        | a_code_of_27_letters_or_more | allow        |
"""
        columns = {"size": Size, "flag": [True, False]}
        assert expected == table({"number": [1, 2]}, columns, policy).partition("\n\n")[2]


class TestLabels:
    """Values that speak for themselves are their own labels."""

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (Size, ["small", "large"]),
            ([ChannelKind.WHATSAPP, Odd.NUMBER], ["whats_app", "7"]),
            ([True, False, None], ["yes", "no", "none"]),
            (["a b", 10, 9], ["a b", "10", "9"]),
            ((name for name in "ba"), ["b", "a"]),
            ({"b": object(), "a": (1, 2)}, ["b", "a"]),
            ({Size.LARGE: 1.5, None: 0.5}, ["large", "none"]),
        ],
        ids=["enum", "members", "bools", "texts", "generator", "named", "named by values"],
    )
    def test_are_values_or_names(self, values: Any, expected: list[str]) -> None:
        """In the order given."""
        assert expected == labels(values)

    @pytest.mark.parametrize("values", [set("cab"), frozenset("cab"), dict.fromkeys("cab").keys()])
    def test_of_a_set_are_sorted(self, values: Any) -> None:
        """Its own order is another one in every process, and the file never the same."""
        assert ["a", "b", "c"] == labels(values)

    @pytest.mark.parametrize(
        ("label", "shown"),
        [
            ("a|b", "a\\|b"),
            ("a\\|b", "a\\\\\\|b"),
            ("a\r\nb", "a\\r\\nb"),
            ("a\u2028b\x85", "a\\u2028b\\x85"),
            ("\u202eabc", "\\u202eabc"),
            ("\x1b[31m", "\\x1b[31m"),
            ("\udcff", "\\udcff"),
            ("é 中", "é 中"),
        ],
        ids=["bar", "escaped bar", "lines", "separators", "bidi", "escape", "surrogate", "plain"],
    )
    def test_are_made_harmless(self, label: str, shown: str) -> None:
        """Neither Markdown nor a terminal obeys them, on either axis and in keywords too."""
        value = {label: Size.SMALL}
        down = policy_table(SAMPLES, rows={"size": value}, columns={"flag": [True]}, make=Sample).split("\n")
        across = policy_table(SAMPLES, rows={"flag": [True]}, columns={"size": value}, make=Sample).split("\n")
        named = policy_table(SAMPLES, rows={label: [1]}, columns={f"{label}2": [2]}, make=sample)
        assert down[4].startswith(f"| {shown} ")
        assert across[2].startswith(f"| flag | {shown} ")
        assert f"Policy samples: {shown} (rows) by {shown}2 (columns)" == named.split("\n")[0]
        assert f"| {shown} |" == named.split("\n")[2].partition(" 2 ")[0]


#: What makes no table: rows, columns and what is said of them.
REFUSED: Final[list[tuple[Loose, Loose, str]]] = [
    ({}, {"flag": [True]}, "rows is empty: pass at least one keyword with its values"),
    ({"flag": [True]}, {}, "columns is empty: pass at least one keyword with its values"),
    ({"flag": [True], "size": []}, {"number": [1]}, "rows[1] is empty: pass at least one value"),
    ({"flag": [True]}, {"number": {}}, "columns[0] is empty: pass at least one value"),
    ({"flag": [True]}, {"size": Size, "flag": [False]}, "columns and rows both name the same keyword"),
    ({"login": [1], "video": [1]}, {"login": [2]}, "columns and rows both name login"),
    ({"size": [Size.SMALL, Size.SMALL]}, {"flag": [True]}, "rows has two values with the same label: pass a mapping of labels to values"),
    ({"flag": [True]}, {"name": [None, "none"]}, "columns has two values with the same label: pass a mapping of labels to values"),
    ({"flag": [True, "yes"], "number": [1]}, {"size": Size}, "rows has two values with the same label: pass a mapping of labels to values"),
    ({"name": ["a", "a, b"], "part": ["b, c", "c"]}, {"flag": [True]}, "rows has two values with the same label: pass a mapping of labels to values"),
    ({"name": "abc"}, {"flag": [True]}, "rows[0] must be a collection of values, or a mapping of labels to values, got a str"),
    ({"flag": [True]}, {"number": 1}, "columns[0] must be a collection of values, or a mapping of labels to values, got an int"),
    ({"role": [a_role()]}, {"flag": [True]}, "rows['role'] must be enum members, bools, None, strs and ints, or a mapping of labels to values, got a Role"),
    ({"flag": [True]}, {"ratio": [0.5]}, "columns[0] must be enum members, bools, None, strs and ints, or a mapping of labels to values, got a float"),
    ({"flag": [True]}, {"odd": Odd}, "columns[0] must be enum members, bools, None, strs and ints, or a mapping of labels to values, got an Odd"),
]  # fmt: skip


class TestRefusals:
    """What makes no table says what would."""

    @pytest.mark.parametrize(("rows", "columns", "message"), REFUSED, ids=[message for *_, message in REFUSED])
    def test_name_the_axis(self, rows: Loose, columns: Loose, message: str) -> None:
        """Before any request is made."""

        def unmade(**_: object) -> Sample:
            pytest.fail("a request was made")

        with pytest.raises(InvalidValueError) as caught:
            policy_table(SAMPLES, rows=rows, columns=columns, make=unmade)
        assert message == str(caught.value)

    def test_of_a_policy_whose_denials_would_read_as_allowed(self) -> None:
        """Nobody could tell the two apart."""
        with pytest.raises(
            InvalidValueError,
            match=r"^policy has a rule called allow, which is what the cell of an allowed request says$",
        ):
            table({"number": [1]}, {"flag": [False]}, Policy("p", [Rule("allow", FLAG)]))


class TestCells:
    """What a cell must not hide."""

    def test_mark_rules_that_raised(self) -> None:
        """A rule that has never worked would look like one that denies."""
        policy = Policy("p", [Rule("asked", context("n", int).satisfies("below 5", lambda n: [True][n]))])
        table = policy_table(policy, rows={"context": {"low": {"n": 0}, "high": {"n": 7}}}, columns={"private": [True]})
        assert "asked (error)" in table.splitlines()[-1]
        assert "(error)" not in table.splitlines()[-2]

    def test_are_not_made_of_what_is_no_request(self) -> None:
        """A builder that forgets its `return` would make a table full of denials."""

        def forgetful(**_: object) -> Any:
            return None

        with pytest.raises(TypeError, match="decides about an EscalationRequest, got None"):
            policy_table(ESCALATE_TO_VIDEO, rows={"private": [True]}, columns={"login": [Login.SAML]}, make=forgetful)

    def test_need_axes_that_are_mappings(self) -> None:
        """A list of keywords has no values."""
        axis: Any = ["private"]
        with pytest.raises(InvalidValueError, match="rows must be a mapping of keywords to values, got a list"):
            policy_table(ESCALATE_TO_VIDEO, rows=axis, columns={"login": [Login.SAML]})
