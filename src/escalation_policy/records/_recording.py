"""Recording: from a decision to its record."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache, reduce
from typing import Any, Final, cast, final

import attrs

from .._conditions import Test
from .._decision import Decision, Judge
from .._fields import a, kind_of
from .._paths import Path
from .._policy import Policy
from .._request import EscalationRequest, FrozenMapping
from .._truth import Truth
from ..exceptions import Fault, InvalidValueError
from ._forms import FactValue, form_of
from ._masks import check_key, checked_places, mask_of, put_tokens, refuse_unknown
from ._parsing import SCHEMA_VERSION
from ._reader import compile_reader
from ._reasons import Reasons
from ._record import ABOUT, DecisionRecord, to_utc, unchecked

#: How many policies, each with its ways to mask, are kept prepared.
_SHEETS: Final = 256
_NO_OUTPUTS: Final = FrozenMapping[bool]({})


def record(  # noqa: PLR0913  # a record has as many sides
    decision: Decision[Any],
    *,
    at: datetime,
    id: str,  # noqa: A002
    policy: Policy[Any] | None = None,
    correlation_id: str | None = None,
    facts_read_at: datetime | None = None,
    key: bytes | None = None,
    reveal: Iterable[str] = (),
    mask: Iterable[str] = (),
) -> DecisionRecord:
    """Makes the record of a decision.

    Masked are the facts that their types declare private, what is in `context`, and the facts of a host's own types that
    these do not declare public by `metadata={"escalation_policy.public": True}`.

    Args:
        decision: The decision.
        at: When it was made; with a zone.
        id: What to call it.
        policy: The policy that decided; needed for a decision that was pickled, which took none along.
        correlation_id: What ties the record to others of the host.
        facts_read_at: When the facts were read; with a zone.
        key: Makes tokens that are the same in every record. Whoever has it can find out which value a token stands for.
        reveal: Dotted paths of facts to show all the same, each with all that is below it; and names of predicates, which
            are asked once more and whose answers are kept.
        mask: Dotted paths of facts to mask as well, each with all that is below it.

    Raises:
        InvalidValueError: An argument is not what it should be.
    """
    if type(decision) is not Decision:
        raise InvalidValueError(Fault.mismatch("decision", kind_of(decision), a("Decision")))
    check_key(key)
    known = _policy_of(decision, policy)
    sheet = _sheet(_Same(known), checked_places("reveal", reveal), checked_places("mask", mask))
    facts, unknown = sheet.facts(decision.request)
    reasons, hidden, next_party = ((), (), None) if decision else sheet.reasons.in_the_way(decision, facts, unknown)
    masked = put_tokens(facts, sheet.masks, key)
    return unchecked(
        DecisionRecord,
        id=_text("id", id),
        at=_time("at", at),
        effect=decision.effect,
        policy_id=decision.policy_id,
        policy_version=decision.policy_version,
        fingerprint=known.fingerprint,
        reasons=reasons,
        met=sheet.codes if decision else (),
        hidden=hidden,
        next_party=next_party,
        facts=FrozenMapping(facts),
        unknown=unknown,
        masked=masked,
        outputs=sheet.outputs(decision.request),
        correlation_id=None if correlation_id is None else _text("correlation_id", correlation_id),
        facts_read_at=None if facts_read_at is None else _time("facts_read_at", facts_read_at),
        schema_version=SCHEMA_VERSION,
    )


def _text(name: str, text: str) -> str:
    if type(text) is not str or text == "":
        raise InvalidValueError(Fault.mismatch(name, kind_of(text), "a non-empty str"))
    return text


def _time(name: str, at: datetime) -> datetime:
    moved = cast("object", to_utc(at))
    if isinstance(moved, datetime) and moved.tzinfo is UTC:
        return moved
    found = "a datetime without one" if isinstance(moved, datetime) else kind_of(moved)
    raise InvalidValueError(Fault.mismatch(name, found, "a datetime with a zone"))


def _policy_of(decision: Decision[Any], policy: Policy[Any] | None) -> Policy[Any]:
    known: Any = decision._judge if policy is None else policy
    if type(known) is Judge:
        problem = "is missing: a pickled decision comes without its policy, so pass the policy that made it"
        raise InvalidValueError(Fault("policy", problem, found="None", accepted="the policy that made this decision"))
    if type(known) is Policy and known.fingerprint == decision.fingerprint:
        return known
    if type(known) is not Policy:
        raise InvalidValueError(Fault.mismatch("policy", kind_of(known), "a Policy or None"))
    accepted = "the policy that made this decision"
    raise InvalidValueError(Fault("policy", f"is not {accepted}", found="another policy", accepted=accepted))


@final
class _Same:
    """A policy, found again by being the very same."""

    __slots__ = ("policy",)

    def __init__(self, policy: Policy[Any]) -> None:
        self.policy = policy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.policy is self.policy

    def __hash__(self) -> int:
        return id(self.policy)


@final
class _Sheet:
    """What to read and what to mask, for one policy; prepared once."""

    def __init__(self, policy: Policy[Any], reveal: frozenset[str], mask: frozenset[str]) -> None:
        tests = [test for rule in policy.rules for test in rule.requires.tests()]
        self._request_type: Final = policy.rules[0].requires.request_type
        refuse_unknown(mask, self._request_type)
        paths = {str(path): path for test in tests for path in test.paths}
        if issubclass(self._request_type, EscalationRequest):
            for name in ABOUT.values():
                paths.setdefault(name, reduce(Path.then, name.split("."), Path(self._request_type)))
        self.codes: Final = tuple(policy)
        # What is asked for as two types cannot be told as one.
        unclear = twofold(tests)
        self._paths: Final = {name: path for name, path in sorted(paths.items()) if name not in unclear}
        self._optional: Final = [
            (name, path) for name, path in self._paths.items() if any(hop.unknown_when_none for hop in path.hops)
        ]
        self._read: Final = compile_reader(self._paths.values())
        self._tellers: Final = [
            (name, form_of(path.kind).told) for name, path in self._paths.items() if not _is_plain(path)
        ]
        self.masks: Final = [
            (name, kind) for name, path in self._paths.items() if (kind := mask_of(path, reveal, mask))
        ]
        self.reasons: Final = Reasons(policy, self._paths, dict(self.masks), reveal)
        revealed = [test for test in tests if test.opaque and test.name in reveal]
        self._revealed: Final = [attrs.evolve(test, negated=False) for test in revealed]

    def facts(self, request: Any) -> tuple[dict[str, FactValue], tuple[str, ...]]:
        """Reads all facts, and says which we were not told. What cannot be read is left out."""
        facts = self._values(request)
        for name, told in self._tellers:
            value = facts.get(name)
            if value is not None:
                facts[name] = value = told(value)
                if value is None:
                    del facts[name]
        unknown = [name for name, path in self._optional if facts.get(name, "") is None and _is_untold(path, request)]
        return facts, tuple(unknown)

    def _values(self, request: Any) -> dict[str, Any]:
        if not issubclass(type(request), self._request_type):
            return {}
        try:
            return dict(zip(self._paths, self._read(request), strict=True))
        except Exception:  # noqa: BLE001  a host's type may refuse in its own way
            return {name: value for name, path in self._paths.items() for value in _stood(path, request)}

    def outputs(self, request: Any) -> FrozenMapping[bool]:
        """Asks the predicates that are revealed; what answers with no bool is left out."""
        if not self._revealed or not issubclass(type(request), self._request_type):
            return _NO_OUTPUTS
        answers = {test.identity(): test.answer(request)[0] for test in self._revealed}
        return FrozenMapping({each: truth is Truth.TRUE for each, truth in answers.items() if truth <= Truth.TRUE})


@lru_cache(_SHEETS)
def _sheet(known: _Same, reveal: frozenset[str], mask: frozenset[str]) -> _Sheet:
    return _Sheet(known.policy, reveal, mask)


def twofold(tests: Iterable[Test[Any]]) -> set[str]:
    """Names the facts that are read as more than one type, as values of the context can be."""
    kinds: dict[str, set[Any]] = {}
    for path in [path for test in tests for path in test.paths]:
        kinds.setdefault(str(path), set()).add(path.kind)
    return {name for name, several in kinds.items() if len(several) > 1}


def _is_plain(path: Path) -> bool:
    """Says whether what was checked when the request was made can stand in a record as it is."""
    return path.trusted and not path.promised and path.kind in (str, bool)


def _is_untold(path: Path, request: Any) -> bool:
    """Says whether the None at a path tells that we were not told."""
    for hop in path.hops:
        request = request.get(hop.name) if hop.in_mapping else getattr(request, hop.name)
        if request is None:
            return hop.unknown_when_none
    return False


def _stood(path: Path, request: Any) -> list[Any]:
    """Gives what stands at a path, or nothing where that cannot be read."""
    try:
        value = path.read(request)
        if value is Truth.UNKNOWN and not _is_untold(path, request):
            return [path.unknown]
    except Exception:  # noqa: BLE001  a host's type may refuse in its own way
        return []
    return [None if isinstance(value, Truth) else value]
