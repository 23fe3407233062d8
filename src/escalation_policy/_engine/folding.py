"""Folding: what remains of conditions if some facts of the request are known already."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, cast

import attrs

from .conditions import Condition, R, joined
from .operators import identity_of
from .paths import Path, fits, words_for
from .tests import Inputs, Readings, Test
from .truth import Failure, Missing, Truth, has_value

#: True if a condition is met by every request with the known values, False if by none, otherwise the rest of it.
Folded: TypeAlias = bool | Condition[R]

#: Stands for the value of a fact that is not known.
_OPEN: Final = object()


def place_of(path: Path) -> tuple[str, ...]:
    """Return the names on the way to a value. Facts of one context key have one place, also if they declare other types."""
    return tuple([hop.name for hop in path.hops])


def places_above(place: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the places of the parts that hold what is at a place, the outermost first."""
    return [place[:number] for number in range(1, len(place))]


def parts_there(path: Path, value: object) -> int:
    """Return how many of the parts that hold a fact are there, from the outermost, if it is known to have a value.

    All of them if it has one. If it is unknown, those before the first one about which nothing may be known.
    """
    if value is not None:
        return len(path.hops) - 1
    unknown = [number for number, hop in enumerate(path.hops) if hop.unknown_when_none]
    return unknown[0] if path.hops[-1].unknown_when_none else 0


def fold(conditions: Sequence[Condition[R]], values: Mapping[Path, object]) -> list[Folded[R]]:
    """Return what remains of conditions if the values of some facts are known.

    For every request with these values, what remains is true exactly if the condition is. Undecided counts as false:
    conditions are positive, because negations stand on tests. `satisfies` asks its function once per fact.

    Args:
        conditions: All over one type of request.
        values: By fact, its value; of a part, it decides all facts of the part. None: it does not exist, or nobody supplied it.
    """
    by_place = {place_of(path): (path, value) for path, value in values.items()}
    present = {
        place_of(path)[:number] for path, value in values.items() for number in range(1, 1 + parts_there(path, value))
    }
    inputs = Inputs.of(test for condition in conditions for test in condition.tests)
    readings = Readings(inputs, None, {})
    for path in inputs.paths.values():
        place = place_of(path)
        for at in (*places_above(place), place):
            if at in by_place:
                readings.values[path.identity] = _read(path, *by_place[at])

    def is_open(test: Test) -> bool:
        is_known = any(path.identity in readings.values for path in test.paths)
        return not is_known and not (test.operator.answers_absence and place_of(test.paths[0]) in present)

    def of_test(test: Test) -> Folded[R]:
        if is_open(test):
            return Condition(conditions[0].request_type, (test,))
        sides = [readings.values.get(path.identity, _OPEN) for path in test.paths]
        if not any(side is _OPEN for side in sides):
            return test.truth(readings) is Truth.TRUE
        if test.operator.answers_absence:  # about a part that is there
            return not test.negated
        return _with_constant(conditions[0].request_type, test, *sides)

    of_junction: Callable[[str, list[Folded[R]]], Folded[R]] = _joined
    return [
        condition if all(map(is_open, condition.tests)) else condition.fold(of_test, of_junction)
        for condition in conditions
    ]


def _read(path: Path, source: Path, value: object) -> object:
    """Return what a path reads of a request in which a value is known: its own, or that of a part that holds it."""
    if value is None:
        return Missing.UNKNOWN if source.hops[-1].unknown_when_none else Missing.ABSENT
    rest = path.hops[len(source.hops) :]
    if rest:
        return Path(source.kind, rest).read(value)
    if value is path.unknown and path.unknown is not None:
        return Missing.UNKNOWN
    # Two facts of one context key can declare different types.
    return value if fits(value, path.kind) else Failure.of_type(value, words_for(path.kind))


def _with_constant(request_type: type[R], test: Test, left: object, right: object) -> Folded[R]:
    """Return what remains of a test of two facts if one of them is known."""
    is_left_open = left is _OPEN
    value = right if is_left_open else left
    if not has_value(value):
        return False
    source, path = test.paths if not is_left_open else reversed(test.paths)
    if not (source.shows_value or source.shows_number) and not path.private:
        path = attrs.evolve(path, private=True)  # words show no value of a request

    def ask(kind: str, operand: object = None, *, negated: bool = test.negated) -> Condition[R]:
        return Condition(request_type, (Test(kind, (path,), operand, negated=negated),))

    if test.kind == "equals" and path.member is None:
        return ask("equals", value)
    if is_left_open and test.kind != "equals":
        return ask(test.kind, value)
    members = sorted(cast("frozenset[object]", value), key=identity_of)
    if test.kind == "contains":
        # An empty set contains nothing. That a value is not in it is true of every value.
        return ask("one_of", value) if members else test.negated and ask("is_set", negated=False)
    if test.kind == "subset_of" and not members:
        return not test.negated and ask("is_set")
    tests: list[Condition[R]] = [ask("subset_of", value)] if test.kind == "equals" else []
    tests += [ask("contains", member) for member in members]
    # The negation of a junction is the opposite junction of negations.
    return joined("or" if test.negated else "and", tests)


def _joined(word: str, parts: list[Folded[R]]) -> Folded[R]:
    """Return the junction of what remains of some conditions."""
    decisive = word == "or"
    rest = [part for part in parts if not isinstance(part, bool)]
    if any(part is decisive for part in parts):
        return decisive
    return joined(word, rest) if rest else not decisive
