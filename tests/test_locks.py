"""A lock that a forked child finds open."""

import os
import signal
import threading
import warnings
from contextlib import AbstractContextManager
from typing import Any, Final

import pytest

from escalation_policy import _locks
from escalation_policy._locks import ForkSafeLock
from escalation_policy.records import DecisionLogger
from escalation_policy.video import InMemoryCallLedger, InMemoryVideoProvider, _sqlite

LOCKS: Final[dict[str, AbstractContextManager[object]]] = {
    "a lock": ForkSafeLock(),
    "InMemoryCallLedger": InMemoryCallLedger()._lock,
    "InMemoryVideoProvider": InMemoryVideoProvider()._lock,
    "SQLiteCallLedger": _sqlite._CREATION_LOCK,
    "DecisionLogger": DecisionLogger()._lock,
}


class TestForkSafeLock:
    """Every lock of the library is one."""

    def test_excludes_other_threads(self) -> None:
        """As any lock does."""
        lock, has_entered = ForkSafeLock(), threading.Event()

        def enter() -> None:
            with lock:
                has_entered.set()

        thread = threading.Thread(target=enter)
        with lock:
            thread.start()
            assert not has_entered.wait(0.05)
        thread.join()
        assert has_entered.is_set()

    @pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
    def test_is_open_after_it_was_renewed(self, lock: Any) -> None:
        """As a forked child renews it."""
        lock._lock.acquire()
        _locks._renew()
        with lock:
            assert lock._lock.locked()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    @pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
    def test_is_open_in_a_child_that_was_forked_while_another_thread_held_it(
        self, lock: AbstractContextManager[object]
    ) -> None:
        """The thread does not exist in the child, and would never release it."""
        is_held, may_release = threading.Event(), threading.Event()

        def hold() -> None:
            with lock:
                is_held.set()
                may_release.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        is_held.wait()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of any fork in a process with threads
            child = os.fork()
        if child == 0:
            signal.alarm(10)
            with lock:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        may_release.set()
        thread.join()
        assert 0 == status
