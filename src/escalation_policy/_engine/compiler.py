"""The compiler: the only place that generates and executes source code.

All conditions of a policy become one straight-line function. Every attribute is read once, just before the first rule
that needs it, with None for a value that is missing. A value that nothing has checked is checked when it is read. Unusual
cases (a request of another type, a value of another type, an exception) are handed over to the slow path, with the answers
of opaque functions so far, so that no function is asked twice.

Source holds only names that are made here, and names of attributes that were checked to be plain identifiers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import partial
from itertools import repeat
from operator import is_
from typing import Any, Final, final, get_args, get_origin

from .conditions import Condition, Junction
from .paths import Hops, Path, fits, has_its_own_equality, is_checkable, is_scalar, is_trusted
from .tests import Inputs, Test

#: Stands for what was not read, and for the answer of a function that has not returned yet.
UNREAD: Final = object()
ASKING: Final = object()

#: How deep expressions are nested before a part gets a statement of its own: Python's parser has a limit.
_DEEPEST: Final = 8

#: From how many statements on the same ones are not compiled twice.
_LONG: Final = 1000
#: Placeholders for statements. No name in generated source has a `$`.
_BAIL, _DENY = "$bail", "$deny"

_FUNCTION: Final = """\
def {name}(request{more}):
    {before}
    try:
        {body}
    except Exception as error:
        try:
            {failed}
        except Exception:
            {last}
