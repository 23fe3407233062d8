"""Where a fact stands: the way from a request to one value, written down once and checked against the types."""

from collections.abc import Callable
from enum import Enum
from types import UnionType
from typing import Any, Union, cast, final, get_args, get_origin, get_type_hints

import attrs

from ._values import PRIVATE, UNKNOWN_WHEN_NONE, a, kind_of
from .exceptions import InvalidPolicyError


@final
class Missing(Enum):
    """Why there is no value at the end of a path."""

    ABSENT = "not set"
    UNKNOWN = "unknown"


@final
class MismatchError(TypeError):
    """A value is not of the type it was promised to be; says so without showing it."""

    def __init__(self, found: object, promised: type, promise: object = None) -> None:
        super().__init__(f"{kind_of(found)}, not {a(promised.__name__)}")
        self.promise = promise


@final
@attrs.frozen
class Hop:
    """One attribute on the way: whether None can stand there, and whether that None says "we were not told"."""

    name: str
    optional: bool
    unknown_when_none: bool


@final
@attrs.frozen
class Path:
    """The way from a request to one value.

    Attributes:
        kind: The type of the value, without None; `frozenset` for sets, whose members' type is `member`.
        key: The name of a context value, where the path leads into the context.
        unknown: The member called `UNKNOWN`, where the value is of an enum that has one.
    """

    request_type: type
    hops: tuple[Hop, ...] = ()
    kind: Any = None
    private: bool = False
    key: str | None = None

    def __str__(self) -> str:
        return ".".join(stop if isinstance(stop, str) else stop.name for stop in self.way)

    @property
    def way(self) -> tuple[Hop | str, ...]:
        """All stops, the key of a context value included."""
        return self.hops if self.key is None else (*self.hops, self.key)

    @property
    def unknown(self) -> object:
        return self.kind.__members__.get("UNKNOWN") if isinstance(self.kind, type(Enum)) else None

    @property
    def member(self) -> Any:
        return get_args(self.kind)[0] if get_origin(self.kind) is frozenset else None

    def then(self, name: str) -> "Path":
        """Goes one attribute further; a name that the type does not declare is an `InvalidPolicyError`."""
        owner = self.kind if self.hops else self.request_type
        if not attrs.has(owner):
            raise InvalidPolicyError(f"{self} is {a(_name(owner))} and has no fact {name!r}; read it with satisfies()")
        field = attrs.fields_dict(owner).get(name)
        if field is None:
            known = ", ".join(attrs.fields_dict(owner))
            raise InvalidPolicyError(f"{owner.__name__} has no fact {name!r}, only {known}")
        hint = get_type_hints(owner)[name] if isinstance(field.type, str) else field.type
        kind, optional = _without_none(hint)
        unknown_when_none = field.metadata.items() >= UNKNOWN_WHEN_NONE.items()
        private = self.private or field.metadata.items() >= PRIVATE.items()
        return Path(self.request_type, (*self.hops, Hop(name, optional, unknown_when_none)), kind, private)

    def into(self, key: str, kind: type) -> "Path":
        """Goes on to the context value called `key`, of type `kind`."""
        return attrs.evolve(self, key=key, kind=kind)

    def read(self, request: object) -> object:
        """Reads the value, or `Missing`.

        Raises:
            MismatchError: A context value is of another type than declared.
        """
        value: Any = request
        for hop in self.hops:
            value = getattr(value, hop.name)
            if value is None:
                return Missing.UNKNOWN if hop.unknown_when_none else Missing.ABSENT
        if self.key is not None:
            if self.key not in value:
                return Missing.UNKNOWN
            value = value[self.key]
            if type(value) is not self.kind:
                raise MismatchError(value, self.kind)
        return Missing.UNKNOWN if self.unknown is not None and value is self.unknown else value


class _Recorder:
    """Stands in for a request (or a part of one) while a fact's lambda runs, and writes down where it went."""

    __slots__ = ("__path",)

    def __init__(self, path: Path) -> None:
        self.__path = path

    def __getattr__(self, name: str) -> "_Recorder":
        return _Recorder(self.__path.then(name))

    def __bool__(self) -> bool:
        raise InvalidPolicyError(f"{self.__path} has no value yet: write the test as a condition, not in the lambda")

    @staticmethod
    def path_of(recorder: "_Recorder") -> Path:
        return recorder.__path


def record(start: Path, way: Callable[[Any], object]) -> Path:
    """Runs `way` once against a recorder and returns where it led.

    Raises:
        InvalidPolicyError: It led nowhere, or did something else than read attributes.
    """
    try:
        end = way(_Recorder(start))
    except InvalidPolicyError:
        raise
    except Exception as error:
        raise InvalidPolicyError(f"a fact only reads attributes, but this one raised {type(error).__name__}") from error
    if type(end) is not _Recorder or (path := _Recorder.path_of(end)) == start:
        raise InvalidPolicyError(f"a fact must lead to an attribute of the request, got {a(type(end).__name__)}")
    return path


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, UnionType):
        return hint, False
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return (kinds[0] if len(kinds) == 1 else object), len(kinds) < len(get_args(hint))


def _name(kind: Any) -> str:
    return cast("str", getattr(kind, "__name__", str(kind)))
