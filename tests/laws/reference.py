"""A naive evaluator of conditions and policies, and strategies for what it evaluates.

It shares no code with the library: conditions are drawn as plain data, from which the library's condition is built on
one side and the answer computed on the other. What the fields of a request type declare stands here a second time.
"""
# pyright: basic, reportAttributeAccessIssue=false

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import reduce
from types import SimpleNamespace
from typing import Any, Final

import attrs
from hypothesis import strategies as st

from escalation_policy import (
    Agent,
    Channel,
    ChannelKind,
    Domain,
    EscalationRequest,
    Facts,
    Intervention,
    InterventionState,
    Login,
    Message,
    MessageAuthor,
    Permission,
    RingCentralUser,
    Role,
    Rule,
    VideoAccess,
)
from laws.hosts import MAPPINGS, ODD_VALUES, SUBCLASSES, Desk, NightRequest, OddError, Visit, filled
from support import Colour, Part, Sample, Size

YES, NO = "yes", "no"
ABSENT, UNKNOWN, ERROR = "absent", "unknown", "error"
GRAVITY: Final = [ABSENT, UNKNOWN, ERROR]


class BoomError(Exception):
    """Raised by predicates."""


def boom(_: object) -> bool:
    """Raise an error, as a predicate with a mistake does."""
    raise BoomError


def none(_: object) -> Any:
    """Forgets to answer."""
    return None


def truth(_: object) -> bool:
    """Return True."""
    return True


def lie(_: object) -> bool:
    """Return False."""
    return False


def one(_: object) -> Any:
    """Answers with what equals True and is not."""
    return 1


def odd_boom(_: object) -> bool:
    """Raise an error that raises when somebody looks at it."""
    raise OddError


def is_t(value: object) -> bool:
    """Compare the value itself."""
    return value == "t"


PREDICATES: Final = {test.__name__: test for test in (boom, none, truth, lie, one, odd_boom, is_t)}


@attrs.frozen
class Field:
    """What a field declares.

    Attributes:
        kind: A class, a set of a kind, or anything.
        none: What None means in it; None if it is not expected.
        constants: What it is compared with, if that is not what all values of its kind are compared with.
    """

    kind: Any
    none: str | None = None
    constants: tuple[Any, ...] | None = None


@attrs.frozen
class SetOf:
    """A frozenset whose members are all of one kind."""

    member: Any


#: What cannot be checked: Any, unions, protocols, literals and other generics.
ANYTHING: Final = object()
#: The context, which the library leaves unchecked in a host's own type.
_MAPPING: Final = Field(ANYTHING)

