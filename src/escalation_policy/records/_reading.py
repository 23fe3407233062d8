"""Reading: the records in the lines of a log, whatever else stands there."""

import json
import os
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from gzip import GzipFile
from io import BufferedIOBase, BufferedReader
from typing import Any, Final, cast, final

import attrs

from .._fields import figure_of, kind_of
from ..exceptions import Fault, InvalidPayloadError, InvalidValueError
from ._lines import quickly
from ._record import DecisionRecord

_GZIP: Final = b"\x1f\x8b"
#: How many places are tried for where the JSON in a line begins: each takes as long as the line does.
_BRACES: Final = 8
_NO_JSON: Final = Fault(
    "line", "does not end with a JSON object", found="other text", accepted="a JSON object at the end"
)

_decode: Final = json.JSONDecoder().raw_decode


@final
@attrs.frozen
class BrokenLine:
    """A line without a record that can be read.

    Attributes:
        number: Which line it is, from 1.
        faults: All that is wrong with it.
    """

    number: int
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.faults))


def read_records(
    lines: Iterable[str] | Iterable[bytes], *, within: str | None = None, longest: int = 1 << 20, window: int = 1 << 14
) -> Iterator[DecisionRecord | BrokenLine]:
    """Reads records line by line, and keeps none. What is wrong with a line is told in its place; then it goes on.

    Other text may stand before a record. Blank lines are passed over.

    Args:
        lines: Lines, or an open file. Of a text file the bytes are read, so that none stops it.
        within: Where the record stands in the JSON of a line: a dotted path, such as `escalation_record`. There it is an
            object or a string of JSON. Lines of JSON that have nothing there are passed over.
        longest: How long a line may be. Of a longer one in a file no more is held in memory.
        window: A second record of one id is refused where it stands among so many records after the first, at least.

    Raises:
        InvalidValueError: An argument is not what it should be.
    """
    if within is not None and (type(within) is not str or not within):
        raise InvalidValueError(Fault.mismatch("within", kind_of(within), "a dotted path or None"))
    for name, number in (("longest", longest), ("window", window)):
        if type(number) is not int or number < 1:
            raise InvalidValueError(Fault.mismatch(name, figure_of(number), "an int of 1 or more"))
    if isinstance(lines, str | bytes) or not isinstance(lines, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(Fault.mismatch("lines", kind_of(lines), "lines, or an open file"))
    return _records(_lines(lines, longest), within, window)


def _records(
    lines: Iterable[str | bytes | Fault], within: str | None, window: int
) -> Iterator[DecisionRecord | BrokenLine]:
    # Two generations of ids: what is older than both is forgotten at once.
    recent: dict[str, int] = {}
    older: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        try:
            record = _record_in(line, within)
        except InvalidPayloadError as error:
            yield BrokenLine(number, error.faults)
            continue
        if record is None:
            continue
        first = recent.get(record.id) or older.get(record.id)
        if first:
            problem = f"is the id of the record in line {first:,} too"
            yield BrokenLine(number, (Fault("record.id", problem, accepted="an id of its own"),))
            continue
        recent[record.id] = number
        if len(recent) == window:
            recent, older = {}, recent
        yield record


def _lines(lines: Any, longest: int) -> Iterator[str | bytes | Fault]:
    """Gives the lines; a fault in the place of one that is too long, or at which there is no reading on."""
    readline = getattr(getattr(lines, "buffer", lines), "readline", None)
    if readline is None:
        for line in lines:
            is_line = isinstance(line, str | bytes)
            yield (
                Fault.mismatch("line", kind_of(line), "a str or bytes")
                if not is_line
                else line
                if len(line) <= longest
                else _too_long(line, longest)
            )
        return
    try:
        while line := readline(longest + 1):
            if len(line) <= longest or line[-1:] in (b"\n", "\n"):
                yield line
                continue
            while (rest := readline(longest)) and rest[-1:] not in (b"\n", "\n"):
                pass
            yield _too_long(line, longest)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        found = type(error).__name__
        yield Fault("line", f"and all after it cannot be read ({found})", found=found, accepted="readable to the end")


def _too_long(line: str | bytes, longest: int) -> Fault:
    most = f"{longest:,} {'characters' if isinstance(line, str) else 'bytes'}"
    return Fault("line", f"is longer than {most} and was not read", found="a longer line", accepted=f"at most {most}")


def _record_in(line: str | bytes | Fault, within: str | None) -> DecisionRecord | None:
    if isinstance(line, Fault):
        raise InvalidPayloadError([line])
    text = (line if isinstance(line, str) else _decoded(line)).strip()
    if not text:
        return None
    if within is None and (record := quickly(text[text.find("{") :])):
        return record
    payload = _payload(text)
    if within is not None:
        payload = _found(payload, within.split("."))
        if payload is None:
            return None
    if isinstance(payload, str):
        return quickly(payload) or DecisionRecord.from_json(payload)
    return DecisionRecord.from_payload(payload)


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        found = f"another byte at {error.start:,}"
        raise InvalidPayloadError([Fault.mismatch("line", found, "UTF-8")]) from error


def _payload(text: str) -> object:
    """Reads the JSON object that the text ends with."""
    start = text.find("{")
    for _ in range(_BRACES):
        if start < 0:
            break
        try:
            payload, end = _decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            if end == len(text):
                return payload
        start = text.find("{", end)
    raise InvalidPayloadError([_NO_JSON])


def _found(value: object, path: list[str]) -> object:
    """Finds what stands at a path; None where nothing does. A key may hold dots of its own."""
    if not path or not isinstance(value, dict):
        return None if path else value
    fields = cast("dict[str, object]", value)
    for cut in range(len(path), 0, -1):
        found = _found(fields.get(".".join(path[:cut])), path[cut:])
        if found is not None:
            return found
    return None


@contextmanager
def open_log(path: str | os.PathLike[str]) -> Generator[BufferedIOBase, None, None]:
    """Opens a log for `read_records()`: a file, one that gzip packed, or with `-` standard input.

    Raises:
        OSError: It cannot be opened.
    """
    with open(0 if path == "-" else path, "rb", closefd=path != "-") as stream, unpacked(stream) as log:
        yield log


@contextmanager
def unpacked(stream: BufferedReader) -> Generator[BufferedIOBase, None, None]:
    """Gives what stands in a stream, whether gzip packed it or not."""
    try:
        packed = stream.peek(2)[:2] == _GZIP
    except OSError:  # whoever reads it will see
        packed = False
    if not packed:
        yield stream
        return
    with GzipFile(fileobj=stream) as log:
        yield log
