"""The values of facts as records store them."""

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from math import isfinite
from typing import Any, Final, NamedTuple, cast, final, get_args, get_origin

from .._engine.paths import has_its_own_equality

Scalar = str | int | float | bool
#: A scalar, the members of a set in order, or None if there is no value.
FactValue = Scalar | tuple[Scalar, ...] | None

_SCALARS: Final = (str, int, float, bool)
#: How many different sets of enum members one codec keeps in order.
_SETS: Final = 256
_TEXT_OR_FLAG: Final = (str, bool)


@final
class FactCodec(NamedTuple):
    """How records store the values of facts of one type.

    Attributes:
        encode: Returns what a record stores for a value. None if the value is not of the type.
        decode: Converts what a record stores back to the value, or returns None. There is no such function if a record
            stores only that the fact was set.
    """

    encode: Callable[[Any], FactValue]
    decode: Callable[[Any], object] | None


def codec_of(kind: Any) -> FactCodec:
    """Return the codec of a type. Records store scalars, enums and sets of these; of other types, only that there was a value."""
    if kind in _SCALARS:
        return FactCodec(*[_scalar_of(kind)] * 2)
    if isinstance(kind, type(Enum)):
        members = _members_by_name(kind)
        # By identity: a `str` that equals a member is not that member, and a member need not be hashable.
        names = {id(member): name for name, member in members.items()}
        return FactCodec(_name_encoder(names), members.get)
    if get_origin(kind) is not frozenset:
        return FactCodec(_encode_presence, None)
    member = get_args(kind)[0]
    if member in _SCALARS or isinstance(member, type(Enum)):
        encode, decode = codec_of(member)
        return FactCodec(_set_encoder(member, encode), _set_decoder(member, cast("Callable[[Any], object]", decode)))
    return FactCodec(_encode_presence_of_set, None)


def _encode_presence(_: object) -> bool:
    return True


def _encode_presence_of_set(value: object) -> bool | None:
    return True if type(value) is frozenset else None


def _name_encoder(names: dict[int, str]) -> Callable[[Any], FactValue]:
    return lambda value: names.get(id(value))


def _members_by_name(kind: type[Enum]) -> dict[str, Enum]:
    """Return the members of an enum by their values, or by their names if some value is not a string."""
    has_texts = all(type(member.value) is str for member in kind)
    return {member.value if has_texts else member.name: member for member in kind}


def _scalar_of(kind: type) -> Callable[[Any], Any]:
    """Return a function that returns values of exactly this type, and None for all others."""

    def exactly(value: Any) -> Any:
        return value if type(value) is kind and (kind in _TEXT_OR_FLAG or is_portable(value)) else None

    return exactly


def _set_encoder(member: Any, encode: Callable[[Any], FactValue]) -> Callable[[Any], FactValue]:
    def encode_members(values: frozenset[Any]) -> FactValue:
        members: list[Any] = [encode(value) for value in values]
        return None if None in members else tuple(sorted(members))

    def encode_set(values: Any) -> FactValue:
        return encode_members(values) if _is_a(frozenset, values) else None

    # The permissions of a role are many, and they recur. So the codec keeps sets of enum members in order. A string may
    # equal a member, so the types are checked before the cache is asked.
    encode_once, members_only = lru_cache(_SETS)(encode_members), frozenset([member])

    def encode_recurring_set(values: Any) -> FactValue:
        return encode_once(values) if _is_a(frozenset, values) and members_only.issuperset(map(type, values)) else None

    recurs = isinstance(member, type(Enum)) and not has_its_own_equality(member)
    return encode_recurring_set if recurs else encode_set


def _set_decoder(member: Any, decode: Callable[[Any], object]) -> Callable[[Any], object]:
    def decode_members(members: tuple[Any, ...]) -> object:
        values = frozenset(map(decode, members))
        return None if None in values else values

    # As above. Only the names of members can be decoded, so it does not matter that 1 equals True.
    decode_once = lru_cache(_SETS)(decode_members) if isinstance(member, type(Enum)) else decode_members
    return lambda members: decode_once(members) if _is_a(tuple, members) else None


def _is_a(kind: type, value: object) -> bool:
    return type(value) is kind


def is_fact(value: Any) -> bool:
    """Return whether a record can store this as the value of a fact."""
    members = value if _is_a(tuple, value) else (value,)
    numbers = [member for member in members if type(member) not in _TEXT_OR_FLAG]
    return value is None or all(type(number) in (int, float) and is_portable(number) for number in numbers)


def is_portable(number: Any) -> bool:
    """Return whether every JSON reader can read a number: it is finite and fits into 64 bits."""
    return -(2**63) <= number < 2**63 and isfinite(number)
