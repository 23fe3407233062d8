"""Three-valued truth, and what one test found."""

import sys
from enum import IntEnum, unique
from types import FunctionType
from typing import NamedTuple, final

from ._fields import a, kind_of


@final
@unique
class Truth(IntEnum):
    """True, false, or undecided: then it says why, the gravest reason last.

    `ABSENT` and `UNKNOWN` also stand where a value is missing.
    """

    FALSE = 0
    TRUE = 1
    ABSENT = 2
    UNKNOWN = 3
    ERROR = 4


@final
class Finding(NamedTuple):
    """What a test found at one fact: what an `Evidence` says, what it contributed to the test's truth, and what raised."""

    fact: str
    required: str
    seen: str
    truth: Truth
    error: str | None = None


@final
class MismatchError(TypeError):
    """A value is not of the type it was promised to be; says so without showing it, and which fact or function it was."""

    def __init__(self, found: object, promised: type, *, fact: str | None = None, promise: object = None) -> None:
        super().__init__(f"{kind_of(found)}, not {a(promised.__name__)}")
        self.fact = fact
        self.promise = promise


def raised(error: Exception) -> str:
    """Names the type, file and line of what is being handled; never its message, which can hold anything."""
    if type(error) is MismatchError:
        code = error.promise.__code__ if type(error.promise) is FunctionType else None
        return "TypeError" if code is None else f"TypeError at {code.co_filename}:{code.co_firstlineno}"
    trace = sys.exc_info()[2]
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return f"{type(error).__name__}{where}"
