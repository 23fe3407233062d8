"""Where a fact stands: the way from a request to one value, written down once and checked against the types."""

from collections.abc import Callable
from enum import Enum
from functools import cached_property
from typing import Any, Final, NamedTuple, final, get_args, get_origin, get_type_hints

import attrs

from ._fields import CHECKED, PRIVATE, PUBLIC, UNKNOWN_WHEN_NONE, a, kind_of, without_none
from ._truth import MismatchError, Truth
from ._values import Domain
from .exceptions import InvalidPolicyError

#: What attrs puts into every class that is frozen.
_FROZEN: Final = Domain.__setattr__


@final
class Hop(NamedTuple):
    """One stop on the way: an attribute, or what a mapping holds under a name.

    Attributes:
        optional: Whether None can stand there.
        unknown_when_none: Whether that None says "we were not told"; otherwise it says "there is none".
    """

    name: str
    optional: bool
    unknown_when_none: bool
    in_mapping: bool = False


@final
@attrs.frozen
class Path:
    """The way from a request to one value.

    Attributes:
        kind: The type of the value, without None.
        private: Whether it is shown to nobody who did not ask for it, or of which kind of such it is.
        trusted: Whether the last attribute was checked against its annotation when the request was made.
        public: Whether its type declares that it need not be masked in a record.
        exact: The type that a comparable value has to have: `str`, `int`, `bool`, an enum or `frozenset`.
        member: The type of what the value holds, where it is a set.
        unknown: The member called `UNKNOWN`, where the value is of an enum that has one.
        promised: Whether the value's type is only a promise, checked whenever it is read.
    """

    request_type: type
    hops: tuple[Hop, ...] = ()
    kind: Any = None
    private: bool | str = False
    trusted: bool = False
    public: bool = False

    def __str__(self) -> str:
        return ".".join(hop.name for hop in self.hops)

    def identity(self) -> str:
        """Gives the path in ASCII; for a context value with its type."""
        return f"{str(self)!a}:{self.kind.__name__}" if self.hops[-1].in_mapping else ascii(str(self))

    @cached_property
    def exact(self) -> Any:
        return frozenset if get_origin(self.kind) is frozenset else self.kind if is_scalar(self.kind) else None

    @cached_property
    def promised(self) -> bool:
        return self.exact is not None and (self.hops[-1].in_mapping or not self.trusted)

    @cached_property
    def unknown(self) -> object:
        return self.kind.__members__.get("UNKNOWN") if isinstance(self.kind, type(Enum)) else None

    @cached_property
    def member(self) -> Any:
        return get_args(self.kind)[0] if get_origin(self.kind) is frozenset else None

    def then(self, name: str) -> "Path":
        """Goes one attribute further; a name that the type does not declare is an `InvalidPolicyError`."""
        owner = self.kind if self.hops else self.request_type
        if not attrs.has(owner):
            raise InvalidPolicyError(f"{str(self) or 'a request'}, {a(name_of(owner))}, has no fact {name!r}")
        if owner.__setattr__ is not _FROZEN:
            raise InvalidPolicyError(f"facts are read from frozen attrs classes, which {name_of(owner)} is not")
        field = attrs.fields_dict(owner).get(name)
        if field is None:
            known = ", ".join(attrs.fields_dict(owner))
            raise InvalidPolicyError(f"{owner.__name__} has no fact {name!r}, only {known}")
        try:
            hint = get_type_hints(owner)[name] if isinstance(field.type, str) else field.type
        except NameError as error:
            raise InvalidPolicyError(f"{owner.__name__}.{name} is a {field.type!r}, which means nothing") from error
        kind, optional = without_none(hint)
        marks = field.metadata
        hop = Hop(name, optional, marks.get(UNKNOWN_WHEN_NONE, False))
        private = self.private or marks.get(PRIVATE, False)
        trusted = marks.get(CHECKED, False)
        return Path(self.request_type, (*self.hops, hop), kind, private, trusted, marks.get(PUBLIC, False))

    def into(self, key: str, kind: type) -> "Path":
        """Goes on to what a mapping holds under `key`, of type `kind`; unknown where it holds nothing."""
        hop = Hop(key, optional=True, unknown_when_none=True, in_mapping=True)
        return Path(self.request_type, (*self.hops, hop), kind, self.private, self.trusted)

    def read(self, request: object) -> object:
        """Reads the value, or `Truth.ABSENT` or `Truth.UNKNOWN` where it is missing.

        Raises:
            MismatchError: The value is of another type than it was promised to be.
        """
        value: Any = request
        for hop in self.hops:
            value = value.get(hop.name) if hop.in_mapping else getattr(value, hop.name)
            if value is None:
                return Truth.UNKNOWN if hop.unknown_when_none else Truth.ABSENT
        if self.promised and type(value) is not self.exact:
            raise MismatchError(value, self.exact, fact=str(self))
        return Truth.UNKNOWN if self.unknown is not None and value is self.unknown else value


class _Recorder:
    """Stands in for a request (or a part of one) while a fact's lambda runs, and writes down where it went."""

    __slots__ = ("end__",)

    def __init__(self, end: Path) -> None:
        self.end__ = end

    def __getattr__(self, name: str) -> "_Recorder":
        return _Recorder(self.end__.then(name))

    def __getitem__(self, key: object) -> "_Recorder":
        raise InvalidPolicyError(f"{self.end__} is a mapping, whose values are facts made by context(key, type)")

    def __bool__(self) -> bool:
        raise InvalidPolicyError(f"{self.end__} has no value yet: write the test as a condition, not in the lambda")


def record(start: Path, way: Callable[[Any], object]) -> Path:
    """Runs `way` once against a recorder and returns where it led.

    Raises:
        InvalidPolicyError: It led nowhere, or did something else than read attributes.
    """
    if not callable(way):
        raise InvalidPolicyError(f"a fact is named by a function such as lambda r: r.agent.enabled, got {kind_of(way)}")
    try:
        end = way(_Recorder(start))
    except InvalidPolicyError:
        raise
    except Exception as error:
        raise InvalidPolicyError(f"a fact only reads attributes, but this one raised {type(error).__name__}") from error
    if type(end) is not _Recorder or end.end__ == start:
        found = "where it began" if type(end) is _Recorder else kind_of(end)
        raise InvalidPolicyError(f"a fact must lead to an attribute of the request, got {found}")
    return end.end__


def is_scalar(kind: Any) -> bool:
    """Says whether values of a type can be compared with constants."""
    return kind in (str, int, bool) or isinstance(kind, type(Enum))


def name_of(kind: Any) -> str:
    """Names a type as a reader would."""
    return str(getattr(kind, "__name__", kind))
