"""Records are read from the lines of a log, among other text. A broken line is reported in its place."""

import codecs
import gzip
import io
import itertools
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import ESCALATE_TO_VIDEO, Login
from escalation_policy._engine.rules import CODE_WORDS
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.records import BrokenLine, DecisionRecord, open_log, read_records, record
from escalation_policy.records._reading import _LineReader, unpacked
from escalation_policy.testing import a_request

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ALLOWED: Final = record(ESCALATE_TO_VIDEO.decide(a_request()), at=AT, id="d1")
DENIED: Final = record(
    ESCALATE_TO_VIDEO.decide(a_request(login=Login.PASSWORD, account_id="999")),
    at=AT,
    id="d2",
    facts_read_at=AT,
    correlation_id="x",
)
LINE: Final = ALLOWED.to_json()
OTHER: Final = DENIED.to_json()
#: The members of a line, as it is cut to be read.
MEMBERS: Final = {
    "first": LINE[1 : LINE.index(',"facts":')],
    "facts": LINE[LINE.index('"facts":') : LINE.index(',"facts_read_at"')],
    "next": LINE[LINE.index('"facts_read_at"') : LINE.index(',"masked":')],
    "last": LINE[LINE.index('"masked":') : -1],
}
DATA: Final = f"{LINE}\n{OTHER}\n".encode()
PACKED: Final = gzip.compress(DATA)
OTHER_TEXT: Final = "line does not end with a JSON object"


def ids_and_faults(lines: Any, **options: Any) -> list[str]:
    """Read lines, and return the ids of records, and the number and the faults of broken lines."""
    return [
        each.id if isinstance(each, DecisionRecord) else f"{each.number}: {each}"
        for each in read_records(lines, **options)
    ]


def changed(**fields: Any) -> str:
    """Return a line with other values in some fields."""
    return json.dumps(json.loads(LINE) | fields)


def in_bytes(text: str) -> io.BytesIO:
    """Return a binary file."""
    return io.BytesIO(text.encode())


