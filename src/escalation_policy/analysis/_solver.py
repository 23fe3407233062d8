"""A SAT solver: conflict-driven clause learning, as in MiniSat, without preprocessing and without forgetting.

Callers write literals as integers: variable 3 is 3, its negation is -3. Inside, variable v has the literals 2v and
2v + 1, so that `literal ^ 1` is the negation and literals index lists.
"""

import heapq
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias, final

from .._fields import figure_of, require
from ..exceptions import AnalysisLimitError

_Clause: TypeAlias = list[int]

#: Activities grow by this factor per conflict, so that recent conflicts count more. Past the limit all are scaled down.
_GROWTH: Final = 1 / 0.95
_MOST_ACTIVE: Final = 1e12
#: How many conflicts the shortest run between two restarts has.
_RUN: Final = 64


def check_effort(effort: int) -> None:
    """Check a limit of effort.

    Raises:
        InvalidValueError: It is not a positive int.
    """
    require(type(effort) is int and effort >= 1, "effort", figure_of(effort), "an int of 1 or more")


@final
class Solver:
    """A conjunction of clauses, and answers to the question whether it can be satisfied.

    The same calls give the same answers in every process.

    Args:
        effort: How many clauses all calls of `solve()` together may look at.

    Attributes:
        core: After `solve()` returned False, assumptions that contradict each other; not always the fewest.

    Raises:
        InvalidValueError: The effort is not a positive int.
    """

    def __init__(self, *, effort: int) -> None:
        check_effort(effort)
        self.core: tuple[int, ...] = ()
        self._effort: Final = effort
        self._left = effort
        self._reserve = 0
        self._is_consistent = True
        # Of each literal: 1 if it is true, -1 if it is false, 0 if it is open; what follows if it is false from clauses of two;
        # and the longer clauses that watch it.
        self._values: Final = [0, 0]
        self._implied: Final = [list[int](), list[int]()]
        self._watched: Final = [list[_Clause](), list[_Clause]()]
        # Of each variable.
        self._reasons: Final[list[_Clause | None]] = [None]
        self._levels: Final = [0]
        self._phases: Final = [False]
        self._saved: list[bool] = [False]
        self._activities: Final = [0.0]
        self._model: list[int] = []
        # Literals in the order in which they became true, where each level starts, and how many were propagated.
        self._trail: Final[list[int]] = []
        self._starts: Final[list[int]] = []
        self._propagated = 0
        # Variables by activity. An entry is out of date if the variable has become more active since.
        self._queue: list[tuple[float, int]] = []
        self._is_queued: Final = [False]
        self._bump = 1.0

    def variable(self, *, phase: bool = False) -> int:
        """Return a new variable.

        Args:
            phase: The value to try first.
        """
        variable = len(self._levels)
        self._values.extend((0, 0))
        self._implied.extend(([], []))
        self._watched.extend(([], []))
        self._reasons.append(None)
        self._levels.append(0)
        self._phases.append(phase)
        self._saved.append(phase)
        self._activities.append(0.0)
        self._is_queued.append(False)
        self._enqueue(variable)
        return variable

    def add(self, clause: Iterable[int]) -> None:
        """Require that at least one literal of a clause is true. An empty clause can never be satisfied."""
        literals = list(dict.fromkeys(_inside(literal) for literal in clause))
        if any(literal ^ 1 in literals or self._values[literal] > 0 for literal in literals):
            return
        literals = [literal for literal in literals if self._values[literal] == 0]
        if not literals:
            self._is_consistent = False
        elif len(literals) == 1:
            self._assign(literals[0], None)
        else:
            self._watch(literals)

    def solve(self, assumptions: Iterable[int] = ()) -> bool:
        """Return whether all clauses and assumptions can be true together. Then `value()` tells how, otherwise `core`.

        Raises:
            AnalysisLimitError: The answer needs more than the effort that is left.
        """
        self._saved = self._phases[:]
        return self._solve([_inside(literal) for literal in assumptions])

    def _solve(self, assumed: list[int]) -> bool:
        self.core = ()
        try:
            for conflicts in map(_RUN.__mul__, _luby()):
                answer = self._search(assumed, conflicts)
                if answer is not None:
                    return answer
                self._undo(1)
            raise AssertionError("unreachable")  # pragma: no cover
        finally:
            self._undo(0)

    def solves_soon(self, assumptions: Iterable[int], *, effort: int) -> bool:
        """Return whether all clauses and assumptions can be true together, and that is found with little effort.

        It looks near the solution that was found last.
        """
        self._reserve = max(self._left - effort, 0)
        self._saved = [value > 0 for value in self._model[::2]]
        try:
            return self._solve([_inside(literal) for literal in assumptions])
        except AnalysisLimitError:
            if self._reserve == 0:
                raise
            return False
        finally:
            self._reserve = 0

    def value(self, literal: int) -> bool:
        """Return whether a literal is true in the solution that was found last."""
        return self._model[_inside(literal)] > 0

    def _search(self, assumed: list[int], conflicts: int) -> bool | None:
        """Search until there is an answer, or that many conflicts were met: then return None.

        All assumptions are made on the first level, so that going back to them costs nothing.
        """
        while True:
            conflict = self._propagate() if self._is_consistent else []
            if conflict is not None:
                if not self._starts or not self._is_consistent:
                    self._is_consistent = False
                    return False
                if len(self._starts) == 1:
                    self.core = self._assumptions_behind(conflict)
                    return False
                self._learn(conflict)
                conflicts -= 1
            elif conflicts <= 0:
                return None
            elif not self._starts:
                self._starts.append(len(self._trail))
                if not self._assume(assumed):
                    return False
            else:
                variable = self._most_active()
                if variable is None:
                    self._model = self._values[:]
                    return True
                self._starts.append(len(self._trail))
                self._assign(2 * variable + (not self._saved[variable]), None)

    def _assume(self, assumed: list[int]) -> bool:
        """Make literals true. Return False, with the core, if they contradict each other at once."""
        for literal in assumed:
            if self._values[literal] < 0:
                self.core = (_outside(literal), *self._assumptions_behind([literal]))
                return False
            if self._values[literal] == 0:
                self._assign(literal, None)
                if (conflict := self._propagate()) is not None:
                    self.core = self._assumptions_behind(conflict)
                    return False
        return True

    def _propagate(self) -> _Clause | None:
        """Assign what follows from the trail. Return a clause whose literals are all false, if there is one."""
        values, trail, watched = self._values, self._trail, self._watched
        while self._propagated < len(trail):
            false = trail[self._propagated] ^ 1
            self._propagated += 1
            clauses = watched[false]
            self._left -= len(self._implied[false]) + len(clauses)
            if self._left < self._reserve:
                raise AnalysisLimitError(self._effort)
            if (conflict := self._assign_implied(false)) is not None:
                return conflict
            remaining = watched[false] = list[_Clause]()
            for position, clause in enumerate(clauses):
                # The two watched literals come first, and the false one second.
                if clause[0] == false:
                    clause[0], clause[1] = clause[1], false
                first = clause[0]
                if values[first] > 0:
                    remaining.append(clause)
                    continue
                for index in range(2, len(clause)):
                    if values[clause[index]] >= 0:
                        clause[1], clause[index] = clause[index], false
                        watched[clause[1]].append(clause)
                        break
                else:
                    remaining.append(clause)
                    if values[first] < 0:
                        remaining += clauses[position + 1 :]
                        return clause
                    self._assign(first, clause)
        return None

    def _assign_implied(self, false: int) -> _Clause | None:
        """Assign what follows from clauses of two, of which one is false. Return a clause with two false ones, if there is one."""
        values = self._values
        for literal in self._implied[false]:
            if values[literal] < 0:
                return [literal, false]
            if values[literal] == 0:
                self._assign(literal, [literal, false])
        return None

    def _learn(self, conflict: _Clause) -> None:
        """Learn a clause from a conflict, go back to where it decides something, and assign that."""
        literals, seen = self._first_implication_point(conflict)
        # A literal that follows from others of the clause adds nothing.
        learnt = [
            literal
            for literal in literals
            if (reason := self._reasons[literal >> 1]) is None
            or any(other >> 1 not in seen and self._levels[other >> 1] for other in reason if other != literal ^ 1)
        ]
        asserting = literals[0]
        learnt = [asserting, *[literal for literal in learnt if literal != asserting]]
        if len(learnt) == 1:
            self._undo(0)
            self._assign(asserting, None)
            return
        last = max(range(1, len(learnt)), key=lambda index: self._levels[learnt[index] >> 1])
        learnt[1], learnt[last] = learnt[last], learnt[1]
        self._undo(self._levels[learnt[1] >> 1])
        self._watch(learnt)
        self._assign(asserting, learnt)

    def _first_implication_point(self, conflict: _Clause) -> tuple[list[int], set[int]]:
        """Return the literals that cause a conflict, of which only the first one belongs to this level."""
        level, seen, literals = len(self._starts), set[int](), [0]
        open_ones, index, clause = 0, len(self._trail), conflict
        while True:
            for literal in clause:
                variable = literal >> 1
                if variable not in seen and self._levels[variable] > 0:
                    seen.add(variable)
                    self._make_more_active(variable)
                    if self._levels[variable] == level:
                        open_ones += 1
                    else:
                        literals.append(literal)
            index = next(place for place in range(index - 1, -1, -1) if self._trail[place] >> 1 in seen)
            open_ones -= 1
            if open_ones == 0:
                break
            clause = self._reasons[self._trail[index] >> 1] or []  # only the first literal of a level has none
        self._bump *= _GROWTH
        literals[0] = self._trail[index] ^ 1
        return literals, seen

    def _assumptions_behind(self, clause: Iterable[int]) -> tuple[int, ...]:
        """Return the assumptions that make all literals of a clause false."""
        core, causes = list[int](), {literal >> 1 for literal in clause}
        for true in reversed(self._trail):
            variable = true >> 1
            if variable in causes and self._levels[variable] > 0:
                reason = self._reasons[variable]
                if reason is not None:
                    causes.update(other >> 1 for other in reason)
                else:
                    core.append(true)
        return tuple(dict.fromkeys(_outside(each) for each in core))

    def _assign(self, literal: int, reason: _Clause | None) -> None:
        self._values[literal], self._values[literal ^ 1] = 1, -1
        self._reasons[literal >> 1] = reason
        self._levels[literal >> 1] = len(self._starts)
        self._trail.append(literal)

    def _undo(self, level: int) -> None:
        """Take back all assignments above a level."""
        if len(self._starts) <= level:
            return
        start = self._starts[level]
        for literal in self._trail[start:]:
            variable = literal >> 1
            self._values[literal] = self._values[literal ^ 1] = 0
            self._saved[variable] = not literal & 1
            if not self._is_queued[variable]:
                self._enqueue(variable)
        del self._trail[start:], self._starts[level:]
        self._propagated = min(self._propagated, start)

    def _watch(self, clause: _Clause) -> None:
        first, second, *others = clause
        if others:
            self._watched[first].append(clause)
            self._watched[second].append(clause)
        else:
            self._implied[first].append(second)
            self._implied[second].append(first)

    def _make_more_active(self, variable: int) -> None:
        self._activities[variable] += self._bump
        if self._activities[variable] > _MOST_ACTIVE:
            self._activities[:] = [activity / _MOST_ACTIVE for activity in self._activities]
            self._bump /= _MOST_ACTIVE
            self._queue = [(-activity, number) for number, activity in enumerate(self._activities) if number]
            heapq.heapify(self._queue)
            self._is_queued[:] = [True] * len(self._is_queued)
        else:
            self._enqueue(variable)

    def _enqueue(self, variable: int) -> None:
        heapq.heappush(self._queue, (-self._activities[variable], variable))
        self._is_queued[variable] = True

    def _most_active(self) -> int | None:
        """Return the most active variable that is open. None if all have values."""
        while self._queue:
            activity, variable = heapq.heappop(self._queue)
            if -activity == self._activities[variable]:
                self._is_queued[variable] = False
                if self._values[2 * variable] == 0:
                    return variable
        return None


def _inside(literal: int) -> int:
    return 2 * literal if literal > 0 else -2 * literal + 1


def _outside(literal: int) -> int:
    return -(literal >> 1) if literal & 1 else literal >> 1


def _luby() -> Iterator[int]:
    """Yield 1, 1, 2, 1, 1, 2, 4, …: how long each run is, in units. No other order is much better for any problem."""
    left = right = 1
    while True:
        yield right
        if left & -left == right:
            left, right = left + 1, 1
        else:
            right *= 2
