"""The compiler: all conditions of a policy as one straight-line function.

Negation is pushed down to the tests, so that each test is asked for what it must be, true or false; a test that is
undecided is neither. Each attribute is read once, just before the first rule that needs it, with None for whatever is
missing; what one rule has found to be there, the rules after it take for granted. Whatever is unusual (a request of another type, anything that raises) is handed over to the slow path,
which answers rule by rule.
"""

import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, cast

from ._conditions import Condition, Junction, Test
from ._decision import Decision
from ._operators import OPERATORS
from ._paths import Hop, Path
from ._truth import Truth

_FUNCTION: Final = """\
def compiled(request):
    try:
        if type(request) is not request_type:
            return slow(request)
        {lines}
    except Exception:
        return slow(request)
"""


def compile_allows(conditions: Iterable[Condition[Any]], slow: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Makes a function that says whether all conditions are true for a request."""
    return _Source(slow=slow).function(conditions, deny=["return False"], allow=["return True"])


def compile_decide(
    conditions: Iterable[Condition[Any]], judge: object, slow: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Makes a function that wraps a request and the same verdict into a decision, as `Decision._made()` does."""
    source = _Source(slow=slow, new=object.__new__, Decision=Decision, judge=judge)
    source.lines += ["decision = new(Decision)", "decision._request = request", "decision._judge = judge"]
    deny, allow = (["decision._allowed = False", "return decision"], ["decision._allowed = True", "return decision"])
    return source.function(conditions, deny=deny, allow=allow)


class _Source:
    """The statements of one function while they are written."""

    def __init__(self, **names: Any) -> None:
        self.lines: list[str] = []
        self._scope = names
        self._variables: dict[_Way, str] = {(): "request"}
        self._present: set[_Way] = set()

    def function(
        self, conditions: Iterable[Condition[Any]], *, deny: list[str], allow: list[str]
    ) -> Callable[[Any], Any]:
        for condition in conditions:
            self._scope["request_type"] = condition.request_type
            self.lines += [f"if not ({self._code(condition)}):", *(f"    {line}" for line in deny)]
            self._take_for_granted(condition)
        source = _FUNCTION.format(lines="\n        ".join(_inlined(self.lines) + allow))
        # INVARIANT: nothing a host writes gets into the source but names of attributes that attrs classes declare.
        exec(compile(source, "<compiled policy>", "exec"), self._scope)  # noqa: S102
        return cast("Callable[[Any], Any]", self._scope["compiled"])

    def _code(self, condition: Condition[Any]) -> str:
        if isinstance(condition, Junction):
            return f" {condition.word} ".join(f"({self._code(operand)})" for operand in condition.operands)
        return self._test_code(condition.tests()[0])

    def _take_for_granted(self, condition: Condition[Any]) -> None:
        """Notes what is there wherever this condition is true: all that it tests, unless it offers alternatives."""
        if isinstance(condition, Junction) and condition.word == "and":
            for operand in condition.operands:
                self._take_for_granted(operand)
        if isinstance(condition, Test):
            for path in condition.paths:
                self._present.update(path.hops[:count] for count in range(1, len(path.hops) + 1))

    def _test_code(self, test: Test[Any]) -> str:
        if test.kind == "is_set":
            read = f"{self._constant(test.paths[0].read)}(request) is {self._constant(Truth.ABSENT)}"
            return read if test.negated else " and ".join(self._guards(test.paths[0])) or "True"
        code = self._comparison(test)
        if test.kind == "is_true":
            return f"{code} is {not test.negated}"
        guards = [self._guards(path) for path in test.paths]
        if test.opaque:
            code = f"{code} is {not test.negated}"
        elif test.negated:
            code = f"not ({code})"
        elif test.kind in ("equals", "one_of") and not any(path.promised for path in test.paths):
            # What is missing equals no constant, and nothing that is there.
            guards = guards[:1] if len(guards) == 2 and all(guards) else []
        return " and ".join([*(guard for each in guards for guard in each), code])

    def _comparison(self, test: Test[Any]) -> str:
        x = self._way(test.paths[0].hops) if test.paths else ""
        y = self._way(test.paths[1].hops) if len(test.paths) == 2 else self._constant(test.operand)
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
            owner, hop = self._way(way[:-1]), way[-1]
            read = f"{owner}.get({self._constant(hop.name)})" if hop.in_mapping else f"{owner}.{hop.name}"
            if self._last_optional(way[:-1]):
                read = f"None if {owner} is None else {read}"
            self._variables[way] = f"v{len(self._variables)}"
            self.lines.append(f"{self._variables[way]} = {read}")
        return self._variables[way]

    def _last_optional(self, way: "_Way") -> "_Way":
        """Finds the last stop on a way where None can stand, for all we know; the empty way where there is none."""
        while way and not way[-1].optional:
            way = way[:-1]
        return () if way in self._present else way

    def _guards(self, path: Path) -> list[str]:
        """What must hold for the value at a path to be there at all."""
        if path.promised:
            return [f"type({self._way(path.hops)}) is {path.kind.__name__}"]
        stop = self._last_optional(path.hops)
        guards = [f"{self._way(stop)} is not None"] if stop else []
        if path.unknown is None or path.hops in self._present:
            return guards
        return [*guards, f"{self._way(path.hops)} is not {self._constant(path.unknown)}"]


def _inlined(lines: list[str]) -> list[str]:
    """Reads an attribute where its value is wanted, if that is only once."""
    text = "\n".join(lines)
    for variable, read in re.findall(r"^(v\d+) = (\w+\.\w+)$", text, re.MULTILINE):
        use = rf"\b{variable}\b"
        if len(re.findall(use, text)) == 2:
            text = re.sub(use, read, text.replace(f"{variable} = {read}\n", ""))
    return text.splitlines()


_Way = tuple[Hop, ...]
