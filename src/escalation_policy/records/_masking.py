"""Masking: which facts a record does not show, and the tokens that it shows instead."""

import hmac
from collections.abc import Collection, Iterable
from typing import Final

import attrs

from .._engine.paths import Path, name_of
from .._fields import closest, kind_of, to_tuple
from ..exceptions import Fault, InvalidPolicyError, InvalidValueError
from ._facts import FactValue

#: The kind of id of a fact that its type does not declare to be an id.
_VALUE: Final = "value"
#: How many hexadecimal digits of a keyed token are kept.
_DIGITS: Final = 16

#: Whoever guesses a key can find the values behind its tokens by trying all of them.
_SHORTEST_KEY: Final = 16

#: What one token stands for: the kind of id, the type of the value, and the value.
_Secret = tuple[str, type, FactValue]


def mask_of(path: Path, reveal: Collection[str], mask: Collection[str]) -> str:
    """Return the kind of id with which a fact's tokens begin. It is empty if the fact is shown."""
    name = str(path)
    if not _is_in(name, mask) and (_is_in(name, reveal) or (path.public and not path.private)):
        return ""
    if isinstance(path.private, str):
        return path.private
    # A token does not show the type of its value, so the kind does: a rule over another type must not take it for an answer.
    kind = path.member or path.kind
    return _VALUE if kind is str else f"{_VALUE}:{name_of(kind)}"


def _is_in(name: str, places: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{place}.") for place in places)


def to_places(name: str, places: Iterable[str]) -> frozenset[str]:
    """Convert an argument that lists dotted paths.

    Raises:
        InvalidValueError: It is not a collection of strings.
    """
    if places == ():
        return frozenset()
    members = to_tuple(places)
    if type(members) is not tuple or not all(isinstance(place, str) for place in members):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(Fault.mismatch(name, kind_of(members), "a collection of dotted paths"))
    return frozenset(members)


def check_key(key: bytes | None) -> None:
    """Check that a key is None, or bytes that can keep a secret.

    Raises:
        InvalidValueError: It is not.
    """
    if key is not None and (type(key) is not bytes or len(key) < _SHORTEST_KEY):
        actual = f"{len(key)} of them" if type(key) is bytes else kind_of(key)
        raise InvalidValueError(Fault.mismatch("key", actual, f"at least {_SHORTEST_KEY} bytes, or None"))


def check_mask(places: Iterable[str], request_type: type, advice: str = "") -> None:
    """Check that all places to mask exist. A place with a typing error would leave a fact unmasked.

    Args:
        places: The dotted paths.
        request_type: The type of request that the decisions are about.
        advice: What else the caller may do, for the message.

    Raises:
        InvalidValueError: A place names no fact of the request.
    """
    for place in places:
        path = Path(request_type)
        for step in place.split("."):
            if path.hops and path.hops[-1].name == "context":
                break
            try:
                path = path.then(step)
            except InvalidPolicyError:
                # The path's own error would show the step, which can be anything.
                raise _no_such_fact(path, step, request_type, advice) from None


def _no_such_fact(path: Path, step: str, request_type: type, advice: str) -> InvalidValueError:
    owner, prefix = path.kind if path.hops else request_type, f"{path}." if path.hops else ""
    names = [*attrs.fields_dict(owner)] if attrs.has(owner) else []
    name = closest(step, names)
    hint = (
        f" (did you mean {prefix}{name}?)"
        if name
        else f": {prefix.rstrip('.') or 'it'} has {', '.join(names) or 'no facts'}"
    )
    problem, accepted = f"names no fact of {request_type.__name__}{hint}{advice}", f"a fact of {request_type.__name__}"
    return InvalidValueError(Fault("mask", problem, accepted=accepted))


def put_tokens(facts: dict[str, FactValue], masks: Iterable[tuple[str, str]], key: bytes | None) -> tuple[str, ...]:
    """Replace the values of masked facts with tokens, and return the names of these facts.

    Equal values of one kind of id get equal tokens.

    Args:
        facts: All facts of one request. The tokens are put into it.
        masks: The facts to mask, each with its kind of id.
        key: With a key, a value has the same token in every record. Without one, the tokens of each record are numbered.
    """
    masked = [(name, (kind, type(value), value)) for name, kind in masks if (value := facts.get(name)) is not None]
    secrets = [secret for _, secret in masked]
    order = _in_order(secrets) if tuple in [kind for _, kind, _ in secrets] else dict.fromkeys(secrets)
    tokens = {
        secret: f"{secret[0]}#{_digest(key, secret) if key else number}" for number, secret in enumerate(order, 1)
    }
    for name, secret in masked:
        is_set = secret[1] is tuple
        facts[name] = tuple(sorted([tokens[member] for member in _members(secret)])) if is_set else tokens[secret]
    return tuple([name for name, _ in masked])


def _in_order(secrets: Iterable[_Secret]) -> list[_Secret]:
    """Return secrets and members of sets, ordered by the facts that hold them. Their values must not show in the order."""
    places: dict[_Secret, list[int]] = {}
    for number, secret in enumerate(secrets):
        for member in _members(secret):
            places.setdefault(member, []).append(number)
    return sorted(places, key=places.__getitem__)


def _members(secret: _Secret) -> list[_Secret]:
    kind, _, value = secret
    return [(kind, type(member), member) for member in value] if isinstance(value, tuple) else [secret]


def _digest(key: bytes, secret: _Secret) -> str:
    kind, value_type, value = secret
    exact = value + 0.0 if isinstance(value, float) else value  # -0.0 equals 0.0
    text = f"{kind.partition(':')[0]}\0{value_type.__name__}\0{exact}"
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:_DIGITS]
