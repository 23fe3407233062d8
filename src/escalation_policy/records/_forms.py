"""Forms: how the value of a fact stands in a record, and how it is taken from there."""

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from math import isfinite
from typing import Any, Final, NamedTuple, cast, final, get_args, get_origin

Scalar = str | int | float | bool
#: A scalar, the members of a set in order, or None where there is nothing.
FactValue = Scalar | tuple[Scalar, ...] | None

_SCALARS: Final = (str, int, float, bool)
#: How many different sets are kept in order, so that the permissions of a role are not sorted for each decision.
_SETS: Final = 1024


@final
class Form(NamedTuple):
    """How facts of one type stand in a record.

    Attributes:
        told: Makes of a value what stands for it; None where it is not what it was promised to be.
        taken: Makes the value of that; None where it cannot be. Not there for what is only told to be there.
    """

    told: Callable[[Any], FactValue]
    taken: Callable[[Any], object] | None


def form_of(kind: Any) -> Form:
    """Finds the form of facts of a type: scalars, enums and sets of these; of anything else it is told that it is there."""
    if kind in _SCALARS:
        return Form(*[_exactly(kind)] * 2)
    if isinstance(kind, type(Enum)):
        members = _members(kind)
        # By identity: a `str` that equals a member is none, and a member need not have a hash.
        names = {id(member): name for name, member in members.items()}
        return Form(_named(names), members.get)
    if get_origin(kind) is not frozenset:
        return Form(_is_there, None)
    member = get_args(kind)[0]
    if member in _SCALARS or isinstance(member, type(Enum)):
        told, taken = form_of(member)
        return Form(_listed(member, told), _gathered(cast("Callable[[Any], object]", taken)))
    return Form(_is_set_there, None)


def _is_there(_: object) -> bool:
    return True


def _is_set_there(value: object) -> bool | None:
    return True if type(value) is frozenset else None


def _members(kind: type[Enum]) -> dict[str, Enum]:
    """Names the members of an enum: by their values where all of these are strings, by their names otherwise."""
    in_words = all(type(member.value) is str for member in kind)
    return {member.value if in_words else member.name: member for member in kind}


def _named(names: dict[int, str]) -> Callable[[Any], FactValue]:
    return lambda value: names.get(id(value))


def _exactly(kind: type) -> Callable[[Any], Any]:
    def exactly(value: Any) -> Any:
        return value if type(value) is kind and (kind in (str, bool) or is_portable(value)) else None

    return exactly


def is_fact(value: Any) -> bool:
    """Says whether something can stand for the value of a fact."""
    kind: Any = value.__class__
    members = value if kind is tuple else (value,)
    return value is None or all(
        type(each) in (str, bool) or (type(each) in (int, float) and is_portable(each)) for each in members
    )


def is_portable(number: Any) -> bool:
    """Says whether whatever reads JSON can read a number."""
    return -(2**63) <= number < 2**63 and isfinite(number)


def _listed(kind: type, told: Callable[[Any], FactValue]) -> Callable[[Any], FactValue]:
    only = frozenset([kind])

    @lru_cache(_SETS)
    def in_order(values: frozenset[Any]) -> FactValue:
        members: list[Any] = [told(value) for value in values]
        return None if None in members else tuple(sorted(members))

    def listed(values: frozenset[Any]) -> FactValue:
        # 1 and True are one key of a cache.
        return in_order(values) if type(values) is frozenset and only.issuperset(map(type, values)) else None

    return listed


def _gathered(taken: Callable[[Any], object]) -> Callable[[Any], object]:
    def gathered(members: tuple[Any, ...]) -> object:
        values = frozenset(map(taken, members)) if type(members) is tuple else frozenset([None])
        return None if None in values else values

    return gathered
