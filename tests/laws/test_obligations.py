"""The laws of test obligations: each request shows what it is for, nothing that is possible is left out, and requests discharge."""
# pyright: basic

from collections.abc import Iterator
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from escalation_policy import Policy, Rule
from escalation_policy._engine.tests import Inputs, Readings
from escalation_policy._engine.truth import Truth
from escalation_policy.testing import Obligation, missing_requests
from escalation_policy.testing._obligations import missing_aims, shown_aims
from laws.reference import YES, Spec, answer, build, verdict
from laws.test_analysis import QUESTIONS, UNHURRIED, Question

#: Each example asks for a dozen requests.
FEW: Final = settings(UNHURRIED, max_examples=6)
#: Whether each rule comes after the one before it.
AFTER: Final = st.lists(st.booleans(), min_size=4, max_size=4)


def policy_of(question: Question, after: list[bool]) -> tuple[Policy[Any], dict[str, Spec], dict[str, list[str]]]:
    """Make a policy of the specs, with prerequisites."""
    specs = {f"r{number}": spec for number, spec in enumerate(question.specs)}
    prerequisites = {code: [f"r{number - 1}"] if number and after[number] else [] for number, code in enumerate(specs)}
    rules = [Rule(code, build(spec, question.words), after=prerequisites[code]) for code, spec in specs.items()]
    return Policy("p", rules), specs, prerequisites


def replaced(spec: Spec, to: Spec, *, negated: bool = False) -> Iterator[tuple[Spec, bool]]:
    """Replace one test of a spec, each in turn. Yield also whether the spec wants the test to be false."""
    kind, *parts = spec
    if kind not in ("not", "and", "or"):
        yield to, negated
        return
    for place, part in enumerate(parts):
        for new, is_negated in replaced(part, to, negated=negated != (kind == "not")):
            yield (kind, *parts[:place], new, *parts[place + 1 :]), is_negated


def is_shown(obligation: Obligation, specs: dict[str, Spec], after: dict[str, list[str]], words: Any) -> bool:
    """Return whether one test of the rule decides, most naively."""
    request, spec = obligation.request, specs[obligation.code]
    allowed, reasons, _ = verdict(specs, after, request, words)
    if allowed is not obligation.met or not (allowed or set(reasons) == {obligation.code}):
        return False
    pairs = zip(replaced(spec, ("predicate", "truth")), replaced(spec, ("predicate", "lie")), strict=True)
    for (true, is_negated), (false, _) in pairs:
        outcomes = [answer(each, request, words) == YES for each in ((false, true) if is_negated else (true, false))]
        if outcomes == [True, False]:
            return True
    return False


@FEW
@given(QUESTIONS, AFTER)
def test_requests_show_what_they_are_for_and_nothing_possible_is_left_out(
    question: Question, after: list[bool]
) -> None:
    """They discharge it, too. An undecided test is no obligation if it can be false."""
    policy, specs, prerequisites = policy_of(question, after)
    missing = missing_aims(policy, (), like=question.like)
    inputs = Inputs.of(test for rule in policy.rules for test in rule.requires.tests)

    has_functions = any(test.opaque for rule in policy.rules for test in rule.requires.tests)
    for obligation in missing.values():
        if obligation.request is None:
            assert has_functions, obligation
        else:
            assert is_shown(obligation, specs, prerequisites, question.words), obligation
    for request in question.requests:
        for aim in shown_aims(policy, Readings(inputs, request, {})):
            assert aim in missing or (aim.truth is Truth.UNKNOWN and aim._replace(truth=Truth.FALSE) in missing)
    # Nothing can see into functions of the host's, so that some requests are not found.
    requests = [each.request for each in missing.values() if each.request is not None]
    assert {None} >= {each.request for each in missing_requests(policy, requests, like=question.like)}
