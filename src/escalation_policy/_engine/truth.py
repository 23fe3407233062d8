"""Three-valued truth, and the replacements for values that could not be read."""

import sys
from collections.abc import Callable
from enum import Enum, IntEnum, unique
from types import FunctionType
from typing import Any, NamedTuple, final

from .._fields import kind_of, type_name


@final
@unique
class Truth(IntEnum):
    """True, false or undecided. Undecided truths say why, the gravest cause last."""

    FALSE = 0
    TRUE = 1
    ABSENT = 2
    UNKNOWN = 3
    ERROR = 4


@final
@unique
class Missing(Enum):
    """Why a fact has no value; the value is what evidence shows."""

    ABSENT = "not set"  #: There is known to be none.
    UNKNOWN = "unknown"  #: Nobody supplied it.

    @property
    def truth(self) -> Truth:
        """The truth of a test that needs the value."""
        return Truth[self.name]


@final
class Failure(NamedTuple):
    """What reading a fact or asking a function came to if it raised or returned a value of another type.

    Attributes:
        shown: What evidence shows: `error`, or the kind of value, such as `an int, not a str`.
        error: Type, file and line of the exception; never its message, which can hold anything.
    """

    shown: str
    error: str

    @classmethod
    def of_exception(cls, error: BaseException) -> "Failure":
        """Describe an exception that is being handled."""
        trace = sys.exc_info()[2]
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        return cls("error", f"{type_name(type(error))}{where}")

    @classmethod
    def of_type(cls, value: object, expected: str, function: object = None) -> "Failure":
        """Describe a value of another type than expected, such as "a bool", and the function that returned it, if one did."""
        code = function.__code__ if type(function) is FunctionType else None
        where = "" if code is None else f" at {code.co_filename}:{code.co_firstlineno}"
        return cls(f"{kind_of(value)}, not {expected}", f"TypeError{where}")


def has_value(reading: object) -> bool:
    """Return whether something that was read is a value, and neither `Missing` nor a `Failure`."""
    return type(reading) is not Missing and type(reading) is not Failure


def ask(function: Callable[[Any], object], argument: object) -> bool | Failure:
    """Call a host's function once. Anything but a bool, and anything it raises, is a failure."""
    try:
        answer = function(argument)
    except Exception as error:  # noqa: BLE001  a host's function may raise anything: its rule is not met
        return Failure.of_exception(error)
    return answer if type(answer) is bool else Failure.of_type(answer, "a bool", function)
