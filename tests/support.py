"""The allowed request, a second type of request, and what holds records against their schema."""

from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import attrs
import pytest

from escalation_policy import EscalationRequest, Facts
from escalation_policy.records import schema
from escalation_policy.testing import a_request

#: Only who works on the library has jsonschema.
_jsonschema: Final[Any] = import_module("jsonschema") if find_spec("jsonschema") else None
VALIDATOR: Final[Any] = _jsonschema and _jsonschema.Draft202012Validator(schema())
needs_validator: Final = pytest.mark.skipif(VALIDATOR is None, reason="needs jsonschema")

ALLOWED: Final[EscalationRequest] = a_request()


class Colour(Enum):
    """An enum with an unknown member."""

    RED = "red"
    BLUE = "blue"
    UNKNOWN = "unknown"


class Size(Enum):
    """An enum without one."""

    SMALL = "small"
    LARGE = "large"


#: What a host writes on a field of its own request where None says "we were not told".
UNKNOWN_WHEN_NONE: Final = {"escalation_policy.unknown_when_none": True}
PRIVATE: Final = {"escalation_policy.private": True}


@attrs.frozen(kw_only=True)
class Part:
    """A part of a sample."""

    text: str = "t"
    absent: str | None = None
    unknown: str | None = attrs.field(default=None, metadata=UNKNOWN_WHEN_NONE)
    secret: str = attrs.field(default="s", metadata=PRIVATE)


@attrs.frozen(kw_only=True)
class Sample:
    """Another type of request, with a field of each sort; nothing in it is checked."""

    flag: bool = True
    maybe: bool | None = None
    untold: bool | None = attrs.field(default=None, metadata=UNKNOWN_WHEN_NONE)
    number: int = 1
    ratio: float = 0.5
    colour: Colour = Colour.RED
    size: Size = Size.SMALL
    name: str = "t"
    names: frozenset[str] = frozenset()
    sizes: frozenset[Size] = frozenset()
    more_sizes: frozenset[Size] | None = None
    colours: frozenset[Colour] = frozenset()
    part: Part = Part()
    spare: Part | None = None
    lost: Part | None = attrs.field(default=None, metadata=UNKNOWN_WHEN_NONE)
    context: dict[str, Any] = attrs.field(factory=dict[str, Any], hash=False)


SAMPLE: Final = Facts(Sample)
