"""The analysis of policies: how long it takes, beside z3 if that is installed (dependency group `bench`).

Both get the same question: does a rewritten policy of 50 or 200 rules, of 10 tests each over 60 facts, allow what the old one
denies, or the other way round? The encoding for z3 shares no code with the library: a fact is an integer, with -1 for None and
-2 for a value of another type.
"""

import random
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from time import process_time
from typing import Any, Final

import attrs

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Facts, Policy, Rule, context, fact
from escalation_policy.analysis import Relation, compare, examine

FACTS: Final = 60
CONSTANTS: Final = 4
OPTIONAL: Final[Any] = str | None
#: One test: the number of a fact, a constant or (from 100) another fact, and whether it is negated.
Test = tuple[int, int, bool]
#: Groups of tests: all tests of one group must hold.
Spec = list[list[Test]]

Request: Final[Any] = attrs.make_class(
    "Request", {f"f{number}": attrs.field(type=OPTIONAL, default=None) for number in range(FACTS)}, frozen=True
)
READ: Final[Any] = Facts(Request)


def fact_of(number: int) -> Any:
    """Return a fact by its number."""

    def way(request: Any) -> Any:
        return getattr(request, f"f{number}")

    return READ(way)


def draw(rand: random.Random, tests: int = 10) -> Spec:
    """Draw the tests of a rule."""
    drawn = [
        (
            rand.randrange(FACTS),
            100 + rand.randrange(FACTS) if rand.random() < 0.2 else rand.randrange(CONSTANTS),
            rand.random() < 0.5,
        )
        for _ in range(tests)
    ]
    return [drawn[start : start + 2] for start in range(0, tests, 2)]


def condition_of(spec: Spec) -> Any:
    """Write a spec in the library's words."""
    whole: Any = None
    for group in spec:
        part: Any = None
        for number, other, negated in group:
            test = fact_of(number).equals(fact_of(other - 100) if other >= 100 else f"c{other}")
            test = ~test if negated else test
            part = test if part is None else part & test
        whole = part if whole is None else whole | part
    return whole


def policy_of(specs: list[Spec]) -> Policy[Any]:
    """Make a policy."""
    return Policy("p", [Rule(f"r{number}", condition_of(spec)) for number, spec in enumerate(specs)])


def differ_in_z3(old: list[Spec], new: list[Spec]) -> bool:
    """Ask z3 whether two policies differ."""
    z3: Any = import_module("z3")
    values = [z3.Int(f"f{number}") for number in range(FACTS)]

    def met(spec: Spec) -> Any:
        groups: list[Any] = []
        for group in spec:
            tests: list[Any] = []
            for number, other, negated in group:
                sides = [values[number], *([values[other - 100]] if other >= 100 else [])]
                right = sides[1] if len(sides) > 1 else z3.IntVal(other)
                same = values[number] == right
                tests += [side >= 0 for side in sides] + [z3.Not(same) if negated else same]
            groups.append(z3.And(tests))
        return z3.Or(groups)

    solver = z3.Solver()
    solver.add([value >= -2 for value in values])
    solver.add(z3.Xor(z3.And([met(spec) for spec in old]), z3.And([met(spec) for spec in new])))
    return bool(solver.check() == z3.sat)


def rewritten(spec: Spec, rand: random.Random) -> Spec:
    """Write a spec in another order, with one group twice."""
    groups = [rand.sample(group, len(group)) for group in [*spec, spec[0]]]
    return rand.sample(groups, len(groups))


def show_built_in() -> None:
    """Time questions about the built-in policy."""
    kind = fact(lambda r: r.message.channel.kind).one_of([ChannelKind.CHAT, ChannelKind.EMAIL])
    variants = {
        "without a rule": ESCALATE_TO_VIDEO.without("intervention_owned"),
        "another list of channels": ESCALATE_TO_VIDEO.replace(Rule("channel_supported", kind)),
        "one more rule": ESCALATE_TO_VIDEO.with_rules(Rule("consent", context("consent", bool).is_true())),
    }
    for name, variant in variants.items():
        print(
            f"compare with a variant, {name}: {milliseconds(lambda new=variant: compare(ESCALATE_TO_VIDEO, new)):.1f} ms"
        )
    print(f"examine: {milliseconds(lambda: examine(ESCALATE_TO_VIDEO)):.1f} ms")


def milliseconds(question: Any) -> float:
    """Return the median time of some calls."""
    times: list[float] = []
    for _ in range(9):
        start = process_time()
        question()
        times.append(1000 * (process_time() - start))
    return median(times)


def show_random(rules: int, seed: int) -> None:
    """Time one pair of policies, and check that z3 gives the same answer."""
    rand = random.Random(seed)  # noqa: S311  nothing here is secret
    old = [draw(rand) for _ in range(rules)]
    new = [rewritten(spec, rand) for spec in old]
    if seed % 2:
        place = rand.randrange(rules)
        new[place] = new[place][1:]
    start = process_time()
    relation = compare(policy_of(old), policy_of(new), like=Request(), effort=10**9).relation
    ours = process_time() - start
    line = f"{rules} rules, {'one operand dropped' if seed % 2 else 'rewritten'}: {relation}, {ours:.2f} s"
    if find_spec("z3"):
        start = process_time()
        differ = differ_in_z3(old, new)
        theirs = process_time() - start
        assert differ is (relation is not Relation.SAME), "z3 answers otherwise"
        line += f"; z3 {theirs:.2f} s, ratio {ours / theirs:.1f}"
    print(line)


if __name__ == "__main__":
    show_built_in()
    for size in (50, 200):
        for number in range(2):
            show_random(size, number)
