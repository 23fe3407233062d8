"""The recorder: it sees what policies decide, and changes no answer."""

from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import count
from typing import Any, Final, cast, final

from .. import Decision, Policy

_Report = Callable[[Policy[Any], Decision[Any]], None]
_Slot = Any  # the descriptors that `__slots__` creates have no public type

#: The slots in which policies keep their functions. While a recorder is installed, taps stand in front of them.
_SLOTS: Final[dict[str, _Slot]] = {name: Policy.__dict__[name] for name in ("decide", "allows")}
#: How many decisions of a failed test are explained.
_EXPLAINED: Final = 5


_is_unseen: Final = ContextVar("is_unseen", default=False)


@contextmanager
def unseen() -> Generator[None]:
    """Hide the decisions of this context and its copies from the recorder."""
    token = _is_unseen.set(True)
    try:
        yield
    finally:
        _is_unseen.reset(token)


def original_function(policy: Policy[Any], name: str) -> Callable[[Any], Any]:
    """Return `decide` or `allows` of a policy itself, whose answers no recorder sees."""
    return cast("Callable[[Any], Any]", _SLOTS[name].__get__(policy))


@final
class _Tap:
    """A descriptor in place of a slot of `Policy`. The functions that are read through it report their decisions."""

    __slots__ = ("_report", "_slot")

    def __init__(self, slot: _Slot, report: _Report) -> None:
        self._slot = slot
        self._report = report

    def __get__(self, policy: Policy[Any] | None, owner: type | None = None) -> Any:
        if policy is None:
            return self._slot
        return _RecordedFunction(self._slot.__get__(policy), policy, self._slot.__name__, self._report)

    def __set__(self, policy: Policy[Any], function: Callable[[Any], Any]) -> None:
        # A copy of a policy gets the functions that were read through the tap.
        self._slot.__set__(policy, function.original if isinstance(function, _RecordedFunction) else function)


@final
class _RecordedFunction:
    """`decide` or `allows` of a policy, with a report of each decision. It equals, and is pickled as, the original."""

    __slots__ = ("_name", "_policy", "_report", "original")

    def __init__(self, original: Callable[[Any], Any], policy: Policy[Any], name: str, report: _Report) -> None:
        self.original = original
        self._policy = policy
        self._name = name
        self._report = report

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _RecordedFunction) and self.original == other.original

    def __hash__(self) -> int:
        return hash(self.original)

    def __call__(self, request: Any) -> Any:
        # `allows` decides as well: the decision has the reasons, and no predicate is called twice.
        decision: Decision[Any] = original_function(self._policy, "decide")(request)
        self._report(self._policy, decision)
        return decision if self._name == "decide" else decision.allowed

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._policy, self._name)

    def __repr__(self) -> str:
        return f"<function {self._name} of policy {self._policy.id}>"


@final
class Recorder:
    """Keeps the last decisions of a test, or all of them, and passes each decision on.

    It needs no lock: every change of what threads share is a single atomic operation.

    Args:
        report: Called with each policy and its decision, also for `allows()`.
    """

    def __init__(self, report: _Report) -> None:
        self._report: Final = report
        self._numbers: Final = count()
        self._latest: Final[deque[tuple[int, Decision[Any]]]] = deque(maxlen=_EXPLAINED)
        self.begin()

    def begin(self) -> None:
        """Forget all decisions, for the next test."""
        self._latest.clear()
        self._first_number = next(self._numbers) + 1
        self._decisions: list[Decision[Any]] | None = None

    def keep(self) -> list[Decision[Any]]:
        """Keep all decisions from now on, and return the list of them."""
        if self._decisions is None:
            self._decisions = []
        return self._decisions

    def install(self) -> Callable[[], None]:
        """Record all policies, those that exist and those that will. Return a function that undoes it."""
        before = {name: Policy.__dict__[name] for name in _SLOTS}
        _set_slots({name: _Tap(slot, self._record) for name, slot in _SLOTS.items()})
        return partial(_set_slots, before)

    def _record(self, policy: Policy[Any], decision: Decision[Any]) -> None:
        if _is_unseen.get():
            return
        decisions = self._decisions  # another thread may begin the next test meanwhile
        if decisions is not None:
            decisions.append(decision)
        self._latest.append((next(self._numbers), decision))
        self._report(policy, decision)

    def explain(self) -> str:
        """Explain the last decisions of the test, the latest one at the end. Empty if it made no decision."""
        latest = list(self._latest)
        lines = [f"allow {decision.policy_id}" if decision else decision.explain() for _, decision in latest]
        earlier = min((number - self._first_number for number, _ in latest), default=0)
        return "\n".join([*lines, *([f"and {earlier} earlier"] if earlier else [])])


def _set_slots(slots: dict[str, _Slot]) -> None:
    for name, slot in slots.items():
        setattr(Policy, name, slot)
