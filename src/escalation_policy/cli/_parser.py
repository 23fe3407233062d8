"""The commands and options of the command line."""

import argparse
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn, final

from .. import ChannelKind, Login, __version__
from .._fields import closest
from ._output import PROGRAM, inert, write

#: The exit statuses: allowed, complete or printed; denied, incomplete or not found; unusable input or arguments.
YES, NO, UNUSABLE = 0, 1, 2
#: The tables of a log's summary, by the option that selects them.
TABLES: Final = {"reason": "reasons", "agent": "agents", "channel": "channels", "domain": "domains", "time": "times"}
#: The lengths of the times in a log's summary.
BUCKETS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_DECISION_STATUSES: Final = {YES: "allowed", NO: "denied", UNUSABLE: "unusable input"}
_POLICY: Final = "MODULE:ATTRIBUTE"
#: How long ago something was, such as 24h.
_AGE: Final = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@final
class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, safe for a terminal, and do not show the arguments."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Check a choice. The message of argparse would show the value."""
        if action.choices is not None and value not in action.choices:
            hint = f" (did you mean {key}?)" if (key := closest(value, action.choices)) else ""
            raise argparse.ArgumentError(action, f"must be one of {', '.join(action.choices)}{hint}")

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"{self.prog}: {inert(message)}; see {self.prog} --help\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        with suppress(OSError):
            write(message, file)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments of one command. None: those of the process.

    Raises:
        SystemExit: Help or the version was printed (0), or the arguments are invalid (2).
    """
    parser = make_parser()
    parsed, others = parser.parse_known_args(arguments)
    if others:
        command: argparse.ArgumentParser = parsed.parser
        options = [option.partition("=")[0] for option in others if option.startswith("--")]
        near = next(filter(None, (closest(option, command._option_string_actions) for option in options)), None)
        hint = f" (did you mean {near}?)" if near else ""
        command.error(f"it does not accept all of these arguments{hint}")
    return parsed


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = _Parser(
        prog=PROGRAM,
        description="May this agent escalate this message to video?",
        epilog="Each command has its own help. Exit status 130: interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.set_defaults(format="text", reveal=False, policy=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    _add_cases(commands)
    _add_domains(commands)
    _add_policies(commands)
    _add_log(commands)

    words = "print a script that completes commands and options in your shell"
    completion = _add_command(
        commands,
        "completion",
        words,
        {},
        "completion bash > ~/.local/share/bash-completion/completions/escalation-policy",
    )
    completion.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "tcsh"), help="bash, zsh or tcsh")
    return parser


def _add_cases(commands: Any) -> None:
    words = "decide case files: why, and who can fix it"
    statuses = {YES: "all allowed", NO: "one denied", UNUSABLE: "unusable input"}
    decide = _add_command(
        commands, "decide", words, statuses, "decide case.json", "decide cases/ more.jsonl --format json"
    )
    words = (
        "a request as JSON, with the records as the API returns them; a folder of such files; a .jsonl file with one in each"
        " line; - reads standard input"
    )
    decide.add_argument("files", metavar="FILE", nargs="+", type=_path, help=words)
    _add_reveal(decide)
    _add_policy(decide)
    _add_format(decide, "text", "json", quiet=True)

    words = "show the call that a case file would lead to; none is created"
    escalate = _add_command(commands, "escalate", words, _DECISION_STATUSES, "escalate case.json")
    words = "the request as JSON, with the records as the API returns them; - reads standard input"
    escalate.add_argument("file", metavar="FILE", type=_path, help=words)
    _add_reveal(escalate)
    _add_policy(escalate)
    _add_format(escalate, "text", "json", quiet=True)

    rules = _add_command(commands, "rules", "print the policy, or one rule", {}, "rules", "rules role_permits")
    rules.add_argument("code", metavar="CODE", nargs="?", help="only the rule with this code")
    _add_policy(rules)
    _add_format(rules, "text", "json")

    words = "show on which kinds of channels the policy can allow anything"
    channels = _add_command(commands, "channels", words, {}, "channels")
    _add_policy(channels)
    _add_format(channels, "text", "json")

    words = "list what makes the agent of a case file ready, done or to do"
    statuses = {YES: "all done", NO: "something is to do", UNUSABLE: "unusable input"}
    checklist = _add_command(commands, "checklist", words, statuses, "checklist case.json")
    words = "a case file, of which only the domain, the user and the role are required; - reads standard input"
    checklist.add_argument("file", metavar="FILE", type=_path, help=words)
    _add_policy(checklist)
    _add_format(checklist, "text", "json", quiet=True)


def _add_domains(commands: Any) -> None:
    words = "show which agents of a domain are ready, and what the others lack"
    statuses = {YES: "audited, even if nobody is ready", UNUSABLE: "unusable input"}
    audit = _add_command(commands, "audit", words, statuses, "audit acme/", "audit acme/ --format html > acme.html")
    _add_directory(audit)
    _add_policy(audit)
    _add_format(audit, "text", "json", "csv", "html")
    audit.add_argument("--reveal", action="store_true", help="also show e-mail addresses; keep that out of logs")
    words = "also print every action, role, conflict, channel and unreadable record"
    audit.add_argument("--details", action="store_true", help=words)
    audit.add_argument("--agents", action="store_true", help="also list the agents")
    audit.add_argument("--role", metavar="ROLE", help="list only the agents with this role, by its label or id")
    audit.add_argument("--missing", metavar="CODE", help="list only the agents who lack this step")
    audit.add_argument("--not-ready", action="store_true", help="list only the agents who are not ready")

    _add_fetch(commands)

    words = "show which agents of a domain can escalate on which channels, and what stops the others"
    statuses = {YES: "answered, even if nobody can", UNUSABLE: "unusable input"}
    who_can = _add_command(commands, "who-can", words, statuses, "who-can acme/ --login ringcentral_sso")
    _add_directory(who_can)
    words = "how the agents are logged in; without it, that is decided at the click"
    who_can.add_argument("--login", choices=[login.value for login in Login], help=words)
    _add_policy(who_can)
    _add_format(who_can, "text", "json")


def _add_policies(commands: Any) -> None:
    words = "compare two policies for all requests: what changes, with a request as an example"
    statuses = {
        YES: "the same, or stricter",
        NO: "the new policy allows something that the old one denies",
        UNUSABLE: "unusable input",
    }
    compare = _add_command(commands, "compare", words, statuses, "compare host.policies:OLD host.policies:NEW")
    compare.add_argument("old", metavar="OLD", help=f"the policy that decides today, as {_POLICY}; its module is run")
    compare.add_argument("new", metavar="NEW", help="the policy that shall replace it")
    words = "import OLD from this folder, in a process of its own: another edition of the module"
    compare.add_argument("--old-from", metavar="DIR", type=_path, help=words)
    words = "write the examples into this folder, as case files for decide"
    compare.add_argument("--cases", metavar="DIR", type=_path, help=words)
    _add_analysis(compare)

    words = "find rules of a policy that cannot do what they seem to do"
    statuses = {YES: "examined", NO: "the policy never allows anything", UNUSABLE: "unusable input"}
    examine = _add_command(commands, "examine", words, statuses, "examine host.policies:POLICY")
    examine.add_argument("policy", metavar="POLICY", help=f"the policy, as {_POLICY}; its module is run")
    _add_analysis(examine)


def _add_fetch(commands: Any) -> None:
    words = "fetch the roles, users and sources of a domain from the Engage API, for audit and who-can"
    fetch = _add_command(
        commands,
        "fetch",
        words,
        {YES: "fetched", UNUSABLE: "not fetched, or not all of it"},
        "fetch --domain acme --out acme",
    )
    fetch.add_argument("--domain", metavar="NAME", required=True, help="the name of the domain, as in its address")
    words = "the folder for the files; files that are there already are kept"
    fetch.add_argument("--out", metavar="DIR", type=_path, required=True, help=words)
    words = "the RingCentral account that the domain is linked to; without it, the domain counts as not linked"
    fetch.add_argument("--ringcentral-account", metavar="ID", help=words)
    words = "the address of the API, if it is not https://NAME.api.digital.ringcentral.com/1.0; the token is sent there"
    fetch.add_argument("--url", help=words)


def _add_analysis(command: argparse.ArgumentParser) -> None:
    words = f"a typical request, as {_POLICY}; needed if the policies decide a request type of your own"
    command.add_argument("--like", metavar=_POLICY, help=words)
    _add_format(command, "text", "json")


def _add_command(
    commands: Any, name: str, words: str, statuses: Mapping[int, str], *examples: str
) -> argparse.ArgumentParser:
    """Add a command, whose help ends with its exit statuses and examples."""
    lines = [f"Exit status: {', '.join(f'{status} {text}' for status, text in statuses.items())}."] if statuses else []
    lines += ["Examples:", *(f"  {PROGRAM} {example}" for example in examples)] if examples else []
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=words,
        description=f"{words[0].upper()}{words[1:]}.",
        epilog="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(parser=command)
    return command


def _add_reveal(command: argparse.ArgumentParser) -> None:
    words = "also show ids, addresses and context strings; keep that out of logs"
    command.add_argument("--reveal", action="store_true", help=words)


def _add_policy(command: argparse.ArgumentParser) -> None:
    words = "decide by this policy and not by the built-in one; its module is run"
    command.add_argument("--policy", metavar=_POLICY, help=words)


def _add_directory(command: argparse.ArgumentParser) -> None:
    words = "the domain's roles, users and sources as the API lists them: one JSON file, or a folder; - reads standard input"
    command.add_argument("path", metavar="FILE-OR-DIR", type=_path, help=words)


def _add_format(command: argparse.ArgumentParser, *formats: str, quiet: bool = False) -> None:
    """Add the option for the format and, for commands whose exit status is the answer, `--quiet`."""
    group = command.add_mutually_exclusive_group()
    group.add_argument("--format", choices=formats, default="text", help="what to print, by default text")
    if quiet:
        words = "print nothing, only set the exit status"
        group.add_argument("--quiet", dest="format", action="store_const", const="quiet", help=words)


def _add_log(commands: Any) -> None:
    words = "read the records of decisions in a log: why one was made, how many, what another policy would change"
    log = _add_command(commands, "log", words, {})
    questions = log.add_subparsers(dest="question", metavar="QUESTION", required=True)
    statuses = {YES: "answered", UNUSABLE: "no record could be read"}

    words = "explain one decision: why, and who can fix it"
    why_statuses = {YES: "answered", NO: "no such decision", UNUSABLE: "no record could be read"}
    why = _add_command(questions, "why", words, why_statuses)
    words = "the id of a decision, or of an agent, a message or a case: explain the newest decision about it"
    why.add_argument("id", metavar="ID", help=words)
    why.add_argument("--policy", metavar=_POLICY, help="the policy that decided, if it is not the built-in one")
    why.add_argument("--code", help="only denials for this reason")
    words = "only decisions about this kind of channel"
    why.add_argument("--channel", choices=[kind.value for kind in ChannelKind], help=words)

    summary = _add_command(questions, "summary", "count what was denied and allowed, and by what", statuses)
    words = "print this table, and all of it; can be repeated"
    summary.add_argument("--by", action="append", choices=tuple(TABLES), default=[], help=words)
    summary.add_argument(
        "--every", choices=tuple(BUCKETS), default="day", help="the length of the times, by default a day"
    )

    again = _add_command(questions, "replay", "decide again by another policy: what would change", statuses)
    again.add_argument("--policy", metavar=_POLICY, required=True, help="the policy to decide by")

    for question, formats in (
        (why, ("text", "json")),
        (summary, ("text", "json", "csv")),
        (again, ("text", "json")),
    ):
        words = (
            "leave out what was decided before: a time, UTC unless it has a zone, or how long ago, such as 24h or 7d"
        )
        question.add_argument("--since", metavar="TIME", type=_time, help=words)
        words = "leave out what was decided at this time or later"
        question.add_argument("--until", metavar="TIME", type=_time, help=words)
        words = "how many processes read the log, by default 1"
        question.add_argument("--jobs", metavar="N", type=_jobs, default=1, help=words)
        _add_format(question, *formats)
    for question in (why, summary, again):
        words = "the path of the record in the JSON of a line"
        question.add_argument("--within", metavar="PATH", type=_dotted_path, help=words)
        words = "a log, which gzip may have compressed; a folder or a pattern of logs; - reads standard input"
        question.add_argument("files", metavar="FILE", nargs="+", help=words)


def _jobs(text: str) -> int:
    """Check a number of processes."""
    if not (text.isascii() and text.isdecimal() and int(text[:4]) >= 1 and len(text) < 4):
        raise argparse.ArgumentTypeError("must be a number from 1 to 999")
    return int(text)


def _path(text: str) -> str:
    """Check a path. An empty one would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("must be a path, got an empty one")
    return text


def _dotted_path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must be a dotted path, such as escalation_record")
    return text


def _time(text: str) -> datetime:
    try:
        if age := _AGE.fullmatch(text):
            return datetime.now(UTC) - int(age[1]) * _UNITS[age[2]]
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        accepted = "a date such as 2026-01-31, a time such as 2026-01-31T09:30:00Z, or how long ago, such as 24h"
        raise argparse.ArgumentTypeError(f"must be {accepted}") from None
