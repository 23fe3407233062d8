"""What the promises of a ledger are tried with: handles, cases that are hard to keep, clicks, and threads."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from datetime import datetime, timedelta, timezone
from threading import Thread
from typing import Final, NamedTuple, TypeVar, cast, final

from .. import EscalationRequest
from .._calls.entries import Claim, RecordedCall
from .._calls.values import call_request_for
from .._fields import kind_of
from ..exceptions import CallInDoubtError, CallInProgressError, ProviderOutcomeUnknownError
from ..typing import CallLedger, VideoProvider
from ..video import InMemoryVideoProvider, LedgerEntry, VideoCall, entry_to_json, escalate
from ._builders import a_request

T = TypeVar("T")
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
ZONE: Final = timezone(timedelta(hours=5, minutes=45))


class BrokenError(Exception):
    """A promise is broken."""


@final
class Trial(NamedTuple):
    """Two handles of one ledger, or one handle twice, and what time it is."""

    one: CallLedger
    other: CallLedger
    at: datetime

    def put(self, name: str, case: LedgerEntry, answer: object = None) -> object:
        """Stores a case."""
        return self.one.update(name, lambda _: (case, answer), now=self.at)

    def got(self, name: str) -> LedgerEntry:
        """Gives what is stored."""
        return self.other.update(name, lambda case: (case, case), now=self.at)


def expect(what: str, expected: object, came: object) -> None:
    """Tells of what is otherwise than expected.

    Raises:
        BrokenError: It is.
    """
    if expected != came:
        raise BrokenError(f"{what}\n  expected: {expected}\n  came: {came}")


def expect_case(what: str, expected: LedgerEntry, came: object) -> None:
    """Compares cases to the letter, and tells of the first thing that differs."""
    if not isinstance(came, LedgerEntry):
        raise BrokenError(f"{what}\n  expected: a LedgerEntry\n  came: {kind_of(came)}")
    told, got = dict(_leaves(expected)), dict(_leaves(came))
    for path in {**told, **got}:
        expect(f"{what}: {path}", told.get(path, "nothing"), got.get(path, "nothing"))


def _leaves(case: LedgerEntry) -> Iterator[tuple[str, object]]:
    """Lists what stands in a case, by dotted paths."""
    todo: list[tuple[str, object]] = [("", json.loads(entry_to_json(case)))]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            members = cast("dict[str, object]", value).items()
            todo += [(f"{path}.{name}".lstrip("."), each) for name, each in members]
        else:
            yield path, value


def started(work: Callable[[], T]) -> "Future[T]":
    """Begins some work in a thread, which nobody has to wait for."""
    job: Future[T] = Future()

    def run() -> None:
        try:
            job.set_result(work())
        except BaseException as error:  # noqa: BLE001  whoever asks for the result gets it
            job.set_exception(error)

    Thread(target=copy_context().run, args=(run,), daemon=True).start()
    return job


def new_name() -> str:
    """Names a case that no ledger has."""
    return os.urandom(16).hex()


def new_request() -> EscalationRequest:
    """Makes a request in a case that no ledger has."""
    return a_request(intervention_id=new_name())


def clicked(
    ledger: CallLedger, request: EscalationRequest, now: datetime, provider: VideoProvider | None = None
) -> str:
    """Clicks, and says what came of it."""
    try:
        done = escalate(request, provider=provider or InMemoryVideoProvider(), ledger=ledger, now=now)
    except (CallInDoubtError, CallInProgressError, ProviderOutcomeUnknownError) as error:
        return type(error).__name__
    return done.outcome.value


def silent() -> VideoProvider:
    """Makes a provider of whose first call nobody knows."""
    return InMemoryVideoProvider(errors=[ProviderOutcomeUnknownError("no answer")])


def a_call(at: datetime, number: int = 1) -> VideoCall:
    """Makes a call that is hard to keep: long, with quotes, letters of elsewhere, and a password in its link."""
    wanted = call_request_for(a_request())
    return VideoCall(
        id=f"call {number}; 'é\" \N{HEAVY BLACK HEART}",
        join_url=f"https://video.example/join/{number}?pwd={'Aa%2B' * 60}&lang=de#now",
        account_id=wanted.account_id,
        extension_id=wanted.extension_id,
        created_at=at - MINUTE,
    )


def nothing(_name: str, _at: datetime) -> LedgerEntry:
    """Makes a case without anything."""
    return LedgerEntry()


def claim(name: str, at: datetime, agent: str = "agent") -> LedgerEntry:
    """Makes a case with a call that is being created."""
    return LedgerEntry(None, {f"{name}-{agent}": Claim("token", at + MINUTE, at + MINUTE + HOUR)})


def doubt(name: str, at: datetime, agent: str = "agent") -> LedgerEntry:
    """Makes a case with a call of which nobody knows."""
    return LedgerEntry(None, {f"{name}-{agent}": Claim("token", None, at + HOUR)})


def record(name: str, at: datetime, agent: str = "agent") -> LedgerEntry:
    """Makes a case with a call."""
    return LedgerEntry(RecordedCall(f"{name}-{agent}", a_call(at), None, at + HOUR))


def successor(name: str, at: datetime) -> LedgerEntry:
    """Makes a case with a call that took the place of another."""
    return LedgerEntry(RecordedCall(f"{name}-agent", a_call(at, 2), a_call(at), at + HOUR))


def everything(name: str, at: datetime) -> LedgerEntry:
    """Makes a case with all of that."""
    attempts = {**claim(name, at, "second").claims, **doubt(name, at, "third").claims}
    return LedgerEntry(successor(name, at).recorded, attempts)