_DIGITS: Final = ("1", "2")
FIELDS: Final[dict[type, dict[str, Field]]] = {
    Sample: {
        "flag": Field(bool),
        "maybe": Field(bool, ABSENT),
        "untold": Field(bool, UNKNOWN),
        "number": Field(int),
        "ratio": Field(float),
        "colour": Field(Colour),
        "size": Field(Size),
        "name": Field(str),
        "names": Field(SetOf(str)),
        "sizes": Field(SetOf(Size)),
        "more_sizes": Field(SetOf(Size), ABSENT),
        "colours": Field(SetOf(Colour)),
        "part": Field(Part),
        "spare": Field(Part, ABSENT),
        "lost": Field(Part, UNKNOWN),
        "context": _MAPPING,
    },
    Part: {"text": Field(str), "absent": Field(str, ABSENT), "unknown": Field(str, UNKNOWN), "secret": Field(str)},
    Visit: {
        "number": Field(int),
        "desk": Field(Desk),
        "spare": Field(Desk, ABSENT),
        "lost": Field(Desk, UNKNOWN),
        "context": _MAPPING,
    },
    Desk: {
        "name": Field(str),
        "part": Field(Part),
        "domain": Field(Domain),
        "agent": Field(Agent, ABSENT),
        "colour": Field(Colour),
        "ratio": Field(float),
        "ids": Field(SetOf(int)),
        "sizes": Field(SetOf(Size)),
        "groups": Field(SetOf(SetOf(str))),
        "more_groups": Field(SetOf(SetOf(str))),
        "group": Field(SetOf(str)),
        "parts": Field(SetOf(Part)),
        "anything": Field(ANYTHING, ABSENT),
        "either": Field(ANYTHING),
        "either_or_none": Field(ANYTHING, ABSENT),
        "choice": Field(ANYTHING),
        "names": Field(ANYTHING),
        "shape": Field(ANYTHING),
    },
    EscalationRequest: {
        "domain": Field(Domain),
        "agent": Field(Agent),
        "login": Field(Login),
        "message": Field(Message),
        "intervention": Field(Intervention, ABSENT),
        "context": _MAPPING,
    },
    Domain: {"id": Field(str), "ringcentral_account_id": Field(str, ABSENT, _DIGITS)},
    Agent: {
        "id": Field(str),
        "domain_id": Field(str),
        "role": Field(Role),
        "enabled": Field(bool),
        "email": Field(str, ABSENT),
        "ringcentral": Field(RingCentralUser, ABSENT),
        "team_ids": Field(SetOf(str)),
        "led_team_ids": Field(SetOf(str)),
    },
    Role: {
        "id": Field(str),
        "domain_id": Field(str),
        "label": Field(str),
        "permissions": Field(SetOf(Permission)),
        "unknown_permissions": Field(SetOf(str)),
    },
    RingCentralUser: {
        "extension_id": Field(str, constants=_DIGITS),
        "account_id": Field(str, UNKNOWN, _DIGITS),
        "video": Field(VideoAccess),
        "email": Field(str, ABSENT),
    },
    Message: {
        "id": Field(str),
        "channel": Field(Channel),
        "author": Field(MessageAuthor),
        "private": Field(bool, UNKNOWN),
        "intervention_id": Field(str, UNKNOWN),
    },
    Channel: {"id": Field(str), "domain_id": Field(str), "kind": Field(ChannelKind)},
    Intervention: {"id": Field(str), "agent_id": Field(str, ABSENT), "state": Field(InterventionState)},
}
FIELDS[NightRequest] = {**FIELDS[EscalationRequest], "night": Field(bool), "desk": Field(Desk, ABSENT)}
CONTEXT: Final = {"b": bool, "n": int, "s": str}
#: The classes that check their fields. In a subclass of them, nobody does.
CHECKING: Final = (EscalationRequest, Domain, Agent, Role, RingCentralUser, Message, Channel, Intervention)

CONSTANTS: Final[dict[Any, tuple[Any, ...]]] = {
    bool: (True, False),
    int: (0, 1),
    str: ("t", "u"),
    Colour: (Colour.RED, Colour.BLUE),
    Size: (Size.SMALL, Size.LARGE),
    Permission: (Permission.ESCALATE_TO_VIDEO, Permission.USE_EMOJI),
    ChannelKind: (ChannelKind.WHATSAPP, ChannelKind.TWITTER),
    Login: tuple(set(Login) - {Login.UNKNOWN}),
    MessageAuthor: tuple(set(MessageAuthor) - {MessageAuthor.UNKNOWN}),
    VideoAccess: tuple(set(VideoAccess) - {VideoAccess.UNKNOWN}),
    InterventionState: tuple(set(InterventionState) - {InterventionState.UNKNOWN}),
}


def is_of(kind: Any, value: object) -> bool:
    """Tell whether a value is of a kind: of exactly that type if it can be compared, else of a subclass too."""
    if kind is ANYTHING:
        return True
    if type(kind) is SetOf:
        return type(value) is frozenset and all(is_of(kind.member, member) for member in value)
    if kind in CONSTANTS:
        return type(value) is kind
    return any(base is kind or (kind is float and base is int) for base in type.mro(type(value)))


