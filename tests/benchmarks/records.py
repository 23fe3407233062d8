"""What it costs to make, log, read, summarize and replay records.

Run it with the interpreter to measure: `python tests/benchmarks/records.py`. What is compared is measured in turns, call
by call, and every figure is a median: on a shared machine only differences and ratios within one run mean anything.
"""

import json
import logging
import platform
import resource
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Any, Final

import attrs

from escalation_policy import ESCALATE_TO_VIDEO, Decision, EscalationRequest, Login, Permission, VideoAccess
from escalation_policy.records import DecisionLogger, DecisionRecord, read_records, record, replay, summarize
from escalation_policy.testing import a_request

CALLS: Final = 5_000
LINES: Final = 100_000
_AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
_REQUESTS: Final = {"allow": a_request(), "deny": a_request(account_id="999", login=Login.PASSWORD)}


class _Sink(logging.NullHandler):
    """Keeps the last line that it was given, and writes nothing."""

    last: logging.LogRecord

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a line."""
        self.last = record
        return True


def medians(calls: dict[str, Callable[[], Any]], rounds: int = CALLS) -> dict[str, float]:
    """Time calls in turns. Return medians in microseconds."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) * 1e6 for name, each in seconds.items()}


def _logger(name: str, level: int, handler: logging.Handler) -> logging.Logger:
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.propagate = False
    logger.addHandler(handler)
    return logger


def recording() -> None:
    """Record new decisions, one after the other: of sixteen agents, and denied by each of the rules."""
    requests_ = {
        "allow": [a_request(agent_id=f"u{number}") for number in range(len(ESCALATE_TO_VIDEO.rules))],
        "deny": [a_request(denied_by=code) for code in ESCALATE_TO_VIDEO],
        "41 permissions": [
            a_request(agent_id=f"u{number}", permissions=[*[*Permission][:40], Permission.ESCALATE_TO_VIDEO])
            for number in range(len(ESCALATE_TO_VIDEO.rules))
        ],
    }

    def decided(requests: list[EscalationRequest]) -> list[Decision]:
        return [ESCALATE_TO_VIDEO.decide(request) for request in requests]

    def recorded(requests: list[EscalationRequest]) -> list[str]:
        return [record(decision, id="d1", at=_AT).to_json() for decision in decided(requests)]

    took = medians(
        {
            f"{effect}, {name}": partial(do, requests)
            for effect, requests in requests_.items()
            for name, do in (("decided", decided), ("recorded", recorded))
        },
        rounds=500,
    )
    print("record() and to_json(), deciding aside")
    for effect, requests in requests_.items():
        print(f"  {effect:14} {(took[f'{effect}, recorded'] - took[f'{effect}, decided']) / len(requests):6.1f} us")


def emitting() -> None:
    """Log decisions to a handler that does nothing, and the same keys without the library."""
    for effect, request in _REQUESTS.items():
        _emitting(effect, request)


def _emitting(effect: str, request: EscalationRequest) -> None:
    sink = _Sink()
    logger = _logger(f"benchmark.{effect}", logging.INFO, sink)
    decisions, disabled = DecisionLogger(logger), DecisionLogger(_logger("benchmark.none", logging.CRITICAL, sink))
    decision = ESCALATE_TO_VIDEO.decide(request)
    decisions.log(decision, id="d1", at=_AT)
    message = sink.last.getMessage()
    extra = {name: value for name, value in vars(sink.last).items() if name.startswith("escalation_")}
    made = record(decision, id="d1", at=_AT)
    fields = {field.name: getattr(made, field.name) for field in attrs.fields(DecisionRecord)}
    # A decision keeps its reasons once somebody has read them, which record() does not: it can be used again.
    took = medians(
        {
            "plain": lambda: logger.info(message, extra=extra),
            "record": lambda: record(decision, id="d1", at=_AT),
            "checked": lambda: DecisionRecord(**fields),
            "line": made.to_json,
            "log": lambda: decisions.log(decision, id="d1", at=_AT),
            "disabled": lambda: disabled.log(decision, id="d1", at=_AT),
        }
    )
    more = took["log"] - took["record"] - took["line"] - took["plain"]
    print(f"logging a decision: {effect}, {len(extra)} keys")
    print(f"  logger.info() with the same keys         {took['plain']:6.1f} us")
    print(f"  record()                                 {took['record']:6.1f} us")
    print(f"    to check its fields, which it leaves out {took['checked']:6.1f} us")
    print(f"  to_json()                                {took['line']:6.1f} us")
    print(f"  DecisionLogger.log()                     {took['log']:6.1f} us")
    print(f"    more than all of these                 {more:6.1f} us")
    print(f"  DecisionLogger.log(), level disabled     {took['disabled']:6.1f} us")


