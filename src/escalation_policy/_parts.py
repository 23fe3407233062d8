"""Parts that add up: check that they belong together, and notice those that overlap."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final, TypeVar, final
from zlib import crc32

from ._fields import FrozenMapping, is_collection, kind_of, require

#: How many ids a sample keeps. Parts with a share of p of their ids in common stay unnoticed with a chance of (1 - p)^256.
_SIZE: Final = 256
_T = TypeVar("_T")


@final
class IdSampler:
    """Keeps the smallest hashes of ids, each with how often its id occurs.

    The smallest hashes of all parts are among the smallest of each part. So samples add up like counts do: the result does
    not depend on how the ids were divided. An id that occurs twice in it was counted twice.

    A hash begins with a checksum, which sorts out most ids, because it takes a fifth of the time of the rest.
    """

    __slots__ = ("_counts", "_limit")

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}
        self._limit = 2**32

    def add(self, id: str) -> None:  # noqa: A002
        """Count an id."""
        data = id.encode("utf-8", "surrogatepass")
        checksum = crc32(data)
        if checksum > self._limit:
            return
        digest = checksum.to_bytes(4, "big") + blake2b(data, digest_size=8).digest()
        self._counts[digest] = self._counts.get(digest, 0) + 1
        if len(self._counts) == 2 * _SIZE:
            # All that are larger are forgotten at once, so that few additions have to sort.
            smallest = sorted(self._counts)[:_SIZE]
            self._counts = {digest: self._counts[digest] for digest in smallest}
            self._limit = int.from_bytes(smallest[-1][:4], "big")

    def sample(self) -> Mapping[str, int]:
        """Return the hashes in order, in hexadecimal, with their counts."""
        return FrozenMapping({digest.hex(): self._counts[digest] for digest in sorted(self._counts)[:_SIZE]})


def merged_sample(samples: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    """Return the sample of all ids from the samples of parts."""
    counts: dict[str, int] = {}
    for sample in samples:
        for digest, number in sample.items():
            counts[digest] = counts.get(digest, 0) + number
    return FrozenMapping({digest: counts[digest] for digest in sorted(counts)[:_SIZE]})


def repeated_in(sample: Mapping[str, int]) -> int:
    """Return how many ids of a sample occur more than once."""
    return sum(number > 1 for number in sample.values())


def to_parts(cls: type[_T], parts: Iterable[_T], *fields: str) -> list[_T]:
    """Convert an argument that lists parts of one whole.

    Args:
        cls: What the parts are.
        parts: The argument.
        fields: The fields in which they have to be alike.

    Raises:
        InvalidValueError: There is no part, or one is something else or belongs to another whole.
    """
    accepted = f"one or more {cls.__name__} values"
    require(is_collection(parts), "parts", kind_of(parts), accepted)
    members = list(parts)
    require(members != [], "parts", "none", accepted)
    for member in members:
        require(type(member) is cls, "parts", kind_of(member), accepted)
    for field in fields:
        are_alike = len({getattr(member, field) for member in members}) == 1
        require(are_alike, "parts", f"some that differ in {field}", f"{accepted} with the same {field}")
    return members
