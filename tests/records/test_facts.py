"""Values of facts: how records store them, and how they are converted back."""

import math
from enum import Enum, Flag
from typing import Any

import pytest

from escalation_policy import Login, Permission
from escalation_policy.records._facts import codec_of
from support import Part


def shown(value: Any) -> str:
    """Return a name for a value that is the same in every process."""
    if type(value) in (set, frozenset):
        return f"{type(value).__name__} of {' and '.join(sorted(map(ascii, value)))}"
    return hex(value) if isinstance(value, int) else f"{value!a:.30}"


class Number(Enum):
    """An enum whose values are not strings."""

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
        """Enum members by their values if all values are strings, otherwise by their names."""
        codec = codec_of(kind)
        assert codec.decode is not None
        assert stored == codec.encode(value)
        assert type(stored) is type(codec.encode(value))
        assert value == codec.decode(stored)
        assert type(value) is type(codec.decode(stored))

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
    def test_do_not_guess_what_cannot_be_converted_back(self, kind: Any, stored: Any) -> None:
        """A newer version may know more members."""
        decode = codec_of(kind).decode
        assert decode is not None
        assert None is decode(stored)

    @pytest.mark.parametrize("kind", [Part, object, dict, tuple[str, ...], frozenset, list[str]])
    def test_of_other_types_store_that_there_was_a_value(self, kind: Any) -> None:
        """And nothing can be converted back."""
        codec = codec_of(kind)
        assert (True, None) == (codec.encode(object()), codec.decode)

    def test_of_sets_of_other_types_store_that_there_was_a_set(self) -> None:
        """Another collection is a value of a wrong type, which is an error to a rule."""
        codec = codec_of(frozenset[Part])
        assert (True, None, None) == (codec.encode(frozenset([Part()])), codec.encode([Part()]), codec.decode)

    def test_of_flags_do_not_accept_joined_members(self) -> None:
        """They are not a member."""
        assert (None, "ONE") == (codec_of(Bits).encode(Bits.ONE | Bits.TWO), codec_of(Bits).encode(Bits.ONE))
