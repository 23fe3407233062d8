"""Tables as hosts have them, dirt included, and the requests that their rows make; for SQLite, PostgreSQL and DuckDB."""
# pyright: basic

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from random import Random
from typing import Any, Final, NamedTuple

import attrs

from escalation_policy import (
    Agent,
    Channel,
    ChannelKind,
    Domain,
    EscalationRequest,
    Facts,
    Intervention,
    InterventionState,
    Login,
    Message,
    MessageAuthor,
    Permission,
    RingCentralUser,
    Role,
    VideoAccess,
    fact,
)
from escalation_policy.analysis import Column, Where
from escalation_policy.exceptions import InvalidValueError
from support import UNKNOWN_WHEN_NONE

Row = dict[str, Any]
Condition = Any


class Schema(NamedTuple):
    """A request type, the table that keeps its facts, and conditions over them.

    Attributes:
        columns: The columns of the table `t`, with their types.
        sets: The tables of members, with their types; each has the columns `row` and `member`.
        choices: By column or table of members, what is found in it.
        request_of: Makes the request of a row, or None if the classes refuse it.
        facts: By fact, its column.
        tests: Every test of every fact.
    """

    columns: dict[str, str]
    sets: dict[str, str]
    choices: dict[str, list[Any]]
    request_of: Callable[[Row], Any]
    facts: dict[Any, str | Column]
    tests: list[Condition]

    def rows(self, size: int, seed: int = 0) -> list[Row]:
        """Fill the table."""
        random = Random(seed)  # noqa: S311  the same rows each time
        return [
            {"id": number}
            | {name: random.choice(self.choices[name]) for name in self.columns}
            | {name: random.sample(self.choices[name], random.choice([0, 1, 1, 2, 3])) for name in self.sets}
            for number in range(size)
        ]

    def condition(self, random: Random, depth: int = 3) -> Condition:
        """Make a condition of up to eight tests."""
        if depth == 0 or random.random() < 0.25:
            test = random.choice(self.tests)
            return ~test if random.random() < 0.5 else test
        left, right = self.condition(random, depth - 1), self.condition(random, depth - 1)
        joined = left & right if random.random() < 0.5 else left | right
        return ~joined if random.random() < 0.2 else joined


class Database:
    """A database with the table of a schema.

    Args:
        connection: A connection whose `execute()` returns a cursor.
        mark: The placeholder of its driver.
    """

    def __init__(self, connection: Any, mark: str) -> None:
        self._connection, self._mark = connection, mark

    def fill(self, schema: Schema, rows: list[Row]) -> "Database":
        """Make the tables, in place of older ones."""
        self._create("t", {"id": "integer", **schema.columns}, rows)
        for name, kind in schema.sets.items():
            members = [{"row": row["id"], "member": member} for row in rows for member in row[name]]
            self._create(name, {"row": "integer", "member": kind}, members)
            self._connection.execute(f"CREATE INDEX {name}_by_row ON {name} (row)")
        return self

    def _create(self, name: str, columns: Mapping[str, str], rows: list[Row]) -> None:
        self._connection.execute(f"DROP TABLE IF EXISTS {name}")
        self._connection.execute(f"CREATE TABLE {name} ({', '.join(f'{each} {columns[each]}' for each in columns)})")
        marks = f"({', '.join([self._mark] * len(columns))})"
        for some in [rows[start : start + 100] for start in range(0, len(rows), 100)]:
            sql = f"INSERT INTO {name} VALUES {', '.join([marks] * len(some))}"  # noqa: S608  our own names
            self._connection.execute(sql, [row[each] for row in some for each in columns])

    def select(self, where: Where[Any]) -> set[int]:
        """Return the ids of the rows that meet a condition."""
        cursor = self._connection.execute(f"SELECT id FROM t WHERE {where.sql}", where.parameters)  # noqa: S608  that is what it is for
        return {row[0] for row in cursor.fetchall()}


