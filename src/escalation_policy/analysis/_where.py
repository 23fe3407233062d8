"""`where()`: a policy as SQL that selects exactly the rows whose requests it allows.

Negations stand only on tests, so each test becomes SQL that is true if and only if the test certainly is, and `AND` and
`OR` join them. SQL that is false or NULL selects nothing, which is right for every other truth. `NOT` stands only before
`EXISTS`, which is never NULL.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, Flag
from typing import Any, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar, cast, final, overload

import attrs

from .._engine.facts import Fact
from .._engine.operators import identity_of
from .._engine.paths import Path, has_its_own_equality, is_scalar, is_trusted
from .._engine.policy import Policy
from .._engine.tests import Test
from .._fields import check_types, checked, closest, kind_of, require
from ..exceptions import Fault, InvalidValueError, UntranslatableError
from ._given import Outcome, Residual

SqlValue: TypeAlias = str | int | bool
Positional: TypeAlias = Literal["qmark", "format", "numeric_dollar"]
Style: TypeAlias = Positional | Literal["named"]
P = TypeVar("P", tuple[SqlValue, ...], dict[str, SqlValue])


@final
@attrs.frozen(field_transformer=checked)
class Column:
    """Where a database keeps a fact.

    Attributes:
        sql: A column or an expression of the query, such as `a.email`. It is NULL if and only if the fact has no value.
        members: For a set: a sub-select of one column that yields its members, such as
            `SELECT team_id FROM teams WHERE agent_id = a.id`. Only sets have one.
    """

    sql: str
    members: str | None = None


@final
@attrs.frozen
class Where(Generic[P]):
    """A condition for `WHERE`, and its parameters.

    Attributes:
        sql: The condition. It holds placeholders, and no constant of the policy.
        parameters: The constants: a tuple in the order of the placeholders, or a dict if they are named.
    """

    sql: str
    parameters: P = attrs.field(repr=lambda values: f"<{len(values)} values>")


_PLACEHOLDERS: Final[dict[str, Callable[[int], str]]] = {
    "qmark": lambda _: "?",
    "format": lambda _: "%s",
    "numeric_dollar": lambda number: f"${number}",
    "named": lambda number: f":policy_{number}",
}


@overload
def where(
    policy: Policy[Any] | Residual[Any], columns: Mapping[Any, str | Column], *, style: Positional = "qmark"
) -> Where[tuple[SqlValue, ...]]: ...
@overload
def where(
    policy: Policy[Any] | Residual[Any], columns: Mapping[Any, str | Column], *, style: Literal["named"]
) -> Where[dict[str, SqlValue]]: ...
def where(
    policy: Policy[Any] | Residual[Any], columns: Mapping[Any, str | Column], *, style: Style = "qmark"
) -> Where[tuple[SqlValue, ...]] | Where[dict[str, SqlValue]]:
    """Translate a policy to SQL that selects exactly the rows whose requests it allows.

    It is the same SQL for SQLite, PostgreSQL and DuckDB.

    Args:
        policy: The policy, or what `given()` leaves of one: then every row has the facts that are given.
        columns: By fact, the column that holds it. Facts that the policy does not read are ignored.
        style: The placeholders of the driver: `?`, `%s`, `$1` or `:policy_1`.

    Raises:
        UntranslatableError: A fact has no column, or a test cannot be translated. It lists all of them.
        InvalidValueError: Another argument is not accepted.
    """
    if type(policy) is not Residual:
        check_types(Policy, policy=policy)
    if type(style) is not str or style not in _PLACEHOLDERS:
        accepted = f"one of {', '.join(_PLACEHOLDERS)}"
        near = closest(style, _PLACEHOLDERS)
        raise InvalidValueError(Fault.mismatch("style", kind_of(style), accepted, closest=near))
    rest = cast("Residual[Any]", policy).policy if type(policy) is Residual else cast("Policy[Any]", policy)
    if rest is None:
        is_always = cast("Residual[Any]", policy).outcome is Outcome.ALWAYS
        return _rendered(("1=1",) if is_always else _NEVER, style)
    translator = _Translator(_by_path(columns, rest.request_type))
    sql = _joined("AND", [rule.requires.fold(translator.test, _junction) for rule in rest.rules])
    if translator.faults:
        raise UntranslatableError(dict.fromkeys(translator.faults))
    return _rendered(sql, style)


def _by_path(columns: object, request_type: type) -> dict[str, Column]:
    """Check the mapping of facts to columns, and key it by what identifies a path."""
    require(isinstance(columns, Mapping), "columns", kind_of(columns), "a mapping of facts to columns")
    by_path: dict[str, Column] = {}
    for fact, column in cast("Mapping[object, object]", columns).items():
        require(type(fact) is Fact, "columns", f"{kind_of(fact)} as a key", "a mapping of facts to columns")
        path = cast("Fact[Any, Any]", fact).path
        name = f"columns[{path}]"
        wrong, right = path.request_type.__name__, request_type.__name__
        require(path.request_type is request_type, name, f"one of {wrong}", f"a fact of {right}")
        if path.identity in by_path:
            raise InvalidValueError(Fault(name, "has more than one column"))
        is_text = type(column) is str and not column.isspace() and column != ""
        require(is_text or type(column) is Column, name, kind_of(column), "a non-empty str or a Column")
        made = column if type(column) is Column else Column(cast("str", column))
        if made.members is not None and path.member is None:
            raise InvalidValueError(Fault(name, "has members, but it is no set"))
        by_path[path.identity] = made
    return by_path


# SQL in pieces: text, and values that become parameters.


@final
class _Parameter(NamedTuple):
    value: SqlValue


_Sql: TypeAlias = tuple[str | _Parameter, ...]
_NEVER: Final[_Sql] = ("1=0",)
#: The names of a set's members in a sub-select. A host's query has no such names.
_LEFT, _RIGHT, _MEMBER = "policy_members", "policy_others", "policy_member"


def _rendered(sql: _Sql, style: str) -> Where[Any]:
    values: list[SqlValue] = []
    pieces: list[str] = []
    for piece in sql:
        if isinstance(piece, _Parameter):
            values.append(piece.value)
            pieces.append(_PLACEHOLDERS[style](len(values)))
        else:
            pieces.append(piece)
    if style == "named":
        return Where("".join(pieces), {f"policy_{number}": value for number, value in enumerate(values, start=1)})
    return Where("".join(pieces), tuple(values))


def _joined(word: str, parts: Sequence[_Sql]) -> _Sql:
    """Join conditions by `AND` or `OR`, in brackets if there are several."""
    if len(parts) == 1:
        return parts[0]
    pieces = [piece for part in parts for piece in (f" {word} ", *part)]
    return ("(", *pieces[1:], ")")


def _junction(word: str, parts: list[_Sql]) -> _Sql:
    return _joined(word.upper(), parts)


def _compared(sql: str, values: Sequence[SqlValue], operators: tuple[str, str]) -> _Sql:
    """Compare with one value or with several, by two operators such as `=` and `IN`."""
    one, several = operators
    if len(values) == 1:
        return (f"{sql} {one} ", _Parameter(values[0]))
    pieces = [piece for value in values for piece in (", ", _Parameter(value))]
    return (f"{sql} {several} (", *pieces[1:], ")")


@final
class _Scalar(NamedTuple):
    """SQL of a value of a scalar type: a column, or the members of a set.

    Attributes:
        sql: The expression.
        values: All values that a fact of this type can have, if these are few. Other values in the table are unknown or
            an error, so they meet no test.
        refuses_empty: Whether the field's class refuses the empty string.
    """

    sql: str
    values: tuple[SqlValue, ...] | None
    refuses_empty: bool

    @property
    def guard(self) -> _Sql | None:
        """What a comparison does not say of itself: that the value is one that the fact can have."""
        if self.values is not None:
            return self.among(self.values)
        return (f"{self.sql} <> ''",) if self.refuses_empty else None

    @property
    def there(self) -> _Sql:
        """SQL that is true if the fact has a value that is known."""
        return self.guard or (f"{self.sql} IS NOT NULL",)

    def among(self, values: Iterable[SqlValue]) -> _Sql:
        """Return SQL that is true if the value is one of these."""
        possible = [value for value in values if not (self.refuses_empty and value == "")]
        return _compared(self.sql, possible, ("=", "IN")) if possible else _NEVER

    def outside(self, values: Sequence[SqlValue]) -> _Sql:
        """Return SQL that is true if there is a known value that differs from all of these."""
        if self.values is not None:
            return self.among([value for value in self.values if value not in values])
        if not values:
            return self.there
        differs = _compared(self.sql, values, ("<>", "NOT IN"))
        return _joined("AND", [differs, self.guard]) if self.guard else differs

    def equals(self, other: "_Scalar", *, negated: bool) -> _Sql:
        """Return SQL that is true if both have known values that are equal, or that differ."""
        guards = [guard for guard in (self.guard, other.guard) if guard]
        compared = (f"{self.sql} {'<>' if negated else '='} {other.sql}",)
        # Of two that are equal, one is enough.
        return _joined("AND", [compared, *(guards if negated else guards[:1])])


@final
class _Set(NamedTuple):
    """SQL of a set.

    Attributes:
        sql: An expression that is NULL if there is no set.
        members: The sub-select of its members.
        member: The type of its members, and what its class refuses.
        trusted: Whether its class checks the members. Then a request leaves out what its class refuses.
    """

    sql: str
    members: str
    member: _Scalar
    trusted: bool

    def exists(self, condition: _Sql, *, negated: bool = False, others: str = "") -> _Sql:
        """Return SQL that is true if a member meets a condition, or if none does."""
        word = "NOT EXISTS" if negated else "EXISTS"
        return (
            f"{word} (WITH {_LEFT}({_MEMBER}) AS ({self.members}){others} SELECT 1 FROM {_LEFT} WHERE ",  # noqa: S608  it is what the host wrote
            *condition,
            ")",
        )

    def exceeds(self, other: "_Set", *, negated: bool) -> _Sql:
        """Return SQL that is true if a member is not in the other set, or if none is."""
        others = f", {_RIGHT}({_MEMBER}) AS ({other.members})"
        same = f"{_RIGHT}.{_MEMBER} = {_LEFT}.{_MEMBER}"
        missing: _Sql = (f"NOT EXISTS (SELECT 1 FROM {_RIGHT} WHERE {same})",)  # noqa: S608  names of our own
        return self.exists(_joined("AND", [self.member.there, missing]), negated=negated, others=others)

    @property
    def there(self) -> list[_Sql]:
        """Conditions that are all true if there is a set and every member is of its type."""
        there: list[_Sql] = [(f"{self.sql} IS NOT NULL",)]
        if not self.trusted:
            other: list[_Sql] = [(f"{self.member.sql} IS NULL",)]
            if self.member.values is not None:
                other.append(_compared(self.member.sql, self.member.values, ("<>", "NOT IN")))
            there.append(self.exists(_joined("OR", other), negated=True))
        return there


#: Stands in, so that one error lists all facts that have no column.
_NO_COLUMN: Final = Column("NULL", "SELECT NULL")


class _Untranslatable(Exception):  # noqa: N818  it is caught in this module
    """A test has no SQL."""

    def __init__(self, path: object, problem: str) -> None:
        super().__init__()
        self.fault = Fault(str(path), problem)


@final
class _Translator:
    """Translates the tests of one policy.

    Args:
        columns: The columns, by the identity of a path.

    Attributes:
        faults: What could not be translated.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns: Final = columns
        self.faults: Final[list[Fault]] = []

    def test(self, test: Test) -> _Sql:
        """Return SQL that is true if and only if a test certainly is."""
        try:
            return self._test(test)
        except _Untranslatable as error:
            self.faults.append(error.fault)
            return _NEVER

    def _test(self, test: Test) -> _Sql:
        if test.opaque:
            raise _Untranslatable(test.subject, "is tested by a function, which SQL cannot call")
        path, *others = test.paths
        if test.operator.answers_absence and test.negated:
            return self._absent(path)
        parts = [part for each in test.paths for part in self._ancestors(each)]
        if path.exact is None:  # all that can be asked of it is whether it is set
            return _joined("AND", [*parts, (f"{self._column(path).sql} IS NOT NULL",)])
        if path.member is None:
            return _joined("AND", [*parts, self._scalar_test(test, *map(self._scalar, test.paths))])
        left = self._set(path)
        parts += left.there
        if others:
            return _joined("AND", [*parts, *self._test_of_two(test, left, others[0])])
        return _joined("AND", parts if test.operator.answers_absence else [*parts, _set_test(test, left)])

    def _scalar_test(self, test: Test, left: _Scalar, right: _Scalar | None = None) -> _Sql:
        if right is not None:
            return left.equals(right, negated=test.negated)
        if test.operator.answers_absence:
            return left.there
        values = [True] if test.kind == "is_true" else _constants(test)
        return left.outside(values) if test.negated else left.among(values)

    def _test_of_two(self, test: Test, left: _Set, other: Path) -> list[_Sql]:
        if test.kind == "contains":
            member = self._scalar(other)
            same = left.exists(left.member.equals(member, negated=False), negated=test.negated)
            return [member.there, same]
        right = self._set(other)
        tests = [left.exceeds(right, negated=not test.negated)]
        if test.kind == "equals":
            tests.append(right.exceeds(left, negated=not test.negated))
        return [*right.there, _joined("OR" if test.negated else "AND", tests)]

    def _absent(self, path: Path) -> _Sql:
        """Return SQL that is true if there is known to be no value.

        A column of a fact is NULL for every cause, so the columns of all parts above it are needed too.
        """
        absent: _Sql | None = None
        for part in reversed(_nullable(path)):
            hop = part.hops[-1]
            if hop.unknown_when_none and absent is None:
                continue
            if part.identity not in self._columns and part != path and not (hop.optional or hop.unknown_when_none):
                continue  # by its annotation it is always there
            sql = self._column(part).sql
            if hop.unknown_when_none:
                absent = _joined("AND", [(f"{sql} IS NOT NULL",), cast("_Sql", absent)])
            else:
                below = [absent] if absent else [(f"{sql} = ''",)] if part == path and _refuses_empty(path) else []
                absent = _joined("OR", [(f"{sql} IS NULL",), *below])
        return absent or _NEVER

    def _ancestors(self, path: Path) -> list[_Sql]:
        """Return SQL that is true if the parts above a fact are there, as far as they have columns."""
        parts = [part for part in _nullable(path) if part != path and part.identity in self._columns]
        return [(f"{self._column(part).sql} IS NOT NULL",) for part in parts]

    def _scalar(self, path: Path) -> _Scalar:
        return _scalar(path, path.kind, self._column(path).sql)

    def _set(self, path: Path) -> _Set:
        column = self._column(path)
        if column.members is None:
            raise _Untranslatable(path, "is a set: pass Column(sql, members=…) with a sub-select of its members")
        return _Set(
            column.sql,
            column.members,
            _scalar(path, path.member, f"{_LEFT}.{_MEMBER}"),
            path.hops[-1].checked,
        )

    def _column(self, path: Path) -> Column:
        column = self._columns.get(path.identity)
        if column is None:
            self.faults.append(Fault(str(path), "has no column"))
            return _NO_COLUMN
        is_name = column.sql.replace(".", "").replace('"', "").isidentifier()
        return column if is_name else attrs.evolve(column, sql=f"({column.sql})")


