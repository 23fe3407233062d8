"""How immutable values check what they are made of: every field against its annotation."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from types import UnionType
from typing import Any, Final, TypeVar, Union, cast, final, get_args, get_origin

import attrs
from attrs import validators

from .exceptions import Fault, InvalidPolicyError, InvalidValueError

#: Field metadata: None in this field says that we were not told, not that there is none.
UNKNOWN_WHEN_NONE: Final = "escalation_policy.unknown_when_none"
#: Field metadata: an address, a name or an id of RingCentral, shown to nobody who did not ask for it; of which kind, or
#: True. Only those of one kind are ever compared.
PRIVATE: Final = "escalation_policy.private"
#: Field metadata: nothing that has to be masked in a record, unless it is private. Set here, or by a host for its own.
PUBLIC: Final = "escalation_policy.public"
#: Field metadata, set here: whatever stands in this field is what its annotation says.
CHECKED: Final = "escalation_policy.checked"
#: Field metadata: what to say instead of the annotation when something else was given.
ACCEPTED: Final = "escalation_policy.accepted"

_TYPE_NAME: Final = type.__dict__["__name__"]
_T = TypeVar("_T")
_V = TypeVar("_V")
_Test = Callable[[Any], bool]
_Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]
_Error = type[InvalidValueError] | type[InvalidPolicyError]


def a(name: str) -> str:
    """Puts the article before a name."""
    return f"{'an' if name[:1] in tuple('aeiouAEIOU') else 'a'} {name}"


def type_name(kind: type) -> str:
    """Return the name of a type as a plain `str`. Neither its metaclass nor the name itself is asked anything."""
    return plain(cast("str", _TYPE_NAME.__get__(kind)))


def kind_of(value: object) -> str:
    """Return what kind of thing a value is, and never what it holds. Neither the value nor its type is asked anything."""
    if value is None:
        return "None"
    kind, name = type(value), type_name(type(value))
    if (kind is str or kind is frozenset or kind is tuple or kind is list) and not value:
        return f"an empty {name}"
    if type(value) is str and value.isspace():
        return "a blank str"
    if kind is frozenset or kind is tuple:
        members = sorted({type_name(type(each)) for each in cast("frozenset[object]", value)})
        return f"{a(name)} of {' and '.join(members)}"
    return a(name)


def closest(text: object, accepted: Iterable[str]) -> str | None:
    """Return the accepted key that a wrong one most likely stands for. The wrong one itself is never shown."""
    from difflib import get_close_matches  # noqa: PLC0415  only an error needs it

    return next(iter(get_close_matches(text, list(accepted), 1)), None) if type(text) is str else None


def is_collection(values: object) -> bool:
    """Tells a collection from a `str`, and from a mapping, whose values would be lost."""
    return isinstance(values, Iterable) and not isinstance(values, str | Mapping)


def to_tuple(values: Iterable[_T]) -> tuple[_T, ...]:
    """Makes a tuple of a collection; what is none is left to be refused."""
    return tuple(values) if is_collection(values) else cast("tuple[_T, ...]", values)


def to_frozenset(values: Iterable[_T]) -> frozenset[_T]:
    """Makes a frozenset of a collection; what is none, or cannot be a set, is left to be refused."""
    try:
        return frozenset(values) if is_collection(values) else cast("frozenset[_T]", values)
    except TypeError:
        return cast("frozenset[_T]", values)


def plain(value: _T) -> _T:
    """Turns a `str` of any subclass into a plain one, whose comparisons nobody has overridden."""
    return value if type(value) is str or not isinstance(value, str) else cast("_T", str.__str__(value))


#: Made once, since attrs reads the signature of every converter that it is given.
_PLAIN: "attrs.Converter[Any, Any]" = attrs.Converter(plain)


def without_none(hint: Any) -> tuple[Any, bool]:
    """Takes None out of an annotation, and says whether it was in it."""
    if get_origin(hint) not in (Union, UnionType):
        return hint, False
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return (kinds[0] if len(kinds) == 1 else object), len(kinds) < len(get_args(hint))


def must(accepted: str, test: _Test, error: _Error = InvalidValueError, *, shown: bool = False) -> _Check:
    """Makes a validator: a field must be what `accepted` says and `test` tests. A wrong `str` can be `shown`."""

    def check(instance: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if not test(value):
            found = f"{value!a:.60}" if shown and isinstance(value, str) else kind_of(value)
            raise error(Fault.mismatch(f"{type(instance).__name__}.{field.alias}", found, accepted))

    return check


def _accepts(kind: Any) -> tuple[str, _Test]:
    """Puts a type in words and in a test; what only pretends to be an instance, by its `__class__`, fails it."""
    origin: Any = get_origin(kind) or kind
    if origin in (frozenset, tuple):
        words, test = _accepts(get_args(kind)[0])
        return (
            f"a collection of {words.partition(' ')[2]}s",
            lambda values: type(values) is origin and all(map(test, cast("frozenset[object]", values))),
        )
    if origin is str:
        return "a non-empty str", lambda value: type(value) is str and value != ""
    if getattr(origin, "__final__", False):  # a subclass could hold anything in its fields
        return a(origin.__name__), lambda value: type(value) is origin
    return a(origin.__name__), lambda value: issubclass(type(value), origin)


def _masked(value: object) -> str:
    return "None" if value is None else "<set>"


def _transform(error: _Error, _cls: type, fields: list[Any]) -> list[Any]:
    return [_checked(field, error) for field in fields]


def _checked(field: Any, error: _Error) -> object:
    kind, optional = without_none(field.type)
    words, test = _accepts(kind)
    accepted = field.metadata.get(ACCEPTED, f"{words} or None" if optional else words)
    check = must(accepted, test, error, shown=isinstance(kind, type(Enum)))
    checks = validators.and_(check, field.validator) if field.validator else check
    return field.evolve(
        validator=validators.optional(checks) if optional else checks,
        converter=_PLAIN if kind is str and field.converter is None else field.converter,
        metadata={**field.metadata, CHECKED: True, PUBLIC: True},
        repr=_masked if field.metadata.get(PRIVATE) else field.repr,
    )


checked: Final = partial(_transform, InvalidValueError)
checked_rule: Final = partial(_transform, InvalidPolicyError)


@final
@attrs.frozen(eq=False, repr=False)
class FrozenMapping(Mapping[str, _V]):
    """An immutable mapping of names to values. `True` and `1` differ in it, as they do to a rule."""

    _values: dict[str, _V]

    def __getitem__(self, key: str) -> _V:
        return self._values[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default; much faster than the inherited method."""
        return self._values.get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _typed(self) -> frozenset[tuple[str, type, _V]]:
        return frozenset((key, type(value), value) for key, value in self._values.items())

    def __eq__(self, other: object) -> bool:
        return self._typed() == other._typed() if isinstance(other, FrozenMapping) else self._values == other

    def __hash__(self) -> int:
        return hash(self._typed())

    def __repr__(self) -> str:
        return f"<mapping of {', '.join(sorted(map(ascii, self._values))) or 'nothing'}>"


def dict_of(mapping: Mapping[str, _V]) -> dict[str, _V]:
    """Return the values of a `FrozenMapping` as the dict that it holds, only to be read; of another mapping, a copy."""
    return mapping._values if isinstance(mapping, FrozenMapping) else dict(mapping)
