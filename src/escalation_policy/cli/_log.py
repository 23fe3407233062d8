"""`log`: the questions about a decision log."""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Final

from ..records import Replay, Summary, replay, summarize
from ._history import History, add_explanation
from ._imports import import_policy
from ._jobs import read_log
from ._logs import LogReader, add_replay, add_summary
from ._output import PROGRAM, Output, UnusableInputError, write_messages
from ._parser import BUCKETS, NO, YES
from ._progress import ProgressBar


def run_log(arguments: argparse.Namespace, output: Output) -> int:
    """Answer a question about a log."""
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
    count = partial(summarize, bucket=BUCKETS[arguments.every])
    summary = read_log(log, arguments.jobs, count, Summary.merge, progress)
    add_summary(output, summary, tuple(dict.fromkeys(arguments.by)))
    return True


def _replay(arguments: argparse.Namespace, output: Output, log: LogReader, progress: ProgressBar) -> bool:
    import_policy(arguments.policy)  # a wrong name is reported before a process is started
    add_replay(output, read_log(log, arguments.jobs, partial(_replay_by, arguments.policy), Replay.merge, progress))
    return True


def _replay_by(policy: str, log: LogReader) -> Replay:
    # Each process imports the policy itself: its functions need not be possible to pickle.
    return replay(log, import_policy(policy))


#: The questions. Each returns whether there is an answer.
_QUESTIONS: Final[dict[str, Callable[[argparse.Namespace, Output, LogReader, ProgressBar], bool]]] = {
    "why": _why,
    "summary": _summary,
    "replay": _replay,
}
