"""Pages: text that is coloured and wrapped on a terminal, and plain and whole everywhere else."""

import os
from io import StringIO
from typing import final

from rich.console import Console
from rich.text import Text

#: How narrow a column of text may get, whatever the terminal.
_NARROWEST = 20


def inert(text: str) -> str:
    """Escapes what a terminal would obey or a reader not see: controls, escapes, bidi marks, line separators."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@final
class Page:
    """Collects paragraphs for one stream.

    Args:
        terminal: Whether the stream is one. Only then do the environment's size and colours count.
    """

    def __init__(self, *, terminal: bool) -> None:
        colours = terminal and not os.environ.get("NO_COLOR")
        self._wraps = terminal
        self._text = StringIO()
        self._console = Console(
            file=self._text,
            force_terminal=terminal,
            force_jupyter=False,
            color_system="auto" if colours else None,
            no_color=False,  # what NO_COLOR says is in color_system already, and not every rich reads it alike
        )

    def add(self, lead: str, *parts: str | tuple[str, str]) -> None:
        """Adds a paragraph.

        Args:
            lead: What its first line begins with; the others are indented as far.
            parts: Its text; of a pair, the second is the style.
        """
        styled = [(inert(part), "") if isinstance(part, str) else (inert(part[0]), part[1]) for part in parts]
        if not self._wraps:
            self._text.write(f"{lead}{''.join(words for words, _ in styled).rstrip()}\n")
            return
        text = Text.assemble(*styled)
        room = max(self._console.width - len(lead), _NARROWEST)
        for line in text.wrap(self._console, room, overflow="fold"):
            line.rstrip()  # wrapped lines keep the space they were wrapped at
            if line.spans:
                self._console.print(Text.assemble(lead, line), soft_wrap=True)
            else:
                self._text.write(f"{lead}{line.plain}\n")
            lead = " " * len(lead)

    def __str__(self) -> str:
        return self._text.getvalue()