@attrs.frozen
class Place:
    """One fact: how the library writes it, and how it is read.

    Attributes:
        fact: The fact in the library's words.
        steps: Per attribute its name, or the key of the context, and what it declares.
        is_trusted: Whether everything on the way was checked, if the request is of exactly this type.
    """

    request_type: type
    fact: Any
    steps: tuple[tuple[str, Field], ...]
    is_trusted: bool
    is_context: bool = False

    @property
    def kind(self) -> Any:
        """What it declares."""
        return self.steps[-1][1].kind

    @property
    def constants(self) -> tuple[Any, ...]:
        """What it is compared with."""
        kind = self.kind.member if type(self.kind) is SetOf else self.kind
        return self.steps[-1][1].constants or (() if type(kind) is SetOf else CONSTANTS.get(kind, ()))

    def read(self, request: object) -> Any:
        """Read the value, or return why it is missing."""
        is_trusted = self.is_trusted and type(request) is self.request_type
        value: Any = request
        try:
            for number, (name, field) in enumerate(self.steps):
                is_key = self.is_context and number == 1
                value = value.get(name) if is_key else getattr(value, name)
                if value is None:
                    return field.none or ABSENT
                if not (is_trusted or is_of(field.kind, value)):
                    return ERROR
        except Exception:  # noqa: BLE001  what a host's type raises
            return ERROR
        is_unknown = isinstance(self.kind, type(Enum)) and value.name == "UNKNOWN"
        return UNKNOWN if is_unknown else value


def place(request_type: type, path: str) -> Place:
    """Return the place of a fact, by its dotted path."""
    facts: Any = Facts(request_type)
    names = path.split(".")
    if names[0] == "context":
        kind: Any = CONTEXT[names[1]]
        steps = (("context", _MAPPING), (names[1], Field(kind, UNKNOWN)))
        return Place(request_type, facts.context(names[1], kind), steps, is_trusted=False, is_context=True)
    owners: list[Any] = [request_type]
    for name in names:
        owners.append(FIELDS[owners[-1]][name].kind)
    return Place(
        request_type,
        facts(lambda request: reduce(getattr, names, request)),
        tuple((name, FIELDS[owner][name]) for owner, name in zip(owners, names, strict=False)),
        is_trusted=all(owner in CHECKING for owner in owners[:-1]),
    )


@attrs.frozen
class Vocabulary:
    """The facts of one type of request, by their paths."""

    request_type: type
    places: dict[str, Place]

    def of(self, test: Callable[[Place], object]) -> list[str]:
        """List the facts for which a test holds."""
        return [name for name, place in self.places.items() if test(place)]


def vocabulary(request_type: type, paths: str) -> Vocabulary:
    """Make a vocabulary of these facts."""
    return Vocabulary(request_type, {path: place(request_type, path) for path in paths.split()})


SAMPLES: Final = vocabulary(
    Sample,
    "flag maybe untold number colour size name part.text spare.text spare.unknown lost.absent"
    " context.b context.n context.s sizes more_sizes",
)
WHOLE_SAMPLES: Final = vocabulary(
    Sample, f"{' '.join(SAMPLES.places)} ratio names colours part spare lost part.absent lost.unknown"
)
_DESK: Final = "name part.text part.unknown domain.id agent.enabled agent.role.permissions agent.ringcentral.account_id"
VISITS: Final = vocabulary(
    Visit,
    "number desk spare lost context.b context.n context.s desk.domain desk.agent desk.part desk.parts"
    f" {' '.join(f'{desk}.{name}' for desk in ('desk', 'spare', 'lost') for name in _DESK.split())}"
    f" {' '.join(f'desk.{name}' for name in FIELDS[Desk] if name not in ('part', 'domain', 'agent', 'parts'))}"
    " desk.agent.team_ids desk.agent.ringcentral.video desk.domain.ringcentral_account_id",
)
_REQUESTS: Final = (
    "domain.id domain.ringcentral_account_id agent.enabled agent.id agent.email agent.team_ids agent.led_team_ids"
    " agent.role.permissions agent.role.unknown_permissions agent.ringcentral agent.ringcentral.account_id"
    " agent.ringcentral.extension_id agent.ringcentral.video login message.private message.intervention_id"
    " message.author message.channel.kind intervention intervention.agent_id intervention.state"
    " context.b context.n context.s"
)
ESCALATIONS: Final = vocabulary(EscalationRequest, _REQUESTS)
NIGHTS: Final = vocabulary(
    NightRequest, f"{_REQUESTS} night desk desk.name desk.part.text desk.agent.enabled desk.sizes desk.domain.id"
)

