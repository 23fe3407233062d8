"""The commands: which module answers each, and what becomes of its errors."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from .._engine.truth import Failure
from ._output import PROGRAM, Output, UnusableInputError, write_messages
from ._parser import UNUSABLE, parse_arguments

#: The module of each command. It is imported when the command is run: no command needs what all others need.
_MODULES: Final = {
    "audit": "_audit",
    "channels": "_channels",
    "checklist": "_checklists",
    "compare": "_analysis",
    "completion": "_completion",
    "decide": "_decisions",
    "escalate": "_calls",
    "examine": "_analysis",
    "fetch": "_fetch",
    "log": "_log",
    "rules": "_rules",
    "who-can": "_reach",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after the program's name. None: those of the process.

    Returns:
        The exit status: 0 allowed, complete or printed; 1 denied, incomplete or not found; 2 unusable input, with one line
        on standard error.

    Raises:
        SystemExit: Help or the version was printed (0), or the arguments are invalid (2).
    """
    parsed = parse_arguments(arguments)
    module = import_module(f".{_MODULES[parsed.command]}", __package__)
    run: Callable[[Any, Output], int] = getattr(module, f"run_{parsed.command.replace('-', '_')}")
    output = Output(parsed.format, reveal=parsed.reveal)
    try:
        status = run(parsed, output)
        output.write()
    except UnusableInputError as error:
        return _fail(error.message, *error.others)
    except OSError as error:
        return _fail(f"the answer cannot be written: {str(error.strerror).lower()}")
    except Exception as error:
        if sys.flags.dev_mode or isinstance(error, ModuleNotFoundError):  # a missing extra has a message of its own
            raise
        # The text of the error may hold anything that was read.
        return _fail(f"a fault of {PROGRAM} itself: {Failure.of_exception(error).error}; python -X dev shows the rest")
    return status


def _fail(message: str, *others: str) -> int:
    write_messages(f"{PROGRAM}: {message}", *(f"  {line}" for line in others))
    return UNUSABLE
