"""Evaluate a policy's rules against the facts of log records instead of a request.

Each rule's condition is rewritten to read the facts of a record. Then the same engine answers it that decides requests. A
test that needs more than the record holds is replaced by one that has no answer and names the missing facts.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast, final, get_origin

import attrs

from .._engine.compiler import ASKING, UNREAD, Statements, execute, note_names
from .._engine.conditions import Condition, Junction, joined_answer
from .._engine.decision import STATUSES, error_of
from .._engine.paths import Hop, Hops, Path
from .._engine.policy import Policy
from .._engine.tests import Answer, Evidence, Finding, Inputs, Readings, Test
from .._engine.truth import Missing, Truth
from .._enums import ReasonStatus
from ._facts import FactCodec, codec_of
from ._masking import mask_of
from ._record import RecordedReason, unchecked
from ._recording import facts_of_several_types

#: From which record of one shape on the rules are compiled for it.
RARE: Final = 8
#: Types whose values are stored as they are. The compiled function checks the type itself.
_STORED_AS_THEY_ARE: Final = (str, int, bool)

_Decode = Callable[[Any], object]
Facts = Mapping[str, Any]
#: The numbers of the rules that are not met, each with whether its status is certainly `unmet`.
FailingRules = list[tuple[int, bool]]


@final
class RecordedFacts(dict[str, Any]):
    """The decoded facts of one record, which the rewritten conditions read like a request."""


@final
@attrs.frozen
class NotRecorded:
    """Replaces the host's function in a test that a record cannot answer.

    Attributes:
        missing: The facts, or the predicate, that the record does not hold.
        required: What the test requires of its fact, in words.
        compared_with: The fact that it is compared with, if any.
    """

    missing: tuple[str, ...]
    required: str
    compared_with: str | None = None

    def __call__(self, _: object) -> None:
        """Return no answer. So neither the test nor its negation is met."""


def _recorded_answer(answer: bool, *_: object) -> bool:  # noqa: FBT001
    """Return what a predicate answered when the decision was made."""
    return answer


_FAILING_RULES: Final = """\
def failing_rules(request):
    try:
        failing = []
        {lines}
        return failing
    except Exception:
        return None