#: The facts of samples that can be compared with constants, and the sets: in the library's words.
FACTS: Final = {name: place for name, place in SAMPLES.places.items() if type(place.kind) is not SetOf}
SETS: Final = {name: place for name, place in SAMPLES.places.items() if type(place.kind) is SetOf}

Spec = tuple[Any, ...]


def every_test_of(name: str, words: Vocabulary, predicates: Iterable[str] = PREDICATES) -> list[Spec]:
    """List every test of one fact, also against every other fact that it can be compared with."""
    place = words.places[name]
    listed: list[Spec] = [("is_set", name), *(("satisfies", name, test) for test in predicates)]
    constants, kind = place.constants, place.kind
    if kind is bool:
        listed.append(("is_true", name))
    if kind in CONSTANTS:
        listed += [("equals", name, constant) for constant in constants]
        listed += [("one_of", name, constants), *(("one_of", name, (constant,)) for constant in constants)]
        listed += [("same", name, other) for other in words.of(lambda other: other.kind is kind)]
    if type(kind) is SetOf and kind.member is not Colour and kind.member not in FIELDS:
        listed += [("contains", name, constant) for constant in constants]
        listed += [("subset_of", name, frozenset([constant])) for constant in constants]
        listed += [("subset_of", name, frozenset(constants))] if constants else []
        listed += [("within", name, other) for other in words.of(lambda other: other.kind == kind)]
        listed += [("holds", name, other) for other in words.of(lambda other: other.kind == kind.member)]
    return listed


def every_test(words: Vocabulary = SAMPLES) -> list[Spec]:
    """List every single test there is over these facts, constants and predicates."""
    return [
        *(spec for name in words.places for spec in every_test_of(name, words)),
        *(("predicate", test) for test in PREDICATES),
    ]


def specs_of(
    words: Vocabulary, max_leaves: int = 6, predicates: Iterable[str] = tuple(PREDICATES)
) -> st.SearchStrategy[Spec]:
    """Draw tests of these facts, and what `~`, `&` and `|` make of them."""
    tests = [
        st.sampled_from(sorted(words.places)).flatmap(
            lambda name: st.sampled_from(every_test_of(name, words, predicates))
        ),
        *([st.tuples(st.just("predicate"), st.sampled_from(sorted(predicates)))] if predicates else []),
    ]
    return st.recursive(st.one_of(tests), _joined, max_leaves=max_leaves)


def _joined(operands: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
    """Draw what `~`, `&` and `|` make of other specs."""
    return st.one_of(
        st.tuples(st.just("not"), operands),
        st.tuples(st.just("and"), operands, operands),
        st.tuples(st.just("or"), operands, operands),
    )


SPECS: Final = specs_of(SAMPLES)


def telling_requests() -> list[Sample]:
    """List requests in which every fact is once each of what it can be: this, that, absent, unknown, an error."""
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


_TEXT = st.sampled_from(["t", "u"])
_PARTS = st.builds(Part, text=_TEXT, absent=st.none() | _TEXT, unknown=st.none() | _TEXT)
_SIZES = st.frozensets(st.sampled_from(list(Size)))
#: Samples that hold what they declare, except in the context.
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


def values_of(kind: Any, constants: tuple[Any, ...] | None = None) -> list[Any]:
    """List values of a kind that is no class with fields."""
    if type(kind) is SetOf:
        members = values_of(kind.member, constants)
        return [frozenset(chosen) for size in range(3) for chosen in itertools.combinations(members, size)]
    if isinstance(kind, type(Enum)):
        return [*CONSTANTS[kind], *(member for member in kind if member.name == "UNKNOWN")]
    others: dict[Any, tuple[Any, ...]] = {float: (0.5, 1), Part: (Part(),)}
    return list(constants or CONSTANTS.get(kind) or others.get(kind) or ("t", 1))


#: What `EscalationRequest` accepts as a context.
CONTEXTS: Final = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(CONTEXT, st.sampled_from([True, False, 0, 1, "t", "u"]))
)

_MISSING: Final = object()

Names = tuple[str, ...]


