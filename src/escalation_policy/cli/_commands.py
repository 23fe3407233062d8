"""Commands: what is asked on the command line, and how each is answered."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NoReturn, TextIO, final

from .. import ESCALATE_TO_VIDEO
from .._fields import closest
from ..administration import audit, checklist
from ._answers import decision_as_json, decision_as_text, policy_as_json, policy_as_text
from ._audits import audit_as_csv, audit_as_json, audit_as_text
from ._case_files import read_case, read_person
from ._checklists import checklist_as_json, checklist_as_text
from ._directories import read_directory
from ._escalations import click_twice, escalation_as_json, escalation_as_text
from ._files import UnusableInputError
from ._findings import Findings
from ._logs import add_log, answer_log
from ._page import inert
from ._progress import Waiting
from ._reports import audit_as_html

_PROGRAM: Final = "escalation-policy"
_YES, _NO, _UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Answers one command.

    Args:
        arguments: The words after the program's name; None: those of this process.

    Returns:
        The exit status: 0 allowed, or all done; 1 denied, something to do, or not found; 2 unusable input, which one line on
        standard error explains.

    Raises:
        SystemExit: Help or the version was asked for (0), or the arguments make no sense (2).
    """
    parser = _parser()
    asked, others = parser.parse_known_args(arguments)
    if others:
        parser.error(f"{asked.command} takes no such arguments")
    try:
        return _COMMANDS[asked.command](asked)
    except UnusableInputError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"the answer cannot be written: {str(error.strerror).lower()}")


def _decide(asked: argparse.Namespace) -> int:
    decision = ESCALATE_TO_VIDEO.decide(read_case(asked.file))
    if asked.json:
        _write(decision_as_json(decision, reveal=asked.reveal), sys.stdout)
    elif not asked.quiet:
        _write(decision_as_text(decision, reveal=asked.reveal, terminal=_is_terminal()), sys.stdout)
    return _YES if decision else _NO


def _escalate(asked: argparse.Namespace) -> int:
    first, second = click_twice(read_case(asked.file), ESCALATE_TO_VIDEO)
    if asked.json:
        _write(escalation_as_json(first, second, reveal=asked.reveal), sys.stdout)
    elif not asked.quiet:
        _write(escalation_as_text(first, second, reveal=asked.reveal, terminal=_is_terminal()), sys.stdout)
    return _YES if first.decision else _NO


def _rules(asked: argparse.Namespace) -> int:
    policy = ESCALATE_TO_VIDEO
    _write(policy_as_json(policy) if asked.json else policy_as_text(policy, terminal=_is_terminal()), sys.stdout)
    return _YES


def _checklist(asked: argparse.Namespace) -> int:
    domain, agent = read_person(asked.file)
    listed = checklist(domain, agent, policy=ESCALATE_TO_VIDEO)
    if asked.json:
        _write(checklist_as_json(listed), sys.stdout)
    elif not asked.quiet:
        _write(checklist_as_text(listed, terminal=_is_terminal()), sys.stdout)
    return _YES if listed.ready else _NO


def _audit(asked: argparse.Namespace) -> int:
    with Waiting() as waiting:
        directory = read_directory(asked.path, waiting)
        findings = Findings.of(audit(directory, policy=ESCALATE_TO_VIDEO), waiting, reveal=asked.reveal)
        waiting.begin("Writing")
        text = _FORMATS[asked.format](findings)
    _write(text, _stream_for(asked.format))
    return _YES


def _log(asked: argparse.Namespace) -> int:
    answer = answer_log(asked, terminal=_is_terminal())
    with suppress(OSError):  # what is left is the answer
        _write("".join(f"{inert(line)}\n" for line in answer.wrong), sys.stderr)
    if answer.problem:
        _fail(answer.problem)
    else:
        _write(answer.text, _stream_for(getattr(asked, "format", "table")))
    return answer.status


#: How each command is answered.
_COMMANDS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "decide": _decide,
    "escalate": _escalate,
    "rules": _rules,
    "checklist": _checklist,
    "audit": _audit,
    "log": _log,
}
#: How an audit is written.
_FORMATS: Final[dict[str, Callable[[Findings], str]]] = {
    "table": lambda findings: audit_as_text(findings, terminal=_is_terminal()),
    "json": audit_as_json,
    "csv": audit_as_csv,
    "html": audit_as_html,
}


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _stream_for(form: str) -> TextIO | None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if form == "csv" and reconfigure and not _is_terminal():
        reconfigure(encoding="utf-8")  # nothing in the file could tell another one
    return sys.stdout


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

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is none of the choices. The message of argparse shows it."""
        if action.choices is not None and value not in action.choices:
            hint = f" (did you mean {key}?)" if (key := closest(value, action.choices)) else ""
            raise argparse.ArgumentError(action, f"must be one of {', '.join(action.choices)}{hint}")

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
    _add_case(decide)

    escalate = commands.add_parser(
        "escalate",
        help="show the call that a case file would bring about; none is created",
        epilog="Exit status: 0 allowed, 1 denied, 2 unusable input.",
        allow_abbrev=False,
    )
    _add_case(escalate)

    rules = commands.add_parser("rules", help="print the policy", allow_abbrev=False)
    rules.add_argument("--json", action="store_true", help="print one JSON document")

    checklist = commands.add_parser(
        "checklist",
        help="list what makes the agent of a case file ready, done or to do",
        epilog="Exit status: 0 all done, 1 something is to do, 2 unusable input.",
        allow_abbrev=False,
    )
    checklist.add_argument(
        "file",
        metavar="FILE",
        type=_path,
        help="a case file, of which the domain, the user and the role do; - reads standard input",
    )
    _add_output(checklist)

    audit = commands.add_parser(
        "audit",
        help="tell who of a domain is ready, and what the others miss",
        epilog="Exit status: 0 audited, whoever is ready or not, 2 unusable input.",
        allow_abbrev=False,
    )
    audit.add_argument(
        "path",
        metavar="FILE-OR-DIR",
        type=_path,
        help="the domain's roles, users and sources as the API lists them: one JSON file, or a folder; - reads standard input",
    )
    audit.add_argument("--format", choices=_FORMATS, default="table", help="what to print, by default a table of text")
    audit.add_argument(
        "--reveal", action="store_true", help="also show e-mail addresses and labels of roles; keep that out of logs"
    )

    add_log(commands)
    return parser


def _path(given: str) -> str:
    """Refuses an empty path, which would be that of the current folder."""
    if not given:
        raise argparse.ArgumentTypeError("must be a path, got an empty one")
    return given


def _add_case(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "file",
        metavar="FILE",
        type=_path,
        help="the request as JSON, with the records as the API returns them; - reads standard input",
    )
    _add_output(command)
    command.add_argument(
        "--reveal", action="store_true", help="also show ids, addresses and context strings; keep that out of logs"
    )


def _add_output(command: argparse.ArgumentParser) -> None:
    output = command.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON document")
    output.add_argument("--quiet", action="store_true", help="print nothing: the exit status tells")


def _version() -> str:
    try:
        return version("escalation_policy")
    except PackageNotFoundError:  # run from a checkout
        return "(not installed)"
