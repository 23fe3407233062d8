"""Progress: a bar on the terminal, for whoever has waited longer than a second."""

import sys
from collections.abc import Iterable, Iterator
from threading import Timer
from types import TracebackType
from typing import TypeVar, final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")

#: After how many seconds a wait is long.
_LONG = 1.0


@final
class Waiting:
    """Tells on standard error what is being done, where that is a terminal and a second has passed; then clears it."""

    def __init__(self) -> None:
        console = Console(stderr=True, force_jupyter=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._timer = Timer(_LONG, self._bar.start)
        self._timer.daemon = True
        self._watched = sys.stderr is not None and sys.stderr.isatty() and console.is_interactive

    def __enter__(self) -> "Waiting":
        if self._watched:
            self._timer.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._watched:
            self._timer.cancel()
            self._timer.join()
            self._bar.stop()

    def begin(self, what: str, total: int | None = None) -> None:
        """Goes on to something else; how far it has come is told where there is a total."""
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        self._bar.add_task(what, total=total)

    def over(self, items: Iterable[T], what: str, total: int) -> Iterator[T]:
        """Tells how far a loop has come."""
        self.begin(what, total)
        for number, item in enumerate(items):
            if number % max(total // 100, 1) == 0:
                self.reached(number)
            yield item

    def reached(self, completed: int) -> None:
        """Tells how far it has come, of the total."""
        self._bar.update(self._bar.task_ids[0], completed=completed)
