"""The check of a host's call ledger: it must behave like a dict of entries, for many workers and after errors too."""

import json
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import wait
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from inspect import iscoroutinefunction
from itertools import chain, count, cycle
from random import Random
from threading import Barrier, Event
from time import monotonic, sleep
from typing import Any, Final, NamedTuple, TypeVar, cast, final

from .. import EscalationRequest
from .._calls.entries import (
    EMPTY,
    Claim,
    LedgerEntry,
    RecordedCall,
    Terms,
    claim,
    lapse_times,
    mark_doubtful,
    record_call,
    release,
)
from .._calls.entry_json import entry_to_json
from .._calls.values import CallRequest, VideoCall, entry_id_of_case, utc_now
from .._engine.truth import Failure
from .._fields import kind_of
from .._threads import start_in_thread
from ..exceptions import ClickError, LedgerError
from ..typing import AsyncCallLedger, CallLedger, VideoProvider
from ._builders import a_request
from ._recorder import unseen
from ._workers import AwaitableLedger, Child, Tasks, Threads

T = TypeVar("T")
_Ledger = CallLedger | AsyncCallLedger
_Transaction = AbstractContextManager[object] | AbstractAsyncContextManager[object]
#: How long a ledger has for all promises before it counts as stuck, in seconds.
_STUCK_AFTER: Final = 120.0
#: How long a forked child has, in seconds.
_CHILD_STUCK_AFTER: Final = 20.0
#: How long an update waits for another one to overtake it, in seconds. Between them, it is ten times what an update takes.
_SHORTEST_OVERLAP: Final = 0.02
_LONGEST_OVERLAP: Final = 0.25
_STEPS: Final = 100
_WORKERS: Final = 8
_ROUNDS: Final = 4
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_ZONES: Final = (UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11)))
#: Long ago: a ledger that deletes entries by the system's clock, and not by `now`, loses all of them.
_START: Final = datetime(2020, 2, 28, 23, 30, 0, 123457, tzinfo=UTC)
#: A process of macOS that has used certain system libraries cannot fork.
_CAN_FORK: Final = hasattr(os, "fork") and sys.platform != "darwin"
_ADVICE: Final = (
    "the ledger must not take part in the host's transaction: it opens a connection of its own, or it raises an error if a"
    " transaction is open; in Django, transaction.atomic(durable=True) does, and with ATOMIC_REQUESTS the view needs"
    " @transaction.non_atomic_requests"
)


def check_call_ledger(
    make: Callable[[], CallLedger] | Callable[[], AsyncCallLedger],
    *,
    inside: Callable[[], _Transaction] | None = None,
    own_clock: bool = False,
    thread_ends: Callable[[], object] | None = None,
) -> None:
    """Check that a ledger keeps the promises of `CallLedger`, or of `AsyncCallLedger` if it is async.

    It must store and answer exactly what a dict in memory would, at any time and in any zone. Updates of one entry must not
    overlap, updates of different entries must not undo each other, and an update that raises must change nothing. A
    `CallLedger` is used by threads, and an `AsyncCallLedger` by tasks of one event loop, in a thread of its own. The check
    takes about a second, and a few on a database.

    Args:
        make: Returns a ledger. If each call returns another handle of the same stored entries, the promises are checked
            across two handles and in a forked child too. The ledger may hold other entries; they are not changed.
        inside: Returns a context manager that opens a transaction of the host, and rolls it back if it is left by an
            exception. A click in such a transaction must either survive its rollback or raise `LedgerError`.
        own_clock: Whether the store deletes lapsed entries by a clock of its own, as Redis does. Then the check uses the
            present time. Otherwise it uses times of the year 2020.
        thread_ends: Called at the end of each thread that uses the ledger, to close what is open there, for example
            `django.db.connections.close_all`. For an `AsyncCallLedger`, it is called at the end of the event loop, and may
            be a coroutine function, for example the engine's `dispose`.

    Raises:
        AssertionError: A promise is broken. The message says which one, what was expected and what happened.
    """
    __tracebackhide__ = True
    ledger, promises = make(), ["the check starts"]
    start = utc_now() if own_clock else _START
    workers = Tasks(thread_ends) if iscoroutinefunction(ledger.update) else Threads(thread_ends)
    check_all = _check_all(make, workers, start, inside, promises)
    # The decisions of the check are not tests of the host's policy.
    with unseen():
        # It has a thread of its own: a ledger may hang, and an async test has a running loop in this thread.
        job = start_in_thread(partial(workers.run, check_all))
    is_stuck = wait([job], _STUCK_AFTER).not_done
    prefix = f"{type(ledger).__name__} breaks a promise: {promises[-1]}\n  "
    if is_stuck:
        raise AssertionError(f"{prefix}it is stuck")
    try:
        job.result()
    except _BrokenPromiseError as broken:
        raise AssertionError(f"{prefix}{broken}") from None
    except Exception as error:
        raise AssertionError(f"{prefix}it raised {Failure.of_exception(error).error}") from error


