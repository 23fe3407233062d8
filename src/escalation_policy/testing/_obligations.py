"""Test obligations: the requests in which each test of a policy decides, once by being met and once by not being met.

A test decides if the answer were another one, had only this test another result. Rules that come `after` the test's rule do
not matter to this, since a denial hides them. A false test is wanted before an undecided one, which shows less.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum
from itertools import count
from typing import Any, Final, NamedTuple, cast, final

import attrs

from .. import EscalationRequest, Intervention, Policy, Rule
from .._engine.conditions import Condition, R, joined_truth
from .._engine.decision import truth_of_rule
from .._engine.tests import Inputs, Readings
from .._engine.truth import Truth
from .._fields import check_types, kind_of, with_article
from ..analysis.model import EFFORT, Model
from ..analysis.typical import describe, leaves_of, start_for
from ..exceptions import Fault, InvalidValueError
from ._builders import PLACES, a_request, an_intervention

#: How many requests are tried for one obligation, if functions of the host's answer otherwise than assumed.
_MOST_REQUESTS: Final = 10
#: How many more values of a fact functions of the host's are asked about than other tests need.
_MORE_VALUES: Final = 2


@final
@attrs.frozen(repr=False)
class Obligation:
    """A request that the tests of a policy still lack: one test of a rule decides its answer.

    Attributes:
        code: The rule.
        test: The test, in words without the values that it compares with.
        met: Whether the test is met in the request.
        request: The request. None if none was found, because nothing can see into a function of the host's.
        text: The call of `a_request()` that makes the request. If there is no such call, a description that shows nothing private.
    """

    code: str
    test: str
    met: bool
    request: Any
    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<obligation: {self.code}, {self.test}{'' if self.met else ' not'} met: {self.text}>"


@final
class Leaf(NamedTuple):
    """One test of a rule, by its place among the tests of the rule.

    Attributes:
        key: The same in every process and for every order of operands: what it asks, and which of several equal ones it is.
    """

    rule: Rule[Any]
    place: int
    key: str

    @property
    def condition(self) -> Condition[Any]:
        """The test alone."""
        return Condition(self.rule.requires.request_type, (self.rule.requires.tests[self.place],))


@final
class Aim(NamedTuple):
    """What a request has to show: a test decides with one of its results."""

    code: str
    key: str
    truth: Truth


def missing_requests(
    policy: Policy[R], covered_by: Iterable[R] = (), *, like: R | None = None, effort: int = EFFORT
) -> tuple[Obligation, ...]:
    """Return the requests that are still missing so that each test of each rule decides once met and once not met.

    Obligations that no request can fulfil are left out. One request may fulfil several, and is returned once.

    Args:
        policy: The policy.
        covered_by: The requests that your tests decide already.
        like: A typical request with every part that the policy reads. It may be left out for `EscalationRequest`.
        effort: How many clauses may be looked at.

    Raises:
        InvalidValueError: An argument is invalid, or `like` lacks a part.
        AnalysisLimitError: The answer needs more effort.
    """
    check_types(Policy, policy=policy)
    inputs = Inputs.of(test for rule in policy.rules for test in rule.requires.tests)
    shown = set[Aim]()
    for request in covered_by:
        if not issubclass(type(request), policy.request_type):
            accepted = f"requests of type {policy.request_type.__name__} only"
            raise InvalidValueError(Fault.mismatch("covered_by", kind_of(request), accepted))
        shown |= shown_aims(policy, Readings(inputs, request, {}))
    obligations = missing_aims(policy, shown, like=like, effort=effort).values()
    # One request has one obligation, the first one that needed it.
    return tuple({id(each): each for each in obligations}.values())


def shown_aims(policy: Policy[Any], readings: Readings) -> set[Aim]:
    """Return what one request shows."""
    if readings.failure is not None:
        return set()
    truths = {rule.code: truth_of_rule(rule, readings) for rule in policy.rules}
    not_met = {code for code, truth in truths.items() if truth is not Truth.TRUE}
    return {
        Aim(rule.code, leaf.key, truth)
        for rule in policy.rules
        if not_met.isdisjoint(_others(policy, rule.code))
        for leaf in leaves_of_rule(rule)
        if (truth := _deciding_truth(leaf, readings)) is not None and (truth is not Truth.TRUE or not not_met)
    }


def missing_aims(
    policy: Policy[Any], shown: Iterable[Aim], *, like: Any = None, effort: int = EFFORT
) -> dict[Aim, Obligation]:
    """Return the obligation for all that is not shown. Several may have one obligation, since its request shows them all."""
    return _Search(policy, like, effort).missing(set(shown))


def leaves_of_rule(rule: Rule[Any]) -> list[Leaf]:
    """Return the tests of a rule, in order."""
    identities = [test.identity for test in rule.requires.tests]
    keys = [f"{identity} {identities[:place].count(identity)}" for place, identity in enumerate(identities)]
    return [Leaf(rule, place, key) for place, key in enumerate(keys)]


def _others(policy: Policy[Any], code: str) -> list[str]:
    """Return the rules that must be met so that a rule is the only reason for a denial."""
    return [each for each in policy if each != code and code not in policy.prerequisites(each)]


def _deciding_truth(leaf: Leaf, readings: Readings) -> Truth | None:
    """Return the truth of a test if its rule's outcome depends on it; all that is undecided is one truth."""

    def outcome(truth: Truth) -> Truth:
        places = count()
        return leaf.rule.requires.fold(
            lambda test: truth if next(places) == leaf.place else test.truth(readings), joined_truth
        )

    if outcome(Truth.TRUE) is not Truth.TRUE or outcome(Truth.FALSE) is Truth.TRUE:
        return None
    truth = leaf.condition.truth(readings)
    return truth if truth in (Truth.TRUE, Truth.FALSE) else Truth.UNKNOWN


