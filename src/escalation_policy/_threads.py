"""Threads that can be given up if the code in them is stuck."""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def start_in_thread(work: Callable[[], T]) -> "Future[T]":
    """Start work in a daemon thread, with this thread's context variables. Nobody has to wait for its end.

    Raises:
        RuntimeError: The system has no more threads, or the interpreter is shutting down. The work was not started.
    """
    job: Future[T] = Future()

    def run() -> None:
        try:
            job.set_result(work())
        except BaseException as error:  # noqa: BLE001  the future raises it
            job.set_exception(error)

    Thread(target=copy_context().run, args=(run,), daemon=True).start()
    return job
