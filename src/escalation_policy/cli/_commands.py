"""Commands: what is asked on the command line, and how each is answered."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NoReturn, TextIO, final

from .. import ESCALATE_TO_VIDEO
from ._answers import decision_as_json, decision_as_text, policy_as_json, policy_as_text
from ._case_files import UnusableCaseError, read_case
from ._page import inert

_PROGRAM: Final = "escalation-policy"
_ALLOWED, _DENIED, _UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Answers one command.

    Args:
        arguments: The words after the program's name; None: those of this process.

    Returns:
        The exit status: 0 allowed, 1 denied, 2 unusable input, which one line on standard error explains.

    Raises:
        SystemExit: Help or the version was asked for (0), or the arguments make no sense (2).
    """
    asked = _parser().parse_args(arguments)
    try:
        return _decide(asked) if asked.command == "decide" else _rules(asked)
    except UnusableCaseError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"the answer cannot be written: {str(error.strerror).lower()}")


def _decide(asked: argparse.Namespace) -> int:
    decision = ESCALATE_TO_VIDEO.decide(read_case(asked.file))
    if asked.json:
        _write(decision_as_json(decision, reveal=asked.reveal), sys.stdout)
    elif not asked.quiet:
        _write(decision_as_text(decision, reveal=asked.reveal, terminal=_is_terminal()), sys.stdout)
    return _ALLOWED if decision else _DENIED


def _rules(asked: argparse.Namespace) -> int:
    policy = ESCALATE_TO_VIDEO
    _write(policy_as_json(policy) if asked.json else policy_as_text(policy, terminal=_is_terminal()), sys.stdout)
    return _ALLOWED


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _fail(message: str) -> int:
    with suppress(OSError):  # nobody is left to be told
        _write(f"{_PROGRAM}: {inert(message)}\n", sys.stderr)
    return _UNUSABLE


def _write(text: str, stream: TextIO | None) -> None:
    """Writes to a stream, which is None where the process was started without it; what it cannot encode is escaped.

    A reader that has gone away is no error: the exit status still tells the answer.
    """
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        # What is buffered would be written again at exit, and fail again, with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


@final
class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line that no terminal obeys."""

    def error(self, message: str) -> NoReturn:
        self.exit(_UNUSABLE, f"{self.prog}: {inert(message)}; see {self.prog} --help\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        with suppress(OSError):
            _write(message, file)


def _parser() -> _Parser:
    parser = _Parser(prog=_PROGRAM, description="May this agent escalate this message to video?", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"{_PROGRAM} {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    decide = commands.add_parser(
        "decide",
        help="decide a case file: why, and who can mend it",
        epilog="Exit status: 0 allowed, 1 denied, 2 unusable input.",
        allow_abbrev=False,
    )
    decide.add_argument(
        "file",
        metavar="FILE",
        help="the request as JSON, with the records as the API returns them; - reads standard input",
    )
    output = decide.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON document")
    output.add_argument("--quiet", action="store_true", help="print nothing: the exit status tells")
    decide.add_argument(
        "--reveal", action="store_true", help="also show ids, addresses and context strings; keep that out of logs"
    )

    rules = commands.add_parser("rules", help="print the policy", allow_abbrev=False)
    rules.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _version() -> str:
    try:
        return version("escalation_policy")
    except PackageNotFoundError:  # run from a checkout
        return "(not installed)"
