"""Facts: the words in which conditions are written."""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, Generic, TypeVar, final

import attrs

from ._conditions import Condition, same_request_type
from ._fields import a, closest, is_collection, kind_of, plain
from ._paths import Path, is_comparable, is_scalar, name_of, record
from ._request import EscalationRequest
from ._tests import Test
from .exceptions import InvalidPolicyError

Q = TypeVar("Q")
V = TypeVar("V")
W = TypeVar("W")
M = TypeVar("M")
C = TypeVar("C", str, int, bool)


@final
@attrs.frozen(eq=False, repr=False)
class Fact(Generic[Q, V]):
    """One named value of a request, such as `agent.ringcentral.extension_id`, on which tests are made.

    Where the value is absent only `is_set()` answers; where it is unknown, nothing does.
    """

    path: Path

    def then(self, way: Callable[[V], W | None]) -> "Fact[Q, W]":
        """Goes on to a fact of this fact's value; absent or unknown where this one is.

        Raises:
            InvalidPolicyError: The value has no such fact.
        """
        return Fact(record(self.path, way))

    def equals(self, value: "V | Fact[Q, V]") -> Condition[Q]:
        """Is true when the value equals a constant (a str, int, bool or enum member), or another fact's value."""
        return self._compared("equals", value, self.path.kind, _constant)

    def one_of(self, values: Iterable[V]) -> Condition[Q]:
        """Is true when the value is among these constants."""
        return self._test("one_of", _constants(self.path, self.path.kind, values))

    def contains(self: "Fact[Q, frozenset[M]]", member: "M | Fact[Q, M]") -> Condition[Q]:
        """Is true when this set holds the constant, or the other fact's value."""
        return self._compared("contains", member, _member_kind(self.path), _constant)

    def subset_of(self: "Fact[Q, frozenset[M]]", members: "Iterable[M] | Fact[Q, frozenset[M]]") -> Condition[Q]:
        """Is true when this set holds nothing but these constants, or nothing that the other fact's set does not."""
        return self._compared("subset_of", members, _member_kind(self.path), _constants)

    def is_set(self) -> Condition[Q]:
        """Is true when there is a value, false when there is none, and undecided when we were not told."""
        return self._test("is_set")

    def is_true(self: "Fact[Q, bool]") -> Condition[Q]:
        """Is true when the value is True, and false when it is False."""
        if self.path.kind is not bool:
            raise InvalidPolicyError(f"{self.path} is {a(name_of(self.path.kind))}, only a bool can be true")
        return self._test("is_true")

    def satisfies(self, name: str, fn: Callable[[V], bool], *, version: str | None = None) -> Condition[Q]:
        """Is true when `fn` says so.

        Args:
            name: What it asks, in words; with `version`, what identifies it.
            fn: A pure function of the value. Anything but a bool, and anything it raises, is an error: not met.
            version: Change it whenever `fn` comes to mean something else.
        """
        return _opaque(self.path.request_type, Test("satisfies", (self.path,), fn, name, version))

    def _test(self, kind: str, operand: object = None) -> Condition[Q]:
        return Condition(self.path.request_type, (Test(kind, (self.path,), operand),))

    def _compared(self, kind: str, value: object, expected: object, constant: Callable[..., object]) -> Condition[Q]:
        """Compare with another fact of the same type, or else with the constant that `constant` makes of the value."""
        if not isinstance(value, Fact):
            return self._test(kind, constant(self.path, expected, value))
        if self.path.exact is None:
            raise InvalidPolicyError(f"{self.path} is {a(name_of(self.path.kind))}, which is compared part by part")
        if self.path.member is not None:
            _member_kind(self.path)
        other = value.path
        actual = other.member if kind == "subset_of" else other.kind
        same_request_type((self.path, other))
        if expected != actual:
            kinds = f"{a(name_of(expected))} with {a(name_of(actual))}"
            raise InvalidPolicyError(f"{self.path} cannot be compared with {other}: {kinds}")
        return Condition(self.path.request_type, (Test(kind, (self.path, other)),))

    def __bool__(self) -> bool:
        raise InvalidPolicyError(f"{self.path} is a fact, not its value: test it, as with is_set() or equals()")

    def __repr__(self) -> str:
        return f"<fact: {self.path}>"