def sqlite() -> Database:
    """Make an empty database in memory."""
    return Database(sqlite3.connect(":memory:"), "?")


def member_of(kind: type[Enum], word: object) -> Any:
    """Return the member of an enum, or what its readers make of another word."""
    return next((member for member in kind if member.value == word), kind.__members__.get("UNKNOWN", word))


def members(table: str) -> Column:
    """Return the column of a set that is always there."""
    return Column("t.id", members=f"SELECT s.member FROM {table} s WHERE s.row = t.id")  # noqa: S608  our own names


def words(kind: type[Enum], *some: str) -> list[Any]:
    """Return words for the column of an enum: members, a newer one, one in the wrong case and one that is padded."""
    first = str(next(iter(kind)).value)
    return [*some, *some, first, None, "", "unknown", "newer", first.upper(), f"{first} "]


def every_test(facts: Mapping[Any, str | Column], constants: Mapping[Any, list[Any]]) -> Iterator[Condition]:
    """Yield the tests of each fact with its constants, and of all facts that can be compared."""
    for each in facts:
        yield each.is_set()
        if each.path.kind is bool:
            yield each.is_true()
        values = constants.get(each.path.member or each.path.kind, [])
        for value in values:
            yield each.contains(value) if each.path.member else each.equals(value)
        if values:
            yield each.subset_of(values[:2]) if each.path.member else each.one_of(values[:2])
        for other in facts:
            if other.path.exact is None or other is each:
                continue
            if each.path.kind == other.path.kind:
                yield each.equals(other)
            if each.path.member == other.path.kind:
                yield each.contains(other)
            if each.path.member and each.path.member == other.path.member:
                yield each.subset_of(other)


IDS: Final = ["1", "1", "2", "22", None, ""]
NEEDED: Final = ["1", "2", "22"] * 20 + [""]
ROWS: Final = [1, 2, None]
NUMBERS: Final = [0, 1, 5, None]
NAMES: Final = ["t", "t", "u", "T", "t ", "", None]


def escalation_of(row: Row) -> EscalationRequest | None:
    """Make a request of the library's, whose classes check each field."""
    try:
        user = RingCentralUser(
            extension_id=row["extension"],
            account_id=row["account"] or None,
            video=member_of(VideoAccess, row["video"]),
            email=row["user_email"] or None,
        )
        return EscalationRequest(
            domain=Domain(id=row["domain"], ringcentral_account_id=row["domain_account"] or None),
            agent=Agent(
                id="1",
                domain_id="d",
                role=Role(
                    id="r",
                    domain_id="d",
                    label="l",
                    permissions=[Permission(word) for word in row["permissions"] if word in set(Permission)],
                ),
                enabled=row["enabled"],
                email=row["email"] or None,
                ringcentral=None if row["profile"] is None else user,
                team_ids=list(filter(None, row["teams"])),
                led_team_ids=list(filter(None, row["led"])),
            ),
            login=member_of(Login, row["login"]),
            message=Message(
                id="m",
                channel=Channel(id="c", domain_id="d", kind=member_of(ChannelKind, row["kind"])),
                author=member_of(MessageAuthor, row["author"]),
                private=row["private"],
                intervention_id=row["message_case"] or None,
            ),
            intervention=None
            if row["case_row"] is None
            else Intervention(
                id=row["case_id"],
                agent_id=row["case_agent"] or None,
                state=member_of(InterventionState, row["state"]),
            ),
            context={name: row[name] for name in ("night", "score", "zone") if row[name] is not None},
        )
    except InvalidValueError:
        return None


