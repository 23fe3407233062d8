"""Masks: which facts a record does not show, and the tokens that stand for them."""

import hmac
from collections.abc import Collection, Iterable
from typing import Final, cast

import attrs

from .._engine.paths import Path, name_of
from .._fields import closest, is_collection, kind_of
from ..exceptions import Fault, InvalidPolicyError, InvalidValueError
from ._forms import FactValue

#: What kind of id a fact is that no type declares to be one.
_VALUE: Final = "value"
#: How many hexadecimal digits of a keyed token are kept.
_DIGITS: Final = 16
_NONE: Final = frozenset[str]()

#: What is masked: what kind of id it is, its type and what it is.
_Atom = tuple[str, type, FactValue]


def mask_of(path: Path, reveal: Collection[str], mask: Collection[str]) -> str:
    """Says as what kind of id a fact is masked; empty where it is shown."""
    name = str(path)
    if not _is_in(name, mask) and (_is_in(name, reveal) or (path.public and not path.private)):
        return ""
    if isinstance(path.private, str):
        return path.private
    # A token keeps no type, and a rule that asks for another one must not take it for an answer.
    kind = path.member or path.kind
    return _VALUE if kind is str else f"{_VALUE}:{name_of(kind)}"


def _is_in(name: str, places: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{place}.") for place in places)


def checked_places(name: str, places: Iterable[str]) -> frozenset[str]:
    """Reads a collection of dotted paths."""
    if places == ():
        return _NONE
    if not is_collection(places):
        raise InvalidValueError(Fault.mismatch(name, kind_of(places), "a collection of dotted paths"))
    members = tuple(places)
    if not all(isinstance(each, str) for each in cast("tuple[object, ...]", members)):
        raise InvalidValueError(Fault.mismatch(name, kind_of(members), "a collection of dotted paths"))
    return frozenset(members)


def check_key(key: bytes | None) -> None:
    """Refuses a key that would keep nothing secret."""
    if key is not None and (type(key) is not bytes or not key):
        raise InvalidValueError(Fault.mismatch("key", kind_of(key), "non-empty bytes or None"))


def refuse_unknown(places: Iterable[str], request_type: type) -> None:
    """Refuses to mask what no request has: a typing error would show what it was to hide."""
    for place in places:
        path = Path(request_type)
        for step in place.split("."):
            if path.hops and path.hops[-1].name == "context":
                break
            try:
                path = path.then(step)
            except InvalidPolicyError:
                # The error of the path shows the step.
                raise _no_fact(path, step, request_type) from None


def _no_fact(path: Path, step: str, request_type: type) -> InvalidValueError:
    owner, place = path.kind if path.hops else request_type, f"{path}." if path.hops else ""
    names = [*attrs.fields_dict(owner)] if attrs.has(owner) else []
    name = closest(step, names)
    hint = (
        f" (did you mean {place}{name}?)"
        if name
        else f": {place.rstrip('.') or 'it'} has {', '.join(names) or 'no facts'}"
    )
    problem, accepted = f"names no fact of {request_type.__name__}{hint}", f"a fact of {request_type.__name__}"
    return InvalidValueError(Fault("mask", problem, accepted=accepted))


def put_tokens(facts: dict[str, FactValue], masks: Iterable[tuple[str, str]], key: bytes | None) -> tuple[str, ...]:
    """Puts tokens in the place of the values of facts, and names these. Equal values of one kind of id get equal tokens.

    Args:
        facts: All facts of one request.
        masks: The facts to mask, each with what kind of id it is.
        key: With a key, tokens are the same in every record; without one they are numbered.
    """
    masked = [(name, (kind, type(value), value)) for name, kind in masks if (value := facts.get(name)) is not None]
    atoms = [atom for _, atom in masked]
    order = _in_order(atoms) if tuple in [of for _, of, _ in atoms] else dict.fromkeys(atoms)
    tokens = {atom: f"{atom[0]}#{_keyed(key, atom) if key else number}" for number, atom in enumerate(order, 1)}
    for name, atom in masked:
        in_set = atom[1] is tuple
        facts[name] = tuple(sorted([tokens[each] for each in _members(atom)])) if in_set else tokens[atom]
    return tuple([name for name, _ in masked])


def _in_order(atoms: Iterable[_Atom]) -> list[_Atom]:
    """Puts members of sets in order too, by where they stand and not by what they are, which would leave a trace."""
    places: dict[_Atom, list[int]] = {}
    for number, atom in enumerate(atoms):
        for each in _members(atom):
            places.setdefault(each, []).append(number)
    return sorted(places, key=places.__getitem__)


def _members(atom: _Atom) -> list[_Atom]:
    kind, _, value = atom
    return [(kind, type(each), each) for each in value] if isinstance(value, tuple) else [atom]


def _keyed(key: bytes, atom: _Atom) -> str:
    kind, of, value = atom
    exact = value + 0.0 if isinstance(value, float) else value  # -0.0 equals 0.0
    text = f"{kind.partition(':')[0]}\0{of.__name__}\0{exact}"
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:_DIGITS]
