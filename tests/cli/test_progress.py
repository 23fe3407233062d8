"""Whoever waits for long on a terminal is told what is being done; nobody else is told anything."""

import io
import sys

import pytest

from escalation_policy.cli import _progress
from escalation_policy.cli._progress import Waiting


class Screen(io.StringIO):
    """A standard error that is a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        """Shows nothing yet."""
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        """Says which it is."""
        return self._terminal


def watched(monkeypatch: pytest.MonkeyPatch, *, terminal: bool = True) -> Screen:
    """Puts a screen in the place of standard error."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def wait_for_long(monkeypatch: pytest.MonkeyPatch) -> str:
    """Waits until a wait is long, which is at once, and gives what was gone over."""
    monkeypatch.setattr(_progress, "_LONG", 0)
    with Waiting() as waiting:
        waiting.begin("Reading")
        if waiting._timer.is_alive():
            waiting._timer.join()
        gone_over = "".join(waiting.over("abcd", "Auditing", 4))
        waiting._bar.refresh()
    return gone_over


class TestWaiting:
    """`Waiting`."""

    def test_tells_what_is_being_done(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The last thing that was begun, until it is done; then the line is cleared."""
        screen = watched(monkeypatch)
        wait_for_long(monkeypatch)
        printed = screen.getvalue()
        assert "Auditing" in printed
        assert printed.endswith("\x1b[?25h\r\x1b[1A\x1b[2K")

    def test_tells_nothing_when_it_does_not_take_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A second is not long."""
        screen = watched(monkeypatch)
        with Waiting() as waiting:
            assert list("abcd") == list(waiting.over("abcd", "Auditing", 4))
        assert screen.getvalue() == ""

    # Files and dumb terminals are told nothing, however long it takes.
    def test_tells_no_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever the environment says."""
        file = watched(monkeypatch, terminal=False)
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        wait_for_long(monkeypatch)
        assert file.getvalue() == ""

    def test_tells_no_dumb_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It could not clear the line."""
        screen = watched(monkeypatch)
        monkeypatch.setenv("TERM", "dumb")
        wait_for_long(monkeypatch)
        assert screen.getvalue() == ""

    def test_tells_nobody_who_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process can be started without a standard error."""
        monkeypatch.setattr(sys, "stderr", None)
        assert wait_for_long(monkeypatch) == "abcd"

    def test_is_cleared_when_something_goes_wrong(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The message stands on a line of its own, and the cursor can be seen."""
        screen = watched(monkeypatch)
        monkeypatch.setattr(_progress, "_LONG", 0)

        def read() -> None:
            with Waiting() as waiting:
                waiting.begin("Reading")
                waiting._timer.join()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            read()
        assert screen.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")

    @pytest.mark.parametrize("total", [0, 4, 250])
    def test_goes_over_everything(self, total: int) -> None:
        """Whatever is told."""
        waiting = Waiting()
        assert list(range(total)) == list(waiting.over(range(total), "Auditing", total))
        done = max(total // 100, 1)
        assert (total - 1) // done * done == waiting._bar.tasks[0].completed or total == 0
