"""The finite model: all requests that make a difference to some conditions, as clauses.

Every hop of a fact's path is a place with cells, of which exactly one holds: it has a value, is None, or has a value of
another type. A comparable value is one of a few: constants that it is compared with, the typical request's values, and
fresh ones. Facts that are compared with each other share these. A request needs no more fresh values than the facts have
scalars, and one for each test that a single member of a set decides: rename the values of any request, delete members of sets
that witness nothing, and each test answers as before.

A function of the host's may answer anything, but the same for the same value. So what is proven holds for all functions.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from enum import Enum
from itertools import chain, count
from typing import Any, Final, NamedTuple, cast, final

import attrs

from .._engine.conditions import Condition
from .._engine.paths import Hop, Hops, Path, fits, is_comparable
from .._engine.tests import Inputs, Readings, Test
from .._engine.truth import Truth
from ..exceptions import Fault, InvalidValueError
from ._solver import Solver

#: How many clauses a question may look at, if nobody says otherwise. That takes a minute or so.
EFFORT: Final = 50_000_000
#: How many clauses may be looked at to take back one difference of a solution.
_LITTLE: Final = 100_000
#: What a place holds instead of a value of another type, the first that its class accepts.
_OTHERS: Final[tuple[Any, ...]] = ("another type", -1, True, 0.5, object())
#: Marks a value that a class refuses.
_REFUSED: Final = object()


@final
class Answer(NamedTuple):
    """The literals of one question: yes, no, and undecided if neither is true."""

    yes: int
    no: int


@final
@attrs.define(eq=False)
class Place:
    """One attribute or context key that the conditions read, or a part on the way to it.

    Attributes:
        hop: Its hop; of a context key, the first one that declares a type.
        hops: The path to it.
        parts: The places below it, by name.
        kinds: The types declared for its value, with the literal that it has such a value.
        none: The literal that it is None, or the key is missing.
        other: The literal that it has a value of another type.
        values: Of a comparable value, by type: the literal of each value that it may have, or of each member.
        differs: The literal that it differs from the start.
        another: A value of another type.
    """

    hop: Hop
    hops: Hops
    parts: "dict[str, Place]" = attrs.field(factory=dict[str, "Place"])
    kinds: dict[Any, int] = attrs.field(factory=dict[Any, int])
    none: int = 0
    other: int = 0
    values: dict[Any, dict[Any, int]] = attrs.field(factory=dict[Any, dict[Any, int]])
    differs: int = 0
    another: Any = None


@final
@attrs.frozen
class Solution:
    """A request, and what functions of the host's would have to answer for it.

    Attributes:
        assumed: Of each opaque test, by its words: the answer, or None if it would have to raise.
    """

    request: Any
    assumed: Mapping[str, bool | None]


@final
class Model:
    """The requests of one type that make a difference to conditions.

    Args:
        conditions: The conditions, over one type of request.
        like: A request whose values are tried, and that has every part that the conditions read.
        start: The request to which solutions are near. By default `like`.
        effort: How many clauses may be looked at.
        fresh: How many more fresh values there are than are needed.
        needs_parts: Whether `like` must have every part that the conditions read. Otherwise requests have only its parts.

    Attributes:
        like: See above.
        solver: Holds the clauses. Further ones may be added.
        is_partial: Whether a value was left out because a class of the host's refuses it.

    Raises:
        InvalidValueError: `like` lacks a part.
    """

    def __init__(  # noqa: PLR0913
        self,
        conditions: Iterable[Condition[Any]],
        *,
        like: Any,
        start: Any = None,
        effort: int = EFFORT,
        fresh: int = 0,
        needs_parts: bool = True,
    ) -> None:
        self.solver: Final = Solver(effort=effort)
        self.is_partial = False
        self.like: Final = like
        self._start: Final = like if start is None else start
        self._needs_parts: Final = needs_parts
        self._true: Final = self.solver.variable(phase=True)
        self.solver.add([self._true])
        self._junctions: Final[dict[tuple[int, ...], int]] = {}
        self._answers: Final[dict[str, Answer]] = {}
        self._functions: Final[dict[tuple[object, ...], dict[object, Answer]]] = {}
        self._tests: Final = {test.question: test for each in conditions for test in each.tests}
        paths = {path.identity: path for test in self._tests.values() for path in test.paths}
        self._universes: Final = self._universes_of(paths.values(), fresh)
        self._places: Final[dict[tuple[str, ...], Place]] = {}
        self._top: Final[dict[str, Place]] = {}
        for path in paths.values():
            self._add_path(path)
        for place in self._top.values():
            self._add_cells(place, self._true)

    # Formulas

    def met(self, condition: Condition[Any]) -> int:
        """Return the literal that a condition is met. Undecided conditions are not."""
        return condition.fold(
            self._met_by_test, lambda word, parts: (self.all_of if word == "and" else self.any_of)(parts)
        )

    def _met_by_test(self, test: Test) -> int:
        yes, no = self._answer(test)
        return no if test.negated else yes

    def all_of(self, literals: Iterable[int]) -> int:
        """Return the literal that all literals are true."""
        operands = sorted({literal for literal in literals if literal != self._true})
        if -self._true in operands or any(-literal in operands for literal in operands):
            return -self._true
        if len(operands) < 2:
            return operands[0] if operands else self._true
        key = tuple(operands)
        if key not in self._junctions:
            self._junctions[key] = junction = self.solver.variable()
            for literal in operands:
                self.solver.add([-junction, literal])
            self.solver.add([junction, *[-literal for literal in operands]])
        return self._junctions[key]

    def any_of(self, literals: Iterable[int]) -> int:
        """Return the literal that one of the literals is true."""
        return -self.all_of([-literal for literal in literals])

    def _exactly_one(self, literals: Collection[int], condition: int) -> None:
        """Require that one of the literals is true if the condition is, and otherwise none."""
        ordered = list(literals)
        self.solver.add([-condition, *ordered])
        for index, literal in enumerate(ordered):
            self.solver.add([-literal, condition])
            for other in ordered[:index]:
                self.solver.add([-literal, -other])

    # Values

    def _universes_of(self, paths: Iterable[Path], extra: int) -> dict[str, list[Any]]:
        """Return the values that each comparable fact, or each member of its set, may have."""
        component = {path.identity: path.identity for path in paths}

        def root(identity: str) -> str:
            while component[identity] != identity:
                identity = component[identity]
            return identity

        readers: dict[tuple[object, ...], str] = {}
        for test in self._tests.values():
            key = (test.name, test.version, test.paths[0].kind) if test.kind == "satisfies" else None
            joined = [path.identity for path in test.paths]
            joined += [readers.setdefault(key, joined[0])] if key else []
            for other in joined[1:]:
                component[root(other)] = root(joined[0])
        members: dict[str, list[Path]] = {}
        for path in paths:
            if is_comparable(path.kind):
                members.setdefault(root(path.identity), []).append(path)
        universes: dict[str, list[Any]] = {}
        for facts in members.values():
            universes.update(self._universes_of_component(facts, extra))
        return universes

    def _universes_of_component(self, facts: list[Path], extra: int) -> dict[str, list[Any]]:
        """Return the values of facts that share them.

        Fresh values can stand for each other, unless a function of the host's reads them. So the first scalar needs only the
        first one, the second scalar the first two, and so on.
        """
        identities = {path.identity for path in facts}
        tests = [test for test in self._tests.values() if any(path.identity in identities for path in test.paths)]
        kind = facts[0].member or facts[0].kind
        constants = chain.from_iterable(_members_of(test.operand) for test in tests if not test.opaque)
        usual = [_value_at(request, path.hops) for request in (self._start, self.like) for path in facts]
        known = chain(sorted(constants, key=_order), *(sorted(_members_of(each), key=_order) for each in usual))
        values = dict.fromkeys(value for value in known if type(value) is kind)
        scalars = sum(path.member is None for path in facts)
        of_sets = [test for test in tests if test.paths[0].member is not None]
        pairs = sum(len(test.paths) > 1 for test in of_sets)
        bounded = {test.paths[0].identity for test in of_sets if isinstance(test.operand, frozenset)}
        fresh = _fresh_values(kind, values, max(scalars + pairs + len(bounded) + extra, 0))
        unknown = [path.unknown for path in facts if path.unknown is not None][:1]
        numbers = dict.fromkeys(identities, len(fresh))
        if kind in (str, int) and not any(test.opaque for test in tests):
            numbers |= {
                path.identity: number for number, path in enumerate([p for p in facts if p.member is None], start=1)
            }
        return {
            identity: list(dict.fromkeys([*values, *fresh[:number], *unknown])) for identity, number in numbers.items()
        }

    # Places

    def _add_path(self, path: Path) -> None:
        places, names, place = self._top, tuple[str, ...](), None
        for end, hop in enumerate(path.hops, start=1):
            names = (*names, hop.name)
            place = places.get(hop.name)
            if place is None:
                place = places[hop.name] = self._places[names] = Place(hop, path.hops[:end])
            place.kinds.setdefault(hop.kind, 0)
            places = place.parts
        if place is not None and path.identity in self._universes:
            place.values.setdefault(path.kind, dict.fromkeys(self._universes[path.identity], 0))

    def _add_cells(self, place: Place, has_owner: int) -> None:
        """Add the literals of a place and of those below it."""
        hop, value = place.hop, self._usual(place.hops)
        is_missing = value is None and not place.values and _value_at(self.like, place.hops) is None
        if is_missing and self._needs_parts:
            raise _lacks(place.hops)  # nothing else could make such a value
        self.is_partial |= is_missing
        place.kinds = {
            kind: self.solver.variable(phase=value is not None and fits(value, kind)) for kind in place.kinds
        }
        kind = next((kind for kind in place.kinds if value is not None and fits(value, kind)), None)
        if value is None or ((hop.optional or not hop.checked) and self._accepts(place, None)):
            place.none = self.solver.variable(phase=value is None)
        if value is not None and kind is None:
            place.another = value
        elif not hop.checked:
            place.another = next((each for each in _others(place) if self._accepts(place, each)), None)
        if place.another is not None:
            place.other = self.solver.variable(phase=place.another is value)
        self._exactly_one([*place.kinds.values(), *filter(None, (place.none, place.other))], has_owner)
        if is_missing:
            self.solver.add([-next(iter(place.kinds.values()))])
        for each in place.values:
            self._add_values(place, each, value)
        as_usual = [place.none if value is None else place.other if kind is None else place.kinds[kind]]
        as_usual += self._literals_of(place, kind, value)
        place.differs = self.all_of([has_owner, -self.all_of(as_usual)])
        for part in place.parts.values():
            self._add_cells(part, next(iter(place.kinds.values())))  # only keys of a context have several kinds

    def _add_values(self, place: Place, kind: Any, usual: Any) -> None:
        """Add the literals of the values, or of the members, of a comparable value."""
        has_value, is_set, values = place.kinds[kind], _is_set(kind), place.values[kind]
        usual_ones = _members_of(usual) if fits(usual, kind) else ()
        accepted = [
            each
            for each in values
            if _is_among(each, usual_ones) or self._accepts(place, frozenset({each}) if is_set else each)
        ]
        first = usual_ones if is_set or usual_ones else accepted[:1]
        values.clear()
        values.update((each, self.solver.variable(phase=_is_among(each, first))) for each in accepted)
        if is_set:
            for literal in values.values():
                self.solver.add([-literal, has_value])
        else:
            self._exactly_one(values.values(), has_value)

    def _literals_of(self, place: Place, kind: Any, value: Any) -> list[int]:
        """Return the literals that are true of a comparable value."""
        if kind not in place.values:
            return []
        members = _members_of(value)
        return [literal if _is_among(each, members) else -literal for each, literal in place.values[kind].items()]

    def _usual(self, hops: Hops) -> Any:
        """Return the value of the start, or of `like` if the start has no such part."""
        return _value_at(self.like if _owner_is_missing(self._start, hops) else self._start, hops)

    def _accepts(self, place: Place, value: object) -> bool:
        """Return whether the class of a place accepts a value."""
        if place.hop.checked and (value is None or isinstance(value, bool | Enum)):
            return True  # it is declared, and the library's classes reject none of these
        request = _with_value(self.like, place.hops, value)
        is_accepted = request is not _REFUSED and _is_same(_value_at(request, place.hops), value)
        self.is_partial |= not is_accepted and not place.hop.checked and not place.hop.in_mapping
        return is_accepted

    # Tests

    def _answer(self, test: Test) -> Answer:
        if test.question not in self._answers:
            self._answers[test.question] = self._opaque_answer(test) if test.opaque else self._compared(test)
        return self._answers[test.question]

    def _place(self, path: Path) -> Place:
        return self._places[tuple(hop.name for hop in path.hops)]

    def _has_value(self, path: Path) -> int:
        """Return the literal that a fact has a known value of its type."""
        place = self._place(path)
        unknown = place.values.get(path.kind, {}).get(path.unknown, 0) if path.unknown is not None else 0
        return self.all_of([place.kinds[path.kind], *([-unknown] if unknown else [])])

    def _is_absent(self, path: Path) -> int:
        ends = [path.hops[:end] for end in range(1, len(path.hops) + 1)]
        places = [self._places[tuple(hop.name for hop in hops)] for hops in ends if not hops[-1].unknown_when_none]
        return self.any_of([place.none for place in places if place.none])

    def _compared(self, test: Test) -> Answer:
        first, has_values = test.paths[0], self.all_of([self._has_value(path) for path in test.paths])
        if test.operator.answers_absence:
            return Answer(has_values, self._is_absent(first))
        relation, values = test.operator.each_member, self._place(first).values[first.kind]
        if first.member is None and len(test.paths) == 1:
            holds = self.any_of([literal for value, literal in values.items() if _holds(test, value)])
        elif first.member is None:
            holds = self._equal(values, self._place(test.paths[1]).values[first.kind])
        else:
            others = (
                self._place(test.paths[1]).values[test.paths[1].kind]
                if len(test.paths) > 1
                else dict.fromkeys(sorted(_members_of(test.operand), key=_order), self._true)
            )
            assert relation is not None  # noqa: S101  every operator over two facts or a set has one
            holds = self.all_of(
                [
                    self._related(relation, values.get(value, -self._true), others.get(value, -self._true))
                    for value in dict.fromkeys([*values, *others])
                ]
            )
        return Answer(self.all_of([has_values, holds]), self.all_of([has_values, -holds]))

    def _equal(self, values: Mapping[Any, int], others: Mapping[Any, int]) -> int:
        """Return a literal that two scalars are equal. It means nothing if one of them has no value."""
        equal = self.solver.variable()
        for value in dict.fromkeys([*values, *others]):
            left, right = values.get(value, -self._true), others.get(value, -self._true)
            self.solver.add([-equal, -left, right])
            self.solver.add([-equal, left, -right])
            self.solver.add([equal, -left, -right])
        return equal

    def _related(self, relation: Callable[[bool, bool], bool], left: int, right: int) -> int:
        """Return the literal that a relation holds between two literals."""
        rows = [(x, y) for x in (False, True) for y in (False, True) if not relation(x, y)]
        return self.all_of([self.any_of([-left if x else left, -right if y else right]) for x, y in rows])

    def _opaque_answer(self, test: Test) -> Answer:
        if not test.paths:
            return self._function((test.kind, test.name, test.version), None)
        path = test.paths[0]
        has_value = self._has_value(path)
        function = (test.kind, test.name, test.version, path.kind)
        if path.member is not None or path.kind not in self._place(path).values:
            yes, no = self._function((*function, path.identity), None)
            return Answer(self.all_of([yes, has_value]), self.all_of([no, has_value]))
        values = self._place(path).values[path.kind]
        answers = {value: self._function(function, value) for value in values if value is not path.unknown}
        return Answer(
            self.any_of([self.all_of([values[value], answer.yes]) for value, answer in answers.items()]),
            self.any_of([self.all_of([values[value], answer.no]) for value, answer in answers.items()]),
        )

    def _function(self, key: tuple[object, ...], argument: object) -> Answer:
        """Return the answer of a function of the host's for one argument."""
        answers = self._functions.setdefault(key, {})
        if argument not in answers:
            answers[argument] = answer = Answer(self.solver.variable(phase=True), self.solver.variable(phase=True))
            self.solver.add([-answer.yes, -answer.no])
        return answers[argument]

    # Solutions

    def is_possible(self, literals: Iterable[int]) -> bool:
        """Return whether a request makes all literals true. If not, `solver.core` tells which ones cannot be."""
        return self.solver.solve(literals)

    def smallest_core(self, literals: Iterable[int]) -> list[int]:
        """Return literals that cannot be true together, of which none can be left out. They are impossible together."""
        core = list(literals)
        for literal in list(core):
            rest = [each for each in core if each != literal]
            if not self.solver.solve(rest):
                core = [each for each in rest if each in self.solver.core]
        return core

    def nearest(self, literals: Collection[int]) -> Solution | None:
        """Return a solution near the start. None if there is none.

        To take back any of its differences is impossible, or takes too long to find out.
        """
        required = list(literals)
        while self.solver.solve(required):
            # The first solution differs in more places than it must. Each is taken back if that is possible.
            same = [-place.differs for place in self._places.values()]
            held = [each for each in same if self.solver.value(each)]
            for each in [each for each in same if each not in held]:
                if self.solver.value(each) or self.solver.solves_soon([*required, *held, each], effort=_LITTLE):
                    held.append(each)
            with suppress(Exception):  # a class of the host's may refuse values that it accepts one by one
                return Solution(self._build(self._start, self.like, self._top), self._assumed())
            self.is_partial = True
            self.solver.add([-literal for literal in self._state(self._places.values())])
        return None

    def correct(self, solution: Solution) -> bool:
        """Ask the functions of the host's about the solution that was found last. Require what they answer from now on.

        Returns:
            Whether the solution assumed something else.
        """
        readings = Readings(Inputs.of(self._tests.values()), solution.request, {})
        corrections: list[list[int]] = []
        for test, answer in self._asked():
            truth = test.truth(readings) if not test.negated else (~test).truth(readings)
            literals = {Truth.TRUE: [answer.yes], Truth.FALSE: [answer.no]}.get(truth, [-answer.yes, -answer.no])
            places = [self._place(path) for path in test.paths] or self._places.values()
            unless = [-literal for literal in self._state(places)]
            corrections += [[*unless, literal] for literal in literals if not self.solver.value(literal)]
        for clause in corrections:
            self.solver.add(clause)
        return bool(corrections)

    def undecided(self, condition: Condition[Any]) -> tuple[list[int], list[int]]:
        """Return the literals that facts of a condition are unknown, and that they have values of another type."""
        unknown, wrong = list[int](), list[int]()
        for path in [path for test in condition.tests for path in test.paths]:
            for end in range(1, len(path.hops) + 1):
                place = self._places[tuple(hop.name for hop in path.hops[:end])]
                unknown += [place.none] if place.none and place.hop.unknown_when_none else []
                wrong += [place.other] if place.other else []
            member = self._place(path).values.get(path.kind, {}).get(path.unknown)
            unknown += [member] if member and path.unknown is not None else []
        return unknown, wrong

    def fixed(self, facts: Collection[tuple[str, ...]]) -> list[int]:
        """Return the literals that some facts, and all parts on the way to them and below them, are as at the start."""
        return [
            -place.differs
            for names, place in self._places.items()
            if any(names[: len(fact)] == fact[: len(names)] for fact in facts)
        ]

    def _asked(self) -> list[tuple[Test, Answer]]:
        """Return the opaque tests whose facts have values in the solution, and their answers."""
        asked = [
            (test, self._answers[test.question]) for test in self._tests.values() if test.question in self._answers
        ]
        return [
            (test, answer)
            for test, answer in asked
            if test.opaque and all(self.solver.value(self._has_value(path)) for path in test.paths)
        ]

    def _assumed(self) -> dict[str, bool | None]:
        return {
            attrs.evolve(test, negated=False).words(hidden=True): True
            if self.solver.value(answer.yes)
            else False
            if self.solver.value(answer.no)
            else None
            for test, answer in self._asked()
        }

    def _state(self, places: Iterable[Place]) -> list[int]:
        """Return the literals that are true of some places in the solution, and true of nothing else."""
        cells = [
            literal
            for place in places
            for literal in (
                *place.kinds.values(),
                *filter(None, (place.none, place.other)),
                *(each for values in place.values.values() for each in values.values()),
            )
        ]
        return [literal if self.solver.value(literal) else -literal for literal in cells]

    def _build(self, owner: Any, like: Any, places: Mapping[str, Place]) -> Any:
        """Build a part of the request from the part of the start; if that has none, from the part of `like`."""
        changes: dict[str, Any] = {}
        owner = like if owner is None else owner
        for name, place in places.items():
            if not self.solver.value(place.differs) and not place.parts:
                continue
            current, usual = (_value_at(each, (place.hop,)) for each in (owner, like))
            if place.none and self.solver.value(place.none):
                changes[name] = None
            elif place.other and self.solver.value(place.other):
                changes[name] = place.another
            else:
                kind = next(each for each, literal in place.kinds.items() if self.solver.value(literal))
                if place.parts:
                    changes[name] = self._build(current, usual, place.parts)
                elif kind in place.values:
                    chosen = [each for each, literal in place.values[kind].items() if self.solver.value(literal)]
                    changes[name] = frozenset(chosen) if _is_set(kind) else chosen[0]
                else:
                    changes[name] = current if current is not None else usual
        return _replace(owner, changes)


