"""Fields of immutable values, which are checked against their annotations when a value is made."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from types import UnionType
from typing import Any, Final, TypeVar, Union, cast, final, get_args, get_origin

import attrs
from attrs import validators

from .exceptions import Fault, InvalidPolicyError, InvalidValueError

#: Field metadata: None in this field means that nobody supplied the value, not that it does not exist.
UNKNOWN_WHEN_NONE: Final = "escalation_policy.unknown_when_none"
#: Field metadata: a private value, such as an address or an id of RingCentral, which only `reveal` shows. The value of the
#: mark is the kind of id, or True. Only ids of one kind are compared with each other.
PRIVATE: Final = "escalation_policy.private"
#: Field metadata: records need not mask this field. Set for the library's own values, and by hosts for theirs.
PUBLIC: Final = "escalation_policy.public"
#: Field metadata, set here: the class checks this field against its annotation.
CHECKED: Final = "escalation_policy.checked"
#: Field metadata: what messages say is accepted, instead of the annotation.
ACCEPTED: Final = "escalation_policy.accepted"

#: How messages describe what `is_digits()` and `is_zoned()` accept.
DIGITS_WORDS: Final = "1 to 20 ASCII digits"
ZONED_WORDS: Final = "a datetime with a zone"

_TYPE_NAME: Final = type.__dict__["__name__"]
_T = TypeVar("_T")
_V = TypeVar("_V")
_Test = Callable[[Any], bool]
_Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]
_Error = type[InvalidValueError] | type[InvalidPolicyError]


def with_article(name: str) -> str:
    """Return a name with its indefinite article."""
    return f"{'an' if name[:1] in tuple('aeiouAEIOU') else 'a'} {name}"


def type_name(kind: type) -> str:
    """Return the name of a type as a plain `str`. Neither its metaclass nor the name itself is asked anything."""
    return exact_str(cast("str", _TYPE_NAME.__get__(kind)))


def kind_of(value: object) -> str:
    """Return the kind of a value, never what it holds. It calls no code of the value or of its type."""
    if value is None:
        return "None"
    kind, name = type(value), type_name(type(value))
    if (kind is str or kind is frozenset or kind is tuple or kind is list) and not value:
        return f"an empty {name}"
    if kind is str and cast("str", value).isspace():
        return "a blank str"
    if kind is frozenset or kind is tuple:
        members = sorted({type_name(type(each)) for each in cast("frozenset[object]", value)})
        return f"{with_article(name)} of {' and '.join(members)}"
    return with_article(name)


def figure_of(value: object) -> str:
    """Return a number or a duration as it is, and what kind of thing any other value is. Use it only where no id is expected."""
    # Python refuses to print an integer of thousands of digits.
    is_short = type(value) in (float, timedelta) or (type(value) is int and value.bit_length() <= 64)
    return str(value) if is_short else kind_of(value)


def closest(text: object, accepted: Iterable[str]) -> str | None:
    """Return the accepted key that a wrong one most likely stands for. The wrong one itself is never shown."""
    from difflib import get_close_matches  # noqa: PLC0415  only errors need it

    # To compare a long text takes long, and it stands for no key.
    is_short = type(text) is str and len(text) < 100
    return next(iter(get_close_matches(cast("str", text), list(accepted), 1)), None) if is_short else None


def closest_member(value: object, enum: type[Enum]) -> str | None:
    """Return the member that a wrong text, or the first such text in a collection, stands for by its value or its name."""
    words = {word: f"{enum.__name__}.{each.name}" for each in enum for word in (each.name, str(each.value))}
    texts = cast("Iterable[object]", value) if type(value) in (frozenset, tuple) else (value,)
    keys = sorted(key for text in texts if (key := closest(text, words)))
    return words[keys[0]] if keys else None


def is_collection(values: object) -> bool:
    """Return whether a value is iterable and neither a `str` nor a mapping."""
    return isinstance(values, Iterable) and not isinstance(values, str | Mapping)


def to_tuple(values: Iterable[_T]) -> tuple[_T, ...]:
    """Convert a collection to a tuple. Other values are returned unchanged; the field's validator rejects them."""
    return tuple(values) if is_collection(values) else cast("tuple[_T, ...]", values)


def to_frozenset(values: Iterable[_T]) -> frozenset[_T]:
    """Convert a collection to a frozenset. Other values are returned unchanged; the field's validator rejects them."""
    try:
        return frozenset(values) if is_collection(values) else cast("frozenset[_T]", values)
    except TypeError:
        return cast("frozenset[_T]", values)


def exact_str(value: _T) -> _T:
    """Convert a `str` of a subclass to an exact `str`, whose comparisons nobody has overridden."""
    return value if type(value) is str or not isinstance(value, str) else cast("_T", str.__str__(value))


def _to_str(value: str) -> str:
    return exact_str(value)


