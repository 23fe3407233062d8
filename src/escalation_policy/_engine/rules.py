"""Rules: one requirement each, with the words that explain it and the steps that meet it."""

from collections.abc import Iterable
from typing import Final, Generic, final

import attrs

from .._enums import Party
from .._fields import ACCEPTED, checked, checked_rule, to_tuple, validator
from ..exceptions import InvalidPolicyError
from .conditions import Condition, R

_CODE_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")


@final
@attrs.frozen(field_transformer=checked)
class Step:
    """One thing to do, and the party that does it."""

    party: Party
    text: str


_NOT_EMPTY: Final = validator("a collection of at least one Step", bool)


def _to_steps(steps: Iterable[Step]) -> tuple[Step, ...]:
    return to_tuple(steps)


@final
@attrs.frozen(field_transformer=checked)
class Remedy:
    """What has to be done to meet a rule: at least one step, in order."""

    steps: tuple[Step, ...] = attrs.field(converter=_to_steps, validator=_NOT_EMPTY)


def _to_codes(codes: Iterable[str]) -> tuple[str, ...]:
    return to_tuple(codes)


def is_code(code: str) -> bool:
    """Return whether a str can be the code of a rule, or the id of a policy."""
    return code != "" and _CODE_LETTERS.issuperset(code)


DEFAULT_AGENT_TEXT: Final = "A requirement of this application is not met."
CODE_WORDS: Final = "made of ASCII letters, digits and _.:-"


@final
@attrs.frozen(repr=False, field_transformer=checked_rule)
class Rule(Generic[R]):
    """One requirement. A request is allowed if it meets every rule of a policy.

    Attributes:
        code: Identifies the rule within its policy: ASCII letters, digits and `_.:-`. Codes follow SemVer.
        requires: The condition under which the rule is met.
        after: Codes of the rules that have to be met before this one is worth reporting.
        explanation: The requirement, for administrators. By default the condition in words.
        agent_text: What the agent reads on their screen. By default that a requirement is not met, without details.
        remedy: What has to be done to meet the rule.
        source: Where the requirement comes from.

    Raises:
        InvalidPolicyError: An argument is not accepted; the message says which one and what is.
    """

    code: str = attrs.field(validator=validator(CODE_WORDS, is_code, InvalidPolicyError))
    requires: Condition[R] = attrs.field(metadata={ACCEPTED: "a condition, as equals() or is_true() make one, not =="})
    after: tuple[str, ...] = attrs.field(default=(), converter=_to_codes, kw_only=True)
    _explanation: str | None = attrs.field(default=None, kw_only=True, alias="explanation")
    _agent_text: str | None = attrs.field(default=None, kw_only=True, alias="agent_text")
    remedy: Remedy | None = attrs.field(default=None, kw_only=True)
    source: str | None = attrs.field(default=None, kw_only=True)

    @property
    def explanation(self) -> str:
        """The rule's own words for the requirement, for administrators, or the condition in words."""
        return self._explanation or default_explanation(self.requires.words())

    @property
    def agent_text(self) -> str:
        """The rule's own words for the agent's screen, or that a requirement is not met."""
        return self._agent_text or DEFAULT_AGENT_TEXT

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts it reads, as dotted paths; an opaque predicate names none."""
        return tuple(dict.fromkeys(str(path) for test in self.requires.tests for path in test.paths))

    def __repr__(self) -> str:
        return f"Rule({self.code!r}, {self.requires!r}{f', after={self.after!r}' if self.after else ''})"


def default_explanation(requirement: str) -> str:
    """Return the explanation of a rule that has none of its own."""
    return f"Requires that {requirement}."


@final
@attrs.frozen(kw_only=True, field_transformer=checked_rule)
class Texts:
    """Other texts for a rule, such as a translation. None keeps the rule's own text.

    Attributes:
        explanation: The requirement, for administrators.
        agent_text: What the agent reads on their screen.
        remedy: What has to be done to meet the rule.
    """

    explanation: str | None = None
    agent_text: str | None = None
    remedy: Remedy | None = None

    def of(self, rule: Rule[R]) -> Rule[R]:
        """Return the rule with these texts."""
        changes = {
            field.name: value for field in attrs.fields(Texts) if (value := getattr(self, field.name)) is not None
        }
        return attrs.evolve(rule, **changes)