@final
class _BrokenPromiseError(Exception):
    """A promise is broken."""


@final
class _RollbackError(Exception):
    """Makes a transaction of the host roll back."""


@final
class _Subject(NamedTuple):
    """The ledger that is checked.

    Attributes:
        workers: What uses the ledger.
        one: A handle of it.
        other: Another handle of the same entries, or the same handle.
        start: The time at which the check starts.
        inside: Returns a transaction of the host.
    """

    workers: Threads | Tasks
    one: AsyncCallLedger
    other: AsyncCallLedger
    start: datetime
    inside: Callable[[], _Transaction] | None

    async def put(self, entry_id: str, entry: LedgerEntry) -> None:
        """Store an entry, through one handle."""
        await self.one.update(entry_id, partial(_replace, entry), now=self.start)

    async def get(self, entry_id: str) -> LedgerEntry:
        """Return a stored entry, through the other handle."""
        return await _read(self.other, entry_id)

    def handles(self) -> Iterator[tuple[int, AsyncCallLedger]]:
        """Yield the number of each of many workers, and the handle that it uses."""
        return zip(range(_WORKERS), cycle((self.one, self.other)), strict=False)

    def claim(self, number: int = 1) -> Claim:
        """Return a new claim."""
        return Claim(f"token {number}", self.start + _MINUTE, self.start + _HOUR)


async def _check_all(
    make: Callable[[], _Ledger],
    workers: Threads | Tasks,
    start: datetime,
    inside: Callable[[], _Transaction] | None,
    promises: list[str],
) -> None:
    """Check all promises. The last of `promises` is the one that is being checked."""
    one, other = (_awaitable(make()) for _ in range(2))
    alone, both = _Subject(workers, one, one, start, inside), _Subject(workers, one, other, start, inside)
    for promise, check in _PROMISES.items():
        promises.append(promise)
        await check(alone)
    if not await _keeps(both):
        return
    for promise, check in {**_PROMISES, **_PROMISES_OF_SHARED}.items():
        promises.append(f"{promise}, across two handles")
        await check(both)


def _awaitable(ledger: _Ledger) -> AsyncCallLedger:
    is_async = iscoroutinefunction(ledger.update)
    return cast("AsyncCallLedger", ledger) if is_async else AwaitableLedger(cast("CallLedger", ledger))


