"""Log files: the records in them, one after the other, and what is wrong with their lines."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Final, final

from ..records import BrokenLine, DecisionRecord, read_records
from ..records._reading import unpacked
from ._progress import Waiting

#: How many broken lines are told; who looks after the log will see the others.
_TOLD: Final = 20
#: After how many lines it is told how far it has come.
_STEP: Final = 1000


@final
class LogFiles:
    """Reads the records in files.

    Args:
        files: Their paths; `-` is standard input.
        within: Where in the JSON of a line its record stands.
        waiting: Whom to tell how far it has come.
        since: What was decided before is left out.

    Attributes:
        records: How many records were read.
    """

    def __init__(
        self, files: Iterable[str], waiting: Waiting, *, within: str | None, since: datetime | None = None
    ) -> None:
        self._files = list(files)
        self._waiting = waiting
        self._within = within
        self._since = since
        self._wrong: list[str] = []
        self._count = 0
        self.records = 0

    def __iter__(self) -> Iterator[DecisionRecord | BrokenLine]:
        sizes = [_size(file) for file in self._files]
        self._waiting.begin("Reading", sum(sizes) if all(sizes) else None)
        for number, file in enumerate(self._files):
            if stream := self._open(file):
                yield from self._read(stream, _name(file), sum(sizes[:number]) if all(sizes) else None)

    def _open(self, file: str) -> BufferedReader | None:
        try:
            return open(0 if file == "-" else file, "rb", closefd=file != "-")
        except OSError as error:
            self._tell(_name(file), str(error.strerror).lower())
        except ValueError:
            self._tell(_name(file), "no file has such a name")
        return None

    def _read(self, stream: BufferedReader, name: str, before: int | None) -> Iterator[DecisionRecord | BrokenLine]:
        since = self._since
        with stream, unpacked(stream) as log:
            for number, each in enumerate(read_records(log, within=self._within)):
                if before is not None and number % _STEP == 0:
                    self._waiting.reached(before + stream.tell())
                if isinstance(each, BrokenLine):
                    self._tell(f"{name}:{each.number}", str(each))
                    yield each
                    continue
                self.records += 1
                if since is None or each.at >= since:
                    yield each

    def _tell(self, where: str, what: str) -> None:
        self._count += 1
        if len(self._wrong) < _TOLD:
            self._wrong.append(f"{where}: {what}")

    @property
    def wrong(self) -> list[str]:
        """What is wrong, a line each: the first of them, and how many more there are."""
        more = self._count - len(self._wrong)
        return [*self._wrong, *([f"and {more:,} more"] if more else [])]


def _name(file: str) -> str:
    return "standard input" if file == "-" else file


def _size(file: str) -> int:
    """Says how large a file is; 0 where that cannot be known."""
    try:
        return 0 if file == "-" else Path(file).stat().st_size
    except (OSError, ValueError):
        return 0
