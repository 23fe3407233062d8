"""The requests that a policy is tried on, and canaries in place of private values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from itertools import product
from random import Random
from types import SimpleNamespace
from typing import Any, Final, cast

import attrs

from .. import Policy
from .._engine.paths import Path
from .._fields import PRIVATE
from ..analysis.typical import fields_of
from ..exceptions import InvalidPolicyError
from ._search import NoSuchRequestError, Search, with_value

#: Tried for every fact of the policy: values of another type, on the edge, or unusual. Rejected ones are left out.
_ODD: Final = (None, True, 0, -1, 10**5000, 0.5, "", "1", "x" * 10_000, "\u202e\ud800 \U0001f469\u200d\U0001f680")
#: The most requests that differ in two or three facts at once.
_COMBINED: Final = 200
#: What the canaries of texts and of private numbers begin with.
CANARIES: Final = ("canary-7f3c-", "9173502846")


def make_requests(policy: Policy[Any], like: Any) -> list[Any]:
    """Make requests near another one that make a difference to the policy; always the same ones."""
    search, random = Search(policy, like), Random(0)  # noqa: S311  nothing here is secret
    allowed = [request for request in _search_result(search.allowed, like) if request is not like]
    requests = [*allowed, *_of_subclass((*allowed, like)[0])]
    for code in policy:
        requests += _search_result(search.denied, like, [code])
    for base in (like, *allowed):
        requests += search.neighbours(base)
        odd = [with_value(base, path.hops, value) for path, value in _odd_values(policy, search.facts, base)]
        requests += [request for request in odd if request is not None]
        for number in range(min(_COMBINED, 10 * len(search.facts))):
            facts = random.sample(search.facts, min(len(search.facts), 2 + number % 2))
            requests.append(search.varied(base, [(path, random.randrange(1000)) for path in facts], lambda _: True))
    return requests


def not_requests(like: Any) -> list[Any]:
    """Make objects that are not of the request's type. One of them has the same attributes."""
    lookalike = SimpleNamespace(**{field.name: getattr(like, field.name) for field in fields_of(like)})
    return [None, CANARIES[0], object(), lookalike]


def _search_result(search: Callable[..., Any], *arguments: object) -> list[Any]:
    try:
        return [search(*arguments)]
    except NoSuchRequestError:
        return []


def _of_subclass(like: Any) -> list[Any]:
    """Make the same request of a subclass, if the type allows it."""
    fields = {field.alias or field.name: getattr(like, field.name) for field in fields_of(like) if field.init}
    base = type(cast("object", like))
    try:
        return [type("Subclass", (base,), {"__slots__": ()})(**fields)]
    except Exception:  # noqa: BLE001  a host's type may raise anything
        return []


def _odd_values(policy: Policy[Any], facts: Sequence[Path], base: Any) -> Iterator[tuple[Path, object]]:
    """Yield odd values for the facts of the policy, and for the whole request if a predicate reads all of it."""
    yield from product(facts, _ODD)
    tests = [test for rule in policy.rules for test in rule.requires.tests]
    if not all(test.paths for test in tests):
        for path in _all_paths(Path(policy.request_type), base):
            if path not in facts:
                yield from ((path, value) for value in (*_usual_values(path), *_ODD))


def _all_paths(owner: Path, value: Any) -> Iterator[Path]:
    """Yield the paths to all values of a request."""
    for field in fields_of(value):
        with suppress(InvalidPolicyError):
            path, part = owner.then(field.name), getattr(value, field.name)
            yield path
            yield from _all_paths(path, part)
            if isinstance(part, Mapping):
                yield from (path.into(key, type(each)) for key, each in cast("Mapping[str, object]", part).items())


def _usual_values(path: Path) -> list[object]:
    if path.member is not None:
        return [frozenset(), frozenset(path.member) if isinstance(path.member, type(Enum)) else frozenset({"other"})]
    return list(path.kind) if isinstance(path.kind, type(Enum)) else [False]


def with_canaries(value: Any, canaries: dict[object, Any], *, private: bool = False) -> Any:
    """Replace all texts and private numbers with canaries. Equal values get equal canaries.

    Args:
        value: A request, or a part of one.
        canaries: The canary of each value, so far.
        private: Whether the value is part of a private field.
    """
    text, number = CANARIES
    if type(value) is str:
        return canaries.setdefault(value, f"{number if value.isdigit() else text}{len(canaries)}")
    if type(value) is int and private:
        return canaries.setdefault(value, int(f"{number}{len(canaries)}"))
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {key: with_canaries(each, canaries, private=private) for key, each in items}
    if type(value) is frozenset:
        return frozenset(with_canaries(each, canaries, private=private) for each in cast("frozenset[object]", value))
    for field in fields_of(value):
        is_private = private or bool(field.metadata.get(PRIVATE))
        part = with_canaries(getattr(value, field.name), canaries, private=is_private)
        # A field keeps its value if its validator rejects the canary.
        with suppress(Exception):
            value = attrs.evolve(value, **{field.alias or field.name: part})
    return value
