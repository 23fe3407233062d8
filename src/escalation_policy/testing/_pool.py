"""The pool: the requests over which the laws are tried, and how each is told to whoever reads a failure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from itertools import product
from random import Random
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast, final

import attrs

from .. import Policy
from .._engine.operators import words_of
from .._engine.paths import Path
from .._fields import PRIVATE, kind_of
from ..exceptions import InvalidPolicyError
from ._search import NoSuchRequestError, Search, changed

#: Tried wherever a policy reads: of another type, on the edge, unusual. What a request does not take is left out.
_ODD: Final = (None, True, 0, -1, 10**5000, 0.5, "", "1", "x" * 10_000, "\u202e\ud800 \U0001f469\u200d\U0001f680")
#: How many requests are made, at most, that differ in two or three facts at once.
_COMBINED: Final = 200
#: What every id, address and text begins with that must not show, and every private number.
CANARIES: Final = ("canary-7f3c-", "9173502846")


@final
class Leaf(NamedTuple):
    """One value that stands in a request."""

    kind: type
    value: object
    private: bool


def requests(policy: Policy[Any], like: Any) -> list[Any]:
    """Makes requests near one of the policy's type that make a difference to the policy; always the same ones."""
    search, draw = Search(policy, like), Random(0)  # noqa: S311  nothing here is secret
    allowed = [each for each in _found(search.allowed, like) if each is not like]
    made = [*allowed, *_of_subclass((*allowed, like)[0])]
    for code in policy:
        made += _found(search.denied, like, [code])
    for base in (like, *allowed):
        made += search.neighbours(base)
        made += [new for path, value in _oddities(policy, search.facts, base) for new in _with(base, path, value)]
        for number in range(min(_COMBINED, 10 * len(search.facts))):
            facts = draw.sample(search.facts, min(len(search.facts), 2 + number % 2))
            made.append(search.varied(base, [(path, draw.randrange(1000)) for path in facts], lambda _: True))
    return made


def strangers(like: Any) -> list[Any]:
    """Makes what is no request, even where it looks like one."""
    lookalike = SimpleNamespace(**{field.name: getattr(like, field.name) for field in _fields(like)})
    return [None, CANARIES[0], object(), lookalike]


def _found(search: Callable[..., Any], *wanted: object) -> list[Any]:
    try:
        return [search(*wanted)]
    except NoSuchRequestError:
        return []


def _of_subclass(like: Any) -> list[Any]:
    """Makes the same request of a subclass, where the type can have one."""
    fields = {each.alias or each.name: getattr(like, each.name) for each in _fields(like) if each.init}
    base = type(cast("object", like))
    try:
        return [type("Subclass", (base,), {"__slots__": ()})(**fields)]
    except Exception:  # noqa: BLE001  whatever the type says to that
        return []


def _oddities(policy: Policy[Any], facts: Sequence[Path], base: Any) -> Iterator[tuple[Path, object]]:
    """Lists what else can be put where; everywhere in the request, where a predicate is given all of it."""
    yield from product(facts, _ODD)
    tests = [test for rule in policy.rules for test in rule.requires.tests]
    if not all(test.paths for test in tests):
        for path in _places(Path(policy.request_type), base):
            if path not in facts:
                yield from ((path, value) for value in (*_members(path), *_ODD))


def _places(owner: Path, value: Any) -> Iterator[Path]:
    """Lists all places where a request holds something."""
    for field in _fields(value):
        with suppress(InvalidPolicyError):
            path, part = owner.then(field.name), getattr(value, field.name)
            yield path
            yield from _places(path, part)
            if isinstance(part, Mapping):
                yield from (path.into(key, type(each)) for key, each in cast("Mapping[str, object]", part).items())


def _members(path: Path) -> list[object]:
    if path.member is not None:
        return [frozenset(), frozenset(path.member) if isinstance(path.member, type(Enum)) else frozenset({"other"})]
    return list(path.kind) if isinstance(path.kind, type(Enum)) else [False]


def _with(request: Any, path: Path, value: object) -> list[Any]:
    """Puts a value where a path leads, if it is taken there."""
    new = changed(request, path.hops, value)
    return [] if new is None else [new]


def _fields(value: object) -> "tuple[attrs.Attribute[Any], ...]":
    kind: Any = type(value)
    return attrs.fields(kind) if attrs.has(kind) and not issubclass(kind, Mapping) else ()


def leaves(value: Any, name: str = "", *, private: bool = False) -> dict[str, Leaf]:
    """Takes a request apart into its values, by their dotted names; it asks none of its parts whether they are equal."""
    parts: dict[str, tuple[Any, bool]] = {}
    if fields := _fields(value):
        parts = {each.name: (getattr(value, each.name), private or bool(each.metadata.get(PRIVATE))) for each in fields}
    elif isinstance(value, Mapping):
        parts = {key: (each, private) for key, each in cast("Mapping[str, object]", value).items()}
    elif isinstance(value, list | tuple):
        parts = {str(number): (each, private) for number, each in enumerate(cast("list[object]", value))}
    else:
        return {name: Leaf(type(cast("object", value)), value, private)}
    return {
        each: leaf
        for key, (part, hidden) in parts.items()
        for each, leaf in leaves(part, f"{name}.{key}".lstrip("."), private=hidden).items()
    }


def described(request: Any, like: Any) -> str:
    """Tells a request by how it differs from the typical one, masked as evidence is."""
    if not issubclass(type(request), type(like)):
        return f"no request, but {kind_of(request)}"
    subclass = "" if type(request) is type(like) else ", of a subclass"
    changes = differences(leaves(request), leaves(like))
    return f"the typical one{subclass}{', but with ' if changes else ''}{changes}"


def differences(mine: Mapping[str, Leaf], typical: Mapping[str, Leaf]) -> str:
    """Tells what differs in one request from another one."""
    changes = [
        f"{name} = {_masked(leaf, typical.get(name))}" for name, leaf in mine.items() if leaf != typical.get(name)
    ]
    parents = tuple(f"{name}." for name in mine)
    changes += [f"no {name}" for name in typical if name not in mine and not name.startswith(parents)]
    return ", ".join(changes)


def _masked(leaf: Leaf, typical: Leaf | None) -> str:
    value = leaf.value
    if isinstance(value, bool | int | float | Enum) and not leaf.private:
        return words_of(value)[:60]
    if isinstance(value, frozenset) and all(isinstance(each, Enum) for each in cast("frozenset[object]", value)):
        return words_of(value, most=8) or "nothing"
    return "another value" if typical and leaf.kind is typical.kind else kind_of(leaf.value)


def with_canaries(value: Any, known: dict[object, Any], *, private: bool = False) -> Any:
    """Puts something conspicuous in the place of all that must not show; what was equal stays equal.

    Args:
        value: A request, or a part of one.
        known: What was put in the place of what, so far.
        private: Whether the value stands in something private.
    """
    text, number = CANARIES
    if type(value) is str:
        return known.setdefault(value, f"{number if value.isdigit() else text}{len(known)}")
    if type(value) is int and private:
        return known.setdefault(value, int(f"{number}{len(known)}"))
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {key: with_canaries(each, known, private=private) for key, each in items}
    if type(value) is frozenset:
        return frozenset(with_canaries(each, known, private=private) for each in cast("frozenset[object]", value))
    for field in _fields(value):
        part = with_canaries(getattr(value, field.name), known, private=private or bool(field.metadata.get(PRIVATE)))
        with suppress(Exception):
            value = attrs.evolve(value, **{field.alias or field.name: part})
    return value
