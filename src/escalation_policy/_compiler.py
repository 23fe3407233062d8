"""The compiler: all conditions of a policy as one straight-line function.

Negation is pushed down to the tests, so that each test is asked for what it must be, true or false; a test that is
undecided is neither. Each attribute is read once, just before the first rule that needs it, with None for whatever is
missing; what one rule has found to be there, the rules after it take for granted. Whatever is unusual (a request of another type, anything that raises) is handed over to `otherwise`.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, cast

from ._conditions import OPERATORS, Condition, Junction, Not, Test
from ._decision import Decision
from ._paths import Hop, Path

_ALLOWS: Final = """\
def allows(request):
    try:
        if type(request) is not request_type:
            return otherwise(request)
{chain}
        return True
    except Exception:
        return otherwise(request)
"""
_DECIDE: Final = """\
def decide(request):
    try:
        if type(request) is not request_type:
            return otherwise(request)
        decision = new(Decision)
        decision._request = request
        decision._judge = judge
{chain}
        decision._allowed = True
        return decision
    except Exception:
        return otherwise(request)
"""


def compile_allows(conditions: Iterable[Condition[Any]], otherwise: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Makes a function that says whether all conditions are true for a request."""
    return _Source(conditions).function("allows", _ALLOWS, ["return False"], otherwise=otherwise)


def compile_decide(
    conditions: Iterable[Condition[Any]], judge: object, otherwise: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Makes a function that wraps a request and the same verdict into a decision that `judge` explains when asked."""
    deny = ["decision._allowed = False", "return decision"]
    names = {"otherwise": otherwise, "judge": judge, "new": object.__new__}
    return _Source(conditions).function("decide", _DECIDE, deny, **names)


class _Source:
    """The statements of one function while they are written."""

    def __init__(self, conditions: Iterable[Condition[Any]]) -> None:
        self._conditions = tuple(conditions)
        self._variables: dict[_Way, str] = {(): "request"}
        self._present: set[_Way] = set()
        self._scope: dict[str, Any] = {}
        self._lines: list[str] = []

    def function(self, name: str, frame: str, deny: list[str], **names: object) -> Callable[[Any], Any]:
        for condition in self._conditions:
            wanted = self._code(condition, negated=False)
            self._lines += [f"if not ({wanted}):", *(f"    {line}" for line in deny)]
            self._take_for_granted(condition)
        chain = "\n".join(f"        {line}" for line in self._lines)
        scope = {**self._scope, **names, "request_type": self._conditions[0].request_type, "Decision": Decision}
        # INVARIANT: nothing a host writes gets into the source but names of attributes that attrs classes declare.
        exec(compile(frame.format(chain=chain), f"<{name}: compiled policy>", "exec"), scope)  # noqa: S102
        return cast("Callable[[Any], Any]", scope[name])

    def _code(self, condition: Condition[Any], *, negated: bool) -> str:
        if isinstance(condition, Not):
            return self._code(condition.operand, negated=not negated)
        if isinstance(condition, Junction):
            joint = f" {condition.joined_by(negated=negated)} "
            return joint.join(f"({self._code(operand, negated=negated)})" for operand in condition.operands)
        return self._test_code(cast("Test[Any]", condition), negated=negated)

    def _take_for_granted(self, condition: Condition[Any]) -> None:
        """Notes what is there wherever this condition is true: all that it tests, unless it offers alternatives."""
        if isinstance(condition, Junction) and condition.word == "and":
            for operand in condition.operands:
                self._take_for_granted(operand)
        if isinstance(condition, Test):
            for path in condition.paths:
                self._present.update(path.hops[:count] for count in range(1, len(path.hops) + 1))

    def _test_code(self, test: Test[Any], *, negated: bool) -> str:
        if test.kind == "is_set":
            return self._absent(test.paths[0]) if negated else " and ".join(self._guards(test.paths[0])) or "True"
        guards = [self._guards(path) for path in test.paths]
        code = self._comparison(test)
        if test.kind == "is_true":
            return f"{code} is {not negated}"
        if test.opaque:
            code = f"{code} is {not negated}"
        elif negated:
            code = f"not ({code})"
        elif test.kind in ("equals", "one_of") and all(path.key is None for path in test.paths):
            # What is missing equals no constant, and nothing that is there.
            guards = guards[:1] if len(guards) == 2 and all(guards) else []
        return " and ".join([*(guard for each in guards for guard in each), code])

    def _comparison(self, test: Test[Any]) -> str:
        x = self._way(test.paths[0].way) if test.paths else ""
        y = self._way(test.paths[1].way) if len(test.paths) == 2 else self._constant(test.operand)
        if test.kind == "equals" and isinstance(test.operand, Enum):
            return f"{x} is {y}"
        return OPERATORS[test.kind].code.format(x=x, y=y)

    def _constant(self, value: object) -> str:
        name = f"c{len(self._scope)}"
        self._scope[name] = value
        return name

    def _way(self, way: "_Way") -> str:
        """Names the variable that holds what stands at the end of a way, and reads it if nobody has."""
        if way not in self._variables:
            owner, last = self._way(way[:-1]), way[-1]
            read = f"{owner}.{last.name}" if isinstance(last, Hop) else f"{owner}.get({self._constant(last)})"
            if self._last_optional(way[:-1]):
                read = f"None if {owner} is None else {read}"
            self._variables[way] = f"v{len(self._variables)}"
            self._lines.append(f"{self._variables[way]} = {read}")
        return self._variables[way]

    def _last_optional(self, way: "_Way") -> "_Way":
        """Finds the last stop on a way where None can stand, for all we know; the empty way where there is none."""
        while way and (not isinstance(way[-1], Hop) or not way[-1].optional):
            way = way[:-1]
        return () if way in self._present else way

    def _guards(self, path: Path) -> list[str]:
        """What must hold for the value at a path to be there at all."""
        if path.key is not None:
            return [f"type({self._way(path.way)}) is {path.kind.__name__}"]
        stop = self._last_optional(path.hops)
        guards = [f"{self._way(stop)} is not None"] if stop else []
        if path.unknown is None or path.hops in self._present:
            return guards
        return [*guards, f"{self._way(path.hops)} is not {self._constant(path.unknown)}"]

    def _absent(self, path: Path) -> str:
        """What must hold for the value at a path to be absent: the first None on the way is one that says so."""
        ends: list[str] = []
        before = ""
        for count, hop in enumerate(path.hops, start=1):
            if hop.optional:
                variable = self._way(path.hops[:count])
                if not hop.unknown_when_none:
                    ends.append(f"{before}{variable} is None")
                before = f"{variable} is not None and "
        return " or ".join(f"({end})" for end in ends) or "False"


_Way = tuple[Hop | str, ...]