@final
class Facts(Generic[Q]):
    """The facts of one type of request, which is a frozen attrs class made of such classes.

    Call it with a lambda that reads an attribute: `fact(lambda r: r.agent.enabled)`. The lambda runs once, against a
    recorder, and where it leads is checked against the types: a name that does not exist fails here.
    """

    __slots__ = ("_start",)

    def __init__(self, request_type: type[Q]) -> None:
        self._start: Final = Path(request_type)

    def __call__(self, way: Callable[[Q], V | None]) -> Fact[Q, V]:
        """Names the fact to which `way` leads; see the class."""
        return Fact(record(self._start, way))

    def context(self, key: str, kind: type[C]) -> Fact[Q, C]:
        """Names what the host passes in the request's `context` under `key`; unknown where it is not given.

        Args:
            key: Any non-empty str.
            kind: `str`, `int` or `bool`. A value of another type is an error when decided, a bool for an int too.
        """
        if type(key) is not str or key == "":
            raise InvalidPolicyError(f"a context key must be a non-empty str, got {kind_of(key)}")
        if kind not in (str, int, bool):
            raise InvalidPolicyError(f"a context value is a str, int or bool, not {kind!r}")
        return Fact(self._start.then("context").into(key, kind))

    def predicate(self, name: str, fn: Callable[[Q], bool], *, version: str | None = None) -> Condition[Q]:
        """Asks a question about the whole request that no fact answers; the last resort, since nothing can see into it.

        Takes what `Fact.satisfies()` takes, but `fn` is given the request.
        """
        return _opaque(self._start.request_type, Test("predicate", (), fn, name, version))


fact: Final = Facts(EscalationRequest)
context: Final = fact.context
predicate: Final = fact.predicate


def _opaque(request_type: type[Q], test: Test) -> Condition[Q]:
    """Check what identifies an opaque test: its name and its version."""
    if type(test.name) is not str or test.name == "":  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPolicyError(f"the name of a predicate must be a non-empty str, got {kind_of(test.name)}")
    if not isinstance(test.version, str | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPolicyError(f"the version of a predicate must be a str or None, got {kind_of(test.version)}")
    if not callable(test.operand):
        raise InvalidPolicyError(f"{test.name!r} must be decided by a function, got {kind_of(test.operand)}")
    return Condition(request_type, (test,))


def _member_kind(path: Path) -> object:
    if path.member is None:
        raise InvalidPolicyError(f"{path} is {a(name_of(path.kind))}, no set")
    if not is_comparable(path.member):
        raise InvalidPolicyError(f"{path} holds values of {name_of(path.member)}, which are compared part by part")
    if isinstance(path.member, type(Enum)) and "UNKNOWN" in path.member.__members__:
        raise InvalidPolicyError(f"{path} may hold {path.member.__name__}.UNKNOWN, so that no test of it can be sure")
    return path.member


def _constant(path: Path, kind: Any, value: object) -> object:
    if kind is str and isinstance(value, str) and not isinstance(value, Enum):
        return plain(value)
    if not is_scalar(kind):
        raise InvalidPolicyError(f"{path} is {a(name_of(kind))}, which cannot be compared with a constant")
    if value is None:
        raise InvalidPolicyError(f"{path} cannot be compared with None: ask is_set(), or ~ of it")
    if type(value) is not kind:
        raise InvalidPolicyError(
            f"{path} is compared with {a(kind.__name__)}, got {kind_of(value)}{_hint(kind, value)}"
        )
    if isinstance(value, Enum) and value.name == "UNKNOWN":
        raise InvalidPolicyError(f"{path} cannot be compared with UNKNOWN: what is unknown equals nothing")
    return value


def _hint(kind: Any, value: object) -> str:
    """Name the member that a wrong str most likely stands for."""
    names = {str(member.value): member.name for member in kind} if isinstance(kind, type(Enum)) else {}
    key = closest(value, names)
    return f" (did you mean {kind.__name__}.{names[key]}?)" if key else ""


def _constants(path: Path, kind: object, values: Iterable[object]) -> frozenset[object]:
    if not is_collection(values):
        raise InvalidPolicyError(f"{path} is compared with a collection, got {kind_of(values)}")
    constants = frozenset(_constant(path, kind, value) for value in values)
    if not constants:
        raise InvalidPolicyError(f"{path} is compared with a collection that is empty: nothing could ever be in it")
    return constants
