"""A process that clicks, until it is told to stop or is killed: `clicks.py LEDGER LOG FIRST [HOLD]`.

It clicks once in each case, from the first one on, and prints a letter at each step: `c` when a call was created, `e` when
a click has come to an end. With `HOLD` it stops between the two, until somebody ends it. All processes write what was
created, and what was recorded, into one log.
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
#: No process waits for a slow disk in vain.
PATIENT: Final = timedelta(minutes=2)


def request_of(number: int) -> EscalationRequest:
    """Makes the request of one case."""
    return a_request(intervention_id=f"i{number}")


@final
class Log:
    """One file for all processes; a line is written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._file: Final = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, *words: str) -> None:
        """Writes a line."""
        os.write(self._file, f"{' '.join(words)}\n".encode())


@final
class Provider:
    """Makes a call, writes it down, and says so; then it holds on, if it shall."""

    def __init__(self, log: Log, *, hold: bool) -> None:
        self._log: Final = log
        self._hold: Final = hold

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Makes a call."""
        number = os.urandom(8).hex()
        self._log.write("created", call.key, number)
        tell("c")
        if self._hold:
            sys.stdin.read()
        return VideoCall(
            id=number,
            join_url=f"https://video.example/join/{number}",
            account_id=call.account_id,
            extension_id=call.extension_id,
            created_at=AT,
        )


def tell(letter: str) -> None:
    """Says how far it is."""
    sys.stdout.write(letter)
    sys.stdout.flush()


def main(ledger: str, log: str, first: str, *hold: str) -> None:
    """Clicks."""
    calls, written = SQLiteCallLedger(ledger, timeout=PATIENT), Log(Path(log))
    provider = Provider(written, hold=bool(hold))
    for number in count(int(first)):
        with suppress(CallInProgressError):
            done = escalate(request_of(number), provider=provider, ledger=calls, now=AT)
            assert done.call is not None
            written.write("recorded", str(done.key), done.call.id)
        tell("e")


if __name__ == "__main__":
    main(*sys.argv[1:])