@final
class _Search:
    """Finds requests that show what is missing, all in one model of the policy's requests."""

    def __init__(self, policy: Policy[Any], like: Any, effort: int) -> None:
        self._policy: Final = policy
        self._start: Final = start_for(policy.request_type, like)
        self._has_builder: Final = policy.request_type is EscalationRequest and like is None
        self._inputs: Final = Inputs.of(test for rule in policy.rules for test in rule.requires.tests)
        #: What the policy compares with. In a private field, it may be somebody's address.
        self._constants: Final[list[object]] = [
            constant
            for rule in policy.rules
            for test in rule.requires.tests
            if not test.opaque
            for constant in _members_of(test.operand)
            if constant is not None
        ]
        conditions = [rule.requires for rule in policy.rules]
        self._model: Final = Model(conditions, like=self._start, effort=effort)
        # Functions may distinguish values that tests do not: the more values, the more of their answers are seen. What they answer is
        # added to this model only, since it proves nothing about other values.
        has_functions = any(test.opaque for each in conditions for test in each.tests)
        self._asking: Final = (
            Model(conditions, like=self._start, effort=effort, fresh=_MORE_VALUES) if has_functions else self._model
        )

    def missing(self, shown: set[Aim]) -> dict[Aim, Obligation]:
        obligations: dict[Aim, Obligation] = {}
        by_request: dict[Aim, Obligation] = {}
        for rule in self._policy.rules:
            for leaf in leaves_of_rule(rule):
                for truths in ((Truth.TRUE,), (Truth.FALSE, Truth.UNKNOWN)):
                    for aim in (Aim(rule.code, leaf.key, truth) for truth in truths):
                        if aim in by_request:
                            obligations[aim] = by_request[aim]
                        if aim in shown or aim in by_request:
                            break
                        request, is_possible = self._find(leaf, aim)
                        if is_possible:
                            obligations[aim] = obligation = self._obligation(leaf, aim, request)
                            by_request.update(dict.fromkeys(self._shown(request), obligation))
                            break
        return obligations

    def _shown(self, request: Any) -> set[Aim]:
        return set() if request is None else shown_aims(self._policy, Readings(self._inputs, request, {}))

    def _find(self, leaf: Leaf, aim: Aim) -> tuple[Any, bool]:
        """Return a request that shows something, if one was found, and whether there may be one."""
        *_, widest = self._attempts(self._model, leaf, aim.truth)
        if not self._model.is_possible(widest):
            return None, False
        for literals in self._attempts(self._asking, leaf, aim.truth):
            for _ in range(_MOST_REQUESTS):
                solution = self._asking.nearest(literals)
                if solution is None:
                    break
                if not self._asking.correct(solution):
                    # A function that answers differently each time, or an enum's own equality, can disprove it.
                    return (solution.request if aim in self._shown(solution.request) else None), True
        return None, self._asking is not self._model

    def _attempts(self, model: Model, leaf: Leaf, truth: Truth) -> Iterator[list[int]]:
        """Yield the literals that must be true: first without unknown facts and wrong types, then with the former, then with both."""
        rule, always = leaf.rule, model.all_of([])
        yes, no = model.met(leaf.condition), model.met(~leaf.condition)
        decides = [self._outcome(model, leaf, always), -self._outcome(model, leaf, -always)]
        result = {Truth.TRUE: [yes], Truth.FALSE: [no]}.get(truth, [-yes, -no])
        codes = [*self._policy] if truth is Truth.TRUE else _others(self._policy, rule.code)
        others = [model.met(self._policy[code].requires) for code in codes]
        unknown, wrong = model.undecided(rule.requires)
        for shut in ([*unknown, *wrong], wrong, []):
            yield [*result, *decides, *others, *(-literal for literal in shut)]

    def _outcome(self, model: Model, leaf: Leaf, literal: int) -> int:
        """Return the literal that the rule is met if the test has a certain result."""
        places, kind = count(), leaf.rule.requires.request_type
        return leaf.rule.requires.fold(
            lambda test: literal if next(places) == leaf.place else model.met(Condition(kind, (test,))),
            lambda word, parts: (model.all_of if word == "and" else model.any_of)(parts),
        )

    def _obligation(self, leaf: Leaf, aim: Aim, request: Any) -> Obligation:
        words, is_met = leaf.condition.words(hidden=True), aim.truth is Truth.TRUE
        if request is None:
            result = "is" if is_met else "is not"
            text = f"a request in which {words!r} {result} met and decides: nothing can see into the functions that it depends on"
        else:
            call = call_of(request, self._constants) if self._has_builder else None
            text = call or f"{with_article(self._policy.request_type.__name__)}: {describe(request, self._start)}"
        return Obligation(aim.code, words, is_met, request, text)


