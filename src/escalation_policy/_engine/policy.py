"""Policies: ordered sets of rules. A request has to meet them all."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast, final

import attrs

from .._fields import closest, exact_str, kind_of
from ..exceptions import InvalidPolicyError
from .compiler import compile_policy
from .conditions import R, same_request_type
from .decision import NEW_DECISION, UNCHECKED, Decision, refusal, truth_of_rule
from .explainer import Explainer
from .rules import CODE_WORDS, Rule, Texts, is_code
from .tests import Inputs, Readings
from .truth import Failure, Truth

_T = TypeVar("_T")


@final
@attrs.frozen(init=False, repr=False)
class Policy(Generic[R]):
    """An immutable, ordered, non-empty set of rules. A request is allowed if it meets every rule; nothing else allows.

    It maps codes to rules: `policy["video_access"]`, `"video_access" in policy`. Threads may share it.

    Args:
        id: The name of the policy in decisions: ASCII letters, digits and `_.:-`.
        rules: The rules, in order.
        version: The host's name for this edition of the policy.

    Attributes:
        id: The name of the policy.
        rules: The rules, in order.
        version: The host's name for this edition; derived policies without one get a suffix.
        unchecked: What an agent reads if a rule could not be checked.

    Raises:
        InvalidPolicyError: No rules, two of one code, an `after` that names no rule or leads in a circle, or rules over
            different types of request.
    """

    id: str
    rules: tuple[Rule[R], ...]
    version: str | None
    unchecked: str
    _by_code: Mapping[str, Rule[R]] = attrs.field(eq=False)
    _explainer: Explainer = attrs.field(eq=False)
    #: The rules that come after others, each with these, and after all that it comes after itself.
    _dependents: tuple[tuple[str, frozenset[str]], ...] = attrs.field(eq=False)
    #: What `_derive_once()` has made.
    _extras: dict[Callable[..., Any], Any] = attrs.field(eq=False, init=False, factory=dict[Callable[..., Any], Any])

    if TYPE_CHECKING:
        # At run time these are slots that hold compiled functions: a method that calls one costs a third as much again.
        def allows(self, request: R) -> bool:
            """Return whether a request is allowed, for callers that need no reasons. It never raises an `Exception`.

            An argument that is not a request of the right type is not allowed.
            """
            raise NotImplementedError

        def decide(self, request: R) -> Decision[R]:
            """Decide one request. It never raises an `Exception`.

            An argument that is not a request of the right type is denied, with this as the reason.
            """
            raise NotImplementedError
    else:
        allows: Callable[[R], bool] = attrs.field(eq=False)
        decide: Callable[[R], Decision[R]] = attrs.field(eq=False)

    def __init__(self, id: str, rules: Iterable[Rule[R]], *, version: str | None = None) -> None:  # noqa: A002
        self._fill(id, rules, version, UNCHECKED)

    def _fill(self, id: str, rules: Iterable[Rule[R]], version: str | None, unchecked: str) -> None:  # noqa: A002
        checked = _checked(id, rules, version)
        dependents = _in_order(checked)
        conditions = [rule.requires for rule in checked]
        inputs = Inputs.of(test for condition in conditions for test in condition.tests)
        overflow = Decision[R]._make(None, False, self, Readings(inputs, None, {}, _OVERFLOW))  # type: ignore[arg-type]
        allows, decide = compile_policy(
            conditions, inputs, self._decide_slowly, new=NEW_DECISION, policy=self, overflow=overflow
        )
        self.__attrs_init__(  # type: ignore[call-arg]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            exact_str(id),
            checked,
            version,
            unchecked,
            {rule.code: rule for rule in checked},
            Explainer(checked, inputs, unchecked, self.hidden_among),
            dependents,
            _presented(allows, "allows", checked[0].requires.request_type, bool),
            _presented(decide, "decide", checked[0].requires.request_type, Decision),
        )

    def _decide_slowly(self, request: R, noted: tuple[object, ...] = (), error: Exception | None = None) -> Decision[R]:
        """Decide what the compiled function does not: read everything, and answer rule by rule.

        Args:
            request: The argument of the compiled function; it may be no request at all.
            noted: What the compiled function has read and asked already, in the order of `Inputs.noted`.
            error: What it raised, if it did.
        """
        explainer = self._explainer
        try:
            failure = refusal(request, self.request_type)
            values = {} if failure else explainer.values(request, noted, error)
            readings = Readings(explainer.inputs, request, values, failure).complete()
            truths = [truth_of_rule(rule, readings) for rule in self.rules]  # all of them: nothing is asked later
            allowed = all(truth is Truth.TRUE for truth in truths)
        except Exception as unexpected:  # noqa: BLE001  the stack or the memory is used up
            readings, allowed = Readings(explainer.inputs, request, {}, Failure.of_exception(unexpected)), False
        return Decision[R]._make(request, allowed, self, readings)

    def _derive_once(self, make: "Callable[[Policy[Any]], _T]") -> _T:
        """Return what another package derives from this policy. It is made once and stays with the policy.

        It is no part of `==` and of pickles. Copies and derived policies make their own.

        Args:
            make: Makes it. Pass a function of a module: each function that is passed is remembered.
        """
        if make not in self._extras:
            # Two threads may both make it. The first result counts.
            self._extras.setdefault(make, make(self))
        extra: _T = self._extras[make]
        return extra

    @property
    def request_type(self) -> type[R]:
        """The type of request that it decides."""
        return self.rules[0].requires.request_type

    @cached_property
    def fingerprint(self) -> str:
        """What the policy means, as 32 hexadecimal digits: the same in every process and on every Python.

        It covers codes, conditions, `after`, and the names and versions of predicates, but no texts and no order.
        """
        return _fingerprint(self.rules)

    def with_rules(self, *rules: Rule[R], version: str | None = None) -> "Policy[R]":
        """Return a policy with these rules added at the end. It never allows more than this one.

        Args:
            rules: The rules to add.
            version: The name of the new edition. By default this one's, with the first digits of the new fingerprint.
        """
        return self._derived((*self.rules, *rules), version)

    def without(self, *codes: str, version: str | None = None) -> "Policy[R]":
        """Return a policy without these rules. Rules that come after them no longer do.

        Args:
            codes: Codes of the rules to leave out.
            version: As for `with_rules()`.

        Raises:
            InvalidPolicyError: There is no such rule.
        """
        self._check_codes(codes)
        rules = [rule for rule in self.rules if rule.code not in codes]
        detached = [attrs.evolve(rule, after=[code for code in rule.after if code not in codes]) for rule in rules]
        return self._derived(detached, version)

    def replace(self, rule: Rule[R], *, version: str | None = None) -> "Policy[R]":
        """Return a policy in which this rule replaces the one that has its code.

        Args:
            rule: The new rule.
            version: As for `with_rules()`.

        Raises:
            InvalidPolicyError: There is no rule of that code.
        """
        if type(rule) is not Rule:
            raise InvalidPolicyError(f"a rule can only be replaced with a Rule, got {kind_of(rule)}")
        self._check_codes([rule.code])
        return self._derived([rule if old.code == rule.code else old for old in self.rules], version)

    def with_texts(self, texts: Mapping[str, Texts], *, unchecked: str | None = None) -> "Policy[R]":
        """Return the same policy in other words, such as a translation. Meaning, version and fingerprint stay.

        Args:
            texts: By rule code, the texts that replace the rule's own.
            unchecked: What an agent reads if a rule could not be checked.

        Raises:
            InvalidPolicyError: There is no such rule, or a text is not accepted.
        """
        if not isinstance(texts, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidPolicyError(f"texts must map codes of rules to Texts, got {kind_of(texts)}")
        if others := [each for each in texts.values() if type(each) is not Texts]:
            raise InvalidPolicyError(f"texts must map codes of rules to Texts, got {kind_of(others[0])} for a code")
        if unchecked is not None and (type(unchecked) is not str or not unchecked.strip()):
            raise InvalidPolicyError(f"unchecked must be a non-empty str or None, got {kind_of(unchecked)}")
        self._check_codes(texts)
        rules = [texts[rule.code].of(rule) if rule.code in texts else rule for rule in self.rules]
        return _restored(self.id, rules, self.version, unchecked or self.unchecked)

    def _derived(self, rules: Iterable[Rule[R]], version: str | None) -> "Policy[R]":
        new = tuple(rules)
        if version is None and self.version is not None and all(type(rule) is Rule for rule in new):
            fingerprint = _fingerprint(new)
            own = self.version.removesuffix(f"+{self.fingerprint[:_SUFFIX]}")
            version = self.version if fingerprint == self.fingerprint else f"{own}+{fingerprint[:_SUFFIX]}"
        return _restored(self.id, new, version, self.unchecked)

    def _check_codes(self, codes: Iterable[str]) -> None:
        for code in codes:
            if code not in self._by_code:
                near = closest(code, self._by_code)
                hint = f" (did you mean {near}?)" if near else ""
                raise InvalidPolicyError(f"policy {self.id} has no such rule{hint}, only {', '.join(self)}")

    def prerequisites(self, code: str) -> frozenset[str]:
        """Return the codes of all rules that a rule comes after, directly or through others.

        Raises:
            KeyError: There is no such rule.
        """
        prerequisites: set[str] = set()
        waiting = [self[code]]
        while waiting:
            direct = set(waiting.pop().after) - prerequisites
            prerequisites |= direct
            waiting += [self._by_code[each] for each in direct]
        return frozenset(prerequisites)

    def hidden_among(self, codes: Iterable[str]) -> tuple[str, ...]:
        """Return which of some rules hide behind others of them, if none of them is met; in the policy's order.

        Args:
            codes: Codes of the rules that are not met.

        Raises:
            InvalidPolicyError: There is no such rule.
        """
        not_met = set(codes)
        if not self._by_code.keys() >= not_met:
            self._check_codes(not_met)
        # Rules that are not met, or come after one that is not.
        behind, hidden = set(not_met), set[str]()
        for code, after in self._dependents:
            if not behind.isdisjoint(after):
                behind.add(code)
                hidden.add(code)
        return tuple([code for code in self._by_code if code in hidden and code in not_met]) if hidden else ()

    def __getitem__(self, code: str) -> Rule[R]:
        return self._by_code[code]

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_code)

    def __repr__(self) -> str:
        version = f" version {self.version}" if self.version else ""
        return f"<policy {self.id}{version}: {', '.join(self)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.id, self.rules, self.version, self.unchecked)


#: How many digits of a fingerprint a derived version ends with.
_SUFFIX: Final = 8
#: What the denial of a request says if the stack is used up before it can be made.
_OVERFLOW: Final = Failure("error", "RecursionError")


def _restored(id: str, rules: Iterable[Rule[R]], version: str | None, unchecked: str) -> Policy[R]:  # noqa: A002
    """Make a policy with texts of its own for what could not be checked."""
    policy = cast("Policy[R]", object.__new__(Policy))
    policy._fill(id, rules, version, unchecked)
    return policy


def _presented(function: Callable[..., Any], name: str, request_type: type, returns: type) -> Any:
    """Give a compiled function the name, signature and docstring that `help()` shows."""
    function.__qualname__, function.__module__ = f"Policy.{name}", Policy.__module__
    function.__doc__ = _DOCSTRINGS[name]
    function.__annotations__ = {"request": request_type, "return": returns}
    return function


_DOCSTRINGS: Final = {
    "allows": "Return whether a request is allowed, for callers that need no reasons. It never raises an `Exception`.",
    "decide": "Decide one request. It never raises an `Exception`: an argument that is not a request of the right type is denied.",
}


def _checked(id: str, rules: Iterable[Rule[R]], version: str | None) -> tuple[Rule[R], ...]:  # noqa: A002
    if not isinstance(id, str) or not is_code(id):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPolicyError(f"the id of a policy must be {CODE_WORDS}, got {kind_of(id)}")
    where = f"policy {id!r}"
    if version is not None and (not isinstance(version, str) or version == ""):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidPolicyError(f"{where} must have a non-empty str or None as its version, got {kind_of(version)}")
    checked = tuple(rules) if isinstance(rules, Iterable) else ()  # pyright: ignore[reportUnnecessaryIsInstance]
    if not checked or not all(type(rule) is Rule for rule in checked):
        raise InvalidPolicyError(f"{where} must have a non-empty collection of Rules, got {kind_of(rules)}")
    codes = Counter(rule.code for rule in checked)
    if repeated := [code for code, number in codes.items() if number > 1]:
        raise InvalidPolicyError(f"{where} has more than one rule called {', '.join(repeated)}")
    for rule in checked:
        for code in rule.after:
            if code not in codes:
                near = closest(code, codes)
                hint = f" (did you mean {near}?)" if near else ""
                raise InvalidPolicyError(f"{where}: {rule.code} comes after a rule that the policy does not have{hint}")
    same_request_type([rule.requires for rule in checked])
    return checked


def _in_order(rules: Iterable[Rule[Any]]) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the rules that come after others, each behind all that it comes after, with these."""
    after = {rule.code: frozenset(rule.after) for rule in rules}
    dependents: dict[str, list[str]] = {code: [] for code in after}
    for code, before in after.items():
        for each in before:
            dependents[each].append(code)
    missing = {code: len(before) for code, before in after.items()}
    ready = [code for code, number in missing.items() if number == 0]
    for code in ready:  # it grows while it is read
        for dependent in dependents[code]:
            missing[dependent] -= 1
            if missing[dependent] == 0:
                ready.append(dependent)
    if len(ready) < len(after):
        stuck = [code for code, number in missing.items() if number]
        raise InvalidPolicyError(f"rules come after each other in a circle, among {', '.join(stuck)}")
    return tuple([(code, after[code]) for code in ready if after[code]])


def _fingerprint(rules: Iterable[Rule[Any]]) -> str:
    from hashlib import sha256  # noqa: PLC0415  it takes longer to import than the rest of the package, and few need it

    return sha256("\n".join(sorted(map(_meaning, rules))).encode()).hexdigest()[:32]


def _meaning(rule: Rule[Any]) -> str:
    after = ",".join(sorted(set(rule.after)))
    return f"{rule.code} after {after} requires {rule.requires.request_type.__name__}: {rule.requires.identity}"
