"""Rules: one requirement each, with the words that explain it and the steps that mend it."""

from collections.abc import Iterable
from typing import Final, Generic, final

import attrs

from ._conditions import Condition, R
from ._enums import Party
from ._fields import ACCEPTED, checked, checked_rule, must, to_tuple
from .exceptions import InvalidPolicyError

_CODE_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")


@final
@attrs.frozen(field_transformer=checked)
class Step:
    """One thing to do, and who does it."""

    party: Party
    text: str


_NOT_EMPTY: Final = must("a collection of at least one Step", bool)


def _to_steps(steps: Iterable[Step]) -> tuple[Step, ...]:
    return to_tuple(steps)


@final
@attrs.frozen(field_transformer=checked)
class Remedy:
    """What lets a request that a rule stopped meet that rule: steps, in order, at least one."""

    steps: tuple[Step, ...] = attrs.field(converter=_to_steps, validator=_NOT_EMPTY)


def _to_codes(codes: Iterable[str]) -> tuple[str, ...]:
    return to_tuple(codes)


def is_code(code: str) -> bool:
    """Says whether something can be the code of a rule, or the id of a policy."""
    return code != "" and _CODE_LETTERS.issuperset(code)


CODE_WORDS: Final = "made of ASCII letters, digits and _.:-"


@final
@attrs.frozen(repr=False, field_transformer=checked_rule)
class Rule(Generic[R]):
    """One requirement. A request is allowed when every rule of a policy is met.

    Attributes:
        code: What identifies the rule within its policy: ASCII letters, digits and `_.:-`. It follows SemVer.
        requires: The condition under which the rule is met.
        after: Codes of rules without which this one says nothing of use; it is hidden while one of them is not met.
        explanation: The requirement, for administrators. By default the words of the condition.
        agent_text: What the agent reads on their screen. By default the words of the condition, without its strings.
        remedy: What lets a request meet the rule.
        source: Where the requirement comes from.

    Raises:
        InvalidPolicyError: The rule makes no sense; the message says which argument, and what is accepted.
    """

    code: str = attrs.field(validator=must(CODE_WORDS, is_code, InvalidPolicyError, shown=True))
    requires: Condition[R] = attrs.field(metadata={ACCEPTED: "a condition, as equals() or is_true() make one, not =="})
    after: tuple[str, ...] = attrs.field(default=(), converter=_to_codes, kw_only=True)
    _explanation: str | None = attrs.field(default=None, kw_only=True, alias="explanation")
    _agent_text: str | None = attrs.field(default=None, kw_only=True, alias="agent_text")
    remedy: Remedy | None = attrs.field(default=None, kw_only=True)
    source: str | None = attrs.field(default=None, kw_only=True)

    @property
    def explanation(self) -> str:
        return self._explanation or f"Requires that {self.requires.words()}."

    @property
    def agent_text(self) -> str:
        return self._agent_text or f"This needs to hold first: {self.requires.words(public=True)}."

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts it reads, as dotted paths; an opaque predicate names none."""
        return tuple(dict.fromkeys(str(path) for test in self.requires.tests() for path in test.paths))

    def __repr__(self) -> str:
        return f"Rule({self.code!r}, {self.requires!r}{f', after={self.after!r}' if self.after else ''})"
