"""A progress bar on the terminal, for commands that take longer than a second."""

import sys
from collections.abc import Iterable, Iterator
from threading import Timer
from types import TracebackType
from typing import TypeVar, final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")

#: The bar appears after so many seconds.
_DELAY = 1.0


@final
class ProgressBar:
    """A bar on standard error. It appears after a second, only on a terminal, and is cleared at the end."""

    def __init__(self) -> None:
        console = Console(stderr=True, force_jupyter=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._timer = Timer(_DELAY, self._bar.start)
        self._timer.daemon = True
        self._is_shown = sys.stderr is not None and sys.stderr.isatty() and console.is_interactive

    def __enter__(self) -> "ProgressBar":
        if self._is_shown:
            self._timer.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._is_shown:
            self._timer.cancel()
            self._timer.join()
            self._bar.stop()

    def begin(self, description: str, total: int | None = None) -> None:
        """Begin the next part of the work. Without a total, the bar only shows that something happens."""
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        self._bar.add_task(description, total=total)

    def track(self, items: Iterable[T], description: str, total: int) -> Iterator[T]:
        """Yield the items of the next part of the work, and move the bar on."""
        self.begin(description, total)
        for number, item in enumerate(items):
            if number % max(total // 100, 1) == 0:
                self.move_to(number)
            yield item

    def move_to(self, completed: int) -> None:
        """Show how much of the total is completed."""
        self._bar.update(self._bar.task_ids[0], completed=completed)
