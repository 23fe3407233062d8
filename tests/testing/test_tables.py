"""Golden tables: every cell is right, and one changed decision changes one line."""

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
#: Its reasons differ for each combination of flag, size and number.
SAMPLES: Final = Policy(
    "samples",
    [
        Rule("flag", FLAG),
        Rule("small", SAMPLE(lambda r: r.size).equals(Size.SMALL)),
        Rule("three", SAMPLE(lambda r: r.number).equals(3)),
    ],
)
#: An axis of a host without a type checker.
Loose = Mapping[str, Any]


def table(rows: Loose, columns: Loose, policy: Policy[Sample] = SAMPLES) -> str:
    """Make a table of samples."""
    return policy_table(policy, rows=rows, columns=columns, make=Sample)


def sample(**_: object) -> Sample:
    """Make the same sample for all keywords."""
    return Sample()


def cells_of(text: str) -> list[list[str]]:
    """Read a table as Markdown does: a backslash escapes the next character."""
    cells = [re.findall(r"\| ((?:\\.|[^|\\])*) (?=\|)", line) for line in text.split("\n")[2:-1]]
    return [[re.sub(r"\\(?=[|\\])", "", cell).rstrip() for cell in line] for line in cells]


def labels(values: Any) -> list[str]:
    """Make a table with these values in its rows, and return their labels."""
    text = policy_table(SAMPLES, rows={"value": values}, columns={"flag": [True]}, make=sample)
    return [line[0] for line in cells_of(text)[2:]]


class Odd(Enum):
    """An enum whose values are not all text."""

    NUMBER = 7
    PAIR = (1, 2)


class TestPolicyTable:
    """`policy_table()`."""

    def test_of_the_built_in_policy_is_the_golden_one(self) -> None:
        """A test compares a table with a file in one line."""
        golden = (GOLDEN / "channels-and-logins.md").read_text(encoding="utf-8")
        assert golden == policy_table(ESCALATE_TO_VIDEO, rows={"channel": ChannelKind}, columns={"login": Login})

    def test_shows_allow_or_the_reasons(self) -> None:
        """The codes of the reasons, in the policy's order, without hidden rules."""
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
        """In their order. The last keyword changes fastest."""
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
        arguments: list[Loose] = []
        requests: list[Sample] = []

        def listen(request: Sample) -> bool:
            requests.append(request)
            return True

        policy = Policy("p", [Rule("r", SAMPLE.predicate("listen", listen))])

        def make(**fields: Any) -> Sample:
            arguments.append(fields)
            return Sample(**fields)

        policy_table(policy, rows={"number": [1, 2]}, columns={"flag": [True, False]}, make=make)
        expected: list[Loose] = [{"number": number, "flag": flag} for number in (1, 2) for flag in (True, False)]
        assert expected == arguments
        assert [Sample(**fields) for fields in expected] == requests

    def test_uses_the_defaults_of_make(self) -> None:
        """Otherwise a policy that denies the request of `a_request()` would have the same rule in every cell."""
        policy = ESCALATE_TO_VIDEO.with_rules(Rule("consent", context("consent", bool).is_true()))
        logins = [Login.RINGCENTRAL_SSO, Login.SAML]
        text = policy_table(
            policy, rows={"login": logins}, columns={"enabled": [True]}, make=partial(a_request, policy=policy)
        )
        assert ["allow", "ringcentral_sso"] == [line[1] for line in cells_of(text)[2:]]
        text = policy_table(policy, rows={"login": logins}, columns={"enabled": [True]})
        assert ["consent", "ringcentral_sso, consent"] == [line[1] for line in cells_of(text)[2:]]

    def test_passes_on_errors_of_the_builder(self) -> None:
        """Such as an unknown keyword, with the closest one."""
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
        """On one line, with an empty line after it, which Markdown requires before a table."""
        text = table({"number": [1]}, {"flag": [True]}, Policy("p", [Rule("r", FLAG)], version=version))
        assert [title, ""] == text.split("\n")[:2]

    @given(st.lists(st.text(min_size=1), min_size=1, max_size=4, unique=True))
    def test_keeps_its_shape_for_all_labels(self, names: list[str]) -> None:
        """One line per row, one cell per column, no space at the end of a line, and only printable characters."""
        text = table(
            {"name": dict.fromkeys(names, "x")},
            {"number": {f"{name}.": index for index, name in enumerate(names)}, "flag": [True]},
        )
        lines = text.split("\n")
        assert "" == lines[-1]
        assert len(names) + 5 == len(lines)
        assert all(line == line.rstrip() and line.isprintable() for line in lines)
        assert {len(names) + 1} == {len(line) for line in cells_of(text)}

    def test_shows_the_decisions_of_the_policy(self) -> None:
        """Cell by cell."""
        channels, logins, flags = list(ChannelKind), list(Login), [True, False, None]
        text = policy_table(ESCALATE_TO_VIDEO, rows={"channel": channels, "private": flags}, columns={"login": logins})
        requests = [
            [a_request(channel=channel, private=private, login=login) for login in logins]
            for channel in channels
            for private in flags
        ]
        for line, row in zip(cells_of(text)[2:], requests, strict=True):
            for cell, request in zip(line[1:], row, strict=True):
                decision = ESCALATE_TO_VIDEO.decide(request)
                assert cell.split(", ") == (["allow"] if decision else [reason.code for reason in decision.reasons])


