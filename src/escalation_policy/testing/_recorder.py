"""The recorder: sees what policies decide, without a say in it."""

from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import count
from typing import Any, Final, cast, final

from .. import Decision, Policy

_Report = Callable[[Policy[Any], Decision[Any]], None]
_Slot = Any  # what `__slots__` puts into a class has no public type

#: Where policies keep their functions, as long as nobody stands in front of them.
_SLOTS: Final[dict[str, _Slot]] = {name: Policy.__dict__[name] for name in ("decide", "allows")}
#: How many decisions of a test are explained.
_EXPLAINED: Final = 5


_unseen: Final = ContextVar("unseen", default=False)


@contextmanager
def unseen() -> Generator[None]:
    """Lets what is decided within go unseen, in this context and its copies."""
    token = _unseen.set(True)
    try:
        yield
    finally:
        _unseen.reset(token)


def unrecorded(policy: Policy[Any], name: str) -> Callable[[Any], Any]:
    """Takes `decide` or `allows` out of a policy such that nobody sees what it answers."""
    return cast("Callable[[Any], Any]", _SLOTS[name].__get__(policy))


@final
class _Tap:
    """Stands in for a slot of `Policy`: what is read from it reports each of its answers."""

    __slots__ = ("_report", "_slot")

    def __init__(self, slot: _Slot, report: _Report) -> None:
        self._slot = slot
        self._report = report

    def __get__(self, policy: Policy[Any] | None, owner: type | None = None) -> Any:
        if policy is None:
            return self._slot
        return _Asked(self._slot.__get__(policy), policy, self._slot.__name__, self._report)

    def __set__(self, policy: Policy[Any], function: Callable[[Any], Any]) -> None:
        self._slot.__set__(policy, function.answered if isinstance(function, _Asked) else function)


@final
class _Asked:
    """A policy's function; it is pickled by name, and equal where the function is."""

    __slots__ = ("_name", "_policy", "_report", "answered")

    def __init__(
        self,
        answered: Callable[[Any], Any],
        policy: Policy[Any],
        name: str,
        report: _Report,
    ) -> None:
        self.answered = answered
        self._policy = policy
        self._name = name
        self._report = report

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.answered == other.answered

    def __hash__(self) -> int:
        return hash(self.answered)

    def __call__(self, request: Any) -> Any:
        # Also for `allows`: a decision knows why, and so that nobody asks a predicate twice.
        decision: Decision[Any] = unrecorded(self._policy, "decide")(request)
        self._report(self._policy, decision)
        return decision if self._name == "decide" else decision.allowed

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._policy, self._name)

    def __repr__(self) -> str:
        return f"<function {self._name} of policy {self._policy.id}>"


@final
class Recorder:
    """Keeps the last decisions of a test, or all of them, and passes every one on.

    Any number of threads may decide: each step on what they share is one that no other thread can come between.

    Args:
        seen: Called with each policy and its decision, also if `allows()` was called.
    """

    def __init__(self, seen: _Report) -> None:
        self._seen: Final = seen
        self._numbers: Final = count()
        self._latest: Final[deque[tuple[int, Decision[Any]]]] = deque(maxlen=_EXPLAINED)
        self.begin()

    def begin(self) -> None:
        """Forgets what was decided before."""
        self._latest.clear()
        self._begun = next(self._numbers)
        self._kept: list[Decision[Any]] | None = None

    def keep(self) -> list[Decision[Any]]:
        """Keeps all decisions from now on, in the list that it returns."""
        kept = self._kept
        if kept is None:
            kept = self._kept = []
        return kept

    def install(self) -> Callable[[], None]:
        """Stands in front of every policy there is and will be; returns what undoes it."""
        before = {name: Policy.__dict__[name] for name in _SLOTS}
        _put({name: _Tap(slot, self._record) for name, slot in _SLOTS.items()})
        return partial(_put, before)

    def _record(self, policy: Policy[Any], decision: Decision[Any]) -> None:
        if _unseen.get():
            return
        kept = self._kept
        if kept is not None:
            kept.append(decision)
        self._latest.append((next(self._numbers), decision))
        self._seen(policy, decision)

    def explained(self) -> str:
        """Explains the last decisions of the test, the very last one at the end; empty where there were none."""
        latest = list(self._latest)
        lines = [_explained(decision) for _, decision in latest]
        earlier = min((number - self._begun - 1 for number, _ in latest), default=0)
        return "\n".join([*lines, *([f"and {earlier} earlier"] if earlier else [])])


def _put(slots: dict[str, _Slot]) -> None:
    for name, slot in slots.items():
        setattr(Policy, name, slot)


def _explained(decision: Decision[Any]) -> str:
    """Explains a decision; of one that allows it is enough to know that."""
    return f"allow {decision.policy_id}" if decision else decision.explain()