@st.composite
def instances(draw: st.DrawFn, kind: Any, words: Vocabulary, *, odd: bool = True) -> Any:
    """Draw a request that differs from a plain one in a few places that the facts of a vocabulary lead to.

    Args:
        draw: Draws.
        kind: Its type.
        words: The facts.
        odd: Whether a place can hold anything. Otherwise the request is one that the constructor accepts.
    """
    ways = {tuple(path.split(".")[:number]) for path in words.places for number in range(1, path.count(".") + 2)}
    fields = {way: _field(kind, way) for way in ways if "context" not in way[:-1]}
    changed = draw(st.lists(st.sampled_from(sorted(fields)), max_size=8, unique=True))
    changes = {way: draw(_values(fields[way], odd=odd))() for way in changed}
    changes[()] = draw(st.sampled_from([*[kind] * 5, SUBCLASSES[kind], SimpleNamespace])) if odd else kind
    return _made(kind, changes, (), checked=not odd)


def _field(kind: Any, way: Names) -> Field:
    """Return what is declared at the end of a way."""
    field = Field(kind)
    for name in way:
        field = FIELDS[field.kind][name]
    return field


def _values(field: Field, *, odd: bool) -> st.SearchStrategy[Callable[[], Any]]:
    """Draw a function that returns what stands in a field, or the type of the instance in it.

    Hypothesis itself must not get the odd values: it hashes them, or asks for their `__class__`.
    """
    if field is _MAPPING:
        contexts = CONTEXTS.map(lambda context: lambda: context)
        return contexts | _one_of([None, _MISSING, *MAPPINGS]) if odd else contexts
    usual = [field.kind] if field.kind in FIELDS else _of(field)
    if field.none:
        usual = [*usual, None]
    if not odd:
        return _one_of(usual)
    types = [SUBCLASSES[field.kind], SimpleNamespace] if field.kind in FIELDS else []
    return _one_of(usual) | _one_of([None, _MISSING, *types]) | _one_of(ODD_VALUES)


def _one_of(values: Sequence[Any]) -> st.SearchStrategy[Callable[[], Any]]:
    return st.integers(0, len(values) - 1).map(lambda number: lambda: values[number])


def _of(field: Field) -> list[Any]:
    return values_of(field.kind, field.constants)


def _made(kind: Any, changes: Mapping[Names, Any], way: Names, *, checked: bool) -> Any:
    """Make an instance from what is different from a plain one."""
    actual = changes.get(way, kind)
    if actual is not kind and actual is not SUBCLASSES[kind] and actual is not SimpleNamespace:
        return actual
    values = {
        name: _made(field.kind, changes, (*way, name), checked=checked)
        if field.kind in FIELDS
        else changes.get((*way, name), {} if field is _MAPPING else _of(field)[0])
        for name, field in FIELDS[kind].items()
    }
    if checked:
        return kind(**values)
    return filled(actual, {name: value for name, value in values.items() if value is not _MISSING})


#: Requests of each type, whose values are of any type at every hop; with the facts to ask of them.
HOSTS: Final[dict[str, tuple[Vocabulary, st.SearchStrategy[Any]]]] = {
    "samples": (WHOLE_SAMPLES, instances(Sample, WHOLE_SAMPLES)),
    "nested classes": (VISITS, instances(Visit, VISITS)),
    "subclasses of EscalationRequest": (NIGHTS, instances(NightRequest, NIGHTS)),
    "subclasses by the facts of EscalationRequest": (ESCALATIONS, instances(NightRequest, ESCALATIONS)),
    "requests of the library": (ESCALATIONS, instances(EscalationRequest, ESCALATIONS, odd=False)),
}


def build(spec: Spec, words: Vocabulary = SAMPLES, predicates: Mapping[str, Any] = PREDICATES) -> Any:
    """Write a spec in the library's words."""
    kind, *rest = spec
    if kind == "not":
        return ~build(rest[0], words, predicates)
    if kind in ("and", "or"):
        left, right = (build(each, words, predicates) for each in rest)
        return left & right if kind == "and" else left | right
    if kind == "predicate":
        return Facts(words.request_type).predicate(rest[0], predicates[rest[0]])
    fact = words.places[rest[0]].fact
    if kind == "satisfies":
        return fact.satisfies(rest[1], predicates[rest[1]])
    if kind in _TWO:
        return getattr(fact, _TWO[kind])(words.places[rest[1]].fact)
    return getattr(fact, kind)(*rest[1:])


