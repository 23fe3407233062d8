"""The SAT solver: it agrees with truth tables, its cores clash, and it gives up in time."""

import itertools
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy.analysis._solver import Solver
from escalation_policy.exceptions import AnalysisLimitError

LITERALS = st.integers(1, 6).flatmap(lambda variable: st.sampled_from([variable, -variable]))
CLAUSES = st.lists(LITERALS, min_size=1, max_size=3)


def solver_of(clauses: Iterable[Iterable[int]], *, variables: int = 6, effort: int = 10**6) -> Solver:
    """Make a solver of clauses."""
    solver = Solver(effort=effort)
    for _ in range(variables):
        solver.variable()
    for clause in clauses:
        solver.add(clause)
    return solver


def is_satisfiable(clauses: list[list[int]], variables: int = 6) -> bool:
    """Try all values."""
    return any(
        all(any(values[abs(literal) - 1] is (literal > 0) for literal in clause) for clause in clauses)
        for values in itertools.product([False, True], repeat=variables)
    )


def pigeons(holes: int) -> list[list[int]]:
    """Make clauses that put one pigeon more than there are holes into holes of their own, which is impossible."""
    number = {place: index for index, place in enumerate(itertools.product(range(holes + 1), range(holes)), start=1)}
    each_has_a_hole = [[number[pigeon, hole] for hole in range(holes)] for pigeon in range(holes + 1)]
    none_share = [
        [-number[first, hole], -number[second, hole]]
        for hole in range(holes)
        for first, second in itertools.combinations(range(holes + 1), 2)
    ]
    return each_has_a_hole + none_share


class TestSolve:
    """Whether clauses can be true together."""

    @given(st.lists(CLAUSES, max_size=30), st.lists(st.lists(LITERALS, max_size=4), max_size=4))
    def test_agrees_with_truth_tables(self, clauses: list[list[int]], questions: list[list[int]]) -> None:
        """In any order of questions, with clauses that are added between them."""
        solver, known = solver_of([]), list[list[int]]()
        batch = len(clauses) // (len(questions) + 1) + 1
        for number, assumptions in enumerate([*questions, []]):
            for clause in clauses[number * batch : (number + 1) * batch]:
                solver.add(clause)
                known.append(clause)
            expected = is_satisfiable([*known, *([literal] for literal in assumptions)])
            assert solver.solve(assumptions) is expected
            if expected:
                assert all(solver.value(literal) for literal in assumptions)
                assert all(any(solver.value(literal) for literal in clause) for clause in known)
            else:
                assert set(solver.core) <= set(assumptions)
                assert not is_satisfiable([*known, *([literal] for literal in solver.core)])

    @pytest.mark.parametrize("seed", range(6))
    def test_agrees_with_truth_tables_where_it_has_to_search(self, seed: int) -> None:
        """Random clauses of three are hardest if there are about four per variable."""
        random = Random(seed)  # noqa: S311  nothing here is secret
        variables = range(1, 11)
        clauses = [
            [random.choice([-1, 1]) * variable for variable in random.sample(variables, 3)]
            for _ in range(random.choice([40, 43, 46]))
        ]
        solver = solver_of(clauses, variables=10)
        assert solver.solve() is is_satisfiable(clauses, 10)

    def test_needs_many_conflicts_for_pigeons(self) -> None:
        """They are restarted several times, and activities are scaled down."""
        assert not solver_of(pigeons(6), variables=42, effort=10**7).solve()

    def test_tries_the_phase_of_each_variable_first(self) -> None:
        """The solution is near to what is usual."""
        solver = Solver(effort=100)
        first, second, third = (solver.variable(phase=phase) for phase in (True, False, True))
        solver.add([-first, second])
        assert solver.solve([third])
        assert [True, True] == [solver.value(first), solver.value(second)]
        assert solver.solve([-third])
        assert not solver.value(third)

    def test_is_never_possible_again_after_an_empty_clause(self) -> None:
        """Without any assumption at fault."""
        solver = solver_of([[]])
        assert not solver.solve([1])
        assert () == solver.core

    def test_names_assumptions_that_contradict_each_other(self) -> None:
        """By themselves, or by what follows from them."""
        solver = solver_of([[-1, 3], [-2, -3, 4], [4, 6, -4]])
        assert not solver.solve([1, 5, -1])
        assert {1, -1} == set(solver.core)
        assert not solver.solve([1, 5, 2, -4])
        assert {1, 2, -4} == set(solver.core)


class TestEffort:
    """The limit."""

    def test_is_an_error_past_the_limit(self) -> None:
        """It is never a guess, and other questions still have answers."""
        solver = solver_of(pigeons(7), variables=56, effort=20_000)
        with pytest.raises(
            AnalysisLimitError, match=r"^no answer within an effort of 20,000 clauses: pass a higher"
        ) as caught:
            solver.solve()
        assert 20_000 == caught.value.effort

    def test_can_be_little_for_one_question(self) -> None:
        """Then that is given up, and other questions still have answers."""
        asked = 57
        clauses = [[*clause, -asked] for clause in pigeons(7)]
        solver = solver_of(clauses, variables=asked)
        assert solver.solve([-asked])
        assert not solver.solves_soon([asked], effort=2000)
        assert solver.solves_soon([-asked], effort=2000)
        spent = solver_of(clauses, variables=asked, effort=2000)
        assert spent.solve([-asked])
        with pytest.raises(AnalysisLimitError):
            spent.solves_soon([asked], effort=10**6)

    def test_is_the_same_every_time(self) -> None:
        """It counts clauses, not seconds."""
        efforts = set[int]()
        for _ in range(2):
            solver = solver_of(pigeons(5), variables=30)
            solver.solve()
            efforts.add(solver._left)
        assert 1 == len(efforts)