def _lacks(hops: Hops) -> InvalidValueError:
    path = ".".join(hop.name for hop in hops)
    return InvalidValueError(Fault("like", f"has no {path}, but the analysis varies it: pass a request that has one"))


def _others(place: Place) -> list[Any]:
    """Return values of no type that is declared for a place. If every value is accepted, there is none."""
    if any(part.hop.in_mapping for part in place.parts.values()):
        return [object()]  # a mapping's type is not checked, but only a mapping can be read
    # A class may check that a set is one, and not its members. One of no declared type makes each test an error, too.
    sets = [frozenset({_OTHERS[-1]})] if any(_is_set(kind) for kind in place.kinds) else []
    return [*(each for each in _OTHERS if not any(fits(each, kind) for kind in place.kinds)), *sets]


def _is_same(value: Any, other: Any) -> bool:
    """Return whether a value is still the other one. A class of the host's may convert what it accepts."""
    return value is other or (type(value) is type(other) and not isinstance(value, Enum) and value == other)


def _is_set(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is frozenset


def _holds(test: Test, value: object) -> bool:
    """Return whether a test of a constant certainly holds for a value."""
    try:
        return test.operator.holds(value, test.operand) is True
    except Exception:  # noqa: BLE001  an enum of the host's may compare in its own way
        return False


def _members_of(value: Any) -> Collection[Any]:
    """Return the members of a set, or the value itself in a tuple; None is no value."""
    if isinstance(value, frozenset):
        return cast("Collection[Any]", value)
    return () if value is None else (value,)


def _is_among(value: Any, values: Collection[Any]) -> bool:
    """Return whether a value is one of some. Members of enums are compared by identity: a host's may have their own equality."""
    return any(value is each for each in values) if isinstance(value, Enum) else value in values


def _order(value: Any) -> str:
    return f"{value.name}" if isinstance(value, Enum) else repr(value)


def _fresh_values(kind: Any, values: Collection[Any], number: int) -> list[Any]:
    """Return up to `number` values of a type that are not among others. Texts are digits, which all fields accept."""
    if isinstance(kind, type(Enum)):
        members = [each for each in cast("Iterable[Any]", kind) if each not in values and each.name != "UNKNOWN"]
        return members[:number]
    if kind is bool:
        return [each for each in (True, False) if each not in values]
    candidates = (str(each) if kind is str else each for each in count(1))
    return [next(each for each in candidates if each not in values) for _ in range(number)]


def _value_at(request: object, hops: Hops) -> Any:
    """Return the value at the end of a path. None if a value on the path is None or another type's."""
    value: Any = request
    for hop in hops:
        with suppress(Exception):
            value = value.get(hop.name) if hop.in_mapping else getattr(value, hop.name, None)
    return value


def _owner_is_missing(request: object, hops: Hops) -> bool:
    return len(hops) > 1 and _value_at(request, hops[:-1]) is None


def _with_value(owner: Any, hops: Hops, value: object) -> Any:
    """Return a copy with one value replaced; `_REFUSED` if a class on the way refuses it."""
    hop, rest = hops[0], hops[1:]
    new = _with_value(_value_at(owner, (hop,)), rest, value) if rest else value
    return _REFUSED if new is _REFUSED else _replaced_or_refused(owner, {hop.name: new})


def _replaced_or_refused(owner: Any, changes: dict[str, Any]) -> Any:
    try:
        return _replace(owner, changes)
    except Exception:  # noqa: BLE001  a class of the host's may refuse a value with any error
        return _REFUSED


def _replace(owner: Any, changes: dict[str, Any]) -> Any:
    """Return a copy of a part or a mapping. In a mapping, None leaves out the key."""
    if isinstance(owner, Mapping):
        items = {**cast("Mapping[str, Any]", owner), **changes}
        return {key: value for key, value in items.items() if value is not None}
    fields = attrs.fields_dict(cast("Any", type(owner)))
    return attrs.evolve(owner, **{fields[name].alias or name: value for name, value in changes.items()})
