"""An allowed request, a second request type, and the validator of records."""

from enum import Enum
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import attrs
import pytest

from escalation_policy import EscalationRequest, Facts
from escalation_policy.records import schema
from escalation_policy.testing import a_request

#: Hosts that run these tests may not have jsonschema.
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
    """An enum without an unknown member."""

    SMALL = "small"
    LARGE = "large"


#: The metadata of a host's field in which None means that nobody supplied the value.
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
    """Another request type, with a field of each kind. It checks no field."""

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
