"""The promises of a ledger, tried on a host's own: what it keeps, who waits for whom, and what is forgotten when."""

from collections.abc import Callable, Mapping
from concurrent.futures import wait
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import chain
from threading import Barrier, Event
from typing import Any, Final, NamedTuple, final

from .._calls.values import call_request_for, entry_id_of
from .._engine.truth import Failure
from .._fields import kind_of
from ..typing import CallLedger
from ..video import InMemoryVideoProvider, LedgerEntry
from ._ledger_trial import (
    HOUR,
    MINUTE,
    ZONE,
    BrokenError,
    Trial,
    a_call,
    claim,
    clicked,
    doubt,
    everything,
    expect,
    expect_case,
    new_name,
    new_request,
    nothing,
    record,
    silent,
    started,
    successor,
)

#: How long a ledger has for one promise, in seconds, before it counts as stuck.
_STUCK: Final = 120.0
#: How long an update has to come in while another one of its case is under way, in seconds.
_PAUSE: Final = 0.25
_CLICKS: Final = 8
_ROUNDS: Final = 4
_INSTANT: Final = timedelta(microseconds=1)
_LONG_AGO: Final = timedelta(days=1000)


@final
class Breach(NamedTuple):
    """What to say of a promise that is broken, and what was raised, if anything was."""

    told: str
    error: Exception | None = None


def first_broken(make: Callable[[], CallLedger]) -> Breach | None:
    """Tells of the first promise that is broken, by one handle, or by two of the same ledger."""
    # A ledger that goes by the clock is to break but the promise that is about it: nothing else lapses by the clock.
    one, at = make(), datetime.now(ZONE).replace(microsecond=123457)
    broken = _first_broken(Trial(one, one, at), "")
    if broken:
        return broken
    both, name = Trial(one, make(), at), new_name()
    both.put(name, claim(name, at))
    return _first_broken(both, ", across two handles") if both.got(name) != LedgerEntry() else None


def _first_broken(trial: Trial, how: str) -> Breach | None:
    breaches = (_breach(trial, promise, keep, how) for promise, keep in PROMISES.items())
    return next(filter(None, breaches), None)


def _breach(trial: Trial, promise: str, keep: Callable[[Trial], None], how: str) -> Breach | None:
    told = f"{type(trial.one).__name__} breaks a promise: {promise}{how}\n  "
    job = started(partial(keep, trial))
    if wait([job], _STUCK).not_done:
        return Breach(f"{told}it is stuck")
    try:
        job.result()
    except BrokenError as error:
        return Breach(f"{told}{error}")
    except Exception as error:  # noqa: BLE001  whatever the ledger raises
        return Breach(f"{told}it raised {Failure.of_exception(error).error}", error)
    return None


def _keeps(state: Callable[[str, datetime], LedgerEntry], trial: Trial) -> None:
    """What is stored is there again, to the letter, in the place of what was there before."""
    for before in (nothing, everything):
        name, answer = new_name(), object()
        expect_case("a case that is not stored", LedgerEntry(), trial.got(name))
        trial.put(name, before(name, trial.at))
        expect("update() returns what change() does", True, trial.put(name, state(name, trial.at), answer) is answer)
        expect_case("what is stored", state(name, trial.at), trial.got(name))


def _keeps_apart(trial: Trial) -> None:
    """Names may differ in any letter."""
    first = new_name()
    names = [first, first[:-1] + "01"[first[-1] == "0"], "01"[first[0] == "0"] + first[1:]]
    for name, state in zip(names, (record, doubt, claim), strict=True):
        trial.put(name, state(name, trial.at))
    for name, state in zip(names, (record, doubt, claim), strict=True):
        expect_case("a case, when others are stored", state(name, trial.at), trial.got(name))


def _undoes(trial: Trial) -> None:
    """Whatever is raised, that very object comes out, and no lock stays behind."""
    for state in (nothing, everything):
        for error in (ValueError("in change()"), KeyboardInterrupt("in change()")):
            name = new_name()
            trial.put(name, state(name, trial.at))
            job = started(partial(trial.one.update, name, partial(_raise, error), now=trial.at))
            came, expected = job.exception(), f"that very {type(error).__name__}"
            expect("what change() raises comes out", expected, expected if came is error else kind_of(came))
            expect_case("a case, when change() raised", state(name, trial.at), trial.got(name))


