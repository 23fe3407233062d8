"""Reading: the records in the lines of a log, among other text."""

import json
import os
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from gzip import GzipFile
from io import BufferedIOBase, BufferedReader
from math import inf
from typing import Any, Final, NamedTuple, cast, final

import attrs

from .._enums import Effect
from .._fields import figure_of, kind_of, require
from ..exceptions import Fault, InvalidPayloadError
from ._parsing import HEAD, SCHEMA, parse_head, parse_record
from ._record import DecisionRecord, RecordedReason, unchecked

_GZIP: Final = b"\x1f\x8b"
#: How many braces that begin no JSON are tried in a line: each try takes as long as the line.
_BRACES: Final = 8
_NO_JSON: Final = Fault(
    "line", "does not end with a JSON object", found="other text", accepted="a JSON object at the end"
)
#: How a record begins as `DecisionRecord.to_json()` writes it.
_BEGINNING: Final = '{"at":'
_NO_END: Final = Fault(
    "line", "holds a record without its end", found="the beginning of a record", accepted="whole records"
)
#: How many bytes are read at a time of a line that began before a range.
_CHUNK: Final = 1 << 16
#: How many tails of lines are kept while a log is read, and how long one may be.
_TAILS, _LONGEST_TAIL = 512, 8192

_decode: Final = json.JSONDecoder().raw_decode


@final
@attrs.frozen
class BrokenLine:
    """A line without a record that can be read.

    Attributes:
        number: The number of the line, from 1. If only a range of a file was read, it counts from there.
        faults: Everything that is wrong with it.
        file: The name of the file. None if the lines come from elsewhere.
        offset: The byte at which the line begins in the file, after gzip unpacked it. None if it cannot be known.
    """

    number: int
    faults: tuple[Fault, ...]
    file: str | None = None
    offset: int | None = None

    def __str__(self) -> str:
        return "; ".join(map(str, self.faults))


def read_records(
    lines: Iterable[str] | Iterable[bytes], *, within: str | None = None, longest: int = 1 << 20, window: int = 1 << 14
) -> Iterator[DecisionRecord | BrokenLine]:
    """Read records line by line. If a line cannot be read, yield what is wrong with it and go on. No record is kept.

    Other text may precede a record. Blank lines are skipped. Of two records in one line, as processes write them that share a
    file without a lock, both are read.

    Args:
        lines: Lines, or an open file. If it is a text file, its bytes are read, so that no character stops the reading.
        within: Where in the JSON of a line the record is: a dotted path, such as `escalation_record`. There it is an
            object or a string of JSON. Lines of JSON that have nothing there are skipped.
        longest: How long a line may be. Of a longer line in a file, no more than this is held in memory.
        window: A second record with the same id is refused if at least this many records follow the first one.

    Raises:
        InvalidValueError: An argument is not accepted.
    """
    is_path = within is None or (type(within) is str and within != "")
    require(is_path, "within", kind_of(within), "a dotted path or None")
    for name, number in (("longest", longest), ("window", window)):
        require(type(number) is int and number >= 1, name, figure_of(number), "an int of 1 or more")
    are_lines = isinstance(lines, Iterable) and not isinstance(lines, str | bytes)  # pyright: ignore[reportUnnecessaryIsInstance]
    require(are_lines, "lines", kind_of(lines), "lines, or an open file")
    file = getattr(lines, "buffer", lines)
    return _records(_lines(file, longest), within, window, file)


def _records(
    lines: "Iterable[str | bytes | _Unread]", within: str | None, window: int, file: object
) -> Iterator[DecisionRecord | BrokenLine]:
    reader = _LineReader(within)
    # Two generations of ids with their line numbers. Ids that are older than both are forgotten at once.
    recent: dict[str, int] = {}
    older: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        for record in reader.read(line):
            if not isinstance(record, DecisionRecord):
                yield BrokenLine(number, record, _name_of(file), _offset_of(file, line))
                continue
            first = recent.get(record.id) or older.get(record.id)
            if first:
                problem = f"is the id of the record in line {first:,} too"
                fault = Fault("record.id", problem, accepted="an id of its own")
                yield BrokenLine(number, (fault,), _name_of(file), _offset_of(file, line))
                continue
            recent[record.id] = number
            if len(recent) == window:
                recent, older = {}, recent
            yield record


@final
class _Unread(NamedTuple):
    """Takes the place of a line that was not read.

    Attributes:
        fault: Why it was not.
        size: How many bytes it has, or characters.
    """

    fault: Fault
    size: int


def _name_of(file: object) -> str | None:
    name = getattr(file, "name", None)
    return os.fsdecode(name) if isinstance(name, str | bytes) and name else None


