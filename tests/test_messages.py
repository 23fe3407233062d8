"""Messages: what an error shows, and that it never shows a string that somebody passed or that a record holds."""

import json
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast
from unittest.mock import Mock

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, MessageAuthor, Permission, Policy, Rule, fact
from escalation_policy.administration import (
    Directory,
    assign_role,
    audit,
    checklist,
    create_role,
    edit_role,
    link_ringcentral,
    map_imported_users,
    reach,
)
from escalation_policy.analysis import Column, given, where
from escalation_policy.engage import (
    CaseState,
    WebhookEvent,
    agent_from_payload,
    channel_from_payload,
    intervention_after,
    intervention_from_payload,
    message_from_payload,
    read_webhook,
    request_from_payloads,
    role_from_payload,
)
from escalation_policy.exceptions import Fault, InvalidPayloadError, InvalidValueError
from escalation_policy.records import (
    BrokenLine,
    DecisionLogger,
    DecisionRecord,
    read_records,
    record,
    replay,
    replay_each,
    summarize,
    to_authzen,
)
from escalation_policy.testing import (
    a_channel,
    a_domain,
    a_message,
    a_request,
    a_ringcentral_user,
    a_role,
    an_agent,
    an_intervention,
    assert_denied,
    assert_never,
    assert_no_looser,
    assert_same,
    check_where,
    policy_table,
)
from escalation_policy.video import (
    CallRequest,
    Escalation,
    InMemoryCallLedger,
    InMemoryVideoProvider,
    SQLiteCallLedger,
    VideoCall,
    entry_from_json,
    escalate,
    problem,
    reply_payload,
)

HAS_HTTPX: Final = find_spec("httpx") is not None
HAS_RICH: Final = find_spec("rich") is not None
#: A password, an address and a token. Each looks like a key to somebody.
SECRETS: Final = {
    "password": "hunter2-4111",
    "address": "ada@example.com",
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI2NjQzMDcwMTYifQ.c2ln",
    "word": "hunter",
}
secrets: Final = pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)

AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
DENIED: Final = ESCALATE_TO_VIDEO.decide(a_request(denied_by="agent_enabled"))
RECORD: Final = record(DENIED, at=AT, id="d1")
CALL: Final = VideoCall(
    id="call-1", join_url="https://video.example/1", account_id="1", extension_id="2", created_at=AT
)
WANTED: Final = CallRequest(key="k", account_id="1", extension_id="2")
EVENT: Final = WebhookEvent(id="e1", type="intervention.opened", issued_at=AT, domain_id="acme", resource={"id": "i1"})
VALUES: Final = [
    a_domain(),
    a_role(),
    a_ringcentral_user(),
    an_agent(),
    a_channel(),
    a_message(),
    an_intervention(),
    a_request(),
    Directory(domain=a_domain()),
    RECORD,
    RECORD.reasons[0],
    CALL,
    WANTED,
    EVENT,
    CaseState(id="i1"),
]
USER: Final = {"id": "u1", "role_id": "r1", "enabled": True}
CASE: Final[dict[str, Any]] = {
    "domain": a_domain(),
    "user": USER,
    "role": {"id": "r1", "label": "Video agent"},
    "source": {"id": "s1", "type": "viber"},
    "content": {"id": "c1", "source_id": "s1"},
    "intervention": None,
    "login": None,
}


def page(*payloads: object) -> dict[str, object]:
    """Make the only page of a list."""
    return {"count": len(payloads), "offset": 0, "records": list(payloads)}


def pages(**lists: Any) -> Directory:
    """Read a directory whose lists are empty unless they are given."""
    empty: dict[str, Any] = {"roles": [page()], "users": [page()], "sources": [page()]}
    return Directory.from_pages(a_domain(), **empty | lists)


