"""Paths: the way from a request to one value, checked against the types."""

from collections.abc import Callable
from enum import Enum
from functools import cached_property
from keyword import iskeyword
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    NamedTuple,
    Union,
    cast,
    final,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import attrs

from .._fields import CHECKED, PRIVATE, PUBLIC, UNKNOWN_WHEN_NONE, kind_of, type_name, with_article, without_none
from .._values import Domain
from ..exceptions import InvalidPolicyError
from .truth import Failure, Missing

#: What attrs puts into every class that is frozen.
_FROZEN: Final = Domain.__setattr__


@final
class Hop(NamedTuple):
    """One step of a path: an attribute, or what a mapping holds under a key.

    Attributes:
        name: The attribute, or the key.
        kind: The declared type of its value, without None.
        optional: Whether None is expected.
        unknown_when_none: Whether None means that nobody supplied the value. Otherwise it means that the value does not exist.
        in_mapping: Whether it is a key of a mapping.
        checked: Whether the class that declares the attribute checks it when an instance is made.
    """

    name: str
    kind: Any
    optional: bool
    unknown_when_none: bool
    in_mapping: bool = False
    checked: bool = False


Hops = tuple[Hop, ...]


@final
@attrs.frozen
class Path:
    """The way from a request to one value.

    Attributes:
        private: Whether only `reveal` shows the value; for ids the kind of id.
        public: Whether its type declares that records need not mask it.
        kind: The declared type of the value, without None.
        trusted: Whether every hop was checked when the request was made. Otherwise values are checked when they are read.
        lasting: Whether the value stays as it was read: no mapping on the way can be changed by the host.
        exact: The type that a value has to have to be compared: `str`, `int`, `bool`, an enum or `frozenset`.
        member: The type of the members, if the value is a set.
        unknown: The member called `UNKNOWN` of an enum that has one.
    """

    request_type: type
    hops: Hops = ()
    private: bool | str = False
    public: bool = False

    def __str__(self) -> str:
        return ".".join(hop.name for hop in self.hops)

    @cached_property
    def identity(self) -> str:
        """The path in ASCII; for a context value with its type."""
        return f"{str(self)!a}:{self.kind.__name__}" if self.hops[-1].in_mapping else ascii(str(self))

    @cached_property
    def kind(self) -> Any:
        return self.hops[-1].kind if self.hops else self.request_type

    @cached_property
    def trusted(self) -> bool:
        return is_trusted(self.hops)

    @cached_property
    def lasting(self) -> bool:
        return not self.hops[-1].in_mapping or is_trusted(self.hops[:-1])

    @cached_property
    def exact(self) -> Any:
        return frozenset if get_origin(self.kind) is frozenset else self.kind if is_scalar(self.kind) else None

    @cached_property
    def unknown(self) -> object:
        return self.kind.__members__.get("UNKNOWN") if isinstance(self.kind, type(Enum)) else None

    @cached_property
    def member(self) -> Any:
        return get_args(self.kind)[0] if get_origin(self.kind) is frozenset else None

    @cached_property
    def shows_value(self) -> bool:
        """Whether evidence shows the value itself: of enums, sets of these and bools, unless they are private."""
        return not self.private and (self.kind is bool or isinstance(self.member or self.kind, type(Enum)))

    @cached_property
    def shows_number(self) -> bool:
        """Whether evidence shows the value itself, which is a number that is neither private nor of the context."""
        return not self.private and not self.hops[-1].in_mapping and self.kind in (int, float)

    def then(self, name: str) -> "Path":
        """Return the path that goes one attribute further.

        Raises:
            InvalidPolicyError: The type declares no such attribute, is no frozen attrs class, or the name is no plain
                Python identifier.
        """
        owner = self.kind
        if not attrs.has(owner):
            raise InvalidPolicyError(
                f"{str(self) or 'a request'}, {with_article(name_of(owner))}, has no fact {name!r}"
            )
        if owner.__setattr__ is not _FROZEN:
            raise InvalidPolicyError(f"facts are read from frozen attrs classes, which {name_of(owner)} is not")
        field = attrs.fields_dict(owner).get(name)
        if field is None:
            names = ", ".join(attrs.fields_dict(owner))
            raise InvalidPolicyError(f"{owner.__name__} has no fact {name!r}, only {names}")
        if not _is_plain_name(name):
            raise InvalidPolicyError(f"{owner.__name__}.{name} is no fact: its name must be a plain identifier")
        try:
            hint = get_type_hints(owner)[name] if isinstance(field.type, str) else field.type
        except NameError as error:
            raise InvalidPolicyError(f"{owner.__name__}.{name} is a {field.type!r}, which means nothing") from error
        kind, optional = without_none(without_annotations(hint))
        marks = field.metadata
        checked = (
            marks.get(CHECKED, False) and not cast("Any", field).inherited
        )  # a subclass of the host's may have another __init__
        hop = Hop(name, kind, optional, marks.get(UNKNOWN_WHEN_NONE, False), checked=checked)
        private = self.private or marks.get(PRIVATE, False)
        return Path(self.request_type, (*self.hops, hop), private, marks.get(PUBLIC, False))

    def into(self, key: str, kind: type) -> "Path":
        """Return the path to what a mapping holds under `key`, of type `kind`; unknown if it holds nothing."""
        hop = Hop(key, kind, optional=True, unknown_when_none=True, in_mapping=True)
        return Path(self.request_type, (*self.hops, hop), self.private)

    def read(self, request: object) -> object:
        """Read the value of a request: the value, `Missing`, or the `Failure` to read it. It never raises."""
        try:
            trusted = self.trusted and type(request) is self.request_type
            value: Any = request
            for hop in self.hops:
                value = value.get(hop.name) if hop.in_mapping else getattr(value, hop.name)
                if value is None:
                    return Missing.UNKNOWN if hop.unknown_when_none else Missing.ABSENT
                if not trusted and not fits(value, hop.kind):
                    return Failure.of_type(value, words_for(hop.kind))
        except Exception as error:  # noqa: BLE001  a host's type may raise anything when it is read
            return Failure.of_exception(error)
        return Missing.UNKNOWN if self.unknown is not None and value is self.unknown else value


