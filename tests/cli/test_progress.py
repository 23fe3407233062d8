"""A progress bar appears on a terminal if a command takes long, and nowhere else."""

import io
import sys

import pytest

from escalation_policy.cli import _progress
from escalation_policy.cli._progress import ProgressBar


class Screen(io.StringIO):
    """A standard error that is a terminal or not."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._is_terminal


def replace_stderr(monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool = True) -> Screen:
    """Replace standard error and return the replacement."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(is_terminal=is_terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def run_slow_command(monkeypatch: pytest.MonkeyPatch) -> str:
    """Do some work that counts as slow at once, and return the tracked items."""
    monkeypatch.setattr(_progress, "_DELAY", 0)
    with ProgressBar() as progress:
        progress.begin("Reading")
        if progress._timer.is_alive():
            progress._timer.join()
        items = "".join(progress.track("abcd", "Auditing", 4))
        progress._bar.refresh()
    return items


class TestProgressBar:
    """`ProgressBar`."""

    def test_shows_the_current_part_of_the_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """At the end the line is cleared."""
        screen = replace_stderr(monkeypatch)
        run_slow_command(monkeypatch)
        printed = screen.getvalue()
        assert "Auditing" in printed
        assert printed.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")

    def test_shows_nothing_within_the_first_second(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The items are the same."""
        screen = replace_stderr(monkeypatch)
        with ProgressBar() as progress:
            assert list("abcd") == list(progress.track("abcd", "Auditing", 4))
        assert screen.getvalue() == ""

    def test_shows_nothing_in_a_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment variables that force colors do not matter."""
        file = replace_stderr(monkeypatch, is_terminal=False)
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        run_slow_command(monkeypatch)
        assert file.getvalue() == ""

    def test_shows_nothing_on_a_dumb_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It cannot clear a line."""
        screen = replace_stderr(monkeypatch)
        monkeypatch.setenv("TERM", "dumb")
        run_slow_command(monkeypatch)
        assert screen.getvalue() == ""

    def test_works_without_a_standard_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process can be started without one."""
        monkeypatch.setattr(sys, "stderr", None)
        assert run_slow_command(monkeypatch) == "abcd"

    def test_is_cleared_after_an_exception(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The error message begins on a line of its own, and the cursor is visible."""
        screen = replace_stderr(monkeypatch)
        monkeypatch.setattr(_progress, "_DELAY", 0)

        def read() -> None:
            with ProgressBar() as progress:
                progress.begin("Reading")
                progress._timer.join()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            read()
        assert screen.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")

    @pytest.mark.parametrize("total", [0, 4, 250])
    def test_tracks_every_item(self, total: int) -> None:
        """The bar moves about a hundred times."""
        progress = ProgressBar()
        assert list(range(total)) == list(progress.track(range(total), "Auditing", total))
        step = max(total // 100, 1)
        assert (total - 1) // step * step == progress._bar.tasks[0].completed or total == 0