def _to_optional_str(value: str | None) -> str | None:
    return exact_str(value)


#: Made once: attrs reads the signature of every converter, and gives its annotation to the argument of the class.
_TO_STR: Final[dict[bool, "attrs.Converter[Any, Any]"]] = {
    False: attrs.Converter(_to_str),
    True: attrs.Converter(_to_optional_str),
}


def without_none(hint: Any) -> tuple[Any, bool]:
    """Return an annotation without None, and whether None was in it."""
    if get_origin(hint) not in (Union, UnionType):
        return hint, False
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return (kinds[0] if len(kinds) == 1 else object), len(kinds) < len(get_args(hint))


def validator(
    accepted: str,
    test: _Test,
    error: _Error = InvalidValueError,
    *,
    wrong: str | None = None,
    members: type[Enum] | None = None,
) -> _Check:
    """Make a validator: a field must be what `accepted` says and `test` tests.

    Args:
        accepted: What the field accepts, in words.
        test: Tells whether a value is accepted.
        error: What to raise.
        wrong: What messages call a value that fails the test; by default, its kind.
        members: The enum whose closest member the message names.
    """

    def check(instance: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if not test(value):
            hint = closest_member(value, members) if members else None
            path = f"{type(instance).__name__}.{field.alias}"
            raise error(Fault.mismatch(path, wrong or kind_of(value), accepted, closest=hint))

    return check


def is_digits(value: object) -> bool:
    """Return whether a value is 1 to 20 ASCII digits, which is the form of RingCentral's account and extension ids."""
    return type(value) is str and value.isascii() and value.isdigit() and len(value) <= 20


def is_zoned(value: object) -> bool:
    """Return whether a value is a datetime with a zone, so that it names one moment everywhere."""
    return isinstance(value, datetime) and value.utcoffset() is not None


#: Validates a str field. RingCentral's API reads the id "~" as "the owner of the token": only digits name an account.
DIGITS: Final = validator(DIGITS_WORDS, is_digits)
#: Validates a datetime field.
ZONED: Final = validator(ZONED_WORDS, is_zoned, wrong="a datetime without one")


def to_utc(name: str, at: datetime) -> datetime:
    """Convert a time to UTC.

    Args:
        name: The argument's name, for the message.
        at: The time.

    Raises:
        InvalidValueError: It is not a datetime with a zone, or it is outside of the years 1 to 9999 in UTC.
    """
    require(is_zoned(at), name, "a datetime without one" if isinstance(at, datetime) else kind_of(at), ZONED_WORDS)  # pyright: ignore[reportUnnecessaryIsInstance]
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        value = "a time outside of the years 1 to 9999 in UTC"
        raise InvalidValueError(Fault.mismatch(name, value, ZONED_WORDS)) from error


def _accepts(kind: Any) -> tuple[str, _Test]:
    """Return a type in words, and a test for its instances that a `__class__` property cannot deceive."""
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
        return with_article(origin.__name__), lambda value: type(value) is origin
    return with_article(origin.__name__), lambda value: issubclass(type(value), origin)


def check_types(cls: type, /, **arguments: object) -> None:
    """Check that arguments are of a class. For enums, the message names the closest member.

    Raises:
        InvalidValueError: One of them is not.
    """
    accepted, test = _accepts(cls)
    for name, value in arguments.items():
        if not test(value):
            hint = closest_member(value, cls) if issubclass(cls, Enum) else None
            raise InvalidValueError(Fault.mismatch(name, kind_of(value), accepted, closest=hint))


def require(holds: bool, name: str, actual: str, accepted: str) -> None:  # noqa: FBT001
    """Check an argument.

    Args:
        holds: Whether it is accepted.
        name: The argument's name.
        actual: What it is, in words that show no string.
        accepted: What is accepted, in words.

    Raises:
        InvalidValueError: It is not accepted.
    """
    if not holds:
        raise InvalidValueError(Fault.mismatch(name, actual, accepted))


def _masked(value: object) -> str:
    return "None" if value is None else "<set>"


def _transform(error: _Error, _cls: type, fields: list[Any]) -> list[Any]:
    return [_checked(field, error) for field in fields]


def _checked(field: Any, error: _Error) -> object:
    kind, optional = without_none(field.type)
    words, test = _accepts(kind)
    accepted = field.metadata.get(ACCEPTED, f"{words} or None" if optional else words)
    member = get_args(kind)[0] if get_origin(kind) in (frozenset, tuple) else kind
    check = validator(accepted, test, error, members=member if isinstance(member, type(Enum)) else None)
    checks = validators.and_(check, field.validator) if field.validator else check
    return field.evolve(
        validator=validators.optional(checks) if optional else checks,
        converter=_TO_STR[optional] if kind is str and field.converter is None else field.converter,
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

    def __contains__(self, key: object) -> bool:
        return key in self._values

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
