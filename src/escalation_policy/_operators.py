"""What tests ask, and how they and their constants are put in words and identified."""

from collections.abc import Callable
from enum import Enum
from operator import contains, eq, le
from typing import Any, Final, cast, final

import attrs

from ._truth import Truth


@final
@attrs.frozen(eq=False, repr=False)
class Operator:
    """One kind of test over a value `x` and what it is compared with, `y`: in words, as a function, as source code.

    Words come in pairs, the second one for the negated test.
    """

    words: tuple[str, str]
    holds: Callable[[Any, Any], object]
    code: str


OPERATORS: Final = {
    "equals": Operator(("equals", "differs from"), eq, "{x} == {y}"),
    "one_of": Operator(("is one of", "is none of"), lambda x, y: x in y, "{x} in {y}"),
    "contains": Operator(("contains", "does not contain"), contains, "{y} in {x}"),
    "subset_of": Operator(("is within", "is not within"), le, "{x} <= {y}"),
    "is_set": Operator(("is set", "is not set"), lambda x, _: x is not Truth.ABSENT, "True"),
    "is_true": Operator(("is true", "is false"), lambda x, _: x, "{x}"),
    "satisfies": Operator(("satisfies", "does not satisfy"), lambda x, y: y(x), "{y}({x})"),
    "predicate": Operator(("holds", "does not hold"), lambda x, y: y(x), "{y}(request)"),
}


def words_of(constant: Any, *, hidden: bool = False, most: int = 100) -> str:
    """Puts a constant in words: strings as "a certain value" where they are hidden, and no more than `most` members."""
    if isinstance(constant, frozenset):
        members = sorted({words_of(member, hidden=hidden) for member in cast("frozenset[object]", constant)})
        rest = [f"{len(members) - most} more"] if len(members) > most else []
        return ", ".join(members[:most] + rest)
    if isinstance(constant, Enum):
        return str(constant.value)
    if isinstance(constant, str):
        return "(a certain value)" if hidden else repr(constant)
    # Python refuses to print integers of thousands of decimal digits.
    large = isinstance(constant, int) and constant.bit_length() > 256
    return hex(constant) if large else str(constant).lower()


def identity_of(constant: Any) -> str:
    """Gives a constant one text on every Python, and equal constants of different types different ones."""
    if isinstance(constant, frozenset):
        return f"{{{', '.join(sorted(map(identity_of, cast('frozenset[object]', constant))))}}}"
    if isinstance(constant, Enum):
        return f"{type(constant).__name__}.{constant.name}"
    return hex(constant) if type(constant) is int else ascii(constant)
