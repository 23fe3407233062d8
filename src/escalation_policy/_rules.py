"""Rules: one requirement each, with the words that explain it and the steps that mend it."""

import re
from collections.abc import Iterable
from enum import Enum, unique
from typing import Any, Final, Generic, TypeVar, cast, final

import attrs

from ._conditions import Condition, R
from ._values import TEXT, is_a, kind_of, must, plain
from .exceptions import InvalidPolicyError

_T = TypeVar("_T")
_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]+", re.ASCII)


@final
@unique
class Party(Enum):
    """Who can take a step."""

    AGENT = "agent"
    ENGAGE_ADMINISTRATOR = "engage_administrator"
    RINGCENTRAL_ADMINISTRATOR = "ringcentral_administrator"
    RINGCENTRAL = "ringcentral"  #: The company, through the customer's contact there.
    DEVELOPER = "developer"  #: Whoever maintains the host application.
    NOBODY = "nobody"  #: It cannot be mended; the step says what to do instead.


@final
@attrs.frozen
class Step:
    """One thing to do, and who does it."""

    party: Party = attrs.field(validator=is_a(Party))
    text: str = attrs.field(converter=plain, validator=TEXT)


def _to_tuple(values: Iterable[_T]) -> tuple[_T, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        return cast("tuple[_T, ...]", values)
    return tuple(values)


def _to_steps(steps: Iterable[Step]) -> tuple[Step, ...]:
    return _to_tuple(steps)


def _to_codes(codes: Iterable[str]) -> tuple[str, ...]:
    return _to_tuple(codes)


def _are_steps(steps: Any) -> bool:
    return type(steps) is tuple and steps != () and all(type(step) is Step for step in cast("tuple[object]", steps))


@final
@attrs.frozen
class Remedy:
    """What lets a request that a rule stopped meet that rule: steps, in order."""

    steps: tuple[Step, ...] = attrs.field(
        converter=_to_steps, validator=must("a non-empty collection of Steps", _are_steps)
    )


@final
@attrs.frozen(repr=False)
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

    code: str = attrs.field(converter=plain)
    requires: Condition[R]
    after: tuple[str, ...] = attrs.field(default=(), converter=_to_codes, kw_only=True)
    _explanation: str | None = attrs.field(default=None, kw_only=True, alias="explanation")
    _agent_text: str | None = attrs.field(default=None, kw_only=True, alias="agent_text")
    remedy: Remedy | None = attrs.field(default=None, kw_only=True)
    source: str | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not is_code(self.code):
            raise InvalidPolicyError(
                f"a code must be made of ASCII letters, digits and _.:-, got {shown_code(self.code)}"
            )
        where = f"rule {self.code!r}"
        if not isinstance(self.requires, Condition):  # pyright: ignore[reportUnnecessaryIsInstance]
            hint = "; tests are written with equals(), is_true() and the like, not with =="
            raise InvalidPolicyError(f"{where} must require a condition, got {kind_of(self.requires)}{hint}")
        if not _are_codes(self.after):
            raise InvalidPolicyError(f"{where} must come after a collection of codes, got {shown_code(self.after)}")
        if self.remedy is not None and type(self.remedy) is not Remedy:
            raise InvalidPolicyError(f"{where} must have a Remedy or None as its remedy, got {kind_of(self.remedy)}")
        for name in ("_explanation", "_agent_text", "source"):
            text = getattr(self, name)
            if text is not None and (not isinstance(text, str) or text == ""):
                raise InvalidPolicyError(
                    f"{where} must have a non-empty str as {name.lstrip('_')}, got {kind_of(text)}"
                )

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
        after = f", after={self.after!r}" if self.after else ""
        return f"Rule({self.code!r}, {self.requires!r}{after})"


def is_code(value: object) -> bool:
    """Says whether something can be the code of a rule, or the id of a policy."""
    return type(value) is str and _CODE.fullmatch(value) is not None


def _are_codes(codes: object) -> bool:
    return isinstance(codes, tuple) and all(map(is_code, cast("tuple[object]", codes)))


def shown_code(value: object) -> str:
    """Shows what was given for a code, cut and escaped."""
    return ascii(value)[:60] if isinstance(value, str) else kind_of(value)