class TestLayout:
    """People read the differences between two versions of a table."""

    AXES: Final[tuple[Loose, Loose]] = {"number": range(9)}, {"size": Size, "flag": [True, False]}

    def test_changes_one_line_for_a_changed_cell(self) -> None:
        """Also if the new or the old cell is by far the longest."""

        def denies(number: int, code: str) -> Policy[Sample]:
            at = SAMPLE(lambda r: r.number).equals(number) & FLAG & SAMPLE(lambda r: r.size).equals(Size.SMALL)
            return Policy("p", [Rule(code, ~at)])

        usual, wide = (table(*self.AXES, policy=denies(5, "x" * size)).split("\n") for size in (1, 90))
        allowed = table(*self.AXES, policy=denies(10, "x")).split("\n")
        assert [9] == [index for index, lines in enumerate(zip(usual, wide, strict=True)) if lines[0] != lines[1]]
        assert [9] == [index for index, lines in enumerate(zip(allowed, wide, strict=True)) if lines[0] != lines[1]]

    def test_lets_a_long_cell_take_space_from_those_after_it(self) -> None:
        """The next column that fits is aligned again."""
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
    """Short values are their own labels."""

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
        """In their order."""
        assert expected == labels(values)

    @pytest.mark.parametrize("values", [set("cab"), frozenset("cab"), dict.fromkeys("cab").keys()])
    def test_of_a_set_are_sorted(self, values: Any) -> None:
        """The order of a set differs between processes, and the file would change."""
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
    def test_are_escaped(self, label: str, shown: str) -> None:
        """On both axes and in keywords, for Markdown and for terminals."""
        value = {label: Size.SMALL}
        down = policy_table(SAMPLES, rows={"size": value}, columns={"flag": [True]}, make=Sample).split("\n")
        across = policy_table(SAMPLES, rows={"flag": [True]}, columns={"size": value}, make=Sample).split("\n")
        titled = policy_table(SAMPLES, rows={label: [1]}, columns={f"{label}2": [2]}, make=sample)
        assert down[4].startswith(f"| {shown} ")
        assert across[2].startswith(f"| flag | {shown} ")
        assert f"Policy samples: {shown} (rows) by {shown}2 (columns)" == titled.split("\n")[0]
        assert f"| {shown} |" == titled.split("\n")[2].partition(" 2 ")[0]


#: Invalid rows and columns, and the error message.
INVALID: Final[list[tuple[Loose, Loose, str]]] = [
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


class TestErrors:
    """Invalid arguments raise errors that say what is accepted."""

    @pytest.mark.parametrize(("rows", "columns", "message"), INVALID, ids=[message for *_, message in INVALID])
    def test_name_the_axis(self, rows: Loose, columns: Loose, message: str) -> None:
        """They are raised before any request is made."""

        def fail(**_: object) -> Sample:
            pytest.fail("a request was made")

        with pytest.raises(InvalidValueError) as caught:
            policy_table(SAMPLES, rows=rows, columns=columns, make=fail)
        assert message == str(caught.value)

    def test_reject_a_policy_with_a_rule_called_allow(self) -> None:
        """Its denials would look like allowed requests."""
        with pytest.raises(
            InvalidValueError,
            match=r"^policy has a rule called allow, which is what the cell of an allowed request says$",
        ):
            table({"number": [1]}, {"flag": [False]}, Policy("p", [Rule("allow", FLAG)]))


class TestCells:
    """Mistakes that a cell must not hide."""

    def test_mark_rules_that_raised(self) -> None:
        """Otherwise a rule that never worked would look like one that denies."""
        policy = Policy("p", [Rule("asked", context("n", int).satisfies("below 5", lambda n: [True][n]))])
        table = policy_table(policy, rows={"context": {"low": {"n": 0}, "high": {"n": 7}}}, columns={"private": [True]})
        assert "asked (error)" in table.splitlines()[-1]
        assert "(error)" not in table.splitlines()[-2]

    def test_are_only_made_from_requests(self) -> None:
        """Otherwise a builder without a `return` would make a table full of denials."""

        def forgetful(**_: object) -> Any:
            return None

        with pytest.raises(TypeError, match="decides about an EscalationRequest, got None"):
            policy_table(ESCALATE_TO_VIDEO, rows={"private": [True]}, columns={"login": [Login.SAML]}, make=forgetful)

    def test_need_axes_that_are_mappings(self) -> None:
        """A list of keywords has no values."""
        axis: Any = ["private"]
        with pytest.raises(InvalidValueError, match="rows must be a mapping of keywords to values, got a list"):
            policy_table(ESCALATE_TO_VIDEO, rows=axis, columns={"login": [Login.SAML]})
