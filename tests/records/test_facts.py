"""Values of facts: how records store them, and how they are converted back."""

import math
from enum import Enum, Flag
from typing import Any

import pytest

from escalation_policy import Login, Permission
from escalation_policy.records._facts import codec_of
from support import Part


def shown(value: Any) -> str:
    """Names a value in the same way in every process."""
    if type(value) in (set, frozenset):
        return f"{type(value).__name__} of {' and '.join(sorted(map(ascii, value)))}"
    return hex(value) if isinstance(value, int) else f"{value!a:.30}"


class Number(Enum):
    """An enum whose values are no strings."""

    ONE = 1
    TWO = 2


class Odd(Enum):
    """An enum some of whose values are strings, and the names of others."""

    A = "B"
    B = 1


class Unhashable(Enum):  # noqa: PLW1641  that is the point
    """An enum that nobody can put into a set."""

    A = "a"

    def __eq__(self, other: object) -> bool:
        return self is other


class Bits(Flag):
    """An enum whose members can be joined."""

    ONE = 1
    TWO = 2


class TestCodecs:
    """A stored value can be converted back."""

    @pytest.mark.parametrize(
        ("kind", "value", "stored"),
        [
            (str, "x\n\ud800", "x\n\ud800"),
            (bool, False, False),
            (int, -(2**63), -(2**63)),
            (int, 0, 0),
            (float, -0.5, -0.5),
            (Login, Login.SAML, "saml"),
            (Permission, Permission.USE_EMOJI, "use_emoji"),
            (Number, Number.TWO, "TWO"),
            (Odd, Odd.A, "A"),
            (Odd, Odd.B, "B"),
            (Unhashable, Unhashable.A, "a"),
            (frozenset[str], frozenset({"b", "a"}), ("a", "b")),
            (frozenset[str], frozenset[str](), ()),
            (frozenset[bool], frozenset({True, False}), (False, True)),
            (frozenset[int], frozenset({3, -1}), (-1, 3)),
            (frozenset[Permission], frozenset({Permission.USE_EMOJI}), ("use_emoji",)),
            (frozenset[Number], frozenset(Number), ("ONE", "TWO")),
        ],
        ids=shown,
    )
    def test_of_scalars_enums_and_sets_of_these(self, kind: Any, value: Any, stored: Any) -> None:
        """Enums by their values where all of these are strings, by their names otherwise."""
        form = codec_of(kind)
        assert form.decode is not None
        assert stored == form.encode(value)
        assert type(stored) is type(form.encode(value))
        assert value == form.decode(stored)
        assert type(value) is type(form.decode(stored))

    @pytest.mark.parametrize(
        ("kind", "stored"),
        [
            (str, 5),
            (str, ("a",)),
            (bool, 1),
            (int, True),
            (int, 2**63),
            (float, math.inf),
            (Login, "telepathy"),
            (Login, True),
            (Login, ("saml",)),
            (frozenset[str], "abc"),
            (frozenset[str], ("a", 1)),
            (frozenset[Permission], ("use_emoji", "use_telepathy")),
            (frozenset[Permission], "use_emoji"),
        ],
    )
    def test_that_cannot_be_taken_back_are_not_guessed(self, kind: Any, stored: Any) -> None:
        """A newer version may know more members."""
        decode = codec_of(kind).decode
        assert decode is not None
        assert None is decode(stored)

    @pytest.mark.parametrize("kind", [Part, object, dict, tuple[str, ...], frozenset, list[str]])
    def test_of_anything_else_tell_that_it_is_there(self, kind: Any) -> None:
        """And nothing can be taken back."""
        form = codec_of(kind)
        assert (True, None) == (form.encode(object()), form.decode)

    def test_of_sets_of_anything_else_tell_that_a_set_is_there(self) -> None:
        """What is none is not what was promised, which a rule takes for an error."""
        form = codec_of(frozenset[Part])
        assert (True, None, None) == (form.encode(frozenset([Part()])), form.encode([Part()]), form.decode)

    def test_of_joined_flags_are_none(self) -> None:
        """They are no member."""
        assert (None, "ONE") == (codec_of(Bits).encode(Bits.ONE | Bits.TWO), codec_of(Bits).encode(Bits.ONE))