#: The keyword of `a_request()` that sets each field.
_KEYWORDS: Final = {paths[0]: keyword for keyword, paths in PLACES["a_request"].items()} | {
    "message.channel.kind": "channel"
}


def call_of(request: EscalationRequest, secrets: Collection[object] = ()) -> str | None:
    """Return the call of `a_request()` that makes a request. None if no call makes it, or if it would show a secret."""
    leaves = leaves_of(request)
    fields: dict[str, Any] = {"context": dict(request.context)} if request.context else {}
    different = _different_paths(leaves, fields)
    for _ in range(3):
        if any(leaves[path].private and leaves[path].value in secrets for path in different):
            return None
        # Some keywords set several fields. Those that must not change are set again in the next pass.
        for path in different:
            is_case = path == "intervention.id"
            value: Any = leaves[path].value
            fields["intervention" if is_case else _KEYWORDS[path]] = an_intervention(id=value) if is_case else value
        different = _different_paths(leaves, fields)
    text = f"a_request({', '.join(f'{name}={_source_of(value)}' for name, value in fields.items())})"
    return None if different else text


def _different_paths(leaves: Mapping[str, Any], fields: Mapping[str, Any]) -> list[str]:
    built = leaves_of(a_request(**cast("Any", fields)))
    return [path for path, leaf in leaves.items() if leaf != built.get(path)]


def _members_of(operand: object) -> Collection[object]:
    return cast("frozenset[object]", operand) if isinstance(operand, frozenset) else (operand,)


def _source_of(value: object) -> str:
    """Return a value as Python."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, frozenset):
        return f"[{', '.join(sorted(map(_source_of, cast('frozenset[object]', value))))}]"
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return f"{{{', '.join(f'{key!r}: {_source_of(each)}' for key, each in items)}}}"
    return f"an_intervention(id={value.id!r})" if isinstance(value, Intervention) else repr(value)
