"""What conditions can distinguish in agents and channels. Those between which they cannot are one class."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast, final

from .._engine.conditions import Condition
from .._engine.folding import fold
from .._engine.paths import Hops, Path
from .._engine.tests import Test

T = TypeVar("T")

#: Stands for any value that makes no difference.
_OTHER: Final = object()
#: The values of a fact that make a difference. None: each one does.
_Named: TypeAlias = frozenset[object] | None


@final
class Distinction(Generic[T]):
    """What conditions can distinguish in the values of one part of a request.

    A value that is only compared with facts that can have any value, such as the id of an agent, makes no difference:
    what is true of one request is true of another one in which that value is exchanged everywhere.

    Args:
        part: The fact of the part. Its class, and the classes of its parts, check their fields.
        conditions: Over one type of request.
        partners: Returns the values that another fact can have. None: any value.

    Attributes:
        key: Returns a key of a value. For values with one key, each condition has the same truth, also if it is
            undecided, in all requests that differ in nothing else.
    """

    def __init__(
        self,
        part: Path,
        conditions: Sequence[Condition[Any]],
        partners: Callable[[Path], Iterable[object] | None],
    ) -> None:
        self._part: Final = part
        self._conditions: Final = conditions
        self._named: Final = _named(part, conditions, partners)
        self.key: Final[Callable[[T], tuple[object, ...]]] = _key_of(
            [(self._below(path), named) for path, named in self._named.items()]
        )

    def classes(self, values: Iterable[T]) -> dict[tuple[object, ...], tuple[T, ...]]:
        """Divide values into classes. For those of one class, each condition is met by the same requests.

        Returns:
            The classes. The key of each says, for each condition, whether it is met, or if that depends on more than the
            part, what distinguishes these values in it.
        """
        by_key: dict[object, list[T]] = {}
        by_answers: dict[tuple[object, ...], list[T]] = {}
        for value in values:
            key = self.key(value)
            members = by_key.get(key)
            if members is None:
                members = by_key[key] = by_answers.setdefault(self._answers(value), [])
            members.append(value)
        return {answers: tuple(members) for answers, members in by_answers.items()}

    def _answers(self, value: T) -> tuple[object, ...]:
        rests = fold(self._conditions, {self._part: value})
        return tuple(
            [
                rest if isinstance(rest, bool) else self._answers_of_tests(condition, value)
                for condition, rest in zip(self._conditions, rests, strict=True)
            ]
        )

    def _answers_of_tests(self, condition: Condition[Any], value: T) -> tuple[object, ...]:
        tests = condition.tests
        rests = fold([Condition(condition.request_type, (test,)) for test in tests], {self._part: value})
        return tuple(
            [
                rest if isinstance(rest, bool) else tuple(self._compared(test, value))
                for test, rest in zip(tests, rests, strict=True)
            ]
        )

    def _compared(self, test: Test, value: T) -> Iterator[object]:
        for path in test.paths:
            if path in self._named:
                yield _shared(Path(self._part.kind, self._below(path)).read(value), self._named[path])

    def _below(self, path: Path) -> Hops:
        return path.hops[len(self._part.hops) :]


def _named(
    part: Path, conditions: Sequence[Condition[Any]], partners: Callable[[Path], Iterable[object] | None]
) -> dict[Path, _Named]:
    """Return the facts of a part that conditions read, and which of their values make a difference."""
    tests = [test for condition in conditions for test in condition.tests]
    named: dict[Path, _Named] = {}
    for path in dict.fromkeys(path for test in tests for path in test.paths if _is_in(path, part)):
        own = [test for test in tests if path in test.paths]
        missing = {None, path.unknown}
        if all(test.operator.answers_absence for test in own):
            named[path] = frozenset(missing)
            continue
        # All facts that the value is compared with, directly or through others.
        compared = {path}
        while (
            more := {other for test in tests if not compared.isdisjoint(test.paths) for other in test.paths} - compared
        ):
            compared |= more
        is_alone = not any(_is_in(other, part) for other in compared - {path})
        if path.exact not in (str, int) or not is_alone or any(test.opaque for test in own):
            named[path] = None
            continue
        constants = [test.operand for test in tests if not compared.isdisjoint(test.paths) and not test.opaque]
        values = [value for other in compared for value in partners(other) or ()]
        named[path] = frozenset(missing.union(*(_members(each) for each in (*constants, *values))))
    return named


def _is_in(path: Path, part: Path) -> bool:
    return path.hops[: len(part.hops)] == part.hops


def _members(value: object) -> frozenset[object]:
    return cast("frozenset[object]", value) if isinstance(value, frozenset) else frozenset([value])


def _shared(value: object, named: _Named) -> object:
    """Return the value, or what stands for all values that make no difference."""
    return value if named is None or value in named else _OTHER


def _key_of(facts: Iterable[tuple[Hops, _Named]]) -> Callable[[Any], tuple[object, ...]]:
    """Return a function that reads values at the end of some hops. It is quick, because it is called for every agent."""
    whole: list[str] = []
    masked: list[tuple[Callable[[Any], object], frozenset[object]]] = []
    parts: dict[Hops, list[tuple[Hops, _Named]]] = {}
    keys: list[tuple[Callable[[Any], Any], Callable[[Any], object]]] = []
    for hops, named in facts:
        stop = next((number for number, hop in enumerate(hops[:-1], start=1) if hop.optional), None)
        if stop is not None:
            parts.setdefault(hops[:stop], []).append((hops[stop:], named))
        elif named is None and hops:
            whole.append(_dotted(hops))
        elif named is None:
            keys.append((_itself, _itself))
        elif not named <= {None} or (hops and hops[-1].optional):
            masked.append((attrgetter(_dotted(hops)), named))
    # With one name, it returns no tuple.
    read: Callable[[Any], tuple[object, ...]] = attrgetter(*whole, *whole[:1]) if whole else lambda _: ()
    keys += [(attrgetter(_dotted(hops)), _key_of(rest)) for hops, rest in parts.items()]

    def key(value: Any) -> tuple[object, ...]:
        columns = [*read(value)]
        for value_of, named in masked:
            each = value_of(value)
            columns.append(each if each in named else _OTHER)
        for part_of, key_of in keys:
            part = part_of(value)
            columns.append(None if part is None else key_of(part))
        return tuple(columns)

    return key


def _dotted(hops: Hops) -> str:
    return ".".join(hop.name for hop in hops)


def _itself(value: object) -> object:
    return value


def values_in(part: Path, values: Iterable[object]) -> Callable[[Path], Iterable[object] | None]:
    """Return a function that returns the values of a fact if it is a fact of a part that can have only these values."""

    def values_of(path: Path) -> Iterable[object] | None:
        if not _is_in(path, part):
            return None
        below = Path(part.kind, path.hops[len(part.hops) :])
        return {below.read(value) for value in values}

    return values_of