"""


@final
class RecordedPolicy:
    """The rules of a policy over the facts of all records of one shape.

    Args:
        policy: The policy.
        unknown: The facts that are None because nobody supplied them.
        masked: The facts that hold tokens.
        outputs: The recorded answers of predicates.
        missing: The facts which the policy reads and which are not in the records, or cannot be decoded.
    """

    def __init__(
        self,
        policy: Policy[Any],
        unknown: tuple[str, ...],
        masked: tuple[str, ...],
        outputs: tuple[tuple[str, bool], ...],
        missing: tuple[str, ...],
    ) -> None:
        self._unknown: Final = frozenset(unknown)
        self._masked: Final = frozenset(masked)
        self._outputs: Final = dict(outputs)
        tests = [test for rule in policy.rules for test in rule.requires.tests]
        self._missing: Final = frozenset(missing) | facts_of_several_types(tests)
        paths = {str(path): path for test in tests for path in test.paths if str(path) not in self._missing}
        self._codecs: Final[dict[str, FactCodec]] = {name: codec_of(path.kind) for name, path in paths.items()}
        self._types: Final = {
            name: path.kind
            for name, path in paths.items()
            if path.kind in _STORED_AS_THEY_ARE and name not in self._masked
        }
        self._decoders: Final = {name: self._decoder(path) for name, path in paths.items() if name not in self._types}
        self._rules: Final = [attrs.evolve(rule, requires=self._rewritten(rule.requires)) for rule in policy.rules]
        self._inputs: Final = Inputs.of(test for rule in self._rules for test in rule.requires.tests)
        self._paths: Final = paths
        self._uses = 0
        self._compiled: Callable[[Facts], FailingRules | None] | None = None

    def failing_rules(self, facts: Facts) -> FailingRules | None:
        """Return the rules that the facts of a record do not meet.

        None if something raised, as a fact that is not there does; or if the shape is still rare. To compile the rules takes
        as long as to interpret them for about ten records, and in a hostile log, each record may have another shape.
        """
        if self._compiled is None:
            self._uses += 1
            if self._uses < RARE:
                return None
            reads = {
                self._path(path).hops: (self._decoders.get(name), self._types.get(name))
                for name, path in self._paths.items()
            }
            self._compiled = _compile([rule.requires for rule in self._rules], self._inputs, reads)
        return self._compiled(facts)

    def _decoder(self, path: Path) -> _Decode:
        """Return what decodes the stored value of a fact. It returns None if the stored value is not valid."""
        if str(path) in self._masked:
            return partial(_decode_token, f"{_id_kind(path)}#", self._is_set(path))
        return self._codecs[str(path)].decode or _decode_presence

    def _is_set(self, path: Path) -> bool:
        """Return whether records store a fact as a list of its members."""
        return get_origin(path.kind) is frozenset and self._codecs[str(path)].decode is not None

    def _path(self, path: Path) -> Path:
        """Return the path to the same fact in `RecordedFacts`."""
        name, kind = str(path), path.kind
        if self._codecs[name].decode is None:
            kind = object
        elif name in self._masked:
            kind = frozenset[str] if self._is_set(path) else str
        hop = Hop(name, kind, optional=True, unknown_when_none=name in self._unknown, in_mapping=True, checked=True)
        return Path(RecordedFacts, (hop,), path.private)

    def _rewritten(self, condition: Condition[Any]) -> Condition[RecordedFacts]:
        """Return a condition that asks the same of the facts of a record."""
        steps: list[Test | Junction] = []
        for step in condition.steps:
            steps += [step] if isinstance(step, Junction) else self._rewritten_test(step)
        return Condition(RecordedFacts, tuple(steps))

    def _rewritten_test(self, test: Test) -> list[Test | Junction]:
        answer = self._outputs.get(test.question) if test.opaque else None
        missing = [str(path) for path in test.paths if not self._is_presence_recorded(path)]
        if answer is not None:
            # The answer is valid even if the value that was asked about could not be recorded.
            paths = () if missing else test.paths
            return [self._over_record(attrs.evolve(test, paths=paths, operand=partial(_recorded_answer, answer)))]
        if missing or not test.paths:
            return _all([_unanswerable(name) for name in missing or [test.name]])
        without_value = [
            str(path) for path in test.paths if str(path) in self._masked or self._codecs[str(path)].decode is None
        ]
        if not without_value or test.operator.answers_absence or self._are_comparable(test.paths):
            return [self._over_record(test)]
        return self._unless_absent(test, without_value)

    def _over_record(self, test: Test) -> Test:
        return attrs.evolve(test, paths=tuple([self._path(path) for path in test.paths]))

    def _is_presence_recorded(self, path: Path) -> bool:
        """Return whether a record shows at least if a fact has a value. The token of an enum may stand for `UNKNOWN`."""
        return str(path) not in self._missing and (path.unknown is None or str(path) not in self._masked)

    def _are_comparable(self, paths: tuple[Path, ...]) -> bool:
        """Return whether two facts can be compared by their tokens."""
        are_tokens = [str(path) in self._masked and self._codecs[str(path)].decode is not None for path in paths]
        return are_tokens == [True, True] and _id_kind(paths[0]) == _id_kind(paths[1])

    def _unless_absent(self, test: Test, missing: list[str]) -> list[Test | Junction]:
        """Return the replacement of a test that has no answer unless one of its facts is absent, which is the answer then."""
        other = str(test.paths[1]) if len(test.paths) > 1 else None
        requirements = ((test.requirement(), other), ("is set", None))
        replacements = [
            Test("satisfies", (self._path(path),), NotRecorded(tuple(missing), *requirement), ", ".join(missing))
            for path, requirement in zip(test.paths, requirements, strict=False)
            if str(path) not in self._masked  # a fact that holds a token is not absent
        ]
        return _all(replacements or [_unanswerable(name) for name in missing])

    def undecodable(self, facts: Facts) -> list[str]:
        """Return the facts of a record that are not there, have another type, or cannot be decoded."""
        names = [name for name in (*self._decoders, *self._types) if name not in facts]
        stored = [(name, decode, facts.get(name)) for name, decode in self._decoders.items()]
        names += [name for name, decode, value in stored if value is not None and decode(value) is None]
        typed = [(name, kind, facts.get(name)) for name, kind in self._types.items()]
        return names + [name for name, kind, value in typed if value is not None and type(value) is not kind]

    def _readings(self, facts: Facts) -> Readings:
        decoded = RecordedFacts(facts)
        for name, decode in self._decoders.items():
            if decoded[name] is not None:
                decoded[name] = decode(decoded[name])
        return Readings(self._inputs, decoded, {})

    def statuses(self, facts: Facts, failing: FailingRules | None) -> tuple[dict[str, ReasonStatus], dict[str, None]]:
        """Return the status of each rule that is not met and, if some rules cannot be decided, the missing facts in order.

        Args:
            facts: The facts of the record.
            failing: What `failing_rules` returned for them.
        """
        statuses: dict[str, ReasonStatus] = {}
        missing: dict[str, None] = {}
        readings: Readings | None = None
        for number, is_unmet in (
            failing if failing is not None else [(number, False) for number in range(len(self._rules))]
        ):
            rule = self._rules[number]
            if is_unmet:
                statuses[rule.code] = ReasonStatus.UNMET
                continue
            readings = readings or self._readings(facts)
            truth, findings = _answer_condition(rule.requires, readings)
            if truth is not Truth.TRUE:
                statuses[rule.code] = STATUSES[truth]
            for finding in findings:
                missing.update(dict.fromkeys(finding.not_recorded))
        return statuses, missing

    def reasons(self, facts: Facts, statuses: Mapping[str, ReasonStatus]) -> tuple[RecordedReason, ...]:
        """Return the reasons of rules that are not met, in the policy's order."""
        readings = self._readings(facts)
        answers = {
            rule.code: _answer_condition(rule.requires, readings) for rule in self._rules if rule.code in statuses
        }
        return tuple([_reason(code, statuses[code], answer) for code, answer in answers.items()])