def _set_test(test: Test, left: _Set) -> _Sql:
    values = _constants(test)
    if test.kind == "contains":
        return left.exists(left.member.among(values), negated=test.negated)
    within = left.exists(left.member.outside(values), negated=not test.negated)
    if test.kind == "subset_of":
        return within
    # The rest of a policy may compare a set with a constant one.
    each = [left.exists(left.member.among([value]), negated=test.negated) for value in values]
    return _joined("OR" if test.negated else "AND", [within, *each])


def _nullable(path: Path) -> list[Path]:
    """Return the parts on the way to a fact, and the fact, in whose place None can stand."""
    parts = [attrs.evolve(path, hops=path.hops[:number]) for number in range(1, len(path.hops) + 1)]
    return [part for part in parts if part.hops[-1].optional or not is_trusted(part.hops)]


def _scalar(path: Path, kind: Any, sql: str) -> _Scalar:
    if not is_scalar(kind):
        raise _Untranslatable(path, "is a set of values that SQL does not compare")
    return _Scalar(sql, _values_of(path, kind), _refuses_empty(path))


def _refuses_empty(path: Path) -> bool:
    """Return whether the class of a field refuses the empty string. In a column it then means that there is no value."""
    return path.hops[-1].checked and str in (path.kind, path.member)


def _values_of(path: Path, kind: Any) -> tuple[SqlValue, ...] | None:
    """Return the values that a database has for the known values of a type, if these are few."""
    if kind is bool:
        return (True, False)
    if not isinstance(kind, type(Enum)):
        return None
    if has_its_own_equality(kind) or issubclass(kind, Flag):
        raise _Untranslatable(path, "is an enum whose members are compared in their own way")
    values = tuple([member.value for member in kind if member.name != "UNKNOWN"])
    if {type(value) for value in values} not in ({str}, {int}):
        raise _Untranslatable(path, "is an enum whose values are neither all str nor all int")
    return values


def _constants(test: Test) -> list[SqlValue]:
    """Return what a test compares with, in the same order in every process."""
    is_several = type(test.operand) is frozenset
    constants = sorted(test.operand if is_several else [test.operand], key=identity_of)
    values = [constant.value if isinstance(constant, Enum) else constant for constant in constants]
    if not all(map(_is_storable, values)):
        raise _Untranslatable(test.subject, "is compared with a constant that not every database can hold")
    return values


def _is_storable(value: object) -> bool:
    """Return whether drivers accept a constant: integers of 64 bits, and texts that are Unicode without NUL."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63