def _offset_of(file: object, line: str | bytes | _Unread) -> int | None:
    """Return where the line that was just read from a file begins. The file is asked only then, which keeps reading fast."""
    tell = getattr(file, "tell", None)
    if tell is None or isinstance(line, str):
        return None
    try:
        return cast("int", tell()) - (line.size if isinstance(line, _Unread) else len(line))
    except (OSError, ValueError):  # a pipe has no place, and a closed file has none any more
        return None


def _lines(lines: Any, longest: int) -> Iterator[str | bytes | _Unread]:
    """Yield the lines, and a fault instead of a line that is too long or at which reading ends."""
    readline = getattr(lines, "readline", None)
    if readline is None:
        for line in lines:
            if not isinstance(line, str | bytes):
                yield _Unread(Fault.mismatch("line", kind_of(line), "a str or bytes"), 0)
            else:
                yield line if len(line) <= longest else _too_long(line, longest, len(line))
        return
    try:
        while line := readline(longest + 1):
            if len(line) <= longest or line[-1:] in (b"\n", "\n"):
                yield line
                continue
            size, rest = len(line), line
            while rest and rest[-1:] not in (b"\n", "\n"):
                rest = readline(longest)
                size += len(rest)
            yield _too_long(line, longest, size)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        name = type(error).__name__
        fault = Fault("line", f"and all after it cannot be read ({name})", found=name, accepted="readable to the end")
        yield _Unread(fault, 0)


def _too_long(line: str | bytes, longest: int, size: int) -> _Unread:
    most = f"{longest:,} {'characters' if isinstance(line, str) else 'bytes'}"
    problem = f"is longer than {most} and was not read"
    return _Unread(Fault("line", problem, found="a longer line", accepted=f"at most {most}"), size)


@final
class _LineReader:
    """Reads the records in the lines of one log.

    Most lines of a log are as `DecisionRecord.to_json()` writes them, with sorted keys. Such a line has two parts:

        {"at":…,"correlation_id":…,"effect":…,"facts":{…},…,"id":…   ,"masked":…,"met":…,…,"reasons":…,"unknown":…}
        the head: what is different in each record                   the tail: what many records have in common

    To parse each tail once, and not in each line, saves about a third of the time that it takes to summarize a log
    (see `tests/benchmarks/records.py`). All other lines are parsed as a whole, which also finds everything that is wrong.

    Args:
        within: Where in the JSON of a line the record is, as for `read_records()`.
    """

    def __init__(self, within: str | None) -> None:
        self._path: Final = within.split(".") if within is not None else []
        self._parse_tail: Final = lru_cache(_TAILS)(_parse_tail)

    def read(self, line: str | bytes | _Unread) -> Sequence[DecisionRecord | tuple[Fault, ...]]:
        """Return the records in a line, and the faults of what should be one. A blank line has none."""
        if isinstance(line, _Unread):
            return ((line.fault,),)
        try:
            text = (line if isinstance(line, str) else _text_of(line)).strip()
        except InvalidPayloadError as error:
            return (error.faults,)
        if not text:
            return ()
        if not self._path and (record := self.read_usual(text[text.find("{") :])):
            return (record,)
        return [*self._read_unusual(text)]

    def _read_unusual(self, text: str) -> Iterator[DecisionRecord | tuple[Fault, ...]]:
        objects, faults = _split(text)
        for number, value in enumerate(objects, 1):
            payload = _value_at(value, self._path)
            # Other text may hold other objects. The one at the end has to be a record.
            must_be_record = number == len(objects) and _NO_JSON not in faults
            if payload is None or not (self._path or must_be_record or value.get("schema") == SCHEMA):
                continue
            try:
                if isinstance(payload, str):
                    yield self.read_usual(payload) or DecisionRecord.from_json(payload)
                else:
                    yield DecisionRecord.from_payload(payload)
            except InvalidPayloadError as error:
                yield error.faults
        if faults:
            yield tuple(faults)

    def read_usual(self, text: str) -> DecisionRecord | None:
        """Return the record in a line as `to_json()` writes it. None if the line is different, or something is wrong with it.

        INVARIANT: If both parts, completed with a brace, are JSON objects, and the head is not empty, then the line is a
        JSON object with the members of both. So a string that contains `,"masked":` cannot mislead this: a line that is
        cut inside a string, or inside the facts, has a head that is not an object.
        """
        head, _, tail = text.partition(',"masked":')
        if not tail:
            return None
        try:
            payload, end = _decode(f"{head}}}")
            if end <= len(head) or payload.keys() != HEAD:
                return None
            effect, shared = self._parse_tail(tail)
        except (ValueError, RecursionError):
            return None
        fields = parse_head(payload)
        if fields is None or fields["effect"] is not effect or (fields["hidden"] and effect is Effect.ALLOW):
            return None
        return unchecked(DecisionRecord, fields, shared)


