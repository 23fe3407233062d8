"""A naive evaluator of conditions and policies, and strategies for what it evaluates.

It shares no code with the library: conditions are drawn as plain data, from which the library's condition is built on
one side and the answer computed on the other.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from hypothesis import strategies as st

from escalation_policy import Rule
from support import SAMPLE, Colour, Part, Sample, Size

YES, NO = "yes", "no"
ABSENT, UNKNOWN, ERROR = "absent", "unknown", "error"
GRAVITY: Final = [ABSENT, UNKNOWN, ERROR]


class BoomError(Exception):
    """Raised by predicates."""


def boom(_: object) -> bool:
    """Raises, as a predicate with a mistake in it does."""
    raise BoomError


def none(_: object) -> Any:
    """Forgets to answer."""
    return None


def truth(_: object) -> bool:
    """Always says yes."""
    return True


def lie(_: object) -> bool:
    """Always says no."""
    return False


#: Per fact: how to write it, how to read it, and the constants to compare it with.
FACTS: Final[dict[str, tuple[Any, Callable[[Any], Any], list[Any]]]] = {
    "flag": (SAMPLE(lambda r: r.flag), lambda r: r.flag, [True, False]),
    "maybe": (SAMPLE(lambda r: r.maybe), lambda r: ABSENT if r.maybe is None else r.maybe, [True, False]),
    "untold": (SAMPLE(lambda r: r.untold), lambda r: UNKNOWN if r.untold is None else r.untold, [True, False]),
    "number": (SAMPLE(lambda r: r.number), lambda r: r.number, [0, 1]),
    "colour": (
        SAMPLE(lambda r: r.colour),
        lambda r: UNKNOWN if r.colour is Colour.UNKNOWN else r.colour,
        [Colour.RED, Colour.BLUE],
    ),
    "size": (SAMPLE(lambda r: r.size), lambda r: r.size, [Size.SMALL, Size.LARGE]),
    "name": (SAMPLE(lambda r: r.name), lambda r: r.name, ["t", "u"]),
    "part.text": (SAMPLE(lambda r: r.part.text), lambda r: r.part.text, ["t", "u"]),
    "spare.text": (
        SAMPLE(lambda r: r.spare).then(lambda p: p.text),
        lambda r: ABSENT if r.spare is None else r.spare.text,
        ["t", "u"],
    ),
    "spare.unknown": (
        SAMPLE(lambda r: r.spare).then(lambda p: p.unknown),
        lambda r: ABSENT if r.spare is None else UNKNOWN if r.spare.unknown is None else r.spare.unknown,
        ["t", "u"],
    ),
    "lost.absent": (
        SAMPLE(lambda r: r.lost).then(lambda p: p.absent),
        lambda r: UNKNOWN if r.lost is None else ABSENT if r.lost.absent is None else r.lost.absent,
        ["t", "u"],
    ),
    "context.b": (
        SAMPLE.context("b", bool),
        lambda r: UNKNOWN if "b" not in r.context else ERROR if type(r.context["b"]) is not bool else r.context["b"],
        [True, False],
    ),
    "context.n": (
        SAMPLE.context("n", int),
        lambda r: UNKNOWN if "n" not in r.context else ERROR if type(r.context["n"]) is not int else r.context["n"],
        [0, 1],
    ),
    "context.s": (
        SAMPLE.context("s", str),
        lambda r: UNKNOWN if "s" not in r.context else ERROR if type(r.context["s"]) is not str else r.context["s"],
        ["t", "u"],
    ),
}
SETS: Final[dict[str, tuple[Any, Callable[[Any], Any]]]] = {
    "sizes": (SAMPLE(lambda r: r.sizes), lambda r: r.sizes),
    "more_sizes": (SAMPLE(lambda r: r.more_sizes), lambda r: ABSENT if r.more_sizes is None else r.more_sizes),
}
BOOLS: Final = ["flag", "maybe", "untold", "context.b"]
TEXTS: Final = [name for name, (_, _, constants) in FACTS.items() if constants == ["t", "u"]]
SUBSETS: Final = [{Size.SMALL}, {Size.LARGE}, {Size.SMALL, Size.LARGE}]
PREDICATES: Final = {test.__name__: test for test in (boom, none, truth, lie)}

Spec = tuple[Any, ...]


def constant_tests(name: str) -> st.SearchStrategy[Spec]:
    """Draws a test of one fact: against its constants, for being there, or by a predicate."""
    constants = FACTS[name][2]
    return st.one_of(
        st.tuples(st.just("equals"), st.just(name), st.sampled_from(constants)),
        st.tuples(
            st.just("one_of"), st.just(name), st.lists(st.sampled_from(constants), min_size=1, unique=True).map(tuple)
        ),
        st.tuples(st.just("is_set"), st.just(name)),
        st.tuples(st.just("satisfies"), st.just(name), st.sampled_from(sorted(PREDICATES))),
    )


TESTS: Final[st.SearchStrategy[Spec]] = st.one_of(
    st.sampled_from(sorted(FACTS)).flatmap(constant_tests),
    st.tuples(st.just("is_true"), st.sampled_from(BOOLS)),
    st.tuples(st.just("same"), st.sampled_from(TEXTS), st.sampled_from(TEXTS)),
    st.tuples(st.just("contains"), st.sampled_from(sorted(SETS)), st.sampled_from(list(Size))),
    st.tuples(st.just("holds"), st.sampled_from(sorted(SETS)), st.just("size")),
    st.tuples(st.just("subset_of"), st.sampled_from(sorted(SETS)), st.sampled_from(SUBSETS).map(frozenset)),
    st.tuples(st.just("within"), st.sampled_from(sorted(SETS)), st.sampled_from(sorted(SETS))),
    st.tuples(st.just("predicate"), st.sampled_from(sorted(PREDICATES))),
)


def every_test() -> list[Spec]:
    """Lists every single test there is over these facts, constants and predicates."""
    listed: list[Spec] = []
    for name, (_, _, constants) in FACTS.items():
        listed += [("is_set", name), *(("equals", name, constant) for constant in constants)]
        listed += [("one_of", name, tuple(constants)), *(("one_of", name, (constant,)) for constant in constants)]
        listed += [("satisfies", name, test) for test in PREDICATES]
    listed += [("is_true", name) for name in BOOLS]
    listed += [("same", *pair) for pair in itertools.product(TEXTS, repeat=2)]
    listed += [("within", *pair) for pair in itertools.product(SETS, repeat=2)]
    for name in SETS:
        listed += [("holds", name, "size"), *(("contains", name, size) for size in Size)]
        listed += [("subset_of", name, frozenset(sizes)) for sizes in SUBSETS]
    return listed + [("predicate", test) for test in PREDICATES]


def telling_requests() -> list[Sample]:
    """Lists requests in which every fact is once each of what it can be: this, that, absent, unknown, an error."""
    small, large = frozenset({Size.SMALL}), frozenset({Size.LARGE})
    return [
        Sample(),
        Sample(flag=False, maybe=True, untold=True, number=0, colour=Colour.BLUE, size=Size.LARGE, name="u"),
        Sample(maybe=False, untold=False, colour=Colour.UNKNOWN, sizes=small, more_sizes=small),
        Sample(spare=Part(), lost=Part(), sizes=large, more_sizes=small | large, size=Size.LARGE),
        Sample(spare=Part(text="u", unknown="u"), lost=Part(absent="t"), sizes=small | large, more_sizes=large),
        Sample(spare=Part(unknown="t"), lost=Part(absent="u"), name="u", part=Part(text="u"), more_sizes=frozenset()),
        Sample(context={"b": True, "n": 1, "s": "t"}),
        Sample(context={"b": False, "n": 0, "s": "u"}, name="u"),
        Sample(context={"b": 1, "n": True, "s": 1}),
        Sample(context={"b": "t", "n": "t", "s": True}),
    ]


def _joined(operands: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
    """Draws what `~`, `&` and `|` make of other specs."""
    return st.one_of(
        st.tuples(st.just("not"), operands),
        st.tuples(st.just("and"), operands, operands),
        st.tuples(st.just("or"), operands, operands),
    )


SPECS: Final[st.SearchStrategy[Spec]] = st.recursive(TESTS, _joined, max_leaves=6)

_TEXT = st.sampled_from(["t", "u"])
_PARTS = st.builds(Part, text=_TEXT, absent=st.none() | _TEXT, unknown=st.none() | _TEXT)
_SIZES = st.frozensets(st.sampled_from(list(Size)))
REQUESTS: Final = st.builds(
    Sample,
    flag=st.booleans(),
    maybe=st.none() | st.booleans(),
    untold=st.none() | st.booleans(),
    number=st.integers(0, 1),
    colour=st.sampled_from(list(Colour)),
    size=st.sampled_from(list(Size)),
    name=_TEXT,
    sizes=_SIZES,
    more_sizes=st.none() | _SIZES,
    part=_PARTS,
    spare=st.none() | _PARTS,
    lost=st.none() | _PARTS,
    context=st.dictionaries(st.sampled_from("bns"), st.one_of(st.booleans(), st.integers(0, 1), _TEXT), max_size=3),
)


def build(spec: Spec) -> Any:
    """Writes a spec in the library's words."""
    kind, *rest = spec
    if kind == "not":
        return ~build(rest[0])
    if kind in ("and", "or"):
        left, right = map(build, rest)
        return left & right if kind == "and" else left | right
    if kind == "predicate":
        return SAMPLE.predicate(rest[0], PREDICATES[rest[0]])
    fact = (FACTS.get(rest[0]) or SETS[rest[0]])[0]
    if kind == "satisfies":
        return fact.satisfies(rest[1], PREDICATES[rest[1]])
    if kind in ("same", "holds", "within"):
        other = (FACTS.get(rest[1]) or SETS[rest[1]])[0]
        return getattr(fact, {"same": "equals", "holds": "contains", "within": "subset_of"}[kind])(other)
    return getattr(fact, kind)(*rest[1:])


