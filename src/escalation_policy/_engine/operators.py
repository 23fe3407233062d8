"""Operators: what a test can ask of a fact. Everything that distinguishes one operator from another is in its row."""

from collections.abc import Callable
from enum import Enum
from operator import contains, eq, ge, le
from typing import Any, Final, cast, final

import attrs

from .truth import Missing

#: The longest text or list of members that words show.
_MOST: Final = 100


@final
@attrs.frozen(eq=False, repr=False, kw_only=True)
class Operator:
    """One kind of test over a value `x` and an operand `y`. Pairs are for the test as it is, and negated.

    Attributes:
        words: What the test requires.
        holds: Whether the test holds. Only `answers_absence` operators get a `Missing`.
        code: Source that is true only if the test is certainly true, and source that is true only if it is certainly
            false. `{x}` and `{y}` are expressions; `{absent}` is true if the value is known to be absent.
        guarded: Whether the source is only valid for values that are there. Without a guard, None stands for a missing
            value.
        answers_absence: Whether the test has an answer for an absent value.
        code_of_members: The same for operands that are equal only if they are the same, as members of enums are.
        opaque: Whether the operand is a function of the host's, which is named in words.
        symmetric: Whether two facts can be swapped.
        selects: Whether a value that fails the test shows as `another value`.
        each_member: Of an operator over sets: the relation between "is in x" and "is in y" that must hold for every member.
            A scalar counts as the set of itself.
    """

    words: tuple[str, str]
    holds: Callable[[Any, Any], object]
    code: tuple[str, str]
    guarded: tuple[bool, bool] = (True, True)
    code_of_members: tuple[str, str] | None = None
    answers_absence: bool = False
    opaque: bool = False
    symmetric: bool = False
    selects: bool = False
    each_member: Callable[[bool, bool], bool] | None = None


OPERATORS: Final = {
    "equals": Operator(
        words=("equals", "differs from"),
        holds=eq,
        code=("{x} == {y}", "not ({x} == {y})"),
        code_of_members=("{x} is {y}", "{x} is not {y}"),
        guarded=(False, True),
        symmetric=True,
        selects=True,
        each_member=eq,
    ),
    "one_of": Operator(
        words=("is one of", "is none of"),
        holds=lambda x, y: x in y,
        code=("{x} in {y}", "{x} not in {y}"),
        guarded=(False, True),
        selects=True,
    ),
    "contains": Operator(
        words=("contains", "does not contain"),
        holds=contains,
        code=("{y} in {x}", "{y} not in {x}"),
        each_member=ge,
    ),
    "subset_of": Operator(
        words=("is within", "is not within"),
        holds=le,
        code=("{x} <= {y}", "not ({x} <= {y})"),
        each_member=le,
    ),
    "is_set": Operator(
        words=("is set", "is not set"),
        holds=lambda x, _: x is not Missing.ABSENT,
        code=("True", "{absent}"),
        guarded=(True, False),
        answers_absence=True,
    ),
    "is_true": Operator(
        words=("is true", "is false"),
        holds=lambda x, _: x,
        code=("{x} is True", "{x} is False"),
        guarded=(False, False),
    ),
    # The answer {x} of the function was noted.
    "satisfies": Operator(
        words=("satisfies", "does not satisfy"),
        holds=lambda x, _: x,
        code=("{x} is True", "{x} is False"),
        opaque=True,
    ),
    "predicate": Operator(
        words=("holds", "does not hold"), holds=lambda x, _: x, code=("{x} is True", "{x} is False"), opaque=True
    ),
}


def words_of(constant: Any, *, hidden: bool = False, most: int = _MOST) -> str:
    """Put a constant in words.

    Args:
        constant: A str, int, float, bool, enum member or frozenset of these.
        hidden: Show strings and numbers as `(a certain value)`.
        most: How many members of a set are shown.
    """
    if isinstance(constant, frozenset):
        members = sorted({words_of(member, hidden=hidden) for member in cast("frozenset[object]", constant)})
        rest = [f"{len(members) - most} more"] if len(members) > most else []
        return ", ".join(members[:most] + rest)
    if isinstance(constant, Enum):
        return str(constant.value)
    if hidden and type(constant) is not bool:
        return "(a certain value)"
    if isinstance(constant, str):
        return repr(constant)
    # Python refuses to print integers of thousands of decimal digits.
    large = isinstance(constant, int) and constant.bit_length() > 256
    return hex(constant) if large else str(constant).lower()


def identity_of(constant: Any) -> str:
    """Return the same text for equal constants on every Python, and different ones for different types."""
    if isinstance(constant, frozenset):
        return f"{{{', '.join(sorted(map(identity_of, cast('frozenset[object]', constant))))}}}"
    if isinstance(constant, Enum):
        return f"{type(constant).__name__}.{constant.name}"
    return hex(constant) if type(constant) is int else ascii(constant)
