"""The compiler: all conditions of a policy as one straight-line function.

Each test is asked for what it must be; one that is undecided is not that. Each attribute is read once, just before the
first rule that needs it, with None for whatever is missing. Whatever is unusual (a request of another type, anything
that raises) is handed over to the slow path, which answers rule by rule.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, Final, cast

from ._conditions import Condition, Junction, R, Test
from ._decision import Decision, answer_rule
from ._operators import OPERATORS
from ._paths import Hop, Path
from ._rules import Rule
from ._truth import Truth

_FUNCTION: Final = """\
def {name}(request):
    try:
        if type(request) is not request_type:
            return slow(request)
        {body}
    except Exception:
        return slow(request)
"""
_ALLOWS: Final = {"name": "allows", "begin": "pass", "allow": "return True", "deny": "return False"}
_DECIDES: Final = {
    "name": "decide",
    "begin": "decision = new(Decision); decision._request = request; decision._judge = judge",
    "allow": "decision._allowed = True; return decision",
    "deny": "decision._allowed = False; return decision",
}
_Way = tuple[Hop, ...]


def compile_policy(rules: Sequence[Rule[R]], slow: Callable[[R], Any], judge: object = None) -> Callable[[R], Any]:
    """Makes a function that says whether a request meets all rules or, for a judge, makes a decision of that.

    Args:
        rules: The rules, all over one type of request.
        slow: Answers whatever is unusual in its place.
        judge: Who the decisions are told made them.
    """
    words = _ALLOWS if judge is None else _DECIDES
    conditions = [rule.requires for rule in rules]
    chain = _Chain(conditions, _Chain(conditions, Counter()).uses, words["deny"])
    body = "\n        ".join([words["begin"], *chain.lines, words["allow"]])
    scope: dict[str, Any] = {"request_type": conditions[0].request_type, "slow": slow, "judge": judge}
    scope |= {**chain.constants, "new": object.__new__, "Decision": Decision}
    # INVARIANT: nothing a host writes gets into the source but names of attributes that attrs classes declare.
    exec(compile(_FUNCTION.format(body=body, **words), "<compiled policy>", "exec"), scope)  # noqa: S102
    return cast("Callable[[R], Any]", scope[words["name"]])


def compile_check(*rules: Rule[R]) -> Callable[[R], bool]:
    """Makes a function that says whether a request meets all these rules, quickly."""
    return compile_policy(rules, lambda request: all(answer_rule(rule, request)[0] is Truth.TRUE for rule in rules))


class _Chain:
    """The statements that ask one condition after the other.

    Args:
        conditions: The conditions.
        known_uses: How often each way is used, as a draft has counted; what is used once needs no variable.
        deny: What to do where one of them is not true.
    """

    def __init__(self, conditions: Iterable[Condition[Any]], known_uses: Counter[_Way], deny: str = "pass") -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self.uses: Counter[_Way] = Counter()
        self._known_uses = known_uses
        self._variables: dict[_Way, str] = {(): "request"}
        for condition in conditions:
            self.lines.append(f"if not ({self._code(condition)}): {deny}")

    def _code(self, condition: Condition[Any]) -> str:
        if isinstance(condition, Junction):
            return f" {condition.word} ".join(f"({self._code(operand)})" for operand in condition.operands)
        return self._test_code(condition.tests()[0])

    def _test_code(self, test: Test[Any]) -> str:
        if test.kind == "is_set":
            read = f"{self._constant(test.paths[0].read)}(request) is {self._constant(Truth.ABSENT)}"
            return read if test.negated else " and ".join(self._guards(test.paths[0])) or "True"
        # A guard comes before the comparison, and reads what both need. What is missing is neither True nor False.
        guards = [] if test.kind == "is_true" else [self._guards(path) for path in test.paths]
        code = self._comparison(test)
        if test.opaque or test.kind == "is_true":
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
        # Members of enums equal only themselves, unless a host says otherwise.
        by_identity = isinstance(test.operand, Enum) and type(test.operand).__eq__ in (object.__eq__, str.__eq__)
        if by_identity and test.kind == "equals":
            return f"{x} is {y}"
        return OPERATORS[test.kind].code.format(x=x, y=y)

    def _constant(self, value: object) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def _way(self, way: _Way) -> str:
        """Says how to read what stands at the end of a way: from a variable, or in place where that is wanted once."""
        self.uses[way] += 1
        if way not in self._variables:
            owner, hop = self._way(way[:-1]), way[-1]
            read = f"{owner}.get({self._constant(hop.name)})" if hop.in_mapping else f"{owner}.{hop.name}"
            if self._last_optional(way[:-1]):
                read = f"None if {owner} is None else {read}"
                self.uses[way[:-1]] += 1
            elif self._known_uses[way] == 1:
                return read
            self._variables[way] = f"v{len(self._variables)}"
            self.lines.append(f"{self._variables[way]} = {read}")
        return self._variables[way]

    def _last_optional(self, way: _Way) -> _Way:
        """Finds the last stop on a way where None can stand; the empty way where there is none."""
        while way and not way[-1].optional:
            way = way[:-1]
        return way

    def _guards(self, path: Path) -> list[str]:
        """What must hold for the value at a path to be there at all."""
        stop = self._last_optional(path.hops)
        if path.promised:
            guards = [f"type({self._way(path.hops)}) is {self._constant(path.exact)}"]
        else:
            guards = [f"{self._way(stop)} is not None"] if stop else []
        if path.unknown is not None:
            guards.append(f"{self._way(path.hops)} is not {self._constant(path.unknown)}")
        return guards