def answer(spec: Spec, request: Sample) -> str:
    """Answers a spec, most naively."""
    kind, *rest = spec
    if kind == "not":
        inner = answer(rest[0], request)
        return {YES: NO, NO: YES}.get(inner, inner)
    if kind in ("and", "or"):
        answers = [answer(each, request) for each in rest]
        decisive = NO if kind == "and" else YES
        if decisive in answers:
            return decisive
        undecided = [each for each in answers if each in GRAVITY]
        return max(undecided, key=GRAVITY.index) if undecided else answers[0]
    if kind == "predicate":
        return _called(PREDICATES[rest[0]], request)
    return _compared(kind, rest, request)


_TWO: Final = ("same", "holds", "within")


def _compared(kind: str, rest: list[Any], request: Sample) -> str:
    """Answers a test of one fact or two: by what is missing, or else by the values."""
    values = [(FACTS.get(name) or SETS[name])[1](request) for name in rest[: 2 if kind in _TWO else 1]]
    lacking = [value for value in values if isinstance(value, str) and value in GRAVITY]
    if lacking and not (kind == "is_set" and lacking == [ABSENT]):
        return max(lacking, key=GRAVITY.index)
    if kind == "satisfies":
        return _called(PREDICATES[rest[1]], values[0])
    value, *others = values
    other: Any = others[0] if others else (rest[1] if len(rest) > 1 else None)
    results: dict[str, Any] = {
        "is_set": lambda: not lacking,
        "is_true": lambda: value is True,
        "equals": lambda: value == other,
        "same": lambda: value == other,
        "one_of": lambda: any(value == each for each in other),
        "contains": lambda: any(each == other for each in value),
        "holds": lambda: any(each == other for each in value),
        "subset_of": lambda: all(each in other for each in value),
        "within": lambda: all(each in other for each in value),
    }
    return YES if results[kind]() else NO


