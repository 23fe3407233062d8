"""Reads JSON objects field by field and collects everything that is wrong with them."""

from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from typing import Final, Generic, TypeVar, cast, final

import attrs

from .._fields import a, kind_of, plain
from ..exceptions import Fault, InvalidPayloadError, InvalidValueError

_T = TypeVar("_T")

#: Stands for an id or a text that could not be read. What is read is never blank, so it equals nothing that was.
UNREAD: Final = " "


@final
@attrs.frozen(kw_only=True)
class Form(Generic[_T]):
    """What the value of a field looks like.

    Attributes:
        parse: Gives the value read, or None when it is not of this form.
        blank_is_nothing: Whether a blank string says as little as null does.
        found: Puts a wrong value in words that show no string.
    """

    accepted: str
    parse: Callable[[object], _T | None]
    blank_is_nothing: bool = False
    found: Callable[[object], str] = kind_of

    def says_nothing(self, value: object) -> bool:
        """Tells null, and a blank where a blank says nothing, from a value."""
        return value is None or (self.blank_is_nothing and isinstance(value, str) and not value.strip())


def as_id(value: object) -> str | None:
    """Gives the id a JSON value stands for; webhooks are documented to send integers."""
    # Python refuses to print an integer of thousands of digits.
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 256:
        return int.__repr__(value)
    return plain(value) if isinstance(value, str) and value.strip() else None


def _as_list(value: object) -> list[object] | None:
    return cast("list[object]", value) if isinstance(value, list) else None


ID: Final = Form(accepted="an id: a non-blank str or an int", parse=as_id, blank_is_nothing=True)
TEXT: Final = Form(
    accepted="a non-blank str",
    parse=lambda value: plain(value) if isinstance(value, str) else None,
    blank_is_nothing=True,
)
FLAG: Final = Form(accepted="true or false", parse=lambda value: value if isinstance(value, bool) else None)
_LIST: Final = Form(accepted="a list of ids", parse=_as_list)


class Faults(list[Fault]):
    """Everything found wrong so far, in the order of reading."""

    def parse(self, form: Form[_T], path: str, value: object) -> _T | None:
        """Gives the value in its form, or notes the fault and gives None."""
        parsed = form.parse(value)
        if parsed is None:
            self.append(Fault.mismatch(path, form.found(value), form.accepted))
        return parsed


@contextmanager
def reading() -> Generator[Faults]:
    """Collects faults while values are read and made, and raises them together.

    Raises:
        InvalidPayloadError: Anything was wrong.
    """
    faults = Faults()
    try:
        yield faults
    except InvalidValueError as error:
        raise InvalidPayloadError([*dict.fromkeys(faults), error.fault]) from error
    if faults:
        raise InvalidPayloadError(dict.fromkeys(faults))


def require(name: str, value: object, cls: type) -> None:
    """Refuses an argument that is no `cls`: a raw record, most likely, where the value made of it is wanted."""
    if not isinstance(value, cls):
        raise InvalidValueError(Fault.mismatch(name, kind_of(value), a(cls.__name__)))


@final
class Record:
    """One JSON object and, for the resource of a webhook, the `metadata` in it.

    A field may be given under several names and in both places, but then it must say the same everywhere. Faults are
    noted in `faults` and reading goes on with a stand-in: what is made of the record is good only without faults.
    """

    def __init__(self, faults: Faults, path: str, payload: object, *, resource: bool = False) -> None:
        self.faults = faults
        self.path = path
        self._places: dict[str, Mapping[object, object]] = {}
        self._add_place(path, payload)
        if resource and (metadata := self._places.get(path, {}).get("metadata")) is not None:
            self._add_place(f"{path}.metadata", metadata)

    def _add_place(self, path: str, payload: object) -> None:
        if isinstance(payload, Mapping):
            self._places[path] = cast("Mapping[object, object]", payload)
        else:
            self.faults.append(Fault.mismatch(path, kind_of(payload), "a mapping"))

    def each(self, form: Form[_T], *names: str) -> list[tuple[str, _T]]:
        """Gives the path and value of every field of these names that says something."""
        given = [
            (f"{path}.{name}", fields[name])
            for path, fields in self._places.items()
            for name in names
            if name in fields and not form.says_nothing(fields[name])
        ]
        parsed = [(path, self.faults.parse(form, path, value)) for path, value in given]
        return [(path, value) for path, value in parsed if value is not None]

    def optional(self, form: Form[_T], *names: str) -> _T | None:
        """Gives what the fields of these names say, None when they say nothing."""
        told = self.each(form, *names)
        for path, value in told[1:]:
            if value != told[0][1]:
                problem = f"differs from {told[0][0]}, which must say the same"
                self.faults.append(Fault(path, problem, found="another value", accepted=f"what {told[0][0]} is"))
        return told[0][1] if told else None

    def required(self, form: Form[_T], name: str, unread: _T) -> _T:
        """Gives what a field of the record says; a field that says nothing is a fault too."""
        told = self.optional(form, name)
        fields = self._places.get(self.path)
        if told is None and fields is not None:
            path, accepted = f"{self.path}.{name}", form.accepted
            self.faults.append(
                Fault.mismatch(path, kind_of(fields[name]), accepted)
                if name in fields
                else Fault(path, f"is missing: it must be {accepted}", found="nothing", accepted=accepted)
            )
        return unread if told is None else told

    def ids(self, *names: str) -> frozenset[str]:
        """Gives the ids that lists of these names hold."""
        parsed = [
            self.faults.parse(ID, f"{path}[{index}]", value)
            for path, values in self.each(_LIST, *names)
            for index, value in enumerate(values)
        ]
        return frozenset(value for value in parsed if value is not None)

    def flags(self, *, keys: Collection[str], apart_from: frozenset[str]) -> frozenset[str]:
        """Return the names of all flags that are true.

        Args:
            keys: The flags that are known by name. The name of another one can be anything, and is shown in no fault.
            apart_from: The fields that are no flags.
        """
        on: set[str] = set()
        for key, value in self._places.get(self.path, {}).items():
            name = plain(key) if isinstance(key, str) else repr(key)
            if name in apart_from:
                continue
            if name in keys or isinstance(value, bool):
                on |= {name} if self.faults.parse(FLAG, f"{self.path}.{name}", value) else set()
            else:
                found = kind_of(value)
                problem = f"has a flag of an unknown name, which must be {FLAG.accepted}, got {found}"
                self.faults.append(Fault(self.path, problem, found=found, accepted=FLAG.accepted))
        return frozenset(on)

    def must_name(self, expected: str | None, whose: str, *names: str) -> None:
        """Notes a fault wherever the record names another id than it should; None: which it should is not known."""
        if expected is None or (expected == UNREAD and self.faults):
            return
        for path, told in self.each(ID, *names):
            if told != expected:
                self.faults.append(Fault.mismatch(path, "another id", whose))