def _expect(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise _BrokenPromiseError(f"{what}\n  expected: {expected}\n  actual: {actual}")


def _expect_entry(what: str, expected: LedgerEntry, actual: object) -> None:
    """Compare entries to the letter. Report the first difference."""
    if not isinstance(actual, LedgerEntry):
        raise _BrokenPromiseError(f"{what}\n  expected: a LedgerEntry\n  actual: {kind_of(actual)}")
    texts = (entry_to_json(expected), entry_to_json(actual))
    if texts[0] != texts[1]:
        fields = [dict(_fields_of(json.loads(text))) for text in texts]
        values = {path: [each.get(path, "nothing") for each in fields] for path in {**fields[0], **fields[1]}}
        path = next(path for path, (left, right) in values.items() if left != right)
        _expect(f"{what}: {path}", *values[path])


def _fields_of(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the values in nested JSON objects, with their dotted paths."""
    if isinstance(value, dict):
        for name, member in cast("dict[str, Any]", value).items():
            yield from _fields_of(member, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _new_id() -> str:
    return os.urandom(16).hex()


def _call(at: datetime, number: int = 1) -> VideoCall:
    """Return a call that is hard to store: long, with quotes, non-ASCII letters and a password in its link."""
    return VideoCall(
        id=f"call {number}; 'é\" \N{HEAVY BLACK HEART}",
        join_url=f"https://video.example/join/{number}?pwd={'Aa%2B' * 60}&lang=de#now",
        account_id="664287016",
        extension_id="664307016",
        created_at=at.astimezone(_ZONES[1]),
    )


def _full_entry(entry_id: str, now: datetime) -> LedgerEntry:
    """Return an entry with a recorded call that replaced another one, a claim and a doubt."""
    recorded = RecordedCall(f"{entry_id}-a", _call(now, 2), _call(now), now + _HOUR)
    new_claim, doubt = Claim("token", now + _MINUTE, now + _HOUR), Claim("token", None, now + 2 * _MINUTE)
    return LedgerEntry(recorded, {f"{entry_id}-b": new_claim, f"{entry_id}-c": doubt})


async def _check_lasting(subject: _Subject) -> None:
    """Read entries back. A ledger that only keeps those of the present uses a clock of its own."""
    is_kept, is_kept_now = [await _keeps(each) for each in (subject, subject._replace(start=utc_now()))]
    if is_kept_now and not is_kept:
        advice = "if the store deletes lapsed entries by a clock of its own, pass own_clock=True"
        _expect(f"an entry of {subject.start:%Y} that has not lapsed by `now`", "stored", f"nothing; {advice}")


async def _keeps(subject: _Subject) -> bool:
    entry_id = _new_id()
    await subject.put(entry_id, _full_entry(entry_id, subject.start))
    return await subject.get(entry_id) != EMPTY


@final
class _Model(AsyncCallLedger):
    """The simplest ledger. It never deletes anything."""

    def __init__(self) -> None:
        self.entries: dict[str, LedgerEntry] = {}

    async def update(
        self,
        entry_id: str,
        change: Callable[[LedgerEntry], tuple[LedgerEntry, T]],
        /,
        now: datetime | None = None,  # noqa: ARG002
    ) -> T:
        self.entries[entry_id], answer = change(self.entries.get(entry_id, EMPTY))
        return answer


_Operation = Callable[[AsyncCallLedger], Awaitable[object]]


def _random_operation(random: Random, entry_id: str, case_id: str, now: datetime) -> tuple[str, _Operation]:
    """Return an operation on an entry, with its name. The operation returns the answer of the ledger."""
    key, call = f"{entry_id}-{random.choice('aabc')}", _call(now, random.randrange(100))
    request = CallRequest(key=key, account_id=call.account_id, extension_id=call.extension_id)
    terms = Terms("token", lambda: now, _HOUR, _MINUTE, force_new=random.random() < 0.5)
    changes: dict[str, Callable[[LedgerEntry], tuple[LedgerEntry, object]]] = {
        "storing an entry": lambda _: (_full_entry(entry_id, now), None),
        "a change to an empty entry": lambda _: (EMPTY, None),
        "a claim": lambda entry: claim(entry, request, terms, now),
        "the recording of a call": lambda entry: record_call(entry, key, call, terms, now),
        "the release of a claim": lambda entry: release(entry, key, terms, now),
        "marking a claim as doubtful": lambda entry: mark_doubtful(entry, key, terms, now),
    }
    operations: dict[str, _Operation] = {
        "end()": lambda ledger: ledger.end(key),
        "resolve() with a call": lambda ledger: ledger.resolve(key, call, now=now),
        "resolve() without a call": lambda ledger: ledger.resolve(key, None, now=now),
        "resolve() without now": lambda ledger: ledger.resolve(key, None),
    }
    if entry_id == entry_id_of_case(case_id, case_id):
        operations["end_case()"] = lambda ledger: ledger.end_case(domain_id=case_id, intervention_id=case_id)
    # Most operations change nothing if nothing is stored.
    name = random.choice([*changes, *operations, *["storing an entry"] * 3])
    if name in changes:
        return name, lambda ledger: ledger.update(entry_id, changes[name], now=now)
    return name, operations[name]


async def _check_against_model(subject: _Subject) -> None:
    """Apply the same random operations to the ledger and to a model, and compare them after each."""
    random, model, now = Random(0), _Model(), subject.start  # noqa: S311  nothing here is secret
    case_id = _new_id()
    entry_id = entry_id_of_case(case_id, case_id)
    # The ids differ in one letter only.
    entry_ids = (entry_id, entry_id[:-1] + "01"[entry_id[-1] == "0"], "01"[entry_id[0] == "0"] + entry_id[1:])
    _expect_entry("an entry that is not stored", EMPTY, await subject.get(entry_id))
    for _ in range(_STEPS):
        # One moment always has the same zone: entries that differ in zones only are equal, and a ledger may store either.
        later = [time.astimezone(random.choice(_ZONES)) for time in _next_times(model, now)]
        now = random.choice([now, now, now, *later])
        entry_id, answer = random.choice(entry_ids), object()
        ledger, reader = random.choice([(subject.one, subject.other), (subject.other, subject.one)])
        # A ledger may or may not have deleted what has lapsed. After this, neither the ledger nor the model holds it.
        without_lapsed = partial(_without_lapsed, now, answer)
        await model.update(entry_id, without_lapsed, now=now)
        is_returned = await ledger.update(entry_id, without_lapsed, now=now) is answer
        _expect("update() returns the answer of change()", True, is_returned)
        name, operation = _random_operation(random, entry_id, case_id, now)
        _expect(f"the answer of {name}", await operation(model), await operation(ledger))
        for changed_or_not in {entry_id, random.choice(entry_ids)}:
            expected, actual = model.entries.get(changed_or_not, EMPTY), await _read(reader, changed_or_not)
            _expect_entry(f"an entry after {name}", expected.at(now), actual.at(now))


def _replace(entry: LedgerEntry, _: LedgerEntry) -> tuple[LedgerEntry, None]:
    return entry, None


async def _read(ledger: AsyncCallLedger, entry_id: str) -> LedgerEntry:
    return await ledger.update(entry_id, lambda entry: (entry, entry))


def _without_lapsed(now: datetime, answer: T, entry: LedgerEntry) -> tuple[LedgerEntry, T]:
    return entry.at(now), answer


def _next_times(model: _Model, now: datetime) -> list[datetime]:
    """Return the next times at which something in the model expires or lapses, and the moments before them."""
    times = [time for entry in model.entries.values() for time in lapse_times(entry)]
    claims = [claim for entry in model.entries.values() for claim in entry.claims.values()]
    times += [claim.expires_at for claim in claims if claim.expires_at]
    moments = {moment for time in times for moment in (time - timedelta(microseconds=1), time)}
    return sorted(moment for moment in moments if moment > now)[:4]


async def _check_answers(subject: _Subject) -> None:
    """Change an entry differently in each call of `change()`. The answer must come from the call whose entry is stored."""
    entry_id, numbers = _new_id(), count(1)

    def change(entry: LedgerEntry) -> tuple[LedgerEntry, int]:
        number = next(numbers)
        return entry.with_claim("key", subject.claim(number)), number

    number = await subject.one.update(entry_id, change, now=subject.start)
    stored = (await subject.get(entry_id)).claims.get("key")
    _expect("the entry that is stored, and the answer", f"from call {number} of change()", _call_of(stored))


def _call_of(stored: Claim | None) -> str:
    return f"from call {stored.token.removeprefix('token ')} of change()" if stored else "no entry"


async def _check_errors(subject: _Subject) -> None:
    """Raise in `change()`. The same error must come out of `update()`, and no lock may stay behind."""
    for is_stored in (False, True):
        for error in (ValueError("in change()"), subject.workers.interrupt("in change()")):
            entry_id = _new_id()
            entry = _full_entry(entry_id, subject.start) if is_stored else EMPTY
            await subject.put(entry_id, entry)
            # In another worker: a lock that stays behind may be open to its own thread.
            [actual] = await subject.workers.run_at_once(_error_of(subject, entry_id, error))
            expected = f"that very {type(error).__name__}"
            _expect("the error that change() raises", expected, expected if actual is error else kind_of(actual))
            _expect_entry("an entry after change() has raised", entry, await subject.get(entry_id))


async def _error_of(subject: _Subject, entry_id: str, error: BaseException) -> object:
    """Raise an error in `change()`, and return what comes out of `update()`."""

    def change(_: LedgerEntry) -> tuple[LedgerEntry, None]:
        raise error

    try:
        return await subject.one.update(entry_id, change, now=subject.start)
    except BaseException as raised:  # noqa: BLE001  it is compared
        return raised


async def _check_cancellation(subject: _Subject) -> None:
    """Cancel an update at each point where it waits. All or nothing must be stored, and no lock may stay behind."""
    if isinstance(subject.workers, Threads):
        return
    is_cancelled, waits = True, 0
    while is_cancelled:
        entry_id = _new_id()
        full = _full_entry(entry_id, subject.start)
        before, after = full if waits % 2 else EMPTY, full.with_claim("key", subject.claim())
        await subject.put(entry_id, before)
        update = subject.one.update(entry_id, partial(_replace, after), now=subject.start)
        is_cancelled = await subject.workers.cancel(update, waits)
        entry = await subject.get(entry_id)
        _expect_entry("an entry after a cancelled update", before if is_cancelled and entry == before else after, entry)
        waits += 1


async def _check_same_entry(subject: _Subject) -> None:
    """Update one entry twice at once, whether it is stored already or not. Then update it many times at once."""
    for is_stored in (False, True):
        entry_id = _new_id()
        entry = _full_entry(entry_id, subject.start) if is_stored else EMPTY
        if is_stored:
            await subject.put(entry_id, entry)
        answers = await _update_at_once(subject, entry_id, entry_id)
        claims = ", ".join(sorted({"first", "second"} & (await subject.get(entry_id)).claims.keys()))
        _expect("two claims at once", "first, second", claims)
        expected = [len(entry.claims), len(entry.claims) + 1]
        _expect("the number of claims that each of two updates at once was passed last", expected, sorted(answers))
    entry_id = _new_id()
    works = [_add_claim(subject, ledger, entry_id, f"claim {number}") for number, ledger in subject.handles()]
    answers = await subject.workers.run_at_once(*works)
    number = len((await subject.get(entry_id)).claims)
    _expect(f"the number of claims after {_WORKERS} at once", _WORKERS, number)
    _expect(
        f"the numbers of claims that {_WORKERS} updates at once were passed last", [*range(_WORKERS)], sorted(answers)
    )


async def _check_other_entries(subject: _Subject) -> None:
    """Update different entries at once. If a ledger stores all entries together, a lock for each entry is not enough."""
    pair = (_new_id(), _new_id())
    await _update_at_once(subject, *pair)
    claims = ", ".join([key for entry_id in pair for key in (await subject.get(entry_id)).claims])
    _expect("claims of two entries at once", "first, second", claims)
    start = Barrier(_WORKERS)
    entry_ids = [[_new_id() for _ in range(_ROUNDS)] for _ in range(_WORKERS)]

    async def store(number: int, ledger: AsyncCallLedger) -> None:
        if subject.workers.patience:
            start.wait()
        for entry_id in entry_ids[number]:
            replace = partial(_replace, _full_entry(entry_id, subject.start))
            await ledger.update(entry_id, replace, now=subject.start)

    await subject.workers.run_at_once(*[store(number, ledger) for number, ledger in subject.handles()])
    for entry_id in chain.from_iterable(entry_ids):
        what = f"an entry after {_WORKERS} workers have stored others"
        _expect_entry(what, _full_entry(entry_id, subject.start), await subject.get(entry_id))


async def _add_claim(
    subject: _Subject, ledger: AsyncCallLedger, entry_id: str, key: str, meet: Callable[[], object] = lambda: None
) -> int:
    """Add a claim. Return how many claims there were before."""

    def change(entry: LedgerEntry) -> tuple[LedgerEntry, int]:
        meet()
        return entry.with_claim(key, subject.claim()), len(entry.claims)

    return await ledger.update(entry_id, change, now=subject.start)


async def _update_at_once(subject: _Subject, first_id: str, second_id: str) -> list[int]:
    """Add two claims. Return how many there were before each.

    In threads, the second update starts while the first one is in `change()`; the ledger may make it wait.
    """
    overlap = await _overlap(subject)
    is_first_inside, is_second_inside = Event(), Event()

    def meet_second() -> None:
        is_first_inside.set()
        is_second_inside.wait(overlap)

    async def add_first() -> int:
        try:
            return await _add_claim(subject, subject.one, first_id, "first", meet_second)
        finally:
            is_first_inside.set()  # if it raises before change()

    async def add_second() -> int:
        is_first_inside.wait(subject.workers.patience)
        return await _add_claim(subject, subject.other, second_id, "second", is_second_inside.set)

    return await subject.workers.run_at_once(add_first(), add_second())


async def _overlap(subject: _Subject) -> float:
    """Return for how many seconds an update waits for another one, which overtakes it if the ledger lets it."""
    started_at = monotonic()
    await subject.put(_new_id(), EMPTY)
    duration = 10 * (monotonic() - started_at)
    return min(max(duration, _SHORTEST_OVERLAP), _LONGEST_OVERLAP, subject.workers.patience)


async def _check_rollback(subject: _Subject) -> None:
    """Click in a transaction of the host, roll it back, and click again."""
    if subject.inside is None:
        return
    from ..video import InMemoryVideoProvider  # noqa: PLC0415  pytest loads this module when it starts

    provider = InMemoryVideoProvider()
    click = partial(_click, a_request(intervention_id=_new_id()), provider, subject.start)
    try:
        await subject.workers.run_at_once(_click_and_roll_back(subject.one, click, subject.inside()))
        await subject.workers.run_at_once(click(subject.other))
        actual = f"{len(provider.calls)} calls"
    except ClickError as error:
        actual = f"{type(error).__name__} after {len(provider.calls)} calls"
    what = "a click in a transaction of the host, its rollback, and another click"
    if actual != "1 calls":
        expected = "1 call, or LedgerError before the provider is asked"
        raise _BrokenPromiseError(f"{what}\n  expected: {expected}\n  actual: {actual}; {_ADVICE}")


async def _click_and_roll_back(
    ledger: AsyncCallLedger, click: Callable[[AsyncCallLedger], Awaitable[object]], transaction: _Transaction
) -> None:
    with suppress(_RollbackError, LedgerError):
        async with _entered(transaction):
            await click(ledger)
            raise _RollbackError


@asynccontextmanager
async def _entered(transaction: _Transaction) -> AsyncGenerator[None]:
    if isinstance(transaction, AbstractAsyncContextManager):
        async with transaction:
            yield
    else:
        with transaction:
            yield


async def _click(request: EscalationRequest, provider: VideoProvider, now: datetime, ledger: AsyncCallLedger) -> object:
    from ..video import escalate, escalate_async  # noqa: PLC0415  pytest loads this module when it starts

    if isinstance(ledger, AwaitableLedger):
        return escalate(request, provider=provider, ledger=ledger.ledger, now=now)
    return await escalate_async(request, provider=provider, ledger=ledger, now=now)


async def _check_fork(subject: _Subject) -> None:
    """Update an entry in a forked child and here at once, if the ledger is one that processes share."""
    if isinstance(subject.workers, Tasks) or not _CAN_FORK:
        return
    entry_id, other_id, overlap = _new_id(), _new_id(), await _overlap(subject)

    def update_in_child(report: Callable[[], object]) -> None:
        def meet_parent() -> None:
            report()
            sleep(overlap)

        workers = Threads(None)
        workers.run(_add_claim(subject, subject.one, other_id, "child"))
        workers.run(_add_claim(subject, subject.one, entry_id, "child", meet_parent))

    async def update_in_both() -> str:
        child = Child(update_in_child, _CHILD_STUCK_AFTER)
        try:
            child.wait()
            await _add_claim(subject, subject.other, entry_id, "parent")
        finally:
            problem = child.end()
        return problem

    # In a new thread: a connection that is open in this one would be open in the child too, which is the host's mistake.
    [problem] = await subject.workers.run_at_once(update_in_both())
    _expect("an update in the child", "its answer", problem or "its answer")
    expected = "child, parent" if (await subject.get(other_id)).claims else "parent"
    claims = ", ".join(sorted((await subject.get(entry_id)).claims))
    _expect("claims of the child and its parent at once", expected, claims)


_Check = Callable[[_Subject], Awaitable[None]]
_PROMISES: Final[Mapping[str, _Check]] = {
    "entries last until they lapse": _check_lasting,
    "entries and answers are exact": _check_against_model,
    "an answer belongs to the entry that is stored": _check_answers,
    "an update that raises changes nothing": _check_errors,
    "an update that is cancelled changes all or nothing": _check_cancellation,
    "updates of one entry do not overlap": _check_same_entry,
    "updates of different entries do not undo each other": _check_other_entries,
    "a host's transaction cannot undo a click": _check_rollback,
}
_PROMISES_OF_SHARED: Final[Mapping[str, _Check]] = {"a forked child can use the ledger": _check_fork}