def wrongly(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function with what no type checker would let through."""
    return function(*arguments, **options)


def policy_of(condition: Any) -> Policy[Any]:
    """Make a policy of one rule."""
    return Policy("p", [Rule("r", condition)])


def text_is(text: str) -> Any:
    """Compare the agent's e-mail address with a text."""
    return fact(lambda r: r.agent.email).equals(text)


def escalate_now() -> Escalation:
    """Escalate an allowed request."""
    return escalate(a_request(), provider=InMemoryVideoProvider(), ledger=InMemoryCallLedger())


def click(**options: Any) -> object:
    """Escalate with wrong arguments."""
    return wrongly(
        escalate, a_request(), **{"provider": InMemoryVideoProvider(), "ledger": InMemoryCallLedger()} | options
    )


def recorded(**options: Any) -> object:
    """Record a decision with wrong arguments."""
    return wrongly(record, DENIED, **{"at": AT, "id": "d1"} | options)


def a_case(**members: object) -> object:
    """Read a stored case that has these members."""
    return entry_from_json(json.dumps({"attempts": {}, "recorded": None, "version": 1} | members))


#: Calls that raise for every string, by what is wrong with it.
CALLS: Final[dict[str, Callable[[Any], object]]] = {
    "context value": lambda text: wrongly(a_request, context={text: None}),
    "context name": lambda text: wrongly(a_request, context={(text,): 1}),
    "context": lambda text: a_request(context=text),
    "grant of a role": lambda text: a_role().grant(text),
    "id of a source": lambda text: channel_from_payload({"id": [text], "type": text}, domain_id="acme"),
    "kinds": lambda text: channel_from_payload({"id": "s1", "type": text}, domain_id="acme", kinds={text: text}),
    "flag": lambda text: role_from_payload({"id": "r1", "label": "l", "use_emoji": text}, domain_id="acme"),
    "payload of a role": lambda text: role_from_payload(text, domain_id="acme"),
    "role_id": lambda text: agent_from_payload({**USER, "role_id": text}, domain_id="acme", role=a_role()),
    "enabled": lambda text: agent_from_payload({**USER, "enabled": text}, domain_id="acme", role=a_role()),
    "role": lambda text: agent_from_payload(USER, domain_id="acme", role=text),
    "team_ids": lambda text: agent_from_payload({**USER, "team_ids": text}, domain_id="acme", role=a_role()),
    "source_id": lambda text: message_from_payload({"id": "c1", "source_id": text}, channel=a_channel()),
    "two ids": lambda text: message_from_payload({"id": text, "metadata": {"id": f"{text}2"}}, channel=a_channel()),
    "private": lambda text: message_from_payload({"id": text, "private": text}, channel=a_channel()),
    "channel": lambda text: message_from_payload({"id": "c1"}, channel=text),
    "identity": lambda text: message_from_payload({"id": "c1"}, channel=a_channel(), identity=text),
    "event": lambda text: intervention_from_payload({"id": "i1"}, event=text),
    "deferred": lambda text: intervention_from_payload({"id": "i1"}, deferred=text),
    "body of a webhook": lambda text: read_webhook({text: text, "id": text, "events": text}),
    "text of a webhook": lambda text: read_webhook(f"{text}}}"),
    "event of a webhook": lambda text: read_webhook(
        {"domain_id": text, "events": [{"id": text, "type": text, "issued_at": text, "resource": text}]}
    ),
    "resource of an event": lambda text: intervention_after(None, attrs.evolve(EVENT, resource={"id": [text]})),
    "case of an event": lambda text: intervention_after(CaseState(id=text), EVENT),
    "state of a case": lambda text: CaseState.from_json(json.dumps({"id": text, "state": text, "state_at": text})),
    "reply without a link": lambda text: reply_payload(escalate_now(), text=text),
    "reply to nothing": lambda text: reply_payload(text, text="{link}"),
    "login of a click": lambda text: request_from_payloads(**{**CASE, "login": text}),
    "domain of a click": lambda text: request_from_payloads(**{**CASE, "domain": text}),
    "label": lambda text: create_role(text, id="r9", label="l"),
    "permissions": lambda text: create_role(an_agent(), id="r9", label="l", permissions=[text]),
    "grant": lambda text: edit_role(an_agent(), a_role(id="r9"), grant=[text]),
    "revoke": lambda text: edit_role(an_agent(), a_role(id="r9"), revoke=text),
    "deactivated": lambda text: edit_role(an_agent(), a_role(id="r9"), deactivated={text: 1}),
    "stale role": lambda text: assign_role(an_agent(id=text), an_agent(role_label=text), a_role()),
    "role to assign": lambda text: assign_role(an_agent(), an_agent(), text),
    "directory": lambda text: link_ringcentral(an_agent(), an_agent(), a_ringcentral_user(), directory=text),
    "email": lambda text: map_imported_users([an_agent(email=text.replace("@", "."))], [], domain=a_domain()),
    "agents of another domain": lambda text: map_imported_users([an_agent(domain_id=text)], [], domain=a_domain()),
    "imported agents": lambda text: wrongly(map_imported_users, [text], [], domain=a_domain()),
    "same ids": lambda text: Directory(domain=a_domain(), channels=[a_channel(id=text), a_channel(id=text)]),
    "pages": lambda text: pages(roles=text),
    "page": lambda text: pages(roles=[text]),
    "members of a page": lambda text: pages(roles=[{"count": text, "offset": text, "records": text, text: text}]),
    "records of a page": lambda text: pages(roles=[page(text, {"id": text, "label": ""})]),
    "kinds of a directory": lambda text: pages(kinds={text: text}),
    "ringcentral of a directory": lambda text: pages(ringcentral=[text]),
    "domain of a checklist": lambda text: checklist(text, an_agent()),
    "directory of an audit": audit,
    "mask": lambda text: recorded(mask=[text]),
    "mask below a fact": lambda text: recorded(mask=[f"agent.{text}"]),
    "mask below no fact": lambda text: recorded(mask=[f"login.{text}"]),
    "masks": lambda text: recorded(mask=text),
    "reveal": lambda text: recorded(reveal=text),
    "at": lambda text: recorded(at=text),
    "facts_read_at": lambda text: recorded(facts_read_at=text),
    "id of a record": lambda text: recorded(id=[text]),
    "correlation_id": lambda text: recorded(correlation_id=[text]),
    "policy of a record": lambda text: recorded(policy=text),
    "key": lambda text: recorded(key=text),
    "decision": lambda text: record(text, at=AT, id="d1"),
    "decision for AuthZEN": to_authzen,
    "logger": lambda text: wrongly(DecisionLogger, [text]),
    "level": lambda text: DecisionLogger(allow_level=text),
    "sample_allows": lambda text: DecisionLogger(sample_allows=text),
    "drop": lambda text: DecisionLogger(drop=text),
    "text of a record": DecisionRecord.from_json,
    "no JSON": lambda text: DecisionRecord.from_json(f'{{"id": "{text}"'),
    "no UTF-8": lambda text: DecisionRecord.from_json(text.encode() + b"\xff"),
    "payload of a record": DecisionRecord.from_payload,
    "schema": lambda text: DecisionRecord.from_payload({"schema": text, text: text}),
    "keep": lambda text: replay([], ESCALATE_TO_VIDEO, keep=text),
    "policy of a replay": lambda text: replay_each([], text),
    "bucket": lambda text: summarize([], bucket=text),
    "within": lambda text: wrongly(read_records, [], within=[text]),
    "longest": lambda text: read_records([], longest=text),
    "lines": read_records,
    "now": lambda text: click(now=text),
    "again": lambda text: click(again=text),
    "reuse_for": lambda text: click(reuse_for=text),
    "claim_timeout": lambda text: click(claim_timeout=text),
    "title": lambda text: click(title=[text]),
    "wait": lambda text: click(wait=text),
    "on_end": lambda text: click(on_end=text),
    "result of a click": lambda text: wrongly(problem, text),
    "time limit": lambda text: wrongly(attrs.evolve, WANTED, time_limit=text),
    "domain of a case": lambda text: wrongly(InMemoryCallLedger().end_case, domain_id=[text], intervention_id="i1"),
    "answer of a ledger": lambda text: click(ledger=Mock(update=Mock(return_value=text))),
    "error of a ledger": lambda text: click(ledger=Mock(update=Mock(side_effect=ValueError(text)))),
    "call of a ledger": lambda text: InMemoryCallLedger().resolve("key", text),
    "answer of a provider": lambda text: click(provider=Answering(text)),
    "text of a case": entry_from_json,
    "version of a case": lambda text: a_case(version=text),
    "members of a case": lambda text: a_case(**{text: text}),
    "key of an attempt": lambda text: a_case(attempts={text: {"token": text, "expires_at": text, "lapses_at": text}}),
    "recorded call": lambda text: a_case(recorded={"key": text, "call": text, "supersedes": text, "lapses_at": text}),
    "timeout": lambda text: SQLiteCallLedger("calls.db", timeout=text),
    "policy of given": lambda text: given(text, {}),
    "known fact": lambda text: given(ESCALATE_TO_VIDEO, {text: text}),
    "known value": lambda text: given(ESCALATE_TO_VIDEO, {fact(lambda r: r.agent): text}),
    "known member": lambda text: given(ESCALATE_TO_VIDEO, {fact(lambda r: r.agent.role.permissions): [text]}),
    "fact that is known twice": lambda text: given(
        ESCALATE_TO_VIDEO, {fact(lambda r: r.agent.id): text, fact(lambda r: r.agent): an_agent()}
    ),
    "login of reach": lambda text: wrongly(reach, Directory(domain=a_domain()), login=text),
    "agent of reach": lambda text: reach(Directory(domain=a_domain())).channels(an_agent(id=text)),
    "policy of where": lambda text: where(text, {}),
    "style": lambda text: wrongly(where, ESCALATE_TO_VIDEO, {}, style=text),
    "columns": lambda text: where(ESCALATE_TO_VIDEO, wrongly(lambda: text)),
    "fact of a column": lambda text: where(ESCALATE_TO_VIDEO, {text: text}),
    "column": lambda text: where(ESCALATE_TO_VIDEO, {fact(lambda r: r.agent.id): wrongly(lambda: [text])}),
    "members of a column": lambda text: where(ESCALATE_TO_VIDEO, {fact(lambda r: r.agent.id): Column(text, text)}),
    "constant without a column": lambda text: where(policy_of(fact(lambda r: r.agent.email).equals(text)), {}),
    "constant that no database holds": lambda text: where(
        policy_of(fact(lambda r: r.agent.email).equals(f"{text}\0")), {fact(lambda r: r.agent.email): "email"}
    ),
    "rows of select": lambda text: wrongly(
        check_where,
        policy_of(fact(lambda r: r.agent.id).equals(text)),
        {fact(lambda r: r.agent.id): "id"},
        select=[text].copy,
        request_of=None,
    ),
    "wrong row": lambda text: check_where(
        policy_of(fact(lambda r: r.agent.id).equals(text)),
        {fact(lambda r: r.agent.id): "id"},
        select=lambda _: {text: text},
        request_of=lambda _: a_request(),
    ),
    "requests of two policies": lambda text: assert_same(policy_of(text_is(text)), policy_of(~text_is(text))),
    "request of a looser policy": lambda text: assert_no_looser(
        policy_of(~text_is(text)), than=policy_of(text_is(text))
    ),
    "request that is never allowed": lambda text: assert_never(policy_of(text_is(text)), text_is(text)),
    "keyword of a builder": lambda text: wrongly(a_request, **{text: 1}),
    "denied_by": lambda text: a_request(denied_by=text),
    "by": lambda text: assert_denied(ESCALATE_TO_VIDEO, a_request(), by=text),
    "keyword of a table": lambda text: policy_table(ESCALATE_TO_VIDEO, rows={text: []}, columns={"enabled": [True]}),
    "keyword of both axes": lambda text: policy_table(ESCALATE_TO_VIDEO, rows={text: [1]}, columns={text: [1]}),
    "values of a table": lambda text: policy_table(
        ESCALATE_TO_VIDEO, rows={"agent_id": text}, columns={"enabled": [True]}
    ),
    "labels of a table": lambda text: policy_table(
        ESCALATE_TO_VIDEO, rows={"agent_id": [text, text]}, columns={"enabled": [True]}
    ),
}


class Answering:
    """A provider that returns a fixed answer."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def create_call(self, call: CallRequest, /) -> Any:
        """Answer."""
        return self._answer


def texts_of(error: BaseException) -> str:
    """Return everything that a log or a terminal can show of an error."""
    return "\n".join([str(error), repr(error), *traceback.format_exception(error)])


def wrong_values(text: str) -> Iterator[Any]:
    """List a text in all the ways in which a field can be given it."""
    yield from (text, [text], {text: text}, [[text]])


class TestSecrets:
    """No error shows a string that was passed."""

    @secrets
    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    def test_are_not_in_an_error(self, secret: str, call: Callable[[str], object]) -> None:
        """Neither in its text, nor in its repr, nor in a traceback, nor in what it was raised from."""
        with pytest.raises(Exception) as caught:
            call(secret)
        assert secret not in texts_of(caught.value)

    @secrets
    @pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
    def test_are_not_in_the_error_of_a_value(self, secret: str, value: Any) -> None:
        """For every field: a flag, an enum, a set, a part, an id."""
        shown: list[str] = []
        for field in attrs.fields(cast("Any", type(value))):
            for wrong in wrong_values(secret):
                try:
                    attrs.evolve(value, **{field.alias: wrong})
                except (InvalidValueError, InvalidPayloadError) as error:
                    shown.append(texts_of(error))
        assert len(shown) > len(attrs.fields(cast("Any", type(value))))
        assert secret not in "".join(shown)

    @secrets
    @pytest.mark.parametrize("key", sorted(json.loads(RECORD.to_json())))
    def test_are_not_in_the_error_of_a_record(self, secret: str, key: str) -> None:
        """For every key of its JSON. A text can be valid there, a list of lists never is."""
        for wrong in (secret, [[secret]], {secret: [[secret]]}):
            line = json.dumps(json.loads(RECORD.to_json()) | {key: wrong, "fingerprint": 5})
            (broken,) = read_records([line])
            assert isinstance(broken, BrokenLine)
            assert secret not in f"{broken} {broken!r}"

    @secrets
    def test_are_not_in_what_is_told_of_a_line(self, secret: str) -> None:
        """A log holds anything."""
        line = RECORD.to_json()
        for each in (secret, f"{line} {secret}", line.encode() + b"\xff" + secret.encode(), secret * 1000):
            broken = [*wrongly(read_records, [each], longest=9000)][-1]
            assert isinstance(broken, BrokenLine)
            assert secret not in f"{broken} {broken!r}"

    @secrets
    def test_are_not_in_the_repr_of_a_record(self, secret: str) -> None:
        """Its ids are the host's own."""
        made = record(DENIED, at=AT, id=secret, correlation_id=secret)
        assert secret not in repr(made)
        assert secret not in repr([*read_records([made.to_json()])])

    @secrets
    def test_are_not_in_an_unreadable_record(self, secret: str) -> None:
        """A directory has faults of records without an error."""
        role = {"id": secret, "label": secret, secret: secret, "use_emoji": secret}
        users = [{**USER, "role_id": secret, "rc_user_id": secret}, {**USER, "id": "u2", "enabled": secret}]
        source = {"id": "s1", "type": [secret], "name": {secret: secret}, "active": secret}
        directory = pages(roles=[page(role)], users=[page(*users)], sources=[page(source)])
        faults = [fault for record in directory.unreadable for fault in record.faults]
        assert 4 == len(directory.unreadable)
        assert secret not in f"{faults} {[*map(str, faults)]}"

    @secrets
    def test_are_not_in_the_error_of_a_path(self, secret: str, tmp_path: Path) -> None:
        """The system's own error shows it."""
        with pytest.raises(InvalidValueError) as caught:
            SQLiteCallLedger(tmp_path / secret / "calls.db")
        assert secret not in texts_of(caught.value)

    @pytest.mark.skipif(not HAS_HTTPX, reason="needs httpx")
    @secrets
    @pytest.mark.parametrize("name", ["client", "bridge", "password", "timeout", "user"])
    def test_are_not_in_the_error_of_a_provider(self, secret: str, name: str) -> None:
        """Nothing is sent."""
        import httpx  # noqa: PLC0415

        from escalation_policy.providers.ringcentral import RingCentralVideo, video_access  # noqa: PLC0415

        with httpx.Client() as client, pytest.raises((TypeError, ValueError)) as caught:
            wrongly(video_access if name == "user" else RingCentralVideo, **{"client": client} | {name: secret})
        assert secret not in texts_of(caught.value)

    @pytest.mark.skipif(find_spec("sqlalchemy") is None, reason="needs SQLAlchemy")
    @secrets
    @pytest.mark.parametrize("name", ["engine", "table"])
    def test_are_not_in_the_error_of_a_ledger(self, secret: str, name: str) -> None:
        """A URL is not taken, and would hold a password."""
        from sqlalchemy import create_engine  # noqa: PLC0415

        from escalation_policy.ledgers.sqlalchemy import SQLAlchemyCallLedger  # noqa: PLC0415

        with pytest.raises(InvalidValueError) as caught:
            wrongly(SQLAlchemyCallLedger, **{"engine": create_engine("sqlite:///calls.db")} | {name: secret})
        assert secret not in texts_of(caught.value)


EXAMPLE: Final = Path(__file__).parents[1] / "docs" / "examples" / "allowed.json"


@pytest.mark.skipif(not HAS_RICH, reason="needs rich")
class TestCommandLine:
    """What a file or an argument holds stands in no line on standard error."""

    @secrets
    @pytest.mark.parametrize(
        "place",
        [
            *("login", "domain.ringcentral_account_id", "ringcentral.video", "ringcentral.account_id"),
            *("user.enabled", "user.role_id", "user.team_ids", "role.use_emoji", "source.id", "content.source_type"),
            *("content.private", "intervention.closed", "intervention.source_id", "context", "event", "deferred"),
        ],
    )
    def test_shows_no_value_of_a_case(
        self, secret: str, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """In a list it is wrong even where a text is accepted."""
        case = json.loads(EXAMPLE.read_text("utf-8"))
        part = case
        *parents, name = place.split(".")
        for parent in parents:
            part = part[parent]
        part[name] = [{secret: secret}]
        assert secret not in self.refused(case, tmp_path, capsys)

    @secrets
    @pytest.mark.parametrize("part", [None, "domain", "ringcentral"])
    def test_shows_no_key_of_a_case(
        self, secret: str, part: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Not even one that comes twice."""
        case = json.loads(EXAMPLE.read_text("utf-8"))
        (case if part is None else case[part])[secret] = secret
        assert secret not in self.refused(case, tmp_path, capsys)
        assert secret not in self.refused(f'{{"{secret}": 1, "{secret}": 2}}', tmp_path, capsys)

    @secrets
    @pytest.mark.parametrize(
        "arguments",
        [
            ["{}"],
            ["checklist", "case.json", "{}"],
            ["audit", "--format", "{}", "case.json"],
            ["log", "{}"],
            ["log", "summary", "--by", "{}", "case.json"],
            ["log", "summary", "--since", "{}", "case.json"],
            ["log", "replay", "--policy", "{}", "case.json"],
            ["log", "replay", "--policy", "{}:POLICY", "case.json"],
            ["log", "replay", "--policy", "json:{}", "case.json"],
            ["log", "why", "{}", str(EXAMPLE.with_name("decisions.log"))],
        ],
        ids=" ".join,
    )
    def test_shows_no_argument(self, secret: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """A shell keeps it in its history, but a log of a job need not."""
        from escalation_policy.cli import main  # noqa: PLC0415

        try:
            status = main([each.format(secret) for each in arguments])
        except SystemExit as error:
            status = int(error.code or 0)
        assert status in (1, 2)
        shown = "".join(capsys.readouterr())
        assert shown
        assert secret not in shown

    @staticmethod
    def refused(case: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
        """Return the message about a case file that is refused."""
        from escalation_policy.cli import main  # noqa: PLC0415

        file = tmp_path / "case.json"
        file.write_text(case if isinstance(case, str) else json.dumps(case), "utf-8")
        assert main(["decide", str(file)]) == 2
        message = capsys.readouterr().err
        assert message
        return message


class TestHints:
    """A message names the accepted key that is closest to a wrong one."""

    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("customer", "MessageAuthor.CUSTOMER"),
            ("CUSTOMER", "MessageAuthor.CUSTOMER"),
            ("Customer", "MessageAuthor.CUSTOMER"),
            ("costumer", "MessageAuthor.CUSTOMER"),
            ("automatc", "MessageAuthor.AUTOMATIC"),
        ],
    )
    def test_are_members_by_value_or_name(self, text: Any, hint: str) -> None:
        """The message for a string says what to write instead."""
        with pytest.raises(InvalidValueError) as caught:
            a_message(author=text)
        assert f"Message.author must be a MessageAuthor, got a str (did you mean {hint}?)" == str(caught.value)

    @pytest.mark.parametrize("text", ["My card is 4111 1111 1111 1111", "", " ", "customer" * 100, 5, None])
    def test_are_left_out_where_nothing_is_close(self, text: Any) -> None:
        """A wrong hint would be worse than none; a long text is not compared."""
        with pytest.raises(InvalidValueError) as caught:
            a_message(author=text)
        assert "did you mean" not in str(caught.value)

    def test_of_a_collection_are_always_the_same(self) -> None:
        """A set has another order in each process."""
        texts: Any = {"use_emojy", "escalate_to_vidio", "manage_chats"}
        with pytest.raises(
            InvalidValueError, match=r"got a frozenset of str \(did you mean Permission.ESCALATE_TO_VIDEO"
        ):
            a_role(permissions=texts)

    def test_take_members_of_another_type_for_no_text(self) -> None:
        """A permission is a str, and no author."""
        wrong: Any = Permission.USE_EMOJI
        with pytest.raises(InvalidValueError, match=r"must be a MessageAuthor, got a Permission$"):
            a_message(author=wrong)
        assert MessageAuthor.AGENT is a_message(author=MessageAuthor.AGENT).author


class TestFigures:
    """Numbers and durations are shown where no id is expected, and a blank text is called blank."""

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: click(reuse_for=timedelta(0)), "reuse_for must be between 1 µs and 366 days, got 0:00:00"),
            (lambda: click(reuse_for=60), "reuse_for must be a timedelta between 1 µs and 366 days, got 60"),
            (lambda: read_records([], longest=0), "longest must be an int of 1 or more, got 0"),
            (lambda: read_records([], longest=-(2**70)), "longest must be an int of 1 or more, got an int"),
            (lambda: replay([], ESCALATE_TO_VIDEO, keep=-1), "keep must be an int of 0 or more, got -1"),
            (lambda: DecisionLogger(sample_allows=1.5), "sample_allows must be a number from 0 to 1, got 1.5"),
            (lambda: create_role(an_agent(), id="r9", label=" "), "label must be a non-blank str, got a blank str"),
            (lambda: wrongly(a_message, author=" "), "Message.author must be a MessageAuthor, got a blank str"),
            (
                lambda: wrongly(a_ringcentral_user, extension_id=664307016),
                "RingCentralUser.extension_id must be a non-empty str, got an int",
            ),
        ],
    )
    def test_are_shown(self, call: Callable[[], object], message: str) -> None:
        """An id that is an int is an id, and is not shown."""
        with pytest.raises(InvalidValueError) as caught:
            call()
        assert message == str(caught.value)


class TestFault:
    """One thing that is wrong, as data and in words."""

    def test_is_its_path_and_its_problem_in_words(self) -> None:
        """The rest is left out where the problem says it all."""
        fault = Fault("revoke", "and grant both name use_emoji")
        assert "revoke and grant both name use_emoji" == str(fault)
        assert (None, None) == (fault.found, fault.accepted)

    def test_of_a_mismatch_is_worded_from_its_data(self) -> None:
        """With a hint where there is one."""
        fault = Fault.mismatch("login", "a str", "a Login")
        assert "login must be a Login, got a str" == str(fault)
        assert ("login", "a str", "a Login") == (fault.path, fault.found, fault.accepted)
        hinted = Fault.mismatch("login", "a str", "a Login", closest="Login.SAML")
        assert "login must be a Login, got a str (did you mean Login.SAML?)" == str(hinted)
        assert hinted != fault

    def test_is_a_frozen_value(self) -> None:
        """Equal faults are one in a set."""
        assert 1 == len({Fault("a", "is wrong"), Fault("a", "is wrong")})
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            Fault("a", "is wrong").path = "b"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