class Stream(io.RawIOBase):
    """A file that returns some parts and then raises an error, if one is set."""

    def __init__(self, parts: Iterator[bytes], error: OSError | None = None) -> None:
        """Take the parts to return."""
        self.parts = parts
        self.error = error

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Return the next part."""
        part = next(self.parts, b"")
        if not part and self.error:
            raise self.error
        buffer[: len(part)] = part
        return len(part)


class TestReadRecords:
    """`read_records()`."""

    # All sources of lines.
    @pytest.mark.parametrize(
        "lines",
        [
            [LINE, OTHER],
            [f"{LINE}\n", f"{OTHER}\n"],
            [LINE.encode(), OTHER.encode()],
            (line for line in (LINE, OTHER)),
            io.StringIO(f"{LINE}\n{OTHER}"),
            io.BytesIO(f"{LINE}\n{OTHER}".encode()),
            io.BytesIO(f"{LINE}\r\n{OTHER}\r\n".encode()),
            io.TextIOWrapper(io.BytesIO(f"{LINE}\n{OTHER}\n".encode())),
        ],
        ids=["str", "line ends", "bytes", "generator", "StringIO", "binary file", "CRLF", "text file"],
    )
    def test_gives_each_record(self, lines: Any) -> None:
        """It reads the record that was written."""
        assert [ALLOWED, DENIED] == list(read_records(lines))

    def test_no_letter_stops_a_text_file(self) -> None:
        """Its bytes are read."""
        file = io.TextIOWrapper(io.BytesIO(b"\xff\n" + DATA), encoding="utf-8")
        assert ["1: line must be UTF-8, got another byte at 0", "d1", "d2"] == ids_and_faults(file)

    def test_passes_over_blank_lines(self) -> None:
        """They count as lines."""
        assert ["d1", f"5: {OTHER_TEXT}"] == ids_and_faults(["", "\n", LINE, b" \t\r\n", "x"])

    def test_reads_no_more_than_it_is_asked_for(self) -> None:
        """A log may have no end."""
        lines = (changed(id=f"d{number}") for number in itertools.count())
        assert ["d0", "d1", "d2"] == [getattr(each, "id", "") for each in itertools.islice(read_records(lines), 3)]

    # Before a record may stand what a logger puts there.
    @pytest.mark.parametrize(
        "prefix",
        [
            "2026-01-31 09:30:00,123 INFO decisions: ",
            "\ufeff",
            "[{main}] ",
            "{main} ",
            "{} ",
            '{"level": "INFO"} ',
            "récord=",
            "{" * 7,
        ],
    )
    def test_reads_what_stands_after_other_text(self, prefix: str) -> None:
        """The JSON at the end of the line counts."""
        assert ["d1"] == ids_and_faults([f"{prefix}{LINE}\n".encode()])

    def test_looks_for_its_beginning_in_few_places(self) -> None:
        """Each try takes time, and a line may consist of braces."""
        assert [f"1: {OTHER_TEXT}"] == ids_and_faults(["{" * 8 + LINE])
        assert [f"1: {OTHER_TEXT}"] == ids_and_faults(['{"a":' * 200_000])

    # What is wrong with a line is reported in its place, with its number, and the next one is read.
    @pytest.mark.parametrize(
        ("line", "fault"),
        [
            ("Traceback (most recent call last):", OTHER_TEXT),
            (LINE[:-1], OTHER_TEXT),
            (LINE[: len(LINE) // 2], OTHER_TEXT),
            ("[1]", OTHER_TEXT),
            (LINE.encode()[:-1] + b"\xff}", f"line must be UTF-8, got another byte at {len(LINE) - 1:,}"),
            ('{"level": "INFO"}', "record.schema is missing: it must be escalation_policy.decision"),
            (changed(schema="other"), "record.schema must be escalation_policy.decision, got a str"),
            (
                changed(schema_version="2.0"),
                "record.schema_version must be 1.x, the only major version that this release reads, got a str",
            ),
            (
                changed(effect="deny"),
                "record.reasons holds no rule that stood in the way, though the effect is deny",
            ),
            (
                LINE.replace('"effect":"allow"', '"effect":"deny"'),
                "record.reasons holds no rule that stood in the way, though the effect is deny",
            ),
            (
                LINE.replace(':00.000000Z"', ':00"'),
                "record.at must be a time with a zone, such as 2026-01-31T09:30:00Z, got a str",
            ),
            (
                changed(id="", policy_id=""),
                f"record.id must be a non-empty string, got an empty str; record.policy_id must be {CODE_WORDS}, got an empty str",
            ),
            (
                LINE.replace('"message.private":null', '"message.private":NaN'),
                "record.facts must be an object of strings, numbers of 64 bits, bools, nulls and lists of these, got a dict",
            ),
        ],
    )
    def test_reports_what_is_wrong(self, line: Any, fault: str) -> None:
        """Everything that is wrong."""
        line = line if isinstance(line, bytes) else line.encode()
        assert ["d2", f"2: {fault}", "d1"] == ids_and_faults([OTHER.encode(), line, LINE.encode()])

    # Processes that share a file without a lock, or die before the end of a line, leave several records in one.
    @pytest.mark.parametrize("between", ["", " ", "\r", "09:31 INFO "])
    @pytest.mark.parametrize("form", ["{}", "09:30 INFO {}"])
    def test_reads_each_record_in_a_line(self, between: str, form: str) -> None:
        """Whatever stands between them."""
        assert ["d2", "d1", "d3"] == ids_and_faults([form.format(f"{OTHER}{between}{LINE}"), changed(id="d3")])

    @pytest.mark.parametrize(
        ("line", "items"),
        [
            (f"{LINE[:500]}{OTHER}", ["d2", "1: line holds a record without its end"]),
            (f"{LINE[:-1]}{OTHER}", ["d2", "1: line holds a record without its end"]),
            (f"{LINE}{OTHER[:500]}", ["d1", f"1: {OTHER_TEXT}"]),
            (f"{LINE} and more", ["d1", f"1: {OTHER_TEXT}"]),
            (f"{LINE}{LINE}", ["d1", "1: record.id is the id of the record in line 1 too"]),
            (f'{LINE} {{"a":1}}', ["d1", "1: record.schema is missing: it must be escalation_policy.decision"]),
            (f"{changed(policy_id='')} {OTHER}", [f"1: record.policy_id must be {CODE_WORDS}, got an empty str", "d2"]),
        ],
    )
    def test_reports_the_rest_of_a_line(self, line: str, items: list[str]) -> None:
        """No record vanishes without a word."""
        assert items == ids_and_faults([line])

    def test_reads_each_record_within_a_line(self) -> None:
        """Lines of JSON may be glued too."""
        line = "".join(json.dumps({"log": each}) for each in (LINE, "", json.loads(OTHER)))
        assert ["d1", "1: record is no JSON (JSONDecodeError)", "d2"] == ids_and_faults([line], within="log")

    def test_reports_faults_as_data(self) -> None:
        """With the number of the line."""
        (broken,) = read_records(["", "x"])
        assert isinstance(broken, BrokenLine)
        (fault,) = broken.faults
        assert (2, "line", "a JSON object at the end") == (broken.number, fault.path, fault.accepted)


class TestWithin:
    """A record may be inside another JSON object."""

    @pytest.mark.parametrize(
        ("within", "line"),
        [
            ("log", {"log": json.loads(LINE)}),
            ("log", {"log": LINE}),
            ("log.decision", {"log": {"decision": LINE}}),
            ("log.decision", {"log.decision": json.loads(LINE)}),
            ("a.b.c", {"a": {"b.c": LINE}}),
            ("a.b.c", {"a.b": {"c": LINE}}),
            ("a.b.c", {"a.b": {}, "a": {"b": {"c": LINE}}}),
        ],
    )
    def test_is_found_at_its_path(self, within: str, line: object) -> None:
        """As an object or as a string. Dots may be in keys or between them."""
        assert [ALLOWED] == list(read_records([json.dumps(line)], within=within))
        assert [ALLOWED] == list(read_records([f"INFO {json.dumps(line)}"], within=within))

    @pytest.mark.parametrize("line", [{}, {"log": None}, {"other": LINE}, {"log": {}}, {"log": [1]}, json.loads(LINE)])
    def test_passes_over_lines_that_have_nothing_there(self, line: object) -> None:
        """A log also has other lines."""
        assert ["d1"] == ids_and_faults(
            [json.dumps(line), json.dumps({"log": {"decision": LINE}})], within="log.decision"
        )

    @pytest.mark.parametrize(
        ("line", "fault"),
        [
            ("x", OTHER_TEXT),
            ('{"log": 5}', "record must be an object, got an int"),
            ('{"log": []}', "record must be an object, got an empty list"),
            ('{"log": ""}', "record is no JSON (JSONDecodeError)"),
            (json.dumps({"log": LINE[:-1]}), "record is no JSON (JSONDecodeError)"),
            ('{"log": {}}', "record.schema is missing: it must be escalation_policy.decision"),
        ],
    )
    def test_reports_faults_of_the_value_there(self, line: str, fault: str) -> None:
        """As if the record were the whole line."""
        assert [f"1: {fault}"] == ids_and_faults([line], within="log")


class TestDuplicates:
    """An id names one decision."""

    def test_are_reported_with_the_line_of_the_first(self) -> None:
        """And count once."""
        expected = ["d1", "d2"] + [f"{line}: record.id is the id of the record in line 1 too" for line in (3, 4)]
        assert expected == ids_and_faults([LINE, OTHER, LINE, changed(correlation_id="y")])

    @pytest.mark.parametrize("between", range(12))
    def test_are_found_where_they_stand_near(self, between: int) -> None:
        """Certainly within one window. After two windows, they are forgotten."""
        lines = [LINE, *(changed(id=f"x{number}") for number in range(between)), LINE]
        fault = f"{between + 2}: record.id is the id of the record in line 1 too"
        assert (fault if between < 9 else "d1") == ids_and_faults(lines, window=5)[-1]


class TestLongLines:
    """A line can be longer than there is memory."""

    @pytest.mark.parametrize("more", [0, 1])
    @pytest.mark.parametrize("end", ["", "\n", f"\n{OTHER}\n"], ids=["cut", "last", "before another"])
    @pytest.mark.parametrize("read", [io.StringIO, in_bytes], ids=["text", "bytes"])
    def test_are_reported_and_skipped(self, read: Callable[[str], Any], end: str, more: int) -> None:
        """Lines that are one character too long."""
        longest = len(LINE) + 10
        long = f"line is longer than {longest:,} {'characters' if read is io.StringIO else 'bytes'} and was not read"
        first = f"1: {long}" if more else "d1"
        rest = ["d2"] if OTHER in end and len(OTHER) <= longest else [f"2: {long}"] if OTHER in end else []
        padded = LINE + " " * (10 + more)
        assert [first, *rest] == ids_and_faults(read(padded + end), longest=longest)

    def test_are_also_reported_of_lines_in_memory(self) -> None:
        """The limit holds for all sources of lines."""
        long = f"line is longer than {len(LINE):,} characters and was not read"
        assert ["d1", f"2: {long}"] == ids_and_faults([LINE, OTHER], longest=len(LINE))

    def test_are_never_held(self) -> None:
        """A hundred megabytes are read in pieces."""
        parts = [b"x" * 8192] * (100 * 1024 // 8)
        stream = io.BufferedReader(Stream(iter([*parts, f"\n{LINE}\n".encode()])))
        tracemalloc.start()
        lines = ids_and_faults(stream)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert ["1: line is longer than 1,048,576 bytes and was not read", "d1"] == lines
        assert peak < 6 * 1024 * 1024


class TestMemory:
    """Reading keeps nothing but the ids of the window."""

    @pytest.mark.slow
    def test_is_flat(self) -> None:
        """For any number of lines."""
        peaks: list[int] = []
        for count in (500, 4000):
            lines = (changed(id=f"d{number}") for number in range(count))
            tracemalloc.start()
            assert count == sum(1 for _ in read_records(lines, window=100))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[1] < peaks[0] * 1.5


class TestArguments:
    """Options that make no sense are refused at once."""

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"within": ""}, "within must be a dotted path or None, got an empty str"),
            ({"within": 5}, "within must be a dotted path or None, got an int"),
            ({"longest": 0}, "longest must be an int of 1 or more, got 0"),
            ({"longest": "5"}, "longest must be an int of 1 or more, got a str"),
            ({"window": -1}, "window must be an int of 1 or more, got -1"),
            ({"window": True}, "window must be an int of 1 or more, got a bool"),
            ({"lines": None}, "lines must be lines, or an open file, got None"),
            ({"lines": "one line"}, "lines must be lines, or an open file, got a str"),
            ({"lines": b"one line"}, "lines must be lines, or an open file, got a bytes"),
        ],
    )
    def test_are_refused(self, options: dict[str, Any], message: str) -> None:
        """Before a line is read."""
        arguments: dict[str, Any] = {"lines": [], **options}
        with pytest.raises(InvalidValueError) as caught:
            read_records(**arguments)
        assert message == str(caught.value)

    @pytest.mark.parametrize("thing", [None, 1, ["{}"], memoryview(b"{}")], ids=lambda thing: type(thing).__name__)
    def test_among_the_lines_are_reported_in_their_place(self, thing: Any) -> None:
        """Other things among the lines do not stop the reading."""
        first, second = read_records([thing, "text"])
        assert isinstance(first, BrokenLine)
        assert isinstance(second, BrokenLine)
        assert (1, 2) == (first.number, second.number)
        assert str(first).startswith("line must be a str or bytes, got ")


def read_usual(text: str) -> DecisionRecord | None:
    """Read a line in the fast way."""
    return _LineReader(None).read_usual(text)


class TestUsualLines:
    """The fast way to read a line agrees with the slow way, or leaves the line to it."""

    @pytest.mark.parametrize("record", [ALLOWED, DENIED], ids=["allowed", "denied"])
    def test_are_lines_as_to_json_writes_them(self, record: DecisionRecord) -> None:
        """Both ways read the same record."""
        assert record == read_usual(record.to_json())

    # Some look like a record and are not JSON.
    @pytest.mark.parametrize(
        "text",
        [
            "",
            LINE[1:],
            f" {LINE}",
            f"{LINE}x",
            LINE.replace(',"facts":', ',,"facts":'),
            LINE.replace(',"facts":', ';"facts":'),
            LINE.replace(',"facts_read_at"', ';"facts_read_at"'),
            LINE.replace(',"facts_read_at"', '"facts_read_at"'),
            LINE.replace(',"masked":', ',,"masked":'),
            LINE.replace(',"masked":', ';"masked":'),
            f"{{,{MEMBERS['first']},{MEMBERS['facts']},{MEMBERS['next']},{MEMBERS['last']}}}",
            f"{{{MEMBERS['first']},{MEMBERS['next']},{MEMBERS['facts']},,{MEMBERS['last']}}}",
            LINE[:-1] + ',"id":"d9"}',
            LINE.replace(',"effect"', ',"next_party":"agent","effect"').replace(',"next_party":null', ""),
            LINE[: LINE.index('"facts":')] + '"facts":[]' + LINE[LINE.index(',"facts_read_at"') :],
            LINE.replace('"hidden":[]', '"hidden":["r"]'),
            LINE.replace('"effect":"allow"', '"effect":"deny"'),
            LINE[:-1] + ',"reasons":[{}]}',
            json.dumps(json.loads(LINE)),
        ],
    )
    def test_are_not_other_lines(self, text: str) -> None:
        """The slow way reads these, or says what is wrong with them."""
        assert read_usual(text) is None

    def test_may_hold_a_member_twice_and_the_last_one_counts(self) -> None:
        """As it does for `json.loads()`."""
        text = LINE.replace('"facts_read_at":null', '"effect":"allow","facts_read_at":"2026-01-31T09:30:00Z"')
        twice = text.replace('"effect":"allow"', '"effect":"deny"', 1)
        assert attrs.evolve(ALLOWED, facts_read_at=AT) == read_usual(twice) == DecisionRecord.from_json(twice)

    @given(st.data())
    def test_never_contradicts_the_long_way(self, data: st.DataObject) -> None:
        """Parts of a line are cut out, inserted or moved."""
        text = data.draw(st.sampled_from([LINE, OTHER]))
        marks = [at for at, letter in enumerate(text) if letter in '{}[]",:']
        for _ in range(data.draw(st.integers(1, 3))):
            start, end = sorted(data.draw(st.lists(st.sampled_from([*marks, len(text)]), min_size=2, max_size=2)))
            start, end = min(start, len(text)), min(end, len(text))
            put = data.draw(
                st.sampled_from(
                    ["", ",", '"', "{", "}", '{"', ',"facts":', ',"masked":', '"effect":"deny"', "\\", "null"]
                )
                | st.just(text[start:end]).map(lambda part: part * 2)
                | st.text(max_size=3)
            )
            text = text[:start] + put + text[end:]
        fast = read_usual(text)
        assert fast is None or fast == DecisionRecord.from_json(text)

    def test_with_a_long_tail_are_not_kept(self) -> None:
        """A log cannot fill the memory."""
        reader = _LineReader(None)
        long = attrs.evolve(ALLOWED, met=[f"{number:0100}" for number in range(100)])
        assert (None, 0) == (reader.read_usual(long.to_json()), reader._parse_tail.cache_info().currsize)
        assert [long] == list(read_records([long.to_json()]))
        reader.read_usual(LINE)
        assert reader._parse_tail.cache_info().currsize == 1


class TestOpenLog:
    """`open_log()`."""

    def test_opens_plain_files(self, tmp_path: Path) -> None:
        """By path or name, and closes them."""
        path = tmp_path / "a.log"
        path.write_bytes(DATA)
        for name in (path, str(path)):
            with open_log(name) as log:
                assert ["d1", "d2"] == ids_and_faults(log)
            assert log.closed

    def test_opens_packed_files(self, tmp_path: Path) -> None:
        """With any name; also several packed files in one."""
        path = tmp_path / "a.log"
        path.write_bytes(gzip.compress(DATA) + gzip.compress(changed(id="d3").encode()))
        with open_log(path) as log:
            assert ["d1", "d2", "d3"] == ids_and_faults(log)
        assert log.closed

    def test_opens_standard_input(self, tmp_path: Path) -> None:
        """Standard input stays open."""
        path = tmp_path / "a.log"
        path.write_bytes(DATA)
        stdin = os.dup(0)
        try:
            with path.open("rb") as stream:
                os.dup2(stream.fileno(), 0)
            with open_log("-") as log:
                assert ["d1", "d2"] == ids_and_faults(log)
            assert os.fstat(0)
        finally:
            os.dup2(stdin, 0)
            os.close(stdin)

    def test_raises_what_the_system_says(self, tmp_path: Path) -> None:
        """Before anything is read."""
        with pytest.raises(FileNotFoundError), open_log(tmp_path / "none"):
            pass

    # What cannot be unpacked, or read, is a broken line: there is no going on.
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (PACKED[:-4], ["d1", "d2", "3: line and all after it cannot be read (EOFError)"]),
            (PACKED[:5], ["1: line and all after it cannot be read (EOFError)"]),
            (PACKED[:-8] + b"\0" * 8, ["d1", "d2", "3: line and all after it cannot be read (BadGzipFile)"]),
            (PACKED + b"rest", ["d1", "d2", "3: line and all after it cannot be read (BadGzipFile)"]),
            (PACKED[:10] + b"\xff" * 20, ["1: line and all after it cannot be read (error)"]),
        ],
        ids=["truncated", "nothing but a head", "checksum", "rest", "corrupt"],
    )
    def test_broken_packing_is_a_broken_line(self, data: bytes, expected: list[str], tmp_path: Path) -> None:
        """The last one, after all that could be read."""
        path = tmp_path / "a.log"
        path.write_bytes(data)
        with open_log(path) as log:
            assert expected == ids_and_faults(log)

    def test_opens_a_range_of_bytes(self, tmp_path: Path) -> None:
        """Each line belongs to the range in which it begins."""
        path = tmp_path / "a.log"
        path.write_bytes(DATA)
        second, end = len(LINE) + 1, len(DATA)
        expected = {
            (0, None): ["d1", "d2"],
            (0, second): ["d1"],
            (0, second + 1): ["d1", "d2"],
            (1, second): [],
            (1, end): ["d2"],
            (second, None): ["d2"],
            (second + 1, None): [],
            (5, 5): [],
            (end + 5, end + 9): [],
        }
        for (start, stop), ids in expected.items():
            with open_log(path, start=start, end=stop) as log:
                assert ids == ids_and_faults(log)
                assert log.readable()
            assert log.closed
        with open_log(path, start=1) as log:
            assert [OTHER.encode() + b"\n"] == [*log]

    def test_passes_over_a_long_line_in_flat_memory(self, tmp_path: Path) -> None:
        """A range may begin inside it."""
        path = tmp_path / "a.log"
        path.write_bytes(b"x" * 3_000_000 + b"\n" + DATA)
        tracemalloc.start()
        with open_log(path, start=9) as log:
            assert ["d1", "d2"] == ids_and_faults(log)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"start": -1}, "start must be an int of 0 or more, got -1"),
            ({"start": None}, "start must be an int of 0 or more, got None"),
            ({"start": 5, "end": 4}, "end must be None or an int of 5 or more, got 4"),
            ({"end": "9"}, "end must be None or an int of 0 or more, got a str"),
            (
                {"end": 9},
                "path must be a plain file, if only a range of it is to be read, got a file packed by gzip",
            ),
            (
                {"path": "-", "start": 9},
                "path must be a file, if only a range of it is to be read, got standard input",
            ),
        ],
    )
    def test_refuses_ranges_that_cannot_be_read(self, options: dict[str, Any], message: str, tmp_path: Path) -> None:
        """A packed file can only be read from its beginning."""
        path = tmp_path / "a.log"
        path.write_bytes(PACKED)
        arguments: dict[str, Any] = {"path": path, **options}
        with pytest.raises(InvalidValueError) as caught, open_log(**arguments):
            pass
        assert message == str(caught.value)

    def test_places_broken_lines(self, tmp_path: Path) -> None:
        """They name the file, and the byte at which the line begins."""
        path = tmp_path / "a.log"
        bad = LINE[:-1].encode()
        data = DATA + bad + b"\n" + b"x" * 5000 + b"\n" + DATA + b"\xff"
        ends = [len(DATA), len(DATA) + len(bad) + 1, len(DATA) + len(bad) + 5002]
        offsets = [*ends, ends[2] + len(LINE) + 1, ends[2] + len(DATA)]
        for packed in (False, True):
            path.write_bytes(gzip.compress(data) if packed else data)
            with open_log(path) as log:
                broken = [each for each in read_records(log, longest=4000) if isinstance(each, BrokenLine)]
            assert [(str(path), offset) for offset in offsets] == [(each.file, each.offset) for each in broken]
        path.write_bytes(data)
        with open_log(path, start=ends[0] - 1) as log:
            assert ends[0] == next(each.offset for each in read_records(log) if isinstance(each, BrokenLine))
        (nameless,) = [each for each in read_records(io.BytesIO(b"\nx")) if isinstance(each, BrokenLine)]
        assert (2, None, 1) == (nameless.number, nameless.file, nameless.offset)

    def test_knows_no_place_of_other_lines(self) -> None:
        """Texts have no bytes, and a pipe has no place."""
        stream: Any = Stream(iter([b"x\n"]))
        for lines in (["x"], [b"x"], io.StringIO("x"), io.BufferedReader(stream)):
            (broken,) = read_records(lines)
            assert isinstance(broken, BrokenLine)
            assert (None, None) == (broken.file, broken.offset)

    @pytest.mark.parametrize("before", [[], ["d1"]], ids=["at once", "later"])
    def test_a_medium_that_fails_is_a_broken_line(self, before: list[str]) -> None:
        """The last one."""
        parts = iter([f"{LINE}\n".encode()] if before else [])
        broken: Any = Stream(parts, OSError(5, "input/output error"))
        with io.BufferedReader(broken) as stream, unpacked(stream) as log:
            assert [*before, f"{len(before) + 1}: line and all after it cannot be read (OSError)"] == ids_and_faults(
                log
            )

    def test_letters_that_cannot_be_read_are_a_broken_line(self) -> None:
        """If the host's own file object decodes them."""
        stream = codecs.getreader("ascii")(io.BytesIO(b"\xff\n"))
        assert ["1: line and all after it cannot be read (UnicodeDecodeError)"] == ids_and_faults(stream)
