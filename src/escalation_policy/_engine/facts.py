"""Facts: the vocabulary of conditions."""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, Generic, TypeVar, final

import attrs

from .._fields import closest_member, exact_str, is_collection, kind_of, with_article
from .._request import EscalationRequest
from ..exceptions import InvalidPolicyError
from .conditions import Condition, same_request_type
from .paths import Path, is_comparable, is_scalar, name_of, record
from .tests import Test

Q = TypeVar("Q")
V = TypeVar("V")
W = TypeVar("W")
M = TypeVar("M")
C = TypeVar("C", str, int, bool)


@final
@attrs.frozen(eq=False, repr=False)
class Fact(Generic[Q, V]):
    """One named value of a request, such as `agent.ringcentral.extension_id`, on which tests are made.

    If the value is absent, only `is_set()` has an answer; if it is unknown, no test has one.
    """

    path: Path

    def then(self, way: Callable[[V], W | None]) -> "Fact[Q, W]":
        """Return a fact of this fact's value; absent or unknown if this one is.

        Raises:
            InvalidPolicyError: The value has no such fact.
        """
        return Fact(record(self.path, way))

    def equals(self, value: "V | Fact[Q, V]") -> Condition[Q]:
        """Test whether the value equals a constant (a str, int, bool or enum member), or another fact's value."""
        return self._compared("equals", value, self.path.kind, _constant)

    def one_of(self, values: Iterable[V]) -> Condition[Q]:
        """Test whether the value is one of these constants."""
        return self._test("one_of", _constants(self.path, self.path.kind, values))

    def contains(self: "Fact[Q, frozenset[M]]", member: "M | Fact[Q, M]") -> Condition[Q]:
        """Test whether this set contains the constant, or the other fact's value."""
        return self._compared("contains", member, _member_kind(self.path), _constant)

    def subset_of(self: "Fact[Q, frozenset[M]]", members: "Iterable[M] | Fact[Q, frozenset[M]]") -> Condition[Q]:
        """Test whether this set is a subset of these constants, or of the other fact's set."""
        return self._compared("subset_of", members, _member_kind(self.path), _constants)

    def is_set(self) -> Condition[Q]:
        """Test whether there is a value: true if there is, false if it is absent, undecided if it is unknown."""
        return self._test("is_set")

    def is_true(self: "Fact[Q, bool]") -> Condition[Q]:
        """Test whether the value is True."""
        if self.path.kind is not bool:
            raise InvalidPolicyError(f"{self.path} is {with_article(name_of(self.path.kind))}, only a bool can be true")
        return self._test("is_true")

    def satisfies(self, name: str, fn: Callable[[V], bool], *, version: str | None = None) -> Condition[Q]:
        """Test the value with a function.

        Args:
            name: What it tests, in words. Name and version identify the test.
            fn: A pure function of the value that returns a bool. Another result, or an exception, is an error: not met.
            version: Change it whenever the meaning of `fn` changes.
        """
        return _opaque(self.path.request_type, Test("satisfies", (self.path,), fn, name, version))

    def _test(self, kind: str, operand: object = None) -> Condition[Q]:
        return Condition(self.path.request_type, (Test(kind, (self.path,), operand),))

    def _compared(self, kind: str, value: object, expected: object, constant: Callable[..., object]) -> Condition[Q]:
        """Compare with another fact of the same type, or else with the constant that `constant` makes of the value."""
        if not isinstance(value, Fact):
            return self._test(kind, constant(self.path, expected, value))
        if self.path.exact is None:
            raise InvalidPolicyError(
                f"{self.path} is {with_article(name_of(self.path.kind))}, which is compared part by part"
            )
        if self.path.member is not None:
            _member_kind(self.path)
        other = value.path
        actual = other.member if kind == "subset_of" else other.kind
        same_request_type((self.path, other))
        if expected != actual:
            kinds = f"{with_article(name_of(expected))} with {with_article(name_of(actual))}"
            raise InvalidPolicyError(f"{self.path} cannot be compared with {other}: {kinds}")
        return Condition(self.path.request_type, (Test(kind, (self.path, other)),))

    def __bool__(self) -> bool:
        raise InvalidPolicyError(f"{self.path} is a fact, not its value: test it, as with is_set() or equals()")

    def __repr__(self) -> str:
        return f"<fact: {self.path}>"


@final
class Facts(Generic[Q]):
    """The facts of one type of request: a frozen attrs class whose parts are such classes too.

    Call it with a lambda that reads an attribute: `fact(lambda r: r.agent.enabled)`. The lambda runs once, against a
    recorder, and where it leads is checked against the types: a name that does not exist fails here.
    """

    __slots__ = ("_start",)

    def __init__(self, request_type: type[Q]) -> None:
        self._start: Final = Path(request_type)

    def __call__(self, way: Callable[[Q], V | None]) -> Fact[Q, V]:
        """Return the fact that `way` reads; see the class."""
        return Fact(record(self._start, way))

    def context(self, key: str, kind: type[C]) -> Fact[Q, C]:
        """Return what the host passes in the request's `context` under `key`; unknown if it passes nothing.

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
        """Test the whole request with a function. The last resort: nothing can look into it.

        The arguments are those of `Fact.satisfies()`, but `fn` gets the request.
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
        raise InvalidPolicyError(f"{path} is {with_article(name_of(path.kind))}, no set")
    if not is_comparable(path.member):
        raise InvalidPolicyError(f"{path} holds values of {name_of(path.member)}, which are compared part by part")
    if isinstance(path.member, type(Enum)) and "UNKNOWN" in path.member.__members__:
        raise InvalidPolicyError(f"{path} may hold {path.member.__name__}.UNKNOWN, so that no test of it can be sure")
    return path.member


def _constant(path: Path, kind: Any, value: object) -> object:
    if kind is str and isinstance(value, str) and not isinstance(value, Enum):
        return exact_str(value)
    if not is_scalar(kind):
        raise InvalidPolicyError(f"{path} is {with_article(name_of(kind))}, which cannot be compared with a constant")
    if value is None:
        raise InvalidPolicyError(f"{path} cannot be compared with None: ask is_set(), or ~ of it")
    if type(value) is not kind:
        member = closest_member(value, kind) if isinstance(kind, type(Enum)) else None
        hint = f" (did you mean {member}?)" if member else ""
        raise InvalidPolicyError(f"{path} is compared with {with_article(kind.__name__)}, got {kind_of(value)}{hint}")
    if isinstance(value, Enum) and value.name == "UNKNOWN":
        raise InvalidPolicyError(f"{path} cannot be compared with UNKNOWN: what is unknown equals nothing")
    return value


def _constants(path: Path, kind: object, values: Iterable[object]) -> frozenset[object]:
    if not is_collection(values):
        raise InvalidPolicyError(f"{path} is compared with a collection, got {kind_of(values)}")
    constants = frozenset(_constant(path, kind, value) for value in values)
    if not constants:
        raise InvalidPolicyError(f"{path} is compared with a collection that is empty: nothing could ever be in it")
    return constants