"""


def execute(source: str, name: str, scope: dict[str, Any]) -> Any:
    """Run generated source, and return the function `name` that it defines."""
    exec(compile(source, f"<compiled {name}>", "exec"), scope)  # noqa: S102  see the module
    return scope[name]


def compile_policy(
    conditions: Sequence[Condition[Any]], inputs: Inputs, slow: Callable[..., Any], **scope: Any
) -> tuple[Callable[[Any], bool], Callable[[Any], Any]]:
    """Compile `allows` and `decide` of a policy.

    Args:
        conditions: What the rules require, all over one type of request.
        inputs: What the conditions read.
        slow: Called as `slow(request, noted, error)` to make the decision in all unusual cases: with what was noted so
            far, in the order of `inputs.noted`, and the exception, if one was raised.
        scope: `new`, which makes an empty decision, the `policy` of decisions, and `overflow`, a denial for a request
            whose own denial cannot be made because the stack is used up.
    """
    noted = f"({''.join(f'{name}, ' for name in note_names(inputs).values())})"
    scope |= {"slow": slow, "unread": UNREAD, "asking": ASKING, "request_type": conditions[0].request_type}
    before = [f"{name} = unread" for name in note_names(inputs).values()] or ["pass"]
    shape = {"more": "", "before": _indented(before, 1)}
    slow_call, failed_call = f"slow(request, {noted})", f"slow(request, {noted}, error)"
    is_unsafe = any(test.runs_host_code for condition in conditions for test in condition.tests)

    chain = [] if is_unsafe else _chain(conditions, inputs, scope)

    bail = f"return {slow_call}._allowed"
    body = [f"if type(request) is not request_type: {bail}", *_filled(chain, bail, "return False"), "return True"]
    if len(chain) > _LONG:
        body = ["return decide(request)._allowed"]
    allows = {"name": "allows", "failed": f"return {failed_call}._allowed", "last": "return False"}
    allows["body"] = _indented([bail] if is_unsafe else body, 2)

    bail = f"return {slow_call}"
    create = ["decision = new()", "decision._request = request", "decision._policy = policy"]
    if inputs.noted or _unchecked_parts(inputs):
        body = [
            f"if type(request) is not request_type: {bail}",
            "allowed = False",
            "while True:",
            *_nested([*_filled(chain, bail, "break"), "allowed = True", "break"]),
            *_read_the_rest(inputs, scope, bail),
            *create,
            "decision._allowed = allowed",
            *([f"decision._notes = {noted}"] if inputs.noted else []),
            "return decision",
        ]
    else:
        body = [
            f"if type(request) is not request_type: {bail}",
            *create,
            *_filled(chain, bail, "decision._allowed = False; return decision"),
            "decision._allowed = True",
            "return decision",
        ]
    decide = {"name": "decide", "failed": f"return {failed_call}", "last": "return overflow"}
    decide["body"] = _indented([bail] if is_unsafe else body, 2)

    source = _FUNCTION.format(**shape, **allows) + _FUNCTION.format(**shape, **decide)
    return execute(source, "allows", scope), scope["decide"]


def compile_keys(conditions: Sequence[Condition[Any]], inputs: Inputs) -> Callable[[Any, tuple[object, ...]], Any]:
    """Compile a function that returns a key for each condition: equal keys mean the same answer, in the same words.

    The function is called with a request of the right type and what was noted when it was decided. A key holds enum
    members, sets of them, bools and None; it is None if the words depend on more than that. The function returns None if
    anything is unusual.
    """
    scope: dict[str, Any] = {"unread": UNREAD}
    names = note_names(inputs)
    draft = Statements(inputs, {}, "", noted=names)
    for condition in conditions:
        _key(draft, condition)
    statements = Statements(inputs, scope, "return None", noted=names, known_uses=draft.uses)
    keys = [_key(statements, condition) for condition in conditions]
    unpack = [f"({''.join(f'{name}, ' for name in names.values())}) = noted"] if names else []
    body = [*unpack, *statements.lines, f"return ({', '.join(keys)},)"]
    source = _FUNCTION.format(
        name="keys", more=", noted", before="pass", body=_indented(body, 2), failed="return None", last="return None"
    )
    return execute(source, "keys", scope)  # type: ignore[no-any-return]


def compile_reader(paths: Iterable[Path]) -> Callable[[Any], list[Any] | None]:
    """Compile a function that reads facts of a request, with None for what is missing.

    The function returns None if a value is of another type than declared, or cannot be read.
    """
    scope: dict[str, Any] = {}
    statements = Statements(Inputs({}, {}), scope, "return None")
    values = ", ".join([statements.value(path.hops) for path in paths])
    body = _indented([*statements.lines, f"return [{values}]"], 2)
    shape = {"more": "", "before": "pass", "failed": "return None", "last": "return None"}
    return execute(_FUNCTION.format(name="read", body=body, **shape), "read", scope)  # type: ignore[no-any-return]


@final
class Statements:
    """The statements of one function that read facts and answer tests.

    Args:
        inputs: What the policy reads.
        scope: Where constants are put; it may be shared with other functions.
        bail: The statement that leaves the function if a value is of another type than declared.
        noted: Variables that already hold what was noted, by key. By default the variables are assigned here.
        known_uses: How often each value and answer is used, as a draft has counted. What is used once gets no variable.
        variables: Variables that already hold values, by the hops to them.

    Attributes:
        lines: The statements so far.
        uses: How often each value and answer is used.
    """

    def __init__(  # noqa: PLR0913  see the arguments
        self,
        inputs: Inputs,
        scope: dict[str, Any],
        bail: str,
        *,
        noted: Mapping[str, str] | None = None,
        known_uses: Counter[Any] | None = None,
        variables: Mapping[Hops, str] | None = None,
    ) -> None:
        self.lines: Final[list[str]] = []
        self.uses: Final = Counter[Any]()
        self._inputs: Final = inputs
        self._scope: Final = scope
        self._constants: Final[dict[int, str]] = {}
        self._bail: Final = bail
        self._known_uses: Final = known_uses or Counter[Any]()
        self._is_answered: Final = noted is not None
        names = note_names(inputs) if noted is None else noted
        self._answers: Final = {key: names[key] for key in inputs.questions}
        values = {inputs.paths[key].hops: name for key, name in names.items() if key in inputs.paths}
        self._noted: Final = values
        self._variables: Final[dict[Hops, str]] = {(): "request", **(variables or {}), **(values if noted else {})}
        self._present: Final = set[Hops]()

    def constant(self, value: object) -> str:
        """Return a name for a constant."""
        name = self._constants.get(id(value))
        if name is None:
            name = self._constants[id(value)] = f"c{len(self._scope)}"
            self._scope[name] = value  # which keeps the id valid
        return name

    def condition(self, condition: Condition[Any]) -> str:
        """Return an expression that is true only if a condition certainly is."""
        return condition.fold(lambda test: (self.test(test), 0), self._junction)[0]

    def require(self, condition: Condition[Any], otherwise: str) -> None:
        """Add the statement `otherwise` for requests that do not certainly meet a condition."""
        self.lines.append(f"if not ({self.condition(condition)}): {otherwise}")
        if not any(type(step) is Junction and step.word == "or" for step in condition.steps):
            hops = [path.hops for test in condition.tests if test.needs_values for path in test.paths]
            self._present.update(each[: number + 1] for each in hops for number in range(len(each)))

    def _junction(self, word: str, operands: list[tuple[str, int]]) -> tuple[str, int]:
        code = f" {word} ".join([f"({operand})" for operand, _ in operands])
        depth = max(depth for _, depth in operands) + 1
        if depth <= _DEEPEST:
            return code, depth
        name = f"b{len(self.lines)}"
        self.lines.append(f"{name} = {code}")
        return name, 0

    def test(self, test: Test) -> str:
        """Return an expression that is true only if a test certainly is."""
        operator, negated = test.operator, test.negated
        code, guarded = operator.code[negated], operator.guarded[negated]
        guards = [self.guards(path) for path in test.paths] if guarded or len(test.paths) > 1 else []
        if not guarded:
            # None equals nothing that is there, so one side is enough.
            guards = guards[:1] if len(guards) > 1 and all(guards) else []
        words = {"x": self._subject(test), "y": "", "absent": ""}
        first, second = (*test.paths, None, None)[:2]
        if "{y}" in code:
            words["y"] = self.value(second.hops) if second else self.constant(test.operand)
            if operator.code_of_members and first and isinstance(first.kind, type(Enum)):
                code = operator.code_of_members[negated]
        if "{absent}" in code and first:
            words["absent"] = self._absent(first.hops)
        parts = [*(guard for each in guards for guard in each), code.format(**words)]
        return " and ".join([part for part in parts if part != "True"] or ["True"])

    def _subject(self, test: Test) -> str:
        if test.opaque:
            return self._answer(test)
        return self.value(test.paths[0].hops) if "{x}" in test.operator.code[test.negated] else ""

    def _answer(self, test: Test) -> str:
        """Return an expression for the answer of an opaque test, which is asked at most once."""
        key = self._inputs.key_of(test)
        name = self._answers[key]
        if self._is_answered:
            return name
        self.uses[key] += 1
        ask = f"(({name} := asking) and ({name} := {self.constant(test.operand)}({self.argument(test)})))"
        return ask if self._known_uses[key] == 1 else f"({name} if {name} is not unread else {ask})"

    def argument(self, test: Test) -> str:
        """Return the variable with what an opaque test passes to its function."""
        if not test.paths:
            return "request"
        self.uses[test.paths[0].hops] += 1  # reading must not raise while the function is asked
        return self.value(test.paths[0].hops)

    def value(self, hops: Hops) -> str:
        """Return an expression for the value at the end of some hops; None if it is missing."""
        self.uses[hops] += 1
        if hops in self._variables:
            return self._variables[hops]
        owner, hop = self.value(hops[:-1]), hops[-1]
        read = f"{owner}.get({self.constant(hop.name)})" if hop.in_mapping else f"{owner}.{hop.name}"
        may_be_none, name = bool(self._nullable(hops[:-1])), self._noted.get(hops)
        if may_be_none:
            read = f"None if {owner} is None else {read}"
            self.uses[hops[:-1]] += 1
        elif self._known_uses[hops] == 1 and is_trusted(hops):
            return read
        name = self._variables[hops] = name or f"v{len(self._variables)}"
        is_other = "" if is_trusted(hops) else self._is_other(name, read, hop.kind)
        self.lines.append(f"if {is_other} and {name} is not None: {self._bail}" if is_other else f"{name} = {read}")
        return name

    def _is_other(self, name: str, read: str, kind: Any) -> str:
        """Return an expression that assigns `read` to a variable, and is true if the value is not of the declared type.

        It is empty if that cannot be checked.
        """
        if get_origin(kind) is frozenset:
            member = get_args(kind)[0]
            code = f"type({name} := {read}) is not frozenset"
            if get_origin(member) is frozenset:
                return f"({code} or not {self.constant(partial(fits, kind=kind))}({name}))"
            if not (is_scalar(member) or is_checkable(member)):
                return code
            return f"({code} or not {self.constant(_all_of(member))}({name}))"
        return f"type({name} := {read}) is not {self.constant(kind)}" if is_scalar(kind) or is_checkable(kind) else ""

    def guards(self, path: Path) -> list[str]:
        """Return expressions that are all true only if the value at a path is there."""
        stops = self._nullable(path.hops)
        guards = [f"{self.value(stops[-1])} is not None"] if stops else []
        if path.unknown is not None:
            guards.append(f"{self.value(path.hops)} is not {self.constant(path.unknown)}")
        return guards

    def _absent(self, hops: Hops) -> str:
        """Return an expression that is true if there is known to be no value at the end of some hops."""
        code = "False"
        for stop in reversed(self._nullable(hops)):
            name = self.value(stop)
            code = f"({name} is not None and {code})" if stop[-1].unknown_when_none else f"({name} is None or {code})"
        return code

    def _nullable(self, hops: Hops) -> list[Hops]:
        """Return the ways along some hops at whose ends None can stand."""
        ways = [hops[: number + 1] for number in range(len(hops))]
        return [way for way in ways if way not in self._present and (way[-1].optional or not is_trusted(way))]

    def shape(self, path: Path) -> list[str]:
        """Return expressions for what evidence shows of a fact: its value, or whether it is there and empty."""
        stops = self._nullable(path.hops)
        # None says nothing about its cause if it can stand in places that mean different things.
        causes = stops[:-1] if len({stop[-1].unknown_when_none for stop in stops}) > 1 else []
        value = self.value(path.hops) if path.shows_value or path.member is not None or stops else ""
        if path.member is not None and not path.shows_value:
            value = f"{value} and True"
        elif not path.shows_value:
            value = f"{value} is not None" if stops else ""
        return [*(f"{self.value(stop)} is None" for stop in causes), *([value] if value else [])]


def _key(statements: Statements, condition: Condition[Any]) -> str:
    """Return an expression for the key of a condition."""
    parts: dict[str, None] = {}
    for test in condition.tests:
        if any(path.shows_number or (path.shows_value and has_its_own_equality(path.kind)) for path in test.paths):
            return "None"
        parts.update(dict.fromkeys(part for path in test.paths for part in statements.shape(path)))
        if test.opaque or (not all(path.shows_value for path in test.paths) and not test.operator.answers_absence):
            parts[statements.test(test if not test.negated else ~test)] = None
    return f"({''.join(f'{part}, ' for part in parts)})"


def _chain(conditions: Sequence[Condition[Any]], inputs: Inputs, scope: dict[str, Any]) -> list[str]:
    """Return statements that ask one condition after the other, with placeholders for what `_filled()` puts in."""
    draft = Statements(inputs, {}, _BAIL)
    for condition in conditions:
        draft.require(condition, _DENY)
    statements = Statements(inputs, scope, _BAIL, known_uses=draft.uses)
    for condition in conditions:
        statements.require(condition, _DENY)
    return statements.lines


def _filled(chain: list[str], bail: str, deny: str) -> list[str]:
    """Put in what to do with a value of another type, and at the first condition that is not true."""
    return [line.replace(_BAIL, bail).replace(_DENY, deny) for line in chain]


def _read_the_rest(inputs: Inputs, scope: dict[str, Any], bail: str) -> list[str]:
    """Return statements that read and ask what a decision left out, so that nothing is asked later.

    Parts of a subclass are handed over too, since their attributes may be properties that answer differently each time.
    """
    names = note_names(inputs)
    parts = Statements(inputs, scope, bail)
    for hops in _unchecked_parts(inputs):
        parts.value(hops)
    lines = ["if not allowed:", *_nested(parts.lines)] if parts.lines else []
    values: dict[Hops, str] = {}
    for key, name in names.items():
        statements = Statements(inputs, scope, bail, variables=values)
        if key in inputs.paths:
            hops = inputs.paths[key].hops
            statements.value(hops)
            values[hops] = name
            lines += [f"if {name} is unread:", *_nested(statements.lines)]
            continue
        test = inputs.questions[key]
        guards = " and ".join([guard for path in test.paths for guard in statements.guards(path)]) or "True"
        argument = statements.argument(test)
        call = f"{name} = {statements.constant(test.operand)}({argument})"
        lines += [f"if {name} is unread:", *_nested(statements.lines), f"    if {guards}:"]
        lines += [f"        {name} = asking", f"        {call}"]
        lines.append(f"if type({name}) is not bool and {name} is not unread: {bail}")
    return lines


def note_names(inputs: Inputs) -> dict[str, str]:
    """Return the variable of each thing that is noted."""
    return {key: f"n{number}" for number, key in enumerate(inputs.noted)}


def _unchecked_parts(inputs: Inputs) -> list[Hops]:
    """Return the ways to parts that nothing has checked, and whose attributes are read again after a decision."""
    ways = [path.hops[:number] for path in inputs.paths.values() if path.lasting for number in range(1, len(path.hops))]
    return [way for way in dict.fromkeys(ways) if not is_trusted(way)]


def _all_of(kind: type) -> Callable[[frozenset[object]], bool]:
    """Return a function that tells whether all members of a set are of exactly one type."""
    return lambda values: all(map(is_, map(type, values), repeat(kind)))


def _nested(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _indented(lines: Iterable[str], depth: int) -> str:
    return f"\n{'    ' * depth}".join(lines)
