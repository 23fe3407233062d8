"""The commands. Each adds its answer to the output and returns the exit status."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from .. import ESCALATE_TO_VIDEO, Login
from ..administration import audit, checklist, reach
from ..analysis import FindingKind, Relation, compare, examine
from ..exceptions import AnalysisLimitError, InvalidValueError
from ..records import Replay, Summary, replay, summarize
from ._analysis import add_comparison, add_examination
from ._audits import AuditResult, add_audit
from ._decisions import add_call, add_checklist, add_decision, add_policy
from ._directories import read_directory
from ._files import UnusableInputError, read_agent_of_case, read_case
from ._history import History, add_explanation
from ._imports import import_policy, import_value
from ._jobs import read_log
from ._logs import BUCKETS, LogReader, add_replay, add_summary
from ._output import PROGRAM, Output, write_messages
from ._parser import NO, UNUSABLE, YES, parse_arguments
from ._progress import ProgressBar
from ._reach import add_reach

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after the program's name. None: those of the process.

    Returns:
        The exit status: 0 allowed, complete or printed; 1 denied, incomplete or not found; 2 unusable input, with one line
        on standard error.

    Raises:
        SystemExit: Help or the version was printed (0), or the arguments are invalid (2).
    """
    parsed = parse_arguments(arguments)
    output = Output(parsed.format, reveal=parsed.reveal)
    try:
        status = _COMMANDS[parsed.command](parsed, output)
        output.write()
    except UnusableInputError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"the answer cannot be written: {str(error.strerror).lower()}")
    return status


def _fail(message: str) -> int:
    write_messages(f"{PROGRAM}: {message}")
    return UNUSABLE


def _decide(arguments: argparse.Namespace, output: Output) -> int:
    decision = ESCALATE_TO_VIDEO.decide(read_case(arguments.file))
    add_decision(output, decision)
    return YES if decision.allowed else NO


def _escalate(arguments: argparse.Namespace, output: Output) -> int:
    escalation = add_call(output, read_case(arguments.file), ESCALATE_TO_VIDEO)
    return YES if escalation.decision.allowed else NO


def _rules(_: argparse.Namespace, output: Output) -> int:
    add_policy(output, ESCALATE_TO_VIDEO)
    return YES


def _checklist(arguments: argparse.Namespace, output: Output) -> int:
    domain, agent = read_agent_of_case(arguments.file)
    answer = checklist(domain, agent, policy=ESCALATE_TO_VIDEO)
    add_checklist(output, answer)
    return YES if answer.ready else NO


def _audit(arguments: argparse.Namespace, output: Output) -> int:
    with ProgressBar() as progress:
        directory = read_directory(arguments.path, progress)
        result = AuditResult.of(audit(directory, policy=ESCALATE_TO_VIDEO), progress)
        progress.begin("Writing")
        add_audit(output, result)
    return YES


def _who_can(arguments: argparse.Namespace, output: Output) -> int:
    login = None if arguments.login is None else Login(arguments.login)
    with ProgressBar() as progress:
        directory = read_directory(arguments.path, progress)
        progress.begin("Deciding")
        add_reach(output, reach(directory, policy=ESCALATE_TO_VIDEO, login=login))
    return YES


def _compare(arguments: argparse.Namespace, output: Output) -> int:
    old, new = import_policy(arguments.old, "OLD"), import_policy(arguments.new, "NEW")
    comparison = _analyse(lambda: compare(old, new, like=_like(arguments)))
    add_comparison(output, comparison)
    return NO if comparison.relation in (Relation.LOOSER, Relation.DIFFERENT) else YES


def _examine(arguments: argparse.Namespace, output: Output) -> int:
    policy = import_policy(arguments.policy, "POLICY")
    examination = _analyse(lambda: examine(policy, like=_like(arguments)))
    add_examination(output, examination)
    never = any(finding.kind is FindingKind.NEVER_ALLOWS for finding in examination.findings)
    return NO if never else YES


def _like(arguments: argparse.Namespace) -> Any:
    return None if arguments.like is None else import_value(arguments.like, "--like")


def _analyse(question: Callable[[], T]) -> T:
    try:
        return question()
    except (AnalysisLimitError, InvalidValueError) as error:
        raise UnusableInputError(str(error)) from error


def _log(arguments: argparse.Namespace, output: Output) -> int:
    with ProgressBar() as progress:
        log = LogReader(
            arguments.files, progress, within=arguments.within, since=arguments.since, until=arguments.until
        )
        is_found = _QUESTIONS[arguments.question](arguments, output, log, progress)
    write_messages(*log.problems)
    if not log.findings.records:
        hint = "" if arguments.within else "; if records are inside other JSON, name the key with --within"
        raise UnusableInputError(f"no record of a decision could be read{hint}")
    if not is_found:
        write_messages(f"{PROGRAM}: no decision in the log has that id, or is about it")
        return NO
    return YES


def _why(arguments: argparse.Namespace, output: Output, log: LogReader, _: ProgressBar) -> bool:
    policy = None if arguments.policy is None else import_policy(arguments.policy)
    history = History.of(log, arguments.id, code=arguments.code, channel=arguments.channel)
    is_part = any((arguments.code, arguments.channel, arguments.since, arguments.until))
    return add_explanation(output, history, arguments.id, policy, is_part=is_part)


def _summary(arguments: argparse.Namespace, output: Output, log: LogReader, progress: ProgressBar) -> bool:
    summary = read_log(
        log, arguments.jobs, partial(summarize, bucket=BUCKETS[arguments.every]), Summary.merge, progress
    )
    add_summary(output, summary, tuple(dict.fromkeys(arguments.by)))
    return True


def _replay(arguments: argparse.Namespace, output: Output, log: LogReader, progress: ProgressBar) -> bool:
    import_policy(arguments.policy)  # a wrong name is reported before a process is started
    add_replay(output, read_log(log, arguments.jobs, partial(_replay_by, arguments.policy), Replay.merge, progress))
    return True


def _replay_by(policy: str, log: LogReader) -> Replay:
    # Each process imports the policy itself: its functions need not be possible to pickle.
    return replay(log, import_policy(policy))


_COMMANDS: Final[dict[str, Callable[[argparse.Namespace, Output], int]]] = {
    "decide": _decide,
    "escalate": _escalate,
    "rules": _rules,
    "checklist": _checklist,
    "audit": _audit,
    "who-can": _who_can,
    "compare": _compare,
    "examine": _examine,
    "log": _log,
}
#: The questions about a log. Each returns whether there is an answer.
_QUESTIONS: Final[dict[str, Callable[[argparse.Namespace, Output, LogReader, ProgressBar], bool]]] = {
    "why": _why,
    "summary": _summary,
    "replay": _replay,
}
