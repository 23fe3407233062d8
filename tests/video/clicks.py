"""A process that clicks until it is killed: `clicks.py LEDGER LOG FIRST [HOLD]`.

It clicks once in each case, from the first one on, and prints a letter at each step: `c` when a call was created, `e` at the
end of a click. With `HOLD` it stops between the two, until somebody kills it. All processes write the created and the
recorded calls to one log.
"""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final, final

from escalation_policy import EscalationRequest
from escalation_policy.exceptions import CallInProgressError
from escalation_policy.testing import a_request
from escalation_policy.video import CallRequest, SQLiteCallLedger, VideoCall, escalate

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
#: Long enough for a slow disk.
LONG_TIMEOUT: Final = timedelta(minutes=2)


def request_of(number: int) -> EscalationRequest:
    """Return the request of one case."""
    return a_request(intervention_id=f"i{number}")


@final
class Log:
    """One file for all processes. A line is written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._file: Final = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, *words: str) -> None:
        """Write a line."""
        os.write(self._file, f"{' '.join(words)}\n".encode())


@final
class Provider:
    """Creates a call and writes it to the log. With `hold`, it never returns."""

    def __init__(self, log: Log, *, hold: bool) -> None:
        self._log: Final = log
        self._is_holding: Final = hold

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call."""
        number = os.urandom(8).hex()
        self._log.write("created", call.key, number)
        print_step("c")
        if self._is_holding:
            sys.stdin.read()
        return VideoCall(
            id=number,
            join_url=f"https://video.example/join/{number}",
            account_id=call.account_id,
            extension_id=call.extension_id,
            created_at=AT,
        )


def print_step(letter: str) -> None:
    """Print a letter at once."""
    sys.stdout.write(letter)
    sys.stdout.flush()


def main(ledger: str, log: str, first: str, *hold: str) -> None:
    """Click until the process is killed."""
    call_ledger, log_file = SQLiteCallLedger(ledger, timeout=LONG_TIMEOUT), Log(Path(log))
    provider = Provider(log_file, hold=bool(hold))
    for number in count(int(first)):
        with suppress(CallInProgressError):
            escalation = escalate(request_of(number), provider=provider, ledger=call_ledger, now=AT)
            assert escalation.call is not None
            log_file.write("recorded", str(escalation.key), escalation.call.id)
        print_step("e")


if __name__ == "__main__":
    main(*sys.argv[1:])