def _reason(code: str, status: ReasonStatus, answer: Answer) -> RecordedReason:
    evidence = tuple(dict.fromkeys(finding.evidence for finding in answer[1]))
    return unchecked(RecordedReason, {"code": code, "status": status, "evidence": evidence, "error": error_of(answer)})


def _answer_condition(condition: Condition[RecordedFacts], readings: Readings) -> Answer:
    return condition.fold(lambda test: _answer(test, readings), joined_answer)


def _answer(test: Test, readings: Readings) -> Answer:
    operand: Any = test.operand
    if type(operand) is not NotRecorded:
        return test.answer(readings)
    value = readings.value(test.paths[0]) if test.paths else None
    if type(value) is Missing:
        evidence = Evidence(test.subject, operand.required, value.value, operand.compared_with)
        return value.truth, (Finding(evidence, evidence, value.truth),)
    evidence = Evidence(test.subject, operand.required, "error")
    return Truth.ERROR, (Finding(evidence, evidence, Truth.ERROR, not_recorded=operand.missing),)


def _unanswerable(name: str) -> Test:
    return Test("predicate", (), NotRecorded((name,), "holds"), name)


def _compile(
    conditions: Sequence[Condition[RecordedFacts]],
    inputs: Inputs,
    reads: Mapping[Hops, tuple[_Decode | None, type | None]],
) -> Callable[[Facts], FailingRules | None]:
    """Compile a function that asks each condition whether it is true and, if it is not, whether it is false.

    Args:
        conditions: The conditions.
        inputs: What they read.
        reads: The hops to each fact, with the function that decodes its stored value, or the type that it must have.
    """
    scope: dict[str, Any] = {"unread": UNREAD, "asking": ASKING}
    variables = {hops: f"r{number}" for number, hops in enumerate(reads)}
    statements = Statements(inputs, scope, "", variables=variables)
    lines = [f"{name} = unread" for name in note_names(inputs).values()]
    for hops, (decode, kind) in reads.items():
        name = variables[hops]
        lines.append(f"{name} = request[{statements.constant(hops[0].name)}]")
        if decode:
            decoded = f"({name} := {statements.constant(decode)}({name}))"
            lines.append(f"if {name} is not None and {decoded} is None: raise LookupError")
        else:
            lines.append(
                f"if {name} is not None and type({name}) is not {statements.constant(kind)}: raise LookupError"
            )
    for number, condition in enumerate(conditions):
        is_met = statements.condition(condition)
        is_unmet = f"({statements.condition(~condition)}) or ({_is_absent(statements, condition)})"
        statements.lines.append(f"if not ({is_met}): failing.append(({number}, {is_unmet}))")
    source = _FAILING_RULES.format(lines="\n        ".join([*lines, *statements.lines]))
    failing_rules: Callable[[Facts], FailingRules | None] = execute(source, "failing_rules", scope)
    return failing_rules


def _is_absent(statements: Statements, condition: Condition[RecordedFacts]) -> str:
    """Return an expression that is true if a condition of one test has no answer only because a fact is absent."""
    test = condition.steps[0]
    if len(condition.steps) > 1 or isinstance(test, Junction) or test.opaque:
        return "False"
    absent: list[str] = []
    for path in test.paths:
        guard = " and ".join(statements.guards(path))
        is_unknown = path.hops[0].unknown_when_none
        absent.append(f"({guard})" if is_unknown else f"({statements.value(path.hops)} is None or ({guard}))")
    return " and ".join(absent)


def _all(tests: list[Test]) -> list[Test | Junction]:
    return [*tests, Junction("and", len(tests))] if len(tests) > 1 else [*tests]


def _id_kind(path: Path) -> str:
    """Return the kind of id with which the tokens of a fact begin."""
    return mask_of(path, (), (str(path),))


def _decode_presence(value: object) -> object:
    """Decode a fact if the record stores only that it was set."""
    return value if value is True else None


def _decode_token(prefix: str, is_set: bool, value: object) -> object:  # noqa: FBT001
    """Decode a token, or a list of tokens, of the kind of id that the prefix names."""
    if not is_set:
        return value if _is_token(prefix, value) else None
    tokens = cast("tuple[object, ...]", value)
    return frozenset(tokens) if type(value) is tuple and all(_is_token(prefix, token) for token in tokens) else None


def _is_token(prefix: str, value: object) -> bool:
    return isinstance(value, str) and value.startswith(prefix)
