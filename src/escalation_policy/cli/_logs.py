"""Logs: what is asked about the records of decisions, and how it is answered."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Final, cast, final

import attrs

from .. import ESCALATE_TO_VIDEO, Effect, Policy
from .._engine.truth import Failure
from .._fields import kind_of
from ..records import BrokenLine, DecisionRecord, replay, summarize
from ..records._record import ABOUT
from ._files import UnusableInputError
from ._log_files import LogFiles
from ._log_pages import record_as_text, replay_as_json, replay_as_text
from ._progress import Waiting
from ._summaries import BY, EVERY, summary_as_csv, summary_as_json, summary_as_text

_A_POLICY: Final = "MODULE:ATTRIBUTE"
_FOUND, _NOT_FOUND, _UNUSABLE = 0, 1, 2
#: Whose ids a decision can be asked for by, beside its own and the one that ties it to others.
_NAMED_BY: Final = ("agent", "message", "intervention")

#: What a question is answered by: the policy that was named, if any, and the built-in one.
_Policies = list[Policy[Any]]


@final
@attrs.frozen
class LogAnswer:
    """What is answered about logs.

    Attributes:
        text: The answer; nothing where there is none.
        wrong: What is wrong with the logs, a line each.
        problem: Why there is no answer.
        status: The exit status.
    """

    text: str
    wrong: list[str]
    problem: str = ""
    status: int = _FOUND


def answer_log(asked: argparse.Namespace, *, terminal: bool) -> LogAnswer:
    """Answers what is asked about logs.

    Raises:
        UnusableInputError: The policy that was named is none.
    """
    answer = _QUESTIONS[asked.question]
    name = getattr(asked, "policy", None)
    named = [] if name is None else [_policy(name)]
    with Waiting() as waiting:
        log = LogFiles(asked.files, waiting, within=asked.within, since=getattr(asked, "since", None))
        text = answer(asked, log, [*named, ESCALATE_TO_VIDEO], terminal)
    if not log.records:
        hint = "" if asked.within else "; where records stand in other JSON, --within names the key"
        return LogAnswer("", log.wrong, f"no record of a decision could be read{hint}", _UNUSABLE)
    if not text:
        return LogAnswer("", log.wrong, "no decision in the log has that id, or is about it", _NOT_FOUND)
    return LogAnswer(text, log.wrong)


def _why(asked: argparse.Namespace, log: LogFiles, policies: _Policies, terminal: bool) -> str:  # noqa: FBT001  one of three alike
    record, note = _found(asked.id, log)
    if record is None:
        return ""
    policy = next((each for each in policies if each.fingerprint == record.fingerprint), None)
    return record_as_text(record, policy, note, terminal=terminal)


def _found(name: str, log: LogFiles) -> tuple[DecisionRecord | None, str]:
    """Finds the decision of a name; otherwise, of those about what is called so, the latest denial, or the latest."""
    found: DecisionRecord | None = None
    denied, number = 0, 0
    for each in log:
        if isinstance(each, BrokenLine):
            continue
        if each.id == name:
            return each, ""
        if name not in (each.correlation_id, *[each.facts.get(ABOUT[what]) for what in _NAMED_BY]):
            continue
        number += 1
        denied += each.effect is Effect.DENY
        if found is None or _rank(each) >= _rank(found):
            found = each
    latest = "denial" if denied else "decision"
    return found, f"About {name}: {number:,} decided, {denied:,} denied. The latest {latest}:"


def _rank(record: DecisionRecord) -> tuple[bool, datetime]:
    return record.effect is Effect.DENY, record.at


def _summary(asked: argparse.Namespace, log: LogFiles, _: _Policies, terminal: bool) -> str:  # noqa: FBT001  one of three alike
    summary = summarize(log, bucket=EVERY[asked.every])
    by = tuple(dict.fromkeys(asked.by))
    if asked.format == "table":
        return summary_as_text(summary, by, terminal=terminal)
    return summary_as_json(summary, by) if asked.format == "json" else summary_as_csv(summary, by)


def _replay(asked: argparse.Namespace, log: LogFiles, policies: _Policies, terminal: bool) -> str:  # noqa: FBT001  one of three alike
    replayed = replay(log, policies[0])
    return replay_as_json(replayed) if asked.format == "json" else replay_as_text(replayed, terminal=terminal)


#: How each question is answered.
_QUESTIONS: Final[dict[str, Callable[[argparse.Namespace, LogFiles, _Policies, bool], str]]] = {
    "why": _why,
    "summary": _summary,
    "replay": _replay,
}


def _policy(named: str) -> Policy[Any]:
    """Finds a policy by its module, which may stand in the current folder, and its name there."""
    module, _, path = named.partition(":")
    if not module or not path:
        raise UnusableInputError("--policy must be MODULE:ATTRIBUTE")
    if "" not in sys.path:
        sys.path.insert(0, "")
    # A module may fail in its own way, and what its error says can hold anything.
    try:
        found: Any = import_module(module)
    except Exception as error:
        is_absent = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
        where = (
            "is neither in this folder nor installed"
            if is_absent
            else f"cannot be imported: {Failure.of_exception(error).error}"
        )
        raise UnusableInputError(f"--policy names a module that {where}") from error
    names = [name for name, value in cast("dict[str, object]", vars(found)).items() if type(value) is Policy]
    try:
        for name in path.split("."):
            found = getattr(found, name)
    except Exception as error:
        policies = ", ".join(names) or "none"
        raise UnusableInputError(f"--policy names nothing in its module, whose policies are {policies}") from error
    if type(found) is not Policy:
        raise UnusableInputError(f"--policy must name a Policy, got {kind_of(found)}")
    policy: Policy[Any] = found
    return policy


def add_log(commands: Any) -> None:
    """Adds the command to those that the command line knows."""
    words = "read the records of decisions in a log: why one was made, how many, what another policy would change"
    log = commands.add_parser("log", help=words, allow_abbrev=False)
    questions = log.add_subparsers(dest="question", metavar="QUESTION", required=True)

    why = _add_question(questions, "why", "explain one decision: why, and who can mend it", {1: "no such decision"})
    why.add_argument(
        "id", metavar="ID", help="of the decision, or of an agent, a message or a case: their latest denial"
    )
    why.add_argument("--policy", metavar=_A_POLICY, help="the policy that decided, where it is not the built-in one")

    summary = _add_question(questions, "summary", "count what was denied and allowed, and by what", {})
    summary.add_argument(
        "--by", action="append", choices=BY, default=[], help="this table, and all of it; can be repeated"
    )
    summary.add_argument("--every", choices=EVERY, default="day", help="how long the times are, by default a day")

    again = _add_question(questions, "replay", "decide again by another policy: what would change", {})
    again.add_argument("--policy", metavar=_A_POLICY, required=True, help="the policy to decide by")

    for question, formats in ((summary, ("table", "json", "csv")), (again, ("table", "json"))):
        question.add_argument(
            "--since", metavar="TIME", type=_time, help="leave out what was decided before; UTC without zone"
        )
        question.add_argument("--format", choices=formats, default="table", help="what to print, by default text")
    for question in (why, summary, again):
        question.add_argument(
            "--within", metavar="PATH", type=_path, help="where in the JSON of a line its record stands"
        )
        question.add_argument(
            "files", metavar="FILE", nargs="+", help="a log, perhaps packed by gzip; - reads standard input"
        )


def _add_question(questions: Any, name: str, words: str, status: dict[int, str]) -> argparse.ArgumentParser:
    told = {0: "answered", **status, 2: "no record could be read"}
    epilog = f"Exit status: {', '.join(f'{number} {what}' for number, what in told.items())}."
    parser: argparse.ArgumentParser = questions.add_parser(name, help=words, epilog=epilog, allow_abbrev=False)
    return parser


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        accepted = "a date such as 2026-01-31, or a time such as 2026-01-31T09:30:00Z"
        raise argparse.ArgumentTypeError(f"must be {accepted}") from None


def _path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must be a dotted path, such as escalation_record")
    return text