_ESCALATIONS: Final[dict[Any, str | Column]] = {
    fact(lambda r: r.domain.id): "domain",
    fact(lambda r: r.domain.ringcentral_account_id): "domain_account",
    fact(lambda r: r.agent.enabled): "enabled",
    fact(lambda r: r.agent.email): "email",
    fact(lambda r: r.agent.ringcentral): "profile",
    fact(lambda r: r.agent.ringcentral.extension_id): "extension",  # type: ignore[union-attr]
    fact(lambda r: r.agent.ringcentral.account_id): "account",  # type: ignore[union-attr]
    fact(lambda r: r.agent.ringcentral.video): "video",  # type: ignore[union-attr]
    fact(lambda r: r.agent.ringcentral.email): "user_email",  # type: ignore[union-attr]
    fact(lambda r: r.agent.role.permissions): members("permissions"),
    fact(lambda r: r.agent.team_ids): members("teams"),
    fact(lambda r: r.agent.led_team_ids): members("led"),
    fact(lambda r: r.login): "login",
    fact(lambda r: r.message.channel.kind): "kind",
    fact(lambda r: r.message.author): "author",
    fact(lambda r: r.message.private): "private",
    fact(lambda r: r.message.intervention_id): "message_case",
    fact(lambda r: r.intervention): "case_row",
    fact(lambda r: r.intervention.id): "case_id",  # type: ignore[union-attr]
    fact(lambda r: r.intervention.agent_id): "case_agent",  # type: ignore[union-attr]
    fact(lambda r: r.intervention.state): "state",  # type: ignore[union-attr]
    fact.context("night", bool): "night",
    fact.context("score", int): "score",
    fact.context("zone", str): "zone",
}
ESCALATIONS: Final = Schema(
    columns={
        **dict.fromkeys(
            "domain domain_account email extension account video user_email login kind author".split(), "text"
        ),
        **dict.fromkeys("message_case case_id case_agent state zone".split(), "text"),
        **dict.fromkeys("profile case_row score".split(), "integer"),
        **dict.fromkeys("enabled private night".split(), "boolean"),
    },
    sets=dict.fromkeys("permissions teams led".split(), "text"),
    choices={
        **dict.fromkeys("domain domain_account extension account message_case case_id case_agent".split(), IDS),
        **dict.fromkeys("domain extension case_id".split(), NEEDED),
        **dict.fromkeys("email user_email zone".split(), NAMES),
        **dict.fromkeys("profile case_row".split(), ROWS),
        "enabled": [True, False],
        "private": [True, False, None],
        "night": [True, False, None],
        "score": [0, 1, 5, None],
        "video": words(VideoAccess, "granted", "denied"),
        "login": words(Login, "ringcentral_sso", "password"),
        "kind": words(ChannelKind, "twitter", "viber"),
        "author": words(MessageAuthor, "customer", "agent"),
        "state": words(InterventionState, "open", "closed"),
        "permissions": ["escalate_to_video", "use_emoji", "newer", "", "USE_EMOJI", None],
        "teams": ["t", "u", "T", "", None],
        "led": ["t", "u", "T", "", None],
    },
    request_of=escalation_of,
    facts=_ESCALATIONS,
    tests=list(
        every_test(
            _ESCALATIONS,
            {
                str: ["1", "t", ""],
                int: [0, 5],
                bool: [True, False],
                VideoAccess: [VideoAccess.GRANTED],
                Login: [Login.RINGCENTRAL_SSO],
                ChannelKind: [ChannelKind.TWITTER, ChannelKind.VIBER],
                MessageAuthor: [MessageAuthor.CUSTOMER],
                InterventionState: [InterventionState.OPEN],
                Permission: [Permission.ESCALATE_TO_VIDEO, Permission.USE_EMOJI],
            },
        )
    ),
)


class Size(Enum):
    """An enum all of whose members are known."""

    SMALL = "small"
    LARGE = "large"


class Grade(Enum):
    """An enum of numbers."""

    LOW = 1
    HIGH = 2
    UNKNOWN = 0


@attrs.frozen(kw_only=True)
class Part:
    """A part that nobody checks."""

    text: str
    number: int | None