def _raise(error: BaseException, _: LedgerEntry) -> tuple[LedgerEntry, None]:
    raise error


def _one_after_the_other(trial: Trial) -> None:
    """Of two at once, the later one changes what the earlier one has stored, also where a case has its first claim."""
    for is_first in (True, False):
        name = new_name()
        if not is_first:
            trial.put(name, record(name, trial.at))
        _take_turns(trial, name, name)
        expect("claims of two agents at once", "first, second", _claims_in(trial, name))


def _loses_nothing(trial: Trial) -> None:
    """Where all cases are stored as one, to hold off those who change the same one is not enough."""
    names = new_name(), new_name()
    _take_turns(trial, *names)
    expect("claims in two cases at once", "first, second", ", ".join(_claims_in(trial, name) for name in names))
    start, each = Barrier(_CLICKS), [[new_name() for _ in range(_ROUNDS)] for _ in range(_CLICKS)]

    def store(trial: Trial, mine: list[str]) -> None:
        start.wait()
        for name in mine:
            trial.put(name, record(name, trial.at))

    both = trial, trial._replace(one=trial.other)
    jobs = [started(partial(store, both[number % 2], mine)) for number, mine in enumerate(each)]
    for job in jobs:
        job.result()
    for name in chain(*each):
        expect_case(f"a case, when {_CLICKS} threads store others", record(name, trial.at), trial.got(name))


def _claims_in(trial: Trial, name: str) -> str:
    return ", ".join(sorted(key.partition("-")[2] for key in trial.got(name).claims))


def _take_turns(trial: Trial, one: str, other: str) -> None:
    """Lets an update come in while another is under way, if the ledger lets it. It may call `change()` again."""
    inside, entered = Event(), Event()

    def first(case: LedgerEntry) -> tuple[LedgerEntry, None]:
        inside.set()
        entered.wait(_PAUSE)
        return LedgerEntry(case.recorded, {**case.claims, **claim(one, trial.at, "first").claims}), None

    def second(case: LedgerEntry) -> tuple[LedgerEntry, None]:
        entered.set()
        return LedgerEntry(case.recorded, {**case.claims, **claim(other, trial.at, "second").claims}), None

    job = started(partial(trial.one.update, one, first, now=trial.at))
    job.add_done_callback(lambda _: inside.set())
    inside.wait()
    trial.other.update(other, second, now=trial.at)
    job.result()


def _one_call(trial: Trial) -> None:
    provider, request, start = InMemoryVideoProvider(), new_request(), Barrier(_CLICKS)

    def click(ledger: CallLedger) -> str:
        start.wait()
        return clicked(ledger, request, trial.at, provider)

    jobs = [started(partial(click, (trial.one, trial.other)[number % 2])) for number in range(_CLICKS)]
    outcomes = [job.result() for job in jobs]
    expect(f"calls after {_CLICKS} clicks at once", 1, len(provider.calls))
    expect("clicks that were told of a new call", 1, outcomes.count("created"))
    expect("a click after them", "reused", clicked(trial.one, request, trial.at, provider))


def _keeps_doubts(trial: Trial) -> None:
    """Of a provider that did not answer, and of a process that died."""
    request, last = new_request(), HOUR - _INSTANT
    clicked(trial.one, request, trial.at, silent())
    expect("a click without an answer before", "CallInDoubtError", clicked(trial.other, request, trial.at + last))
    request = new_request()
    name, _, agent = call_request_for(request).key.partition("-")
    trial.put(name, claim(name, trial.at, agent))
    expected = {MINUTE - _INSTANT: "CallInProgressError", MINUTE: "CallInDoubtError", MINUTE + last: "CallInDoubtError"}
    for after, outcome in expected.items():
        expect(f"a click {after} after a claim", outcome, clicked(trial.other, request, trial.at + after))


def _forgets_nothing(trial: Trial) -> None:
    """What lapses first goes alone, and a time in another zone is the same time."""
    late, soon, name = trial.at + HOUR - _INSTANT, trial.at + MINUTE, new_name()
    both: Any = record(name, trial.at).recorded, doubt(name, trial.at).claims
    cases = {
        new_name(): LedgerEntry(both[0]._replace(lapses_at=soon), both[1]),
        new_name(): LedgerEntry(both[0], {key: each._replace(lapses_at=soon) for key, each in both[1].items()}),
        new_name(): LedgerEntry(both[0]._replace(lapses_at=both[0].lapses_at.astimezone(timezone(-11 * HOUR)))),
    }
    for each, case in cases.items():
        trial.put(each, case)
    for ledger in (trial.one, trial.other):
        ledger.update(new_name(), lambda case: (case, None), now=late)
    for each, case in cases.items():
        expect_case("what has not lapsed", case.at(late), trial.got(each).at(late))


