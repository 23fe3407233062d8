"""The check of a host's call ledger: it must behave like a dict of entries, in threads and after errors too."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import wait
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from itertools import chain
from random import Random
from threading import Barrier, Event
from typing import Any, Final, TypeVar, cast, final

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
from .._calls.values import CallRequest, VideoCall
from .._engine.truth import Failure
from .._fields import kind_of
from ..typing import CallLedger
from ._threads import start_in_thread

T = TypeVar("T")
#: How long a ledger has for one promise before it counts as stuck, in seconds.
_STUCK_AFTER: Final = 120.0
#: How long an update waits for another one to overtake it, in seconds.
_OVERLAP: Final = 0.25
_STEPS: Final = 100
_THREADS: Final = 8
_ROUNDS: Final = 4
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_ZONES: Final = (UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11)))
#: Long ago: a ledger that deletes entries by the system's clock, and not by `now`, loses all of them.
_START: Final = datetime(2020, 2, 28, 23, 30, 0, 123457, tzinfo=UTC)


def check_call_ledger(make: Callable[[], CallLedger]) -> None:
    """Check that a ledger keeps the promises of `CallLedger`.

    It must store and answer exactly what a dict in memory would, at any time and in any zone. Updates of one entry must not
    overlap, updates of different entries must not undo each other, and an update that raises must change nothing. The check
    takes about a second, and a few on a database.

    Args:
        make: Returns a ledger. If each call returns another handle of the same stored entries, the promises are checked
            across two handles too. The ledger may hold other entries; they are not changed.

    Raises:
        AssertionError: A promise is broken. The message says which one, what was expected and what happened.
    """
    __tracebackhide__ = True
    ledger = make()
    _check_promises(ledger, ledger, "")
    other, entry_id = make(), _new_id()
    _put(ledger, entry_id, _full_entry(entry_id))
    if _get(other, entry_id) != EMPTY:
        _check_promises(ledger, other, ", across two handles")


@final
class _BrokenPromiseError(Exception):
    """A promise is broken."""


def _check_promises(one: CallLedger, other: CallLedger, handles: str) -> None:
    __tracebackhide__ = True
    for promise, check in _PROMISES.items():
        prefix = f"{type(one).__name__} breaks a promise: {promise}{handles}\n  "
        job = start_in_thread(partial(check, one, other))
        if wait([job], _STUCK_AFTER).not_done:
            raise AssertionError(f"{prefix}it is stuck")
        try:
            job.result()
        except _BrokenPromiseError as broken:
            raise AssertionError(f"{prefix}{broken}") from None
        except Exception as error:
            raise AssertionError(f"{prefix}it raised {Failure.of_exception(error).error}") from error


def _expect(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise _BrokenPromiseError(f"{what}\n  expected: {expected}\n  actual: {actual}")


def _expect_entry(what: str, expected: LedgerEntry, actual: object) -> None:
    """Compare entries to the letter. Report the first difference."""
    if not isinstance(actual, LedgerEntry):
        raise _BrokenPromiseError(f"{what}\n  expected: a LedgerEntry\n  actual: {kind_of(actual)}")
    expected_fields = dict(_fields_of(json.loads(entry_to_json(expected))))
    actual_fields = dict(_fields_of(json.loads(entry_to_json(actual))))
    for path in {**expected_fields, **actual_fields}:
        _expect(f"{what}: {path}", expected_fields.get(path, "nothing"), actual_fields.get(path, "nothing"))


def _fields_of(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the values in nested JSON objects, with their dotted paths."""
    if isinstance(value, dict):
        for name, member in cast("dict[str, Any]", value).items():
            yield from _fields_of(member, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _new_id() -> str:
    return os.urandom(16).hex()


def _put(ledger: CallLedger, entry_id: str, entry: LedgerEntry) -> None:
    ledger.update(entry_id, lambda _: (entry, None), now=_START)


def _get(ledger: CallLedger, entry_id: str) -> LedgerEntry:
    return ledger.update(entry_id, lambda entry: (entry, entry))


def _call(at: datetime, number: int = 1) -> VideoCall:
    """Return a call that is hard to store: long, with quotes, non-ASCII letters and a password in its link."""
    return VideoCall(
        id=f"call {number}; 'é\" \N{HEAVY BLACK HEART}",
        join_url=f"https://video.example/join/{number}?pwd={'Aa%2B' * 60}&lang=de#now",
        account_id="664287016",
        extension_id="664307016",
        created_at=at.astimezone(_ZONES[1]),
    )


def _full_entry(entry_id: str, now: datetime = _START) -> LedgerEntry:
    """Return an entry with a recorded call that replaced another one, a claim and a doubt."""
    recorded = RecordedCall(f"{entry_id}-a", _call(now, 2), _call(now), now + _HOUR)
    new_claim, doubt = Claim("token", now + _MINUTE, now + _HOUR), Claim("token", None, now + 2 * _MINUTE)
    return LedgerEntry(recorded, {f"{entry_id}-b": new_claim, f"{entry_id}-c": doubt})


@final
class _Model(CallLedger):
    """The simplest ledger. It never deletes anything."""

    def __init__(self) -> None:
        self.entries: dict[str, LedgerEntry] = {}

    def update(
        self,
        entry_id: str,
        change: Callable[[LedgerEntry], tuple[LedgerEntry, T]],
        /,
        now: datetime | None = None,  # noqa: ARG002
    ) -> T:
        self.entries[entry_id], answer = change(self.entries.get(entry_id, EMPTY))
        return answer


def _random_operation(random: Random, entry_id: str, now: datetime) -> tuple[str, Callable[[CallLedger], object]]:
    """Return an operation on an entry, with its name. The operation returns the answer of the ledger."""
    key, call = f"{entry_id}-{random.choice('aabc')}", _call(now, random.randrange(100))
    request = CallRequest(key=key, account_id=call.account_id, extension_id=call.extension_id)
    terms = Terms("token", lambda: now, _HOUR, _MINUTE, force_new=random.random() < 0.5)
    changes: dict[str, Callable[[LedgerEntry], tuple[LedgerEntry, object]]] = {
        "storing an entry": lambda _: (_full_entry(entry_id, now), None),
        "a claim": lambda entry: claim(entry, request, terms, now),
        "the recording of a call": lambda entry: record_call(entry, key, call, terms, now),
        "the release of a claim": lambda entry: release(entry, key, terms, now),
        "marking a claim as doubtful": lambda entry: mark_doubtful(entry, key, terms, now),
    }
    operations: dict[str, Callable[[CallLedger], object]] = {
        "end()": lambda ledger: ledger.end(key),
        "resolve() with a call": lambda ledger: ledger.resolve(key, call, now=now),
        "resolve() without a call": lambda ledger: ledger.resolve(key, None, now=now),
        "resolve() without now": lambda ledger: ledger.resolve(key, None),
    }
    name = random.choice([*changes, *operations])
    if name in changes:
        return name, lambda ledger: ledger.update(entry_id, changes[name], now=now)
    return name, operations[name]


def _check_against_model(one: CallLedger, other: CallLedger) -> None:
    """Apply the same random operations to the ledger and to a model, and compare them after each."""
    random, model, now = Random(0), _Model(), _START  # noqa: S311  nothing here is secret
    entry_id = _new_id()
    # The ids differ in one letter only.
    entry_ids = (entry_id, entry_id[:-1] + "01"[entry_id[-1] == "0"], "01"[entry_id[0] == "0"] + entry_id[1:])
    _expect_entry("an entry that is not stored", EMPTY, _get(one, entry_id))
    for _ in range(_STEPS):
        now = random.choice([now, now, now, *_next_times(model, now)]).astimezone(random.choice(_ZONES))
        entry_id, answer = random.choice(entry_ids), object()
        ledger, reader = random.choice([(one, other), (other, one)])
        # A ledger may or may not have deleted what has lapsed. After this, neither the ledger nor the model holds it.
        without_lapsed = partial(_without_lapsed, now, answer)
        model.update(entry_id, without_lapsed, now=now)
        is_returned = ledger.update(entry_id, without_lapsed, now=now) is answer
        _expect("update() returns the answer of change()", True, is_returned)
        name, operation = _random_operation(random, entry_id, now)
        _expect(f"the answer of {name}", operation(model), operation(ledger))
        for entry_id in entry_ids:
            expected = model.entries.get(entry_id, EMPTY).at(now)
            _expect_entry(f"an entry after {name}", expected, _get(reader, entry_id).at(now))


def _without_lapsed(now: datetime, answer: T, entry: LedgerEntry) -> tuple[LedgerEntry, T]:
    return entry.at(now), answer


def _next_times(model: _Model, now: datetime) -> list[datetime]:
    """Return the next times at which something in the model expires or lapses, and the moments before them."""
    times = [time for entry in model.entries.values() for time in lapse_times(entry)]
    claims = [claim for entry in model.entries.values() for claim in entry.claims.values()]
    times += [claim.expires_at for claim in claims if claim.expires_at]
    moments = {moment for time in times for moment in (time - timedelta(microseconds=1), time)}
    return sorted(moment for moment in moments if moment > now)[:2]


def _check_errors(one: CallLedger, other: CallLedger) -> None:
    """Raise in `change()`. The same error must come out of `update()`, and no lock may stay behind."""
    for is_stored in (False, True):
        for error in (ValueError("in change()"), KeyboardInterrupt("in change()")):
            entry_id = _new_id()
            entry = _full_entry(entry_id) if is_stored else EMPTY
            _put(one, entry_id, entry)
            actual = start_in_thread(partial(one.update, entry_id, partial(_raise, error), now=_START)).exception()
            expected = f"that very {type(error).__name__}"
            _expect("the error that change() raises", expected, expected if actual is error else kind_of(actual))
            _expect_entry("an entry after change() has raised", entry, _get(other, entry_id))


def _raise(error: BaseException, _: LedgerEntry) -> tuple[LedgerEntry, None]:
    raise error


def _check_same_entry(one: CallLedger, other: CallLedger) -> None:
    """Update one entry twice at once, whether it is stored already or not."""
    for is_stored in (False, True):
        entry_id = _new_id()
        if is_stored:
            _put(one, entry_id, _full_entry(entry_id))
        _update_at_once(one, other, entry_id, entry_id)
        claims = ", ".join(sorted({"first", "second"} & _get(other, entry_id).claims.keys()))
        _expect("two claims at once", "first, second", claims)


def _check_other_entries(one: CallLedger, other: CallLedger) -> None:
    """Update different entries at once. If a ledger stores all entries together, a lock for each entry is not enough."""
    pair = (_new_id(), _new_id())
    _update_at_once(one, other, *pair)
    claims = ", ".join(key for entry_id in pair for key in _get(other, entry_id).claims)
    _expect("claims of two entries at once", "first, second", claims)
    start = Barrier(_THREADS)
    entry_ids = [[_new_id() for _ in range(_ROUNDS)] for _ in range(_THREADS)]

    def store(number: int) -> None:
        start.wait()
        for entry_id in entry_ids[number]:
            _put((one, other)[number % 2], entry_id, _full_entry(entry_id))

    for job in [start_in_thread(partial(store, number)) for number in range(_THREADS)]:
        job.result()
    for entry_id in chain.from_iterable(entry_ids):
        what = f"an entry after {_THREADS} threads have stored others"
        _expect_entry(what, _full_entry(entry_id), _get(other, entry_id))


def _update_at_once(one: CallLedger, other: CallLedger, first_id: str, second_id: str) -> None:
    """Add two claims. The second update starts while the first one is in `change()`; the ledger may make it wait."""
    new_claim = Claim("token", _START + _MINUTE, _START + _HOUR)
    is_first_inside, is_second_inside = Event(), Event()

    def add_first(entry: LedgerEntry) -> tuple[LedgerEntry, None]:
        is_first_inside.set()
        is_second_inside.wait(_OVERLAP)
        return entry.with_claim("first", new_claim), None

    def add_second(entry: LedgerEntry) -> tuple[LedgerEntry, None]:
        is_second_inside.set()
        return entry.with_claim("second", new_claim), None

    job = start_in_thread(partial(one.update, first_id, add_first, now=_START))
    job.add_done_callback(lambda _: is_first_inside.set())  # if it raises before change()
    is_first_inside.wait()
    other.update(second_id, add_second, now=_START)
    job.result()


_PROMISES: Final[Mapping[str, Callable[[CallLedger, CallLedger], None]]] = {
    "entries and answers are exact": _check_against_model,
    "an update that raises changes nothing": _check_errors,
    "updates of one entry do not overlap": _check_same_entry,
    "updates of different entries do not undo each other": _check_other_entries,
}