@attrs.frozen(kw_only=True)
class Ticket:
    """A request of a host's, whose fields nobody checks."""

    title: str
    owner: str | None
    due: int | None = attrs.field(metadata=UNKNOWN_WHEN_NONE)
    urgent: bool
    size: Size
    grade: Grade
    part: Part | None
    lost: Part | None = attrs.field(metadata=UNKNOWN_WHEN_NONE)
    steady: Part
    tags: frozenset[str]
    more_tags: frozenset[str]
    numbers: frozenset[int] | None
    sizes: frozenset[Size]


def ticket_of(row: Row) -> Ticket:
    """Make a request of what is in the table, right or wrong."""
    return Ticket(
        title=row["title"],
        owner=row["owner"],
        due=row["due"],
        urgent=row["urgent"],
        size=member_of(Size, row["size"]),
        grade=row["grade"] and member_of(Grade, row["grade"]),
        part=None if row["part_row"] is None else Part(text=row["part_text"], number=row["part_number"]),
        lost=None if row["lost_row"] is None else Part(text=row["lost_text"], number=row["lost_number"]),
        steady=Part(text=row["steady_text"], number=None),
        tags=frozenset(row["tags"]),
        more_tags=frozenset(row["more_tags"]),
        numbers=None if row["part_row"] is None else frozenset(row["numbers"]),
        sizes=frozenset([member_of(Size, word) for word in row["sizes"]]),
    )


_ticket: Final[Any] = Facts(Ticket)
_TICKETS: Final[dict[Any, str | Column]] = {
    _ticket(lambda r: r.title): "t.title",
    _ticket(lambda r: r.owner): "t.owner",
    _ticket(lambda r: r.due): "t.due",
    _ticket(lambda r: r.urgent): "t.urgent",
    _ticket(lambda r: r.size): "t.size",
    _ticket(lambda r: r.grade): "t.grade",
    _ticket(lambda r: r.part): "t.part_row",
    _ticket(lambda r: r.part.text): "t.part_text",
    _ticket(lambda r: r.part.number): "t.part_number",
    _ticket(lambda r: r.lost): "CASE WHEN 1 = 1 THEN t.lost_row ELSE NULL END",
    _ticket(lambda r: r.lost.text): "t.lost_text",
    _ticket(lambda r: r.lost.number): "t.lost_number",
    _ticket(lambda r: r.steady.text): "t.steady_text",
    _ticket(lambda r: r.tags): members("tags"),
    _ticket(lambda r: r.more_tags): members("more_tags"),
    _ticket(lambda r: r.numbers): Column("part_row", members="SELECT member FROM numbers WHERE numbers.row = t.id"),
    _ticket(lambda r: r.sizes): members("sizes"),
}
TICKETS: Final = Schema(
    columns={
        **dict.fromkeys("title owner part_text lost_text steady_text size".split(), "text"),
        **dict.fromkeys("due grade part_row part_number lost_row lost_number".split(), "integer"),
        "urgent": "boolean",
    },
    sets={"tags": "text", "more_tags": "text", "numbers": "integer", "sizes": "text"},
    choices={
        **dict.fromkeys("title owner part_text lost_text steady_text".split(), NAMES),
        **dict.fromkeys("due part_number lost_number".split(), NUMBERS),
        **dict.fromkeys("part_row lost_row".split(), ROWS),
        "size": ["small", "large", "large", "SMALL", "", None, "newer"],
        "grade": [1, 1, 2, 3, None],
        "urgent": [True, False, None],
        "tags": ["t", "t", "u", "T", "", None],
        "more_tags": ["t", "u", "T", ""],
        "numbers": [0, 1, 1, 5, 7, None],
        "sizes": ["small", "large", "small", "large", "LARGE", None],
    },
    request_of=ticket_of,
    facts=_TICKETS,
    tests=list(
        every_test(
            _TICKETS,
            {str: ["t", "u", ""], int: [1, 5], bool: [True], Size: [Size.SMALL, Size.LARGE], Grade: [Grade.LOW]},
        )
    ),
)
SCHEMAS: Final = {"escalations": ESCALATIONS, "tickets": TICKETS}