def _forgets_nothing_by_the_clock(trial: Trial) -> None:
    """Where nobody says what time it is, nothing has lapsed."""
    past, name = trial._replace(at=trial.at - _LONG_AGO), new_name()
    past.put(name, everything(name, past.at))
    for each in (new_name(), name):
        came = trial.other.update(each, lambda case: (case, case))
    expect_case("what lapsed long ago, in an update without now", everything(name, past.at), came)


def _reports_nothing_lapsed(trial: Trial) -> None:
    for what, state in {"call": record, "doubt": doubt}.items():
        request = new_request()
        name, _, agent = call_request_for(request).key.partition("-")
        trial.put(name, state(name, trial.at, agent))
        expect(f"a click when a {what} has lapsed", "created", clicked(trial.other, request, trial.at + HOUR))


def _ends(trial: Trial) -> None:
    request, now = new_request(), trial.at
    key = call_request_for(request).key
    expect("end() of a call that there is not", False, trial.one.end(key))
    clicked(trial.one, request, now)
    expect("end() of another agent's call", False, trial.other.end(f"{entry_id_of(key)}-other"))
    expect("a click before end()", "reused", clicked(trial.one, request, now))
    expect("end() of a recorded call", True, trial.other.end(key))
    expect("end() once more", False, trial.one.end(key))
    expect("a click after end()", "created", clicked(trial.one, request, now))
    name = new_name()
    case = everything(name, now)
    trial.put(name, case)
    expect("end() of a call beside claims", True, trial.one.end(f"{name}-agent"))
    expect_case("a case after end()", LedgerEntry(None, case.claims), trial.got(name))


def _resolves(trial: Trial) -> None:
    for call, outcome in ((None, "created"), (a_call(trial.at), "reused")):
        request, now, told = new_request(), trial.at, f"resolve() to {'a' if call else 'no'} call"
        key = call_request_for(request).key
        expect(f"{told}, without a doubt", False, trial.one.resolve(key, call, now=now))
        clicked(trial.one, request, now, silent())
        expect(f"{told}, of another agent", False, trial.other.resolve(f"{entry_id_of(key)}-other", call, now=now))
        expect(told, True, trial.other.resolve(key, call, now=now))
        expect(f"{told}, once more", False, trial.one.resolve(key, call, now=now))
        expect(f"a click after {told}", outcome, clicked(trial.one, request, now))
        name = new_name()
        key, live = f"{name}-agent", claim(name, now)
        trial.put(name, live)
        expect(
            f"{told}, before a claim's time is out", False, trial.one.resolve(key, call, now=now + MINUTE - _INSTANT)
        )
        expect_case(f"a claim after {told}, before its time is out", live, trial.got(name))
        expect(f"{told}, when a claim's time is out", True, trial.one.resolve(key, call, now=now + MINUTE))


PROMISES: Final[Mapping[str, Callable[[Trial], None]]] = {
    "a claim is kept as it is": partial(_keeps, claim),
    "a call is kept as it is": partial(_keeps, record),
    "a call is kept with the one whose place it took": partial(_keeps, successor),
    "a doubt is kept as it is": partial(_keeps, doubt),
    "claims of several agents are kept as they are": partial(_keeps, everything),
    "what has become empty is kept empty": partial(_keeps, nothing),
    "cases are kept apart": _keeps_apart,
    "an update that raises changes nothing": _undoes,
    "updates of one case come one after the other": _one_after_the_other,
    "updates of other cases undo nothing": _loses_nothing,
    "of many clicks one makes the call": _one_call,
    "doubts stay": _keeps_doubts,
    "nothing is forgotten before it lapses": _forgets_nothing,
    "nothing is forgotten by the clock": _forgets_nothing_by_the_clock,
    "what has lapsed counts no more": _reports_nothing_lapsed,
    "end() forgets a recorded call, and that alone": _ends,
    "resolve() settles a doubt, and that alone": _resolves,
}