def _called(test: Any, value: object) -> str:
    """Asks a predicate; what it raises, or says other than yes or no, is an error."""
    try:
        return {True: YES, False: NO}.get(test(value), ERROR)
    except BoomError:
        return ERROR


STATUS: Final = {YES: "met", NO: "unmet", ABSENT: "unmet", UNKNOWN: "unknown", ERROR: "error"}


def prerequisites(code: str, after: Mapping[str, Iterable[str]]) -> set[str]:
    """Lists every rule that this one comes after, directly or through others."""
    return {each for direct in after[code] for each in (direct, *prerequisites(direct, after))}


def verdict(
    specs: Mapping[str, Spec], after: Mapping[str, Iterable[str]], request: Sample
) -> tuple[bool, dict[str, str], set[str]]:
    """Decides naively: whether it is allowed, the status of each reported rule, and the hidden codes."""
    status = {code: STATUS[answer(spec, request)] for code, spec in specs.items()}
    not_met = {code for code in status if status[code] != "met"}
    if not not_met:
        return True, status, set()
    hidden = {code for code in not_met if prerequisites(code, after) & not_met}
    return False, {code: status[code] for code in not_met - hidden}, hidden


@st.composite
def rule_sets(draw: st.DrawFn, specs: st.SearchStrategy[Spec] = SPECS) -> tuple[dict[str, Spec], dict[str, list[str]]]:
    """Draws specs by code, and what each comes after, without cycles and in any order."""
    codes = [f"r{number}" for number in range(draw(st.integers(1, 5)))]
    chosen = {code: draw(specs) for code in draw(st.permutations(codes))}
    earlier = {code: codes[:number] for number, code in enumerate(codes)}
    after = {
        code: draw(st.lists(st.sampled_from(before), unique=True)) if before else [] for code, before in earlier.items()
    }
    return chosen, after


def rules(specs: dict[str, Spec], after: dict[str, list[str]]) -> list[Rule[Sample]]:
    """Writes the rules in the library's words."""
    return [Rule(code, build(spec), after=after[code]) for code, spec in specs.items()]
