"""Pages are plain and whole off a terminal, wrapped on one, and never obeyed by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy.cli._page import Page, inert

LONG = "one two three four five six seven eight nine ten eleven twelve"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives every test a terminal of 40 columns that knows colours."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


class TestInert:
    """`inert()`."""

    # Whatever a terminal would obey, or a reader would not see, is escaped.
    @pytest.mark.parametrize(
        ("text", "shown"),
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
    def test_escapes_what_is_not_printable(self, text: str, shown: str) -> None:
        """As Python would write it."""
        assert shown == inert(text)

    @pytest.mark.parametrize("text", ["plain", "é 中 ∀", "[red]markup[/red]", ":smile:"])
    def test_leaves_what_is_printable(self, text: str) -> None:
        """Nothing is changed."""
        assert text == inert(text)

    @given(st.text())
    def test_gives_only_what_is_printable(self, text: str) -> None:
        """Whatever it is given."""
        assert inert(text).isprintable()


class TestPage:
    """`Page`."""

    def test_is_plain_and_whole_off_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever the environment says of width and colours."""
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        page = Page(terminal=False)
        page.add("- ", (LONG, "bold red"))
        assert f"- {LONG}\n" == str(page)

    def test_wraps_on_a_terminal(self) -> None:
        """Further lines hang under the first."""
        page = Page(terminal=True)
        page.add("- ", LONG)
        assert str(page) == "- one two three four five six seven\n  eight nine ten eleven twelve\n"

    def test_cuts_words_that_are_wider_than_the_terminal(self) -> None:
        """Nothing is lost."""
        page = Page(terminal=True)
        page.add("  ", "x" * 50)
        assert str(page) == f"  {'x' * 38}\n  {'x' * 12}\n"

    def test_stays_legible_on_a_terminal_of_no_width(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A column of text is never narrower than 20."""
        monkeypatch.setenv("COLUMNS", "1")
        page = Page(terminal=True)
        page.add("- ", "one two three four five")
        assert str(page) == "- one two three four\n  five\n"

    def test_is_coloured_on_a_terminal(self) -> None:
        """A style is what the terminal is told to do."""
        page = Page(terminal=True)
        page.add("", ("DENY", "bold red"), " it")
        assert str(page) == "\x1b[1;31mDENY\x1b[0m it\n"

    # Colours are taken back by whoever looks at the terminal.
    @pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_is_not_coloured_where_that_is_not_wanted(
        self, name: str, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not an escape is left."""
        monkeypatch.setenv(name, value)
        page = Page(terminal=True)
        page.add("", ("DENY", "bold red"), " it")
        assert str(page) == "DENY it\n"

    def test_an_empty_no_color_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if it were not set."""
        monkeypatch.setenv("NO_COLOR", "")
        page = Page(terminal=True)
        page.add("", ("DENY", "red"))
        assert "\x1b[31m" in str(page)

    @pytest.mark.parametrize("terminal", [True, False])
    def test_obeys_no_text(self, terminal: bool) -> None:  # noqa: FBT001
        """Markup, emoji codes and escapes are text like any other."""
        page = Page(terminal=terminal)
        page.add("", "[red]a[/red] :smile: \x1b[2J\n\u202e")
        assert str(page) == "[red]a[/red] :smile: \\x1b[2J\\n\\u202e\n"
