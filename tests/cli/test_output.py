"""Text is plain and unwrapped off a terminal, wrapped and colored on one, and never obeyed by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy.cli._output import Output, inert

LONG = "one two three four five six seven eight nine ten eleven twelve"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up a terminal of 40 columns with colors, which nothing is connected to yet."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard output a terminal."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)


class TestInert:
    """`inert()`."""

    @pytest.mark.parametrize(
        ("text", "escaped"),
        [
            ("\x1b[31mred", "\\x1b[31mred"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\x00\x07\x7f\x9b", "\\x00\\x07\\x7f\\x9b"),
            ("\u202eabc\u2066", "\\u202eabc\\u2066"),
            ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
            ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
            ("\udcff", "\\udcff"),
            ("\U000e0041", "\\U000e0041"),
        ],
        ids=["escape", "lines", "controls", "bidi", "separators", "invisible", "surrogate", "tag"],
    )
    def test_escapes_what_is_not_printable(self, text: str, escaped: str) -> None:
        """Escapes are those of Python's string literals."""
        assert escaped == inert(text)

    @pytest.mark.parametrize("text", ["plain", "é 中 ∀", "[red]markup[/red]", ":smile:"])
    def test_does_not_change_printable_text(self, text: str) -> None:
        """Letters of other scripts and markup are printable."""
        assert text == inert(text)

    @given(st.text())
    def test_returns_printable_text_for_any_text(self, text: str) -> None:
        """No character of any text reaches the terminal unescaped if it is not printable."""
        assert inert(text).isprintable()


class TestOffTerminal:
    """`Output`, if standard output is not a terminal."""

    def test_is_plain_and_unwrapped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment variables that ask for width and colors do not matter."""
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        output = Output()
        output.add("- ", (LONG, "bold red"))
        assert f"- {LONG}\n" == str(output)

    def test_is_as_on_a_terminal_if_forced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """For a pager that shows colors."""
        monkeypatch.setenv("FORCE_COLOR", "1")
        output = Output()
        output.add("- ", ("red", "bold red"))
        assert "- \x1b[1;31mred\x1b[0m\n" == str(output)

    def test_escapes_every_text(self) -> None:
        """Markup and emoji codes are printed as they are."""
        output = Output()
        output.add("", "[red]a[/red] :smile: \x1b[2J\n\u202e")
        assert str(output) == "[red]a[/red] :smile: \\x1b[2J\\n\\u202e\n"

    def test_quiet_output_is_not_written(self, capsys: pytest.CaptureFixture[str]) -> None:
        """It can be added to like any other."""
        output = Output("quiet")
        output.add("", LONG)
        output.write()
        assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("terminal")
class TestOnTerminal:
    """`Output`, if standard output is a terminal."""

    def test_wraps(self) -> None:
        """Further lines are indented like the text of the first."""
        output = Output()
        output.add("- ", LONG)
        assert str(output) == "- one two three four five six seven\n  eight nine ten eleven twelve\n"

    def test_cuts_words_that_are_wider_than_the_terminal(self) -> None:
        """No character is lost."""
        output = Output()
        output.add("  ", "x" * 50)
        assert str(output) == f"  {'x' * 38}\n  {'x' * 12}\n"

    def test_text_is_at_least_20_columns_wide(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It stays legible even if the terminal is narrower."""
        monkeypatch.setenv("COLUMNS", "1")
        output = Output()
        output.add("- ", "one two three four five")
        assert str(output) == "- one two three four\n  five\n"

    def test_is_colored(self) -> None:
        """Styles become escape sequences."""
        output = Output()
        output.add("", ("DENY", "bold red"), " it")
        assert str(output) == "\x1b[1;31mDENY\x1b[0m it\n"

    @pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_environment_turns_colors_off(self, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """No escape sequence is left, not even for bold text."""
        monkeypatch.setenv(name, value)
        output = Output()
        output.add("", ("DENY", "bold red"), " it")
        assert str(output) == "DENY it\n"

    def test_an_empty_no_color_does_not_turn_colors_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By the convention of no-color.org, an empty variable counts as not set."""
        monkeypatch.setenv("NO_COLOR", "")
        output = Output()
        output.add("", ("DENY", "red"))
        assert "\x1b[31m" in str(output)

    def test_escapes_every_text(self) -> None:
        """Markup and emoji codes are printed as they are."""
        output = Output()
        output.add("", "[red]a[/red] :smile: \x1b[2J\n\u202e")
        assert str(output) == "[red]a[/red] :smile: \\x1b[2J\\n\\u202e\n"


@pytest.mark.usefixtures("terminal")
class TestTables:
    """`Output.add_table()` on a terminal of 40 columns."""

    def test_are_lines_if_they_are_too_wide(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One for each cell."""
        monkeypatch.setenv("NO_COLOR", "1")
        output = Output()
        output.add_table("", [("a" * 30, "b", "the end")])
        assert f"\n  {'a' * 30}\n    b\n    the end\n" == str(output)