def has_its_own_equality(kind: Any) -> bool:
    """Return whether values are compared by an `__eq__` or `__hash__` of the host's, which may answer differently each time."""
    if get_origin(kind) is frozenset:
        return has_its_own_equality(get_args(kind)[0])
    return isinstance(kind, type(Enum)) and (kind.__eq__, kind.__hash__) not in _PLAIN_EQUALITY


_PLAIN_EQUALITY: Final = tuple((each.__eq__, each.__hash__) for each in (object, Enum, str, int))


def words_for(kind: Any) -> str:
    """Return the name of a declared type, with its article, and with the members of a set."""
    if get_origin(kind) is frozenset:
        return (
            f"a frozenset of {type_name(get_args(kind)[0])}" if isinstance(get_args(kind)[0], type) else "a frozenset"
        )
    return with_article(type_name(kind))


def without_annotations(hint: Any) -> Any:
    """Return what `Annotated` annotates, also inside a union with None."""
    if get_origin(hint) is Annotated:
        return without_annotations(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return Union[tuple(map(without_annotations, get_args(hint)))]  # noqa: UP007  the members are computed
    return hint


def is_trusted(hops: Hops) -> bool:
    """Return whether every value on the way was checked when the request was made."""
    return all(hop.checked for hop in hops)


def fits(value: object, kind: Any) -> bool:
    """Return whether a value is of a declared type. A type that cannot be checked accepts every value."""
    if get_origin(kind) is frozenset:
        member = get_args(kind)[0]
        return type(value) is frozenset and all(fits(each, member) for each in cast("frozenset[object]", value))
    if is_scalar(kind):
        return type(value) is kind
    # Type checkers accept an int for a float.
    return not is_checkable(kind) or issubclass(type(value), (float, int) if kind is float else kind)


def is_checkable(kind: Any) -> bool:
    """Return whether the type of a value can be held against an annotation: a class, but no Protocol or TypedDict."""
    return (
        isinstance(kind, type)
        and kind is not Any
        and get_origin(kind) is None
        and not getattr(kind, "_is_protocol", False)
        and not is_typeddict(kind)
    )


def _is_plain_name(name: str) -> bool:
    """Return whether a name means itself in source code. Python reads other names in their normal form, NFKC."""
    return name.isidentifier() and not iskeyword(name) and (name.isascii() or _is_normal(name))


def _is_normal(name: str) -> bool:
    from unicodedata import is_normalized  # noqa: PLC0415  only other alphabets need it

    return is_normalized("NFKC", name)


class _Recorder:
    """A stand-in for a request, or a part of one, that records which attributes a fact's lambda reads."""

    __slots__ = ("end__",)

    def __init__(self, end: Path) -> None:
        self.end__ = end

    def __getattr__(self, name: str) -> "_Recorder":
        return _Recorder(self.end__.then(name))

    def __getitem__(self, key: object) -> "_Recorder":
        raise InvalidPolicyError(
            f"{self.end__} is not read with []: for a value of the context write context(key, type)"
        )

    def __bool__(self) -> bool:
        raise InvalidPolicyError(f"{self.end__} has no value here: write the test as a condition, not in the lambda")


def record(start: Path, way: Callable[[Any], object]) -> Path:
    """Call `way` once with a recorder and return the path that it read.

    Raises:
        InvalidPolicyError: It did something else than read attributes, or read none.
    """
    if not callable(way):
        raise InvalidPolicyError(f"a fact is named by a function such as lambda r: r.agent.enabled, got {kind_of(way)}")
    try:
        end = way(_Recorder(start))
    except InvalidPolicyError:
        raise
    except Exception as error:
        raise InvalidPolicyError(f"a fact only reads attributes, but this one raised {type(error).__name__}") from error
    if type(end) is not _Recorder:
        raise InvalidPolicyError(f"a fact must return an attribute of its argument, got {kind_of(end)}")
    if end.end__ == start:
        raise InvalidPolicyError("a fact must read at least one attribute, as lambda r: r.agent.enabled does")
    return end.end__


def is_scalar(kind: Any) -> bool:
    """Return whether values of a type can be compared with constants."""
    return kind in (str, int, bool) or isinstance(kind, type(Enum))


def is_comparable(kind: Any) -> bool:
    """Return whether values of a type can be compared with each other: scalars, and sets of these."""
    return is_comparable(get_args(kind)[0]) if get_origin(kind) is frozenset else is_scalar(kind)


def name_of(kind: Any) -> str:
    """Return the name of a type for a message."""
    return str(getattr(kind, "__name__", kind))
