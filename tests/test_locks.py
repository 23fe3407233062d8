"""A lock that a forked child finds open."""

import os
import signal
import threading
import warnings
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

import pytest

from escalation_policy import _locks
from escalation_policy._locks import ForkGate, ForkSafeLock
from escalation_policy.records import DecisionLogger
from escalation_policy.video import InMemoryCallLedger, InMemoryVideoProvider, SQLiteCallLedger, _sqlite

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
        _locks._before_fork()
        _locks._in_child()
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


class TestForkGate:
    """A C library may have locks of its own."""

    @pytest.fixture
    def gate(self) -> ForkGate:
        """Return a gate that no fork of this process waits for long."""
        return ForkGate(timeout=10)

    @contextmanager
    def other_thread_inside(self, gate: ForkGate) -> Generator[threading.Event, None, None]:
        """Let another thread in, until the event is set."""
        is_inside, may_leave = threading.Event(), threading.Event()

        def enter() -> None:
            with gate:
                is_inside.set()
                may_leave.wait()

        thread = threading.Thread(target=enter)
        thread.start()
        is_inside.wait()
        yield may_leave
        may_leave.set()
        thread.join()

    def test_lets_many_threads_in(self, gate: ForkGate) -> None:
        """It excludes only forks."""
        with self.other_thread_inside(gate), gate, gate:
            assert gate._inside == 3
        assert gate._inside == 0

    def test_makes_a_fork_wait_for_other_threads(self, gate: ForkGate) -> None:
        """Not for its own, which may fork inside."""
        with gate, self.other_thread_inside(gate) as may_leave:
            threading.Timer(0.05, may_leave.set).start()
            begin = monotonic()
            gate.close()
            gate.open()
            assert 0.04 < monotonic() - begin < 5

    def test_lets_nobody_in_during_a_fork(self, gate: ForkGate) -> None:
        """Threads wait until it is over."""

        def enter() -> None:
            with gate:
                pass

        gate.close()
        with ThreadPoolExecutor(1) as threads:
            entering = threads.submit(enter)
            assert not wait([entering], 0.05).done
            gate.open()
            assert wait([entering], 10).done

    def test_makes_no_fork_wait_for_ever(self) -> None:
        """A thread may be stuck. In the child, it does not exist."""
        gate = ForkGate(timeout=0.01)
        with self.other_thread_inside(gate), gate:
            gate.close()
            inside = gate._inside
            gate.reset()
            assert (2, 1) == (inside, gate._inside)
            gate._inside = inside

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_lets_a_child_use_sqlite(self, tmp_path: Path) -> None:
        """Children of a process whose threads are busy with it."""
        is_over = threading.Event()

        def update(number: int) -> None:
            while not is_over.is_set():
                SQLiteCallLedger(tmp_path / f"{number}.db").end("k")

        threads = [threading.Thread(target=update, args=[number]) for number in range(2)]
        for thread in threads:
            thread.start()
        statuses: list[int] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for _ in range(10):
                child = os.fork()
                if child == 0:
                    signal.alarm(10)
                    SQLiteCallLedger(tmp_path / "child.db")
                    os._exit(0)
                statuses.append(os.waitpid(child, 0)[1])
        is_over.set()
        for thread in threads:
            thread.join()
        assert [0] * 10 == statuses
