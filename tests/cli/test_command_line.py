"""The command line as a process."""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import escalation_policy.cli
from escalation_policy.__main__ import run

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PATH": os.defpath}
on_unix = pytest.mark.skipif(sys.platform == "win32", reason="descriptors and terminals of Unix")


def command(*arguments: str) -> list[str]:
    """Return the command that starts the command line."""
    return [sys.executable, "-m", "escalation_policy", *arguments]


def start(
    words: list[str],
    *,
    stdin: bytes = b"",
    stdout: int = subprocess.PIPE,
    environment: dict[str, str] = ENVIRONMENT,
) -> subprocess.CompletedProcess[bytes]:
    """Run a process to its end, in the root of the repository."""
    return subprocess.run(
        words, input=stdin, stdout=stdout, stderr=subprocess.PIPE, cwd=ROOT, env=environment, timeout=60, check=False
    )


class TestProcess:
    """`python -m escalation_policy`."""

    def test_decides_a_case_from_standard_input(self) -> None:
        """The answer is the same as for a file, in every environment."""
        case = (ROOT / "docs/examples/new-agent.json").read_bytes()
        strange = {"COLUMNS": "30", "TTY_COMPATIBLE": "1", "PYTHONIOENCODING": "ascii", "LANG": "C"}
        process = start(command("decide", "-"), stdin=case, environment=ENVIRONMENT | strange)
        assert process.stderr == b""
        assert (GOLDEN / "new-agent.txt").read_text("utf-8") == process.stdout.decode().replace("\r\n", "\n")
        assert process.returncode == 1

    def test_rejects_standard_input_in_one_line(self) -> None:
        """There is no traceback."""
        process = start(command("decide", "-"), stdin=b"{")
        assert process.stdout == b""
        assert process.stderr.decode().splitlines() == [
            "escalation-policy: standard input: must be JSON, got an error in line 1, column 2"
        ]
        assert process.returncode == 2

    @on_unix
    def test_a_broken_pipe_is_not_an_error(self) -> None:
        """Nothing is printed when the interpreter exits, and the exit status is the answer."""
        reader, writer = os.pipe()
        os.close(reader)
        process = start(command("decide", "docs/examples/allowed.json"), stdout=writer)
        os.close(writer)
        assert (process.returncode, process.stderr) == (0, b"")

    @on_unix
    def test_wraps_and_colors_on_a_terminal(self) -> None:
        """This one has 40 columns."""
        printed = on_terminal({})
        assert "\x1b[1;31mDENY\x1b[0m" in printed
        plain = re.sub(r"\x1b\[[0-9;]*m", "", printed)
        assert "\x1b" not in plain
        assert 30 < max(map(len, plain.splitlines())) <= 40
        words = (GOLDEN / "no-extension.txt").read_text("utf-8").split()
        assert words + words[:4] == plain.split(), "the answer is longer than the screen, so the verdict is repeated"

    @on_unix
    def test_no_color_turns_all_styles_off(self) -> None:
        """Bold is a style too."""
        assert "\x1b" not in on_terminal({"NO_COLOR": "1"})

    def test_names_the_extra_if_rich_is_missing(self) -> None:
        """The message is one sentence, and the exit status is 2."""
        blocked = (
            "import runpy, sys\n"
            "class Blocker:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        if name.partition('.')[0] in ('rich', 'shtab'): raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
            "sys.meta_path.insert(0, Blocker())\n"
            "runpy.run_module('escalation_policy', run_name='__main__')\n"
        )
        process = start([sys.executable, "-c", blocked, "completion", "bash"])
        assert process.stderr.decode().splitlines() == [
            "escalation-policy: the command line needs the extra: pip install 'escalation_policy[cli]'"
        ]
        assert (process.returncode, process.stdout) == (2, b"")


def on_terminal(environment: dict[str, str]) -> str:
    """Return the output of a denial on a terminal of 40 columns."""
    import fcntl  # noqa: PLC0415  only on Unix
    import struct  # noqa: PLC0415
    import termios  # noqa: PLC0415

    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    start(
        command("decide", "docs/examples/no-extension.json"),
        stdout=terminal,
        environment=ENVIRONMENT | {"TERM": "xterm-256color"} | environment,
    )
    os.close(terminal)
    printed = b""
    while chunk := read(screen):
        printed += chunk
    os.close(screen)
    return printed.decode().replace("\r\n", "\n")


def read(screen: int) -> bytes:
    """Read from a terminal. If it is closed, Linux raises an error."""
    try:
        return os.read(screen, 4096)
    except OSError:
        return b""


class TestRun:
    """`run()`, in this process."""

    def test_exit_status_is_that_of_the_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`python -m` runs it like this."""
        monkeypatch.setattr(
            sys, "argv", ["escalation-policy", "decide", "--quiet", str(ROOT / "docs/examples/not-engaged.json")]
        )
        monkeypatch.delitem(sys.modules, "escalation_policy.__main__")
        with pytest.raises(SystemExit) as caught:
            runpy.run_module("escalation_policy", run_name="__main__")
        assert caught.value.code == 1

    def test_exit_status_of_an_interrupt_is_130(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """There is no traceback."""
        monkeypatch.setattr(escalation_policy.cli, "main", raising(KeyboardInterrupt()))
        with pytest.raises(SystemExit) as caught:
            run()
        assert caught.value.code == 130
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize("name", ["rich", "rich.console"])
    def test_a_missing_rich_is_reported(
        self, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The message names the extra."""
        monkeypatch.setattr(escalation_policy.cli, "main", raising(ModuleNotFoundError(name=name)))
        with pytest.raises(SystemExit) as caught:
            run()
        assert caught.value.code == 2
        assert "escalation_policy[cli]" in capsys.readouterr().err

    @pytest.mark.parametrize("name", ["attrs", "richer", None])
    def test_another_missing_module_raises(self, name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        """The extra would not help."""
        monkeypatch.setattr(escalation_policy.cli, "main", raising(ModuleNotFoundError(name=name)))
        with pytest.raises(ModuleNotFoundError):
            run()


def raising(error: BaseException) -> Callable[[], int]:
    """Return a `main()` that raises an error."""

    def main() -> int:
        raise error

    return main
