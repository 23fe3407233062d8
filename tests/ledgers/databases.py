"""What the tests of all ledgers in databases do with them."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Final, TypeVar

import escalation_policy
from escalation_policy._calls.entries import Claim, RecordedCall
from escalation_policy._threads import start_in_thread
from escalation_policy.typing import CallLedger
from escalation_policy.video import LedgerEntry, VideoCall
from video.clicks import AT

T = TypeVar("T")
ENTRY_ID: Final = "0" * 32
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
CALL: Final = VideoCall(
    id="call-1",
    join_url="https://video.example/join/1?pwd=s3cret",
    account_id="664287016",
    extension_id="664307016",
    created_at=AT,
)
RECORDED: Final = LedgerEntry(RecordedCall("k", CALL, None, AT + HOUR))
#: A table that deadlocks as often as the table `failures` says. A sequence counts, since nobody can roll it back.
DEADLOCKS: Final = (
    "CREATE SEQUENCE attempts",
    "CREATE TABLE failures (number bigint)",
    """
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('attempts') <= (SELECT number FROM failures) THEN RAISE EXCEPTION USING ERRCODE = '40P01'; END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER fail BEFORE INSERT ON escalation_policy_calls FOR EACH ROW EXECUTE FUNCTION fail()",
)


def put(ledger: CallLedger, entry_id: str, entry: LedgerEntry, now: datetime | None = None) -> None:
    """Store an entry."""
    ledger.update(entry_id, lambda _: (entry, None), now=now)


def get(ledger: CallLedger, entry_id: str) -> LedgerEntry:
    """Return a stored entry."""
    return ledger.update(entry_id, lambda entry: (entry, entry))


def claim_if_free(entry: LedgerEntry) -> tuple[LedgerEntry, bool]:
    """Claim a call that nobody has claimed. Return whether the claim is granted."""
    return (entry, False) if entry.claims else (entry.with_claim("k", Claim("t", None, AT + HOUR)), True)


def grants(update: Callable[[Callable[[LedgerEntry], tuple[LedgerEntry, bool]]], bool]) -> int:
    """Claim one call in four threads. Return how many claims were granted.

    A thread that has read the entry waits for the others, which come too unless the ledger keeps them out.
    """
    meeting = Barrier(4)

    def claim(entry: LedgerEntry) -> tuple[LedgerEntry, bool]:
        with suppress(BrokenBarrierError):
            meeting.wait(0.15)
        return claim_if_free(entry)

    return sum(job.result() for job in [start_in_thread(lambda: update(claim)) for _ in range(4)])


@contextmanager
def clicking(*arguments: str | Path) -> Generator["subprocess.Popen[bytes]", None, None]:
    """Start a process that clicks in a database, and kill it in the end."""
    script = Path(__file__).with_name("clicks.py")
    package = str(Path(escalation_policy.__file__).parents[1])
    paths = [package, str(script.parents[1]), os.environ.get("PYTHONPATH")]
    with subprocess.Popen(
        [sys.executable, script, *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
