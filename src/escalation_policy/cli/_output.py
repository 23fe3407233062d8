"""The answer of a command on standard output, and its messages on standard error."""

import csv
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from io import StringIO
from typing import Any, Final, TextIO, final

PROGRAM: Final = "escalation-policy"
#: The version of the keys of all JSON documents. A new key raises the second number, any other change the first.
SCHEMA_VERSION: Final = "1.0"
#: A column of text is at least this wide, even if the terminal is narrower.
_MIN_TEXT_WIDTH: Final = 20
#: A table column is at most this wide. A longer cell shifts the rest of its line.
_MAX_COLUMN_WIDTH: Final = 40
#: The places where a spreadsheet could see the start of a formula. Some spreadsheets split lines at other delimiters and
#: ignore quotes, so a delimiter or a quote inside a cell counts as a start too.
_FORMULA_START: Final = re.compile(r"(?:^|(?<=[;,\"]))(?= *[=+\-@\uff1d\uff0b\uff0d\uff20])")


def inert(text: str) -> str:
    """Escape what a terminal would obey or a reader would not see: control characters, bidi marks, line separators."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def count_of(number: int, noun: str) -> str:
    """Return how many there are of something: `1 agent`, `2 addresses`."""
    return f"{number:,} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"


@final
class UnusableInputError(Exception):
    """Input that the command cannot use.

    Args:
        message: One line.
        others: Further lines, if there are several faults.
    """

    def __init__(self, message: str, *others: str) -> None:
        super().__init__(message, *others)
        self.message = message
        self.others = others

    def __str__(self) -> str:
        return "\n  ".join([self.message, *self.others])

    def within(self, name: str) -> "UnusableInputError":
        """Return the error with the name of what holds the input."""
        return UnusableInputError(f"{name}: {self.message}", *self.others)


@final
class Output:
    """The answer of one command. It is collected first, and then written at once.

    On a terminal, text is wrapped to its width and colored, and an answer that is longer than the screen ends with its verdict
    once more. Everywhere else text is plain and unwrapped, and the environment variables for width and colors are ignored,
    except FORCE_COLOR, with which everything is a terminal.

    Args:
        format: `text`, `json`, `csv` or `html`; `quiet` writes nothing.
        reveal: Whether to show what is masked by default.
    """

    def __init__(self, format: str = "text", *, reveal: bool = False) -> None:  # noqa: A002
        self.format = format
        self.reveal = reveal
        self._is_terminal = bool(os.environ.get("FORCE_COLOR")) or (sys.stdout is not None and sys.stdout.isatty())
        self._text = StringIO()
        self._verdict: tuple[str | tuple[str, str], ...] = ()

    @cached_property
    def _console(self) -> Any:
        from rich.console import Console  # noqa: PLC0415  it takes as long to import as the rest, and pipes need none

        return Console(
            file=self._text,
            force_terminal=True,
            force_jupyter=False,
            color_system=None if os.environ.get("NO_COLOR") else "auto",
            no_color=False,  # color_system already follows NO_COLOR, and versions of rich read it differently
        )

    def add_verdict(self, *parts: str | tuple[str, str]) -> None:
        """Add a line that says the most. The first one is repeated at the end."""
        self._verdict = self._verdict or parts
        self.add("", *parts)

    def add(self, lead: str, *parts: str | tuple[str, str]) -> None:
        """Add a paragraph.

        Args:
            lead: The start of its first line. The other lines are indented by as much.
            parts: Its text. A pair is a text and its style.
        """
        styled = [(inert(part), "") if isinstance(part, str) else (inert(part[0]), part[1]) for part in parts]
        if not self._is_terminal:
            self._text.write(f"{lead}{''.join(text for text, _ in styled).rstrip()}\n")
            return
        from rich.cells import cell_len  # noqa: PLC0415  as above
        from rich.text import Text  # noqa: PLC0415  as above

        width = max(self._console.width - cell_len(lead), _MIN_TEXT_WIDTH)
        for line in Text.assemble(*styled).wrap(self._console, width, overflow="fold"):
            line.rstrip()  # a wrapped line ends with the space where it was wrapped
            if line.spans:
                self._console.print(Text.assemble(lead, line), soft_wrap=True)
            else:
                self._text.write(f"{lead}{line.plain}\n")
            lead = " " * cell_len(lead)

    def add_table(self, title: str, rows: Iterable[Sequence[str]]) -> None:
        """Add a blank line, a title, and rows with aligned columns."""
        from rich.cells import cell_len  # noqa: PLC0415  as above

        self.add("")
        if title:
            self.add("", (title, "bold"))
        cells = [[inert(cell) for cell in row] for row in rows]
        widths = [min(max(map(cell_len, column)), _MAX_COLUMN_WIDTH) for column in zip(*cells, strict=True)]
        for row in cells:
            padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row[:-1], widths, strict=False)]
            lead, last = "".join(f"  {cell}" for cell in padded) + "  ", row[-1]
            if not last:
                self.add("  ", "  ".join(padded))
            elif not self._is_terminal or cell_len(lead) + _MIN_TEXT_WIDTH <= self._console.width:
                self.add(lead, last)
            else:  # too wide for columns: one line for each cell
                for number, cell in enumerate(filter(None, row)):
                    self.add("    " if number else "  ", cell)

    def add_json(self, **fields: object) -> None:
        """Add a JSON document: ASCII, with sorted keys and the version of its keys."""
        self.add_raw(json.dumps({**fields, "schema_version": SCHEMA_VERSION}, indent=2, sort_keys=True) + "\n")

    def add_csv(self, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
        """Add a CSV file, one line for each row. No cell is a formula or contains a line break."""
        writer = csv.writer(self._text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_FORMULA_START.sub("'", inert(cell or "")) for cell in row] for row in rows)

    def add_raw(self, text: str) -> None:
        """Add a text that is already escaped."""
        self._text.write(text)

    def __str__(self) -> str:
        return self._text.getvalue()

    def write(self) -> None:
        """Write the answer to standard output.

        Raises:
            OSError: It cannot be written. A reader that has gone away is not an error.
        """
        if self.format == "quiet":
            return
        if self._is_terminal and self._verdict and str(self).count("\n") >= self._console.height:
            self.add("")
            self.add("", *self._verdict)
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if self.format == "csv" and reconfigure and not self._is_terminal:
            reconfigure(encoding="utf-8")  # a CSV file cannot name its encoding
        # Spreadsheets recognise UTF-8 by the byte order mark.
        write(f"\ufeff{self}" if self.format == "csv" and not self._is_terminal else str(self), sys.stdout)


def write(text: str, stream: TextIO | None) -> None:
    """Write a text to a stream. None stands for a stream that the process does not have.

    Characters that the stream cannot encode are escaped. A reader that has gone away is not an error.

    Raises:
        OSError: The text cannot be written.
    """
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        # At exit Python would write the buffered text again, fail again, and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


def write_messages(*messages: str) -> None:
    """Write messages to standard error, one line each, if it can be written."""
    with suppress(OSError):
        write("".join(f"{inert(message)}\n" for message in messages), sys.stderr)