#: Tests of two facts, and what the library calls them.
_TWO: Final = {"same": "equals", "holds": "contains", "within": "subset_of"}


def answer(spec: Spec, request: object, words: Vocabulary = SAMPLES) -> str:
    """Answer a spec, most naively."""
    kind, *rest = spec
    if not any(base is words.request_type for base in type.mro(type(request))):
        return ERROR
    if kind == "not":
        inner = answer(rest[0], request, words)
        return {YES: NO, NO: YES}.get(inner, inner)
    if kind in ("and", "or"):
        answers = [answer(each, request, words) for each in rest]
        decisive = NO if kind == "and" else YES
        if decisive in answers:
            return decisive
        undecided = [each for each in answers if each in GRAVITY]
        return max(undecided, key=GRAVITY.index) if undecided else answers[0]
    if kind == "predicate":
        return _called(PREDICATES[rest[0]], request)
    return _compared(kind, rest, request, words)


def _compared(kind: str, rest: list[Any], request: object, words: Vocabulary) -> str:
    """Answer a test of one fact or two: by what is missing, or else by the values."""
    values = [words.places[name].read(request) for name in rest[: 2 if kind in _TWO else 1]]
    lacking = [each for each in GRAVITY if any(value is each for value in values)]
    if lacking and not (kind == "is_set" and lacking == [ABSENT]):
        return lacking[-1]
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
    """Ask a predicate. What it raises, and what it returns other than a bool, is an error."""
    try:
        result = test(value)
    except Exception:  # noqa: BLE001  what a host's function raises
        return ERROR
    return YES if result is True else NO if result is False else ERROR


STATUS: Final = {YES: "met", NO: "unmet", ABSENT: "unmet", UNKNOWN: "unknown", ERROR: "error"}


def prerequisites(code: str, after: Mapping[str, Iterable[str]]) -> set[str]:
    """List every rule that this one comes after, directly or through others."""
    return {each for direct in after[code] for each in (direct, *prerequisites(direct, after))}


def statuses(specs: Mapping[str, Spec], request: object, words: Vocabulary = SAMPLES) -> dict[str, str]:
    """Return the status of each rule."""
    return {code: STATUS[answer(spec, request, words)] for code, spec in specs.items()}


def verdict(
    specs: Mapping[str, Spec], after: Mapping[str, Iterable[str]], request: object, words: Vocabulary = SAMPLES
) -> tuple[bool, dict[str, str], set[str]]:
    """Decide naively: whether it is allowed, the status of each reported rule, and the hidden codes."""
    status = statuses(specs, request, words)
    not_met = {code for code in status if status[code] != "met"}
    if not not_met:
        return True, status, set()
    hidden = {code for code in not_met if prerequisites(code, after) & not_met}
    return False, {code: status[code] for code in not_met - hidden}, hidden


@st.composite
def rule_sets(draw: st.DrawFn, specs: st.SearchStrategy[Spec] = SPECS) -> tuple[dict[str, Spec], dict[str, list[str]]]:
    """Draw specs by code, and what each comes after, without cycles and in any order."""
    codes = [f"r{number}" for number in range(draw(st.integers(1, 5)))]
    chosen = {code: draw(specs) for code in draw(st.permutations(codes))}
    earlier = {code: codes[:number] for number, code in enumerate(codes)}
    after = {
        code: draw(st.lists(st.sampled_from(before), unique=True)) if before else [] for code, before in earlier.items()
    }
    return chosen, after


def rules(
    specs: dict[str, Spec],
    after: dict[str, list[str]],
    words: Vocabulary = SAMPLES,
    predicates: Mapping[str, Any] = PREDICATES,
) -> list[Rule[Any]]:
    """Write the rules in the library's words."""
    return [Rule(code, build(spec, words, predicates), after=after[code]) for code, spec in specs.items()]
