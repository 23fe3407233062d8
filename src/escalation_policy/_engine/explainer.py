"""The explainer: which rules were met in a decision that was made already, and why."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final, final

from .._enums import ReasonStatus
from .compiler import ASKING, UNREAD, compile_keys
from .decision import Outcome, Reason, answer_rule, reason_of
from .paths import Path, fits, words_for
from .rules import Rule
from .tests import Inputs, Readings
from .truth import Failure, Missing

#: How many different reasons of one rule are kept, and how many different outcomes.
_MOST: Final = 256

_MET: Final = ReasonStatus.MET
#: What was noted when a request was decided: see `Decision`.
Notes = tuple[object, ...] | Readings


@final
class Explainer:
    """The reasons of the decisions of one policy, which owns it.

    Words are made once per rule and key, and a key holds only enum members, bools and whether something is there. So the
    caches hold no personal data; they hold at most 256 reasons per rule, and 256 outcomes of whole decisions.

    Args:
        rules: The rules.
        inputs: What they read.
        unchecked: What the agent reads if a rule could not be checked.
        hidden_among: Returns which of some rules hide behind others of them.
    """

    def __init__(
        self,
        rules: Sequence[Rule[Any]],
        inputs: Inputs,
        unchecked: str,
        hidden_among: Callable[[Sequence[str]], tuple[str, ...]],
    ) -> None:
        self.inputs: Final = inputs
        self._rules: Final = rules
        self._unchecked: Final = unchecked
        self._hidden_among: Final = hidden_among
        self._reasons: Final[list[dict[Any, Reason]]] = [{} for _ in rules]
        self._outcomes: Final[dict[Any, Outcome]] = {}

    @cached_property
    def _keys(self) -> Callable[[Any, tuple[object, ...]], tuple[Any, ...] | None]:
        return compile_keys([rule.requires for rule in self._rules], self.inputs)

    def readings(self, request: object, notes: Notes) -> Readings:
        """Return what a decision rests on. What was not noted is read from the request, where nothing can change."""
        return notes if type(notes) is Readings else Readings(self.inputs, request, self.values(request, notes))

    def values(self, request: object, noted: tuple[object, ...], error: Exception | None = None) -> dict[str, object]:
        """Return what was noted, by key, as it stands in `Readings`.

        Args:
            request: The request.
            noted: What was noted, in the order of `Inputs.noted`.
            error: The exception that is being handled, if any. The function that was being asked raised it.
        """
        values: dict[str, object] = {}
        for key, value in zip(self.inputs.noted, noted, strict=False):
            if value is ASKING and error is not None:
                values[key] = Failure.of_exception(error)
            elif value is not UNREAD:
                values[key] = self._value(request, key, value)
        return values

    def _value(self, request: object, key: str, value: object) -> object:
        path = self.inputs.paths.get(key)
        if path is None:
            is_answer = type(value) is bool
            return value if is_answer else Failure.of_type(value, "a bool", self.inputs.questions[key].operand)
        if value is None:  # the mapping does not hold the key, or is not there itself
            owner = Path(path.request_type, path.hops[:-1]).read(request)
            return owner if type(owner) is Missing else Missing.UNKNOWN
        return value if fits(value, path.kind) else Failure.of_type(value, words_for(path.kind))

    def each(self, request: object, notes: Notes) -> list[Reason]:
        """Return the reasons of all rules, in order, whether they are met or not."""
        return self._each(request, notes, self._keys_of(request, notes))

    def outcome(self, request: object, notes: Notes) -> Outcome:
        """Return the reasons to report, and the codes of the rules that hide behind them."""
        keys = self._keys_of(request, notes)
        outcome = self._outcomes.get(keys)
        if outcome is None:
            outcome = self._reported(self._each(request, notes, keys))
            if keys is not None and None not in keys:
                _keep(self._outcomes, keys, outcome)
        return outcome

    def _keys_of(self, request: object, notes: Notes) -> tuple[Any, ...] | None:
        return None if type(notes) is Readings else self._keys(request, notes)

    def _each(self, request: object, notes: Notes, keys: tuple[Any, ...] | None) -> list[Reason]:
        if keys is None:
            readings = self.readings(request, notes)
            return [reason_of(rule, answer_rule(rule, readings), self._unchecked) for rule in self._rules]
        return [
            reasons.get(key) or self._explained(rule, key, reasons, request, notes)
            for rule, key, reasons in zip(self._rules, keys, self._reasons, strict=True)
        ]

    def _explained(
        self, rule: Rule[Any], key: Any, reasons: dict[Any, Reason], request: object, notes: Notes
    ) -> Reason:
        reason = reason_of(rule, answer_rule(rule, self.readings(request, notes)), self._unchecked)
        if key is not None:
            _keep(reasons, key, reason)
        return reason

    def _reported(self, each: list[Reason]) -> Outcome:
        not_met = [reason for reason in each if reason.status is not _MET]
        if not not_met:
            return Outcome(tuple(each), ())
        hidden = self._hidden_among([reason.code for reason in not_met])
        return Outcome(tuple([reason for reason in not_met if reason.code not in hidden]), hidden)


def _keep(cache: dict[Any, Any], key: Any, value: object) -> None:
    """Put a value into a cache. One that is full is emptied: what comes again is soon there again."""
    if len(cache) >= _MOST:
        cache.clear()
    cache[key] = value