def replaying() -> None:
    """Decide the lines of a file again, under the same policy and under one that flips an eighth of them."""
    requests_ = [
        *[a_request(agent_id=f"u{number}", message_id=f"c{number}") for number in range(8)],
        *[a_request(ringcentral=None), a_request(intervention=None), a_request(video=VideoAccess.UNKNOWN)],
        *[a_request(login=Login.PASSWORD), a_request(account_id="999", login=Login.JWT_SSO), a_request(permissions=())],
        *[a_request(intervention_agent_id=f"u{number}") for number in range(8, 10)],
    ]
    made = _lines_of(requests_)
    lines = (made[number % len(made)].replace('"%d"', f'"d{number}"') for number in range(LINES))
    print(f"replaying {LINES:,} lines of a file, half of them allowed")
    lax = ESCALATE_TO_VIDEO.without("intervention_owned")
    _measure(
        lines,
        {
            "read_records()": lambda lines: deque(read_records(lines), maxlen=0),
            "replay(), nothing flips": lambda lines: replay(read_records(lines), ESCALATE_TO_VIDEO),
            "replay(), an eighth flips": lambda lines: replay(read_records(lines), lax),
        },
    )


def counting() -> None:
    """Count the lines of a file: of fifty agents, one a second, half of them allowed and the others denied for three reasons."""
    requests_ = [
        *[a_request(), a_request(login=Login.PASSWORD), a_request(), a_request(account_id="999")],
        *[a_request(), a_request(permissions=())],
    ]
    made = _lines_of(requests_)

    def line(number: int) -> str:
        of_agent = made[number % len(made)].replace('"u1"', f'"u{number % 50}"').replace('"%d"', f'"{number:032x}"')
        return of_agent.replace(f"{_AT:%dT%H:%M:%S}", f"{_AT + timedelta(seconds=number):%dT%H:%M:%S}", 1)

    print(f"counting {LINES:,} lines of a file, half of them allowed")
    _measure(
        map(line, range(LINES)),
        {
            "DecisionRecord.from_json() alone": lambda lines: deque(map(DecisionRecord.from_json, lines), maxlen=0),
            "read_records()": lambda lines: deque(read_records(lines), maxlen=0),
            "summarize()": lambda lines: summarize(read_records(lines)),
        },
    )


def _lines_of(requests_: Iterable[EscalationRequest]) -> list[str]:
    return [record(ESCALATE_TO_VIDEO.decide(each), id="%d", at=_AT).to_json() + "\n" for each in requests_]


def _measure(lines: Iterable[str], calls: dict[str, Callable[[Iterable[str]], object]]) -> None:
    with TemporaryFile("w+", encoding="ascii") as file:
        file.writelines(lines)
        plain = _seconds(file, lambda lines: deque(map(json.loads, lines), maxlen=0))
        print(f"  json.loads() alone                       {LINES / plain:9,.0f} lines/s")
        for name, call in calls.items():
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            took = _seconds(file, call)
            more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            print(f"  {name:<40} {LINES / took:9,.0f} lines/s, {took / plain:4.1f} times as long, {more:.0f} MB more")


def _seconds(file: IO[str], call: Callable[[Iterable[str]], object]) -> float:
    file.seek(0)
    start = time.process_time()
    call(file)
    return time.process_time() - start


def main() -> None:
    """Print all figures."""
    print(f"{platform.python_implementation()} {platform.python_version()}, medians of {CALLS:,} calls")
    recording()
    emitting()
    counting()
    replaying()


if __name__ == "__main__":
    main()