def _parse_tail(text: str) -> tuple[Effect, dict[str, Any]]:
    """Return the fields of a record from `masked` on, and the effect that they do not contradict.

    Raises:
        ValueError: Something is wrong with the text, or it is too long to be kept.
    """
    payload = json.loads(f'{{"masked":{text}')
    if len(text) > _LONGEST_TAIL or not HEAD.isdisjoint(payload):
        raise ValueError
    effect = Effect.DENY if payload.get("reasons") else Effect.ALLOW
    fields, reasons = parse_record(_HEAD_SAMPLE | payload | {"effect": effect.value})
    shared = {name: value for name, value in fields.items() if name not in HEAD}
    return effect, {**shared, "reasons": tuple([unchecked(RecordedReason, reason) for reason in reasons])}


#: Completes a tail, so that it can be parsed as a record.
_HEAD_SAMPLE: Final[dict[str, Any]] = {
    "at": "2026-01-31T09:30:00Z",
    "facts": {},
    "fingerprint": "0",
    "hidden": [],
    "id": "0",
}


def _text_of(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        place = f"another byte at {error.start:,}"
        raise InvalidPayloadError([Fault.mismatch("line", place, "UTF-8")]) from error


def _split(text: str) -> tuple[list[dict[str, object]], list[Fault]]:
    """Return the JSON objects in a text that are not inside others, and what is wrong with the rest of the text."""
    objects: list[dict[str, object]] = []
    faults: list[Fault] = []
    failures, end, start = 0, 0, text.find("{")
    while start >= 0 and failures < _BRACES:
        try:
            value, end = _decode(text, start)
        except (ValueError, RecursionError):
            failures += 1
            if text.startswith(_BEGINNING, start):
                faults = [_NO_END]
            start = text.find("{", start + 1)
        else:
            objects.append(value)
            start = text.find("{", end)
    return objects, faults if objects and end == len(text) else [_NO_JSON]


def _value_at(value: object, path: list[str]) -> object:
    """Return the value at a path of keys, or None. A key may contain dots itself, so each cut of the path is tried."""
    if not path or not isinstance(value, dict):
        return None if path else value
    fields = cast("dict[str, object]", value)
    for cut in range(len(path), 0, -1):
        inner = _value_at(fields.get(".".join(path[:cut])), path[cut:])
        if inner is not None:
            return inner
    return None


@contextmanager
def open_log(
    path: str | os.PathLike[str], *, start: int = 0, end: int | None = None
) -> Generator[BufferedIOBase, None, None]:
    """Open a log for `read_records()`: a file, a file packed by gzip, or standard input if the path is `-`.

    Args:
        path: The path.
        start: The first byte of the range to read.
        end: The byte after the range. None: the end of the file. The lines that begin inside the range are read to their
            ends. So if ranges follow one another, each line is read once.

    Raises:
        OSError: It cannot be opened.
        InvalidValueError: The range is not accepted, or there is one and the log is packed or is standard input.
    """
    require(type(start) is int and start >= 0, "start", figure_of(start), "an int of 0 or more")
    is_end = end is None or (type(end) is int and end >= start)
    require(is_end, "end", figure_of(end), f"None or an int of {start} or more")
    has_range = start > 0 or end is not None
    require(not (has_range and path == "-"), "path", "standard input", "a file, if only a range of it is to be read")
    with open(0 if path == "-" else path, "rb", closefd=path != "-") as stream, unpacked(stream) as log:
        if has_range:
            require(log is stream, "path", "a file packed by gzip", "a plain file, if only a range of it is to be read")
            with _Range(stream, start, end) as lines:
                yield lines
        else:
            yield log


@final
class _Range(BufferedIOBase):
    """The lines of a file that begin in a range of bytes, to be read one by one.

    Args:
        stream: The file.
        start: The first byte of the range.
        end: The byte after it. None: the end of the file.
    """

    def __init__(self, stream: BufferedReader, start: int, end: int | None) -> None:
        self._stream: Final = stream
        self._end: Final = inf if end is None else end
        self.name: Final = stream.name
        self._position = stream.seek(max(start - 1, 0))
        self._begins_line = True
        if start:
            # A line begins at the first byte only if the byte before it ends one. So that one is read too.
            while self.readline(_CHUNK) and not self._begins_line:
                pass

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line, or as much of it as the size allows. Return nothing after the last line of the range."""
        if self._begins_line and self._position >= self._end:
            return b""
        line = self._stream.readline(-1 if size is None else size)
        self._begins_line = line.endswith(b"\n")
        self._position += len(line)
        return line

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def tell(self) -> int:
        """Return the place in the file."""
        return self._position


@contextmanager
def unpacked(stream: BufferedReader) -> Generator[BufferedIOBase, None, None]:
    """Open a stream for `read_records()`, whether gzip packed it or not."""
    try:
        is_packed = stream.peek(2)[:2] == _GZIP
    except OSError:  # reading the stream will raise it again
        is_packed = False
    if not is_packed:
        yield stream
        return
    with GzipFile(fileobj=stream) as log:
        yield log
