"""A lock that survives a fork."""

import os
from threading import Lock
from typing import Final, final
from weakref import WeakSet


@final
class ForkSafeLock:
    """A lock that is open in a forked child, even if another thread of the parent held it.

    That thread does not exist in the child, so nobody would ever release the lock. Use it only for what is whole after each of
    the holder's steps.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = Lock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


#: All locks, as long as somebody uses them.
_LOCKS: Final = WeakSet[ForkSafeLock]()


def _renew() -> None:
    """Replace all locks, in the only thread that a forked child has."""
    for lock in list(_LOCKS):
        lock._lock = Lock()


if os.name == "posix":  # pragma: no branch  other systems have no fork
    os.register_at_fork(after_in_child=_renew)
