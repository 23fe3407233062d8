"""Locks that survive a fork. A child has only the thread that forked: nobody else would ever release a lock there."""

import os
from threading import Condition, Lock, local
from typing import Final, final
from weakref import WeakSet


@final
class ForkSafeLock:
    """A lock that is open in a forked child, even if another thread of the parent held it.

    Use it only for what is whole after each of the holder's steps.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = Lock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@final
class ForkGate:
    """A gate for threads that use a C library with locks of its own, which nobody can renew in a forked child.

    Any number of threads may be inside. A fork waits until no other thread is.

    Args:
        timeout: How long a fork waits at most, in seconds.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout: Final = timeout
        self._changed: Final = Condition()
        self._inside = 0
        self._own: Final = local()
        _GATES.add(self)

    def __enter__(self) -> None:
        with self._changed:
            self._inside += 1
        self._own.count = self._count() + 1

    def __exit__(self, *_: object) -> None:
        self._own.count -= 1
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Wait until no other thread is inside, and let no thread in until `open()`."""
        self._changed.acquire()
        self._changed.wait_for(lambda: self._inside <= self._count(), self._timeout)

    def open(self) -> None:
        """Let threads in again."""
        self._changed.release()

    def reset(self) -> None:
        """Open the gate in a child, in which no other thread is inside."""
        self._inside = self._count()
        self.open()

    def _count(self) -> int:
        return getattr(self._own, "count", 0)


#: All locks and gates, as long as somebody uses them.
_LOCKS: Final = WeakSet[ForkSafeLock]()
_GATES: Final = WeakSet[ForkGate]()


def _before_fork() -> None:
    for gate in list(_GATES):
        gate.close()


def _after_fork() -> None:
    for gate in list(_GATES):
        gate.open()


def _in_child() -> None:
    for lock in list(_LOCKS):
        lock._lock = Lock()
    for gate in list(_GATES):
        gate.reset()


if os.name == "posix":  # pragma: no branch  other systems have no fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
