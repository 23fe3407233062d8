"""The signatures of the public names. The type checkers read this file; nobody runs it."""

# mypy: warn-unused-ignores
# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, assert_type

import attrs
import httpx
from hypothesis.strategies import SearchStrategy
from sqlalchemy import Engine, MetaData, Table
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Agent,
    Channel,
    ChannelKind,
    Decision,
    Domain,
    Effect,
    EscalationRequest,
    Evidence,
    Facts,
    Intervention,
    InterventionState,
    Login,
    Message,
    MessageAuthor,
    Party,
    Permission,
    Policy,
    Reason,
    ReasonStatus,
    Remedy,
    RingCentralUser,
    Role,
    Rule,
    Step,
    Texts,
    VideoAccess,
    context,
    exceptions,
    fact,
    predicate,
)
from escalation_policy.administration import (
    AgentAudit,
    Ambiguity,
    Audit,
    AuditClass,
    AuditTotals,
    ChannelAudit,
    ChannelUse,
    Checklist,
    ChecklistStep,
    Conflict,
    ConflictKind,
    Directory,
    ExtensionEntry,
    Ignored,
    IgnoredBecause,
    ImportMapping,
    Reach,
    ReachClass,
    RecordKind,
    RingCentralLink,
    RoleAssignment,
    RoleChange,
    RoleCreation,
    RoleEdit,
    RoleHandover,
    SetupAction,
    SharedField,
    SharedValue,
    UnreadableRecord,
    assign_role,
    audit,
    checklist,
    create_role,
    edit_role,
    link_ringcentral,
    load_directory,
    load_directory_async,
    map_imported_users,
    reach,
    setup_actions,
)
from escalation_policy.analysis import Column, Outcome, Residual, Where, given, where
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
from escalation_policy.engage.api import AsyncEngageApi, EngageApi, Loaded
from escalation_policy.ledgers.django import DjangoCallLedger
from escalation_policy.ledgers.sqlalchemy import AsyncSQLAlchemyCallLedger, SQLAlchemyCallLedger, call_table
from escalation_policy.providers.ringcentral import (
    AsyncRingCentralVideo,
    RingCentralVideo,
    ringcentral_user,
    ringcentral_user_async,
    video_access,
    video_access_async,
)
from escalation_policy.records import (
    BrokenLine,
    DecisionLogger,
    DecisionRecord,
    ReasonTally,
    RecordedReason,
    Replay,
    Replayed,
    Summary,
    Tally,
    arrow_schema,
    open_log,
    read_records,
    record,
    replay,
    replay_each,
    schema,
    summarize,
    to_authzen,
)
from escalation_policy.testing import (
    NoSuchRequestError,
    NoSuchRuleError,
    Obligation,
    ServiceAnswer,
    VideoService,
    a_channel,
    a_domain,
    a_message,
    a_request,
    a_ringcentral_user,
    a_role,
    an_agent,
    an_intervention,
    assert_allowed,
    assert_denied,
    assert_never,
    assert_no_looser,
    assert_same,
    check_call_ledger,
    check_policy,
    check_video_provider,
    check_where,
    missing_requests,
    policy_table,
    strategies,
)
from escalation_policy.typing import AsyncCallLedger, AsyncVideoProvider, CallLedger, VideoProvider
from escalation_policy.video import (
    CallRequest,
    Escalation,
    EscalationOutcome,
    InMemoryCallLedger,
    InMemoryVideoProvider,
    LedgerEntry,
    Problem,
    SQLiteCallLedger,
    VideoCall,
    call_for,
    call_for_async,
    entry_from_json,
    entry_to_json,
    escalate,
    escalate_async,
    problem,
    reply_payload,
)

# Values.
domain = Domain(id="acme", ringcentral_account_id="664287016")
role = Role(id="r1", domain_id="acme", label="Video", permissions={Permission.ESCALATE_TO_VIDEO})
listed = Role(id="r1", domain_id="acme", label="Video", permissions=[Permission.USE_EMOJI], unknown_permissions=["new"])
user = RingCentralUser(extension_id="1", account_id=None, video=VideoAccess.GRANTED, email=None)
agent = Agent(id="u1", domain_id="acme", role=role, enabled=True, ringcentral=user, team_ids=["t1"])
channel = Channel(id="s1", domain_id="acme", kind=ChannelKind.WHATSAPP)
message = Message(id="c1", channel=channel, author=MessageAuthor.CUSTOMER, private=None, intervention_id="i1")
case = Intervention(id="i1", agent_id=None, state=InterventionState.OPEN)
request = EscalationRequest(
    domain=domain,
    agent=agent,
    login=Login.SAML,
    message=message,
    intervention=case,
    context={"open": True, "region": "EU", "n": 1},
)
assert_type(role.permissions, frozenset[Permission])
assert_type(role.unknown_permissions, frozenset[str])
assert_type(agent.ringcentral, RingCentralUser | None)
assert_type(agent.enabled, bool)
assert_type(message.private, bool | None)
assert_type(request.context, Mapping[str, str | int | bool])
assert_type(attrs.evolve(agent, enabled=False), Agent)
assert_type(role.grant(Permission.USE_EMOJI, Permission.READ_STATS).revoke(Permission.USE_EMOJI), Role)
assert_type(role.grant().revoke().relabel("Calls"), Role)

Agent(id="u1", domain_id="acme", role=role)  # type: ignore[call-arg]
Domain("acme")  # type: ignore[call-arg]
Domain(id=5)  # type: ignore[arg-type]
Channel(id="s1", domain_id="acme", kind="viber")  # type: ignore[arg-type]
Role(id="r1", domain_id="acme", label="Video", permissions={"use_emoji"})  # type: ignore[arg-type]
domain.id = "other"  # type: ignore[misc]
role.grant("use_emoji")  # type: ignore[arg-type]
role.grant([Permission.USE_EMOJI])  # type: ignore[arg-type]
role.revoke("use_emoji")  # type: ignore[arg-type]
role.relabel(None)  # type: ignore[arg-type]

# Facts and conditions.
email = fact(lambda r: r.agent.email)
ringcentral = fact(lambda r: r.agent.ringcentral)
video = ringcentral.then(lambda u: u.video)
account = ringcentral.then(lambda u: u.account_id)
permissions = fact(lambda r: r.agent.role.permissions)
condition = email.equals("ada@example.com") & ~video.one_of([VideoAccess.DENIED]) | permissions.contains(
    Permission.USE_EMOJI
)
condition = account.equals(fact(lambda r: r.domain.ringcentral_account_id)) & ringcentral.is_set()
condition = permissions.subset_of(permissions) | permissions.subset_of({Permission.USE_EMOJI})
condition = context("open", bool).is_true() & context("n", int).satisfies("small", lambda n: n < 5, version="1")
condition = predicate("enabled", lambda r: r.agent.enabled, version="2") & fact(lambda r: r.agent.enabled).is_true()
assert_type(condition.words(), str)

fact(lambda r: r.agnt)  # type: ignore[attr-defined]
email.equals(5)  # type: ignore[arg-type]
email.equals(None)  # type: ignore[arg-type]
email.is_true()  # type: ignore[misc]
email.equals(video)  # type: ignore[arg-type]
video.equals("granted")  # type: ignore[arg-type]
video.one_of(["granted"])  # type: ignore[list-item]
permissions.contains("use_emoji")  # type: ignore[arg-type]
context("n", float)  # type: ignore[type-var]
context("n", int).satisfies("small", lambda n: n.upper() == "5")  # type: ignore[attr-defined]
condition and condition  # noqa: B018  # pyright: ignore[reportUnusedExpression]  # raises when run

# Rules and policies.
step = Step(Party.AGENT, "Try again.")
rule = Rule("r", condition, after=["domain_linked"], explanation="e", agent_text="a", remedy=Remedy([step]), source="s")
assert_type(rule, Rule[EscalationRequest])
assert_type(rule.facts, tuple[str, ...])
assert_type(rule.after, tuple[str, ...])
assert_type(rule.explanation, str)
assert_type(rule.remedy, Remedy | None)
policy = Policy("p", [rule], version="1")
assert_type(policy, Policy[EscalationRequest])
assert_type(policy.with_rules(rule).without("r").replace(rule), Policy[EscalationRequest])
assert_type(policy["r"], Rule[EscalationRequest])
assert_type(policy.rules, tuple[Rule[EscalationRequest], ...])
decide: Callable[[EscalationRequest], Decision[EscalationRequest]] = policy.decide
allows: Callable[[EscalationRequest], bool] = policy.allows
assert_type(policy.decide(request), Decision[EscalationRequest])
assert_type(policy.decide(request=request), Decision[EscalationRequest])
assert_type(policy.allows(request), bool)
assert_type(policy.allows(request=request), bool)
assert_type(policy.with_rules(rule, version="2"), Policy[EscalationRequest])
assert_type(policy.without("r", version="2"), Policy[EscalationRequest])
assert_type(policy.replace(rule, version=None), Policy[EscalationRequest])
assert_type((policy.version, policy.unchecked), tuple[str | None, str])
assert_type(policy.request_type, type[EscalationRequest])
assert_type(policy.prerequisites("r"), frozenset[str])
assert_type(policy.hidden_among(["r"]), tuple[str, ...])
assert_type(policy.hidden_among({"r": rule}), tuple[str, ...])

# Texts.
texts = Texts(explanation="e", agent_text="a", remedy=Remedy([step]))
assert_type((texts.explanation, texts.agent_text), tuple[str | None, str | None])
assert_type(texts.remedy, Remedy | None)
assert_type(texts.of(rule), Rule[EscalationRequest])
assert_type(policy.with_texts({"r": texts}), Policy[EscalationRequest])
assert_type(policy.with_texts({"r": Texts()}, unchecked="?"), Policy[EscalationRequest])

Rule("r", email)  # type: ignore[arg-type]
Rule("r", True)  # type: ignore[arg-type]
Step("agent", "Try again.")  # type: ignore[arg-type]
policy.allows(agent)  # type: ignore[arg-type]
policy.without("r", "2").replace(rule, "2")  # type: ignore[call-arg]
policy.with_texts({"r": rule})  # type: ignore[dict-item]
policy.with_texts({"r": texts}, "?")  # type: ignore[call-arg]
policy.with_texts([texts])  # type: ignore[arg-type]
policy.hidden_among(1)  # type: ignore[arg-type]
policy.unchecked = "?"  # type: ignore[misc]
Texts("e")  # type: ignore[call-arg]
Texts(remedy=step)  # type: ignore[arg-type]


# Other requests.
@attrs.frozen
class Grant:
    """A request of a host's own."""

    editor: Agent
    context: Mapping[str, str | int | bool]


grants = Facts(Grant)
may_edit = Rule("may_edit", grants(lambda r: r.editor.role.permissions).contains(Permission.MANAGE_ROLES))
grant_policy = Policy("grants", [may_edit, Rule("open", grants.context("open", bool).is_true())])
assert_type(grant_policy, Policy[Grant])
assert_type(grant_policy.decide(Grant(agent, {})), Decision[Grant])
assert_type(grant_policy.decide(Grant(agent, {})).request, Grant)
assert_type(grant_policy.request_type, type[Grant])
assert_type(grant_policy.with_texts({"open": texts}, unchecked="?"), Policy[Grant])
grant_policy.decide(request)  # type: ignore[arg-type]
Policy("mixed", [rule, may_edit])  # type: ignore[list-item]
policy.with_rules(may_edit)  # type: ignore[arg-type]
may_edit.requires & condition  # type: ignore[operator]


@attrs.frozen(kw_only=True)
class VipRequest(EscalationRequest):
    """A request with one more fact."""

    vip: bool


vip_request = VipRequest(domain=domain, agent=agent, login=Login.SAML, message=message, vip=True)
vip_facts = Facts(VipRequest)
vip_policy = Policy("vip", [Rule("vip", vip_facts(lambda r: r.vip).is_true())])
assert_type(vip_policy, Policy[VipRequest])
assert_type(vip_policy.decide(vip_request).request.vip, bool)
assert_type(ESCALATE_TO_VIDEO.allows(vip_request), bool)
vip_policy.allows(request)  # type: ignore[arg-type]


def bare(policy_: Policy, decided: Decision) -> bool:
    """Accept the built-in kind of policy and decision if no type of request is named."""
    assert_type(policy_, Policy[EscalationRequest])
    return policy_.allows(decided.request)


# Answers.
decision = ESCALATE_TO_VIDEO.decide(request)
assert_type(decision, Decision[EscalationRequest])
assert_type(decision.allowed, bool)
assert_type(decision.effect, Effect)
assert_type(decision.reasons, tuple[Reason, ...])
assert_type(decision.hidden, tuple[str, ...])
assert_type(decision.remedies, tuple[Remedy, ...])
assert_type(decision.reason("video_access"), Reason | None)
assert_type(decision.request, EscalationRequest)
assert_type(decision.policy_version, str | None)
assert_type(decision.fingerprint, str)
assert_type(decision.explain(reveal=True), str)
assert_type(decision.to_dict(), dict[str, Any])
assert_type(decision.to_dict("agent"), dict[str, Any])
assert_type(decision.to_dict(audience="administrator"), dict[str, Any])
assert_type(decision.reasons[0].status, ReasonStatus)
assert_type(decision.reasons[0].requirement, str)
assert_type(decision.reasons[0].explanation, str)
assert_type(decision.reasons[0].lines(), list[str])
assert_type(decision.reasons[0].evidence, tuple[Evidence, ...])
assert_type(decision.reasons[0].evidence[0].compared_with, str | None)
assert_type(decision.reasons[0].remedy, Remedy | None)
reason = Reason(code="r", status=ReasonStatus.UNMET, requirement="a is set", agent_text="a", evidence=())
evidence = Evidence("a", "equals b", "another value", compared_with="b")
decision.allowed = True  # type: ignore[misc]
decision.explain(True)  # type: ignore[call-arg]
decision.to_dict("customer")  # type: ignore[arg-type]
Reason("r", ReasonStatus.UNMET, "a is set")  # type: ignore[call-arg]

# Records.
payload: Mapping[str, object] = {"id": "x"}
assert_type(role_from_payload(payload, domain_id="acme"), Role)
assert_type(agent_from_payload(payload, domain_id="acme", role=role, ringcentral=user), Agent)
assert_type(channel_from_payload(payload, domain_id="acme", kinds={"line": ChannelKind.CHANNEL_SDK}), Channel)
assert_type(message_from_payload(payload, channel=channel, identity=payload), Message)
assert_type(intervention_from_payload(payload, event="intervention.opened", deferred=False), Intervention)
events = read_webhook(b"{}")
assert_type(events, tuple[WebhookEvent, ...])
assert_type((read_webhook("{}"), read_webhook(payload)), tuple[tuple[WebhookEvent, ...], tuple[WebhookEvent, ...]])
assert_type((events[0].id, events[0].type, events[0].domain_id), tuple[str, str, str])
assert_type((events[0].issued_at, events[0].user_id), tuple[datetime, str | None])
assert_type(events[0].resource, Mapping[str, object])
folded = intervention_after(None, events[0])
assert_type(folded, CaseState | None)
assert folded is not None
assert_type(intervention_after(folded, events[0]), CaseState | None)
assert_type((folded.id, folded.agent_id, folded.state), tuple[str, str | None, InterventionState])
assert_type((folded.state_at, folded.cancelled_at), tuple[datetime | None, datetime | None])
assert_type(folded.intervention, Intervention | None)
assert_type(CaseState.from_json(folded.to_json()), CaseState)
intervention_after(None, payload)  # type: ignore[arg-type]
read_webhook([payload])  # type: ignore[arg-type]
CaseState("i1")  # type: ignore[call-arg]
assert_type(
    request_from_payloads(
        domain=domain,
        user=payload,
        role=payload,
        source=payload,
        content=payload,
        intervention=None,
        login=Login.SAML,
        ringcentral=user,
        context={"open": True},
    ),
    EscalationRequest,
)

# Roles.
creation = create_role(agent, id="r2", label="Calls", permissions={Permission.USE_EMOJI})
assert_type(creation, RoleCreation)
assert_type(creation.decision, Decision[RoleChange])
assert_type(creation.role, Role | None)
edit = edit_role(
    agent,
    role,
    grant=[Permission.USE_EMOJI],
    revoke=(Permission.READ_STATS,),
    label=None,
    deactivated={Permission.USE_COBROWSING},
)
assert_type(edit, RoleEdit)
assert_type(edit.decision, Decision[RoleChange])
assert_type(edit.role, Role)
assert_type(edit.saved_by_api, Role)
assert_type(edit.ignored, tuple[Ignored, ...])
assert_type(edit.ignored[0].field, str)
assert_type(edit.ignored[0].because, IgnoredBecause)
assignment = assign_role(agent, agent, role)
assert_type(assignment, RoleAssignment)
assert_type(assignment.decision, Decision[RoleHandover])
assert_type(assignment.agent, Agent)
assert_type(assignment.gains, frozenset[str])
assert_type(assignment.loses, frozenset[str])

change = edit.decision.request
assert_type((change.editor, change.role), tuple[Agent, Role])
assert_type((change.compared, change.granted), tuple[frozenset[Permission], frozenset[Permission]])
assert_type(change.grants_deactivated, bool)
handover = assignment.decision.request
assert_type((handover.editor, handover.agent, handover.role, handover.leads_agent), tuple[Agent, Agent, Role, bool])

create_role(agent, "r2", "Calls")  # type: ignore[call-arg]
create_role(agent, id="r2")  # type: ignore[call-arg]
create_role(agent, id="r2", label="Calls", permissions=["use_emoji"])  # type: ignore[list-item]
edit_role(agent, role, [Permission.USE_EMOJI])  # type: ignore[call-arg]
edit_role(agent, role, grant=Permission.USE_EMOJI)  # type: ignore[arg-type]
edit_role(role, agent)  # type: ignore[arg-type]
assign_role(agent, role, agent)  # type: ignore[arg-type]
policy.allows(handover)  # type: ignore[arg-type]

# RingCentral IDs.
directory = Directory(domain=domain, roles=[role], agents={agent}, channels=(channel,))
link = link_ringcentral(agent, agent, user, directory=directory)
assert_type(link, RingCentralLink)
assert_type(link.decision, Decision[ExtensionEntry])
assert_type(link.agent, Agent)
entry = link.decision.request
assert_type((entry.domain, entry.editor, entry.agent), tuple[Domain, Agent, Agent])
assert_type((entry.ringcentral_user, entry.creates_agent), tuple[RingCentralUser, bool])
assert_type((entry.leads_agent, entry.account_told, entry.taken), tuple[bool, bool, bool])
mapping = map_imported_users(directory.agents, {user}, domain=domain)
assert_type(mapping, ImportMapping)
assert_type(mapping.linked, tuple[Agent, ...])
assert_type(mapping.already_linked, tuple[Agent, ...])
assert_type(mapping.unmatched_agents, tuple[Agent, ...])
assert_type(mapping.unmatched_users, tuple[RingCentralUser, ...])
assert_type(mapping.ambiguous, tuple[Ambiguity, ...])
assert_type(mapping.ambiguous[0].agents, tuple[Agent, ...])
assert_type(mapping.ambiguous[0].users, tuple[RingCentralUser, ...])
assert_type(mapping.conflicting, tuple[Conflict, ...])
assert_type(mapping.conflicting[0].kind, ConflictKind)
assert_type((mapping.conflicting[0].agent, mapping.conflicting[0].user), tuple[Agent, RingCentralUser])
assert_type(mapping.conflicting[0].other_agent_id, str | None)

link_ringcentral(agent, agent, "664307016", directory=directory)  # type: ignore[arg-type]
link_ringcentral(agent, agent, user)  # type: ignore[call-arg]
link_ringcentral(agent, agent, user, directory)  # type: ignore[call-arg]
link_ringcentral(agent, agent, user, directory=[agent])  # type: ignore[arg-type]
map_imported_users([user], [agent], domain=domain)  # type: ignore[list-item]
map_imported_users([agent], [user])  # type: ignore[call-arg]
map_imported_users([agent], [user], domain="acme")  # type: ignore[arg-type]

# Directories.
assert_type(Directory(domain=domain), Directory)
assert_type(directory.domain, Domain)
assert_type(directory.roles, tuple[Role, ...])
assert_type(directory.agents, tuple[Agent, ...])
assert_type(directory.channels, tuple[Channel, ...])
assert_type((directory.labels, directory.types), tuple[Mapping[str, str], Mapping[str, str]])
assert_type(directory.inactive, frozenset[str])
assert_type(directory.unreadable, tuple[UnreadableRecord, ...])
unreadable = directory.unreadable[0]
assert_type((unreadable.kind, unreadable.id, unreadable.in_part), tuple[RecordKind, str | None, bool])
assert_type(unreadable.faults, tuple[exceptions.Fault, ...])
assert_type(attrs.evolve(directory, agents=[agent], labels={"s1": "Support"}), Directory)
assert_type(
    Directory.from_pages(
        domain,
        roles=[payload],
        users=iter([payload]),
        sources=({"count": 0, "offset": 0, "records": []},),
        ringcentral={user},
        kinds={"line": ChannelKind.CHANNEL_SDK},
    ),
    Directory,
)

Directory(roles=[role])  # type: ignore[call-arg]
Directory(domain=domain, agents=[role])  # type: ignore[list-item]
Directory.from_pages(domain, roles=[payload], users=[payload])  # type: ignore[call-arg]
Directory.from_pages("acme", roles=[], users=[], sources=[])  # type: ignore[arg-type]
Directory.from_pages(domain, roles=payload, users=[], sources=[])  # type: ignore[arg-type]
directory.roles = ()  # type: ignore[misc]

# The checklist and the audit.
steps_left = checklist(domain, agent, policy=policy)
assert_type(steps_left, Checklist)
assert_type(steps_left.steps, tuple[ChecklistStep, ...])
assert_type(steps_left.at_the_click, tuple[Rule[EscalationRequest], ...])
assert_type(steps_left.decision, Decision[EscalationRequest])
assert_type(steps_left.ready, bool)
todo = steps_left.steps[0]
assert_type((todo.code, todo.done, todo.status), tuple[str, bool, ReasonStatus])
assert_type((todo.requirement, todo.warning), tuple[str, str | None])
assert_type(todo.steps, tuple[Step, ...])
assert_type(todo.waits_for, tuple[str, ...])
report = audit(directory, policy=policy)
assert_type(report, Audit)
assert_type(report.directory, Directory)
assert_type(report.policy, Policy[EscalationRequest])
assert_type(report.agents(), Iterator[AgentAudit])
assert_type(next(report.agents()).agent, Agent)
assert_type(next(report.agents()).missing, tuple[str, ...])
assert_type(next(report.agents()).hidden, tuple[str, ...])
assert_type(next(report.agents()).unknown, tuple[str, ...])
assert_type(next(report.agents()).ready, bool)
assert_type(report.channels(), tuple[ChannelAudit, ...])
assert_type((report.channels()[0].channel, report.channels()[0].use), tuple[Channel, ChannelUse])
assert_type(report.classes(), tuple[AuditClass, ...])
assert_type(report.of(agent), AgentAudit)
assert_type(report.shared(), tuple[SharedValue, ...])
assert_type((report.shared()[0].field, report.shared()[0].agents), tuple[SharedField, tuple[Agent, ...]])
assert_type(setup_actions(report), tuple[SetupAction, ...])
assert_type(setup_actions(report)[0].roles, tuple[tuple[Role, int], ...])
assert_type(report.totals(), AuditTotals)
assert_type(AuditTotals.merge([report.totals()]), AuditTotals)
assert_type((report.totals().fingerprint, report.totals().repeated), tuple[str, int])
assert_type(report.totals(report.agents()).missing, Mapping[str, int])
assert_type(report.totals(report.agents()).unknown, Mapping[str, int])
assert_type((report.totals().agents, report.totals().ready), tuple[int, int])

checklist(agent, domain)  # type: ignore[arg-type]
checklist(domain, agent, policy)  # type: ignore[call-arg]
checklist(domain, agent, policy=grant_policy)  # type: ignore[arg-type]
audit(domain)  # type: ignore[arg-type]
audit(directory, policy)  # type: ignore[call-arg]
audit(directory, policy=grant_policy)  # type: ignore[arg-type]
report.totals([agent])  # type: ignore[list-item]

# Who can.
result = reach(directory, policy=policy, login=Login.SAML)
assert_type(result, Reach)
assert_type((result.directory, result.policy), tuple[Directory, Policy[EscalationRequest]])
assert_type(result.login, Login | None)
assert_type(result.classes, tuple[ReachClass, ...])
assert_type(result.unreadable, tuple[UnreadableRecord, ...])
assert_type(result.agents(channel), tuple[Agent, ...])
assert_type(result.channels(agent), tuple[Channel, ...])
pair = result.of(agent, channel)
assert_type((pair.agents, pair.channels), tuple[tuple[Agent, ...], tuple[Channel, ...]])
assert_type((pair.outcome, pair.missing, pair.open), tuple[Outcome, tuple[str, ...], tuple[str, ...]])
reach(domain)  # type: ignore[arg-type]
reach(directory, policy)  # type: ignore[call-arg]
reach(directory, policy=grant_policy)  # type: ignore[arg-type]
reach(directory, login="saml")  # type: ignore[arg-type]
result.of(channel, agent)  # type: ignore[arg-type]

# Decision records.
at = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
decision_record = record(decision, at=at, id="d1")
assert_type(decision_record, DecisionRecord)
assert_type(record(grant_policy.decide(Grant(agent, {})), at=at, id="d1", policy=grant_policy), DecisionRecord)
assert_type(
    record(
        decision, at=at, id="d1", correlation_id="c", facts_read_at=at, key=b"k" * 16, reveal=["agent"], mask={"login"}
    ),
    DecisionRecord,
)
assert_type((decision_record.id, decision_record.at, decision_record.effect), tuple[str, datetime, Effect])
assert_type(
    (decision_record.policy_id, decision_record.policy_version, decision_record.fingerprint),
    tuple[str, str | None, str],
)
assert_type(decision_record.reasons, tuple[RecordedReason, ...])
assert_type((decision_record.reasons[0].code, decision_record.reasons[0].status), tuple[str, ReasonStatus])
assert_type(
    (decision_record.reasons[0].evidence, decision_record.reasons[0].error), tuple[tuple[Evidence, ...], str | None]
)
assert_type(
    (decision_record.met, decision_record.hidden, decision_record.unknown),
    tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
)
assert_type(decision_record.masked, tuple[str, ...])
assert_type(decision_record.next_party, Party | None)
assert_type(decision_record.facts["agent.id"], str | int | float | bool | tuple[str | int | float | bool, ...] | None)
assert_type(decision_record.outputs, Mapping[str, bool])
assert_type((decision_record.correlation_id, decision_record.facts_read_at), tuple[str | None, datetime | None])
assert_type(decision_record.schema_version, str)
assert_type(decision_record.to_json(), str)
assert_type(DecisionRecord.from_json("{}"), DecisionRecord)
assert_type(DecisionRecord.from_json(b"{}"), DecisionRecord)
assert_type(DecisionRecord.from_payload({}), DecisionRecord)
assert_type(schema(), dict[str, Any])
assert_type(
    DecisionRecord(
        id="d1",
        at=at,
        effect=Effect.DENY,
        policy_id="p",
        fingerprint="f",
        reasons=[RecordedReason("r", ReasonStatus.UNMET, [Evidence("a", "is set", "not set")])],
        hidden=["h"],
        facts={"a": None, "b": ("x", "y"), "c": 1},
        outputs={"p": True},
    ),
    DecisionRecord,
)

record(decision, at, "d1")  # type: ignore[call-arg]
record(decision, at=at)  # type: ignore[call-arg]
record(request, at=at, id="d1")  # type: ignore[arg-type]
record(decision, at="2026-01-31T09:30:00Z", id="d1")  # type: ignore[arg-type]
record(decision, at=at, id="d1", key="k")  # type: ignore[arg-type]

decision_log = DecisionLogger(
    "decisions", deny_level=30, sample_allows=0.5, drop=lambda each: each.effect is Effect.ALLOW
)
assert_type(decision_log.log(decision, id="d1", at=at, facts_read_at=at), DecisionRecord | None)
assert_type((decision_log.dropped, decision_log.failed), tuple[int, int])
assert_type(to_authzen(decision, id="d1"), dict[str, Any])
read = read_records(["{}"], within="escalation_record", longest=100, window=10)
assert_type(read, Iterator[DecisionRecord | BrokenLine])
assert_type(DecisionRecord.from_row(decision_record.to_row()), DecisionRecord)
assert_type(decision_record.to_row(), dict[str, str | datetime | None])
assert_type(arrow_schema(), Any)
assert_type(BrokenLine(1, ()).number, int)
assert_type((BrokenLine(1, ()).file, BrokenLine(1, ()).offset), tuple[str | None, int | None])
with open_log("decisions.log", start=0, end=None) as opened:
    assert_type(read_records(opened), Iterator[DecisionRecord | BrokenLine])
counted = summarize(read, bucket=timedelta(hours=1))
assert_type(counted, Summary)
assert_type(Summary.merge([counted]), Summary)
assert_type((counted.bucket, counted.sample, counted.repeated), tuple[timedelta, Mapping[str, int], int])
assert_type((counted.allowed, counted.denied, counted.broken), tuple[int, int, int])
assert_type((counted.first, counted.last), tuple[datetime | None, datetime | None])
assert_type(counted.reasons, tuple[ReasonTally, ...])
assert_type((counted.agents, counted.times), tuple[tuple[Tally[str | None], ...], tuple[Tally[datetime], ...]])
replayed = replay(read, policy, keep=10)
assert_type(replayed, Replay)
assert_type(Replay.merge([replayed], keep=None), Replay)
assert_type((replayed.keep, replayed.sample, replayed.repeated), tuple[int, Mapping[str, int], int])
assert_type((replayed.same, replayed.changed, replayed.now_allowed, replayed.now_denied), tuple[int, int, int, int])
assert_type((replayed.flips, replayed.gaps), tuple[tuple[Replayed, ...], tuple[Replayed, ...]])
assert_type(replayed.missing, Mapping[str, int])
assert_type(replay_each(read, grant_policy), Iterator[Replayed])
again = next(replay_each(read, policy))
assert_type((again.effect, again.flipped, again.missing), tuple[Effect | None, bool, tuple[str, ...]])

decision_log.log(decision, "d1", at)  # type: ignore[call-arg]
DecisionLogger(deny_level="INFO")  # type: ignore[arg-type]
read_records([1])  # type: ignore[arg-type]
summarize(read, bucket=1)  # type: ignore[arg-type]
replay(read, "escalate_to_video")  # type: ignore[arg-type]
to_authzen(decision_record)  # type: ignore[arg-type]
record(decision, at=at, id="d1", mask=[1])  # type: ignore[list-item]
DecisionRecord(id="d1", at=at, effect="deny", policy_id="p", fingerprint="f")  # type: ignore[arg-type]
DecisionRecord.from_json({})  # type: ignore[arg-type]
decision_record.facts["a"] = 1  # type: ignore[index]
decision_record.id = "d2"  # type: ignore[misc]

# RingCentral Video.
client = httpx.Client(base_url="https://platform.ringcentral.com")
bridges: VideoProvider = RingCentralVideo(client, bridge="Scheduled", password=True)
async_bridges: AsyncVideoProvider = AsyncRingCentralVideo(httpx.AsyncClient(), bridge="Instant", password=False)
call_request = CallRequest(key="k", account_id="1", extension_id="2")
call = RingCentralVideo(client).create_call(call_request)
assert_type(call, VideoCall)
assert_type(RingCentralVideo(client).is_open(call), bool | None)
assert_type(ringcentral_user(client), RingCentralUser)
assert_type(video_access(client, user), VideoAccess)
RingCentralVideo(client, timeout=timedelta(seconds=5))
assert_type(ringcentral_user(client, timeout=timedelta(seconds=5)), RingCentralUser)


async def calls(each: AsyncRingCentralVideo) -> None:
    """Awaits what a coroutine of the provider gives."""
    assert_type(await each.create_call(call_request), VideoCall)
    assert_type(await each.is_open(call), bool | None)
    async_client = httpx.AsyncClient()
    assert_type(await ringcentral_user_async(async_client, timeout=timedelta(seconds=5)), RingCentralUser)
    assert_type(await video_access_async(async_client, user, timeout=timedelta(seconds=5)), VideoAccess)
    await ringcentral_user_async(client)  # type: ignore[arg-type]


RingCentralVideo(httpx.AsyncClient())  # type: ignore[arg-type]
AsyncRingCentralVideo(client)  # type: ignore[arg-type]
RingCentralVideo(client, bridge="PMI")  # type: ignore[arg-type]
RingCentralVideo(client, password="secret")  # type: ignore[arg-type]  # noqa: S106
RingCentralVideo(client, "Instant")  # type: ignore[call-arg]
RingCentralVideo(client, timeout=5)  # type: ignore[arg-type]
ringcentral_user(httpx.AsyncClient())  # type: ignore[arg-type]
wrong: VideoProvider = AsyncRingCentralVideo(httpx.AsyncClient())  # type: ignore[assignment]

# Errors.
fault = exceptions.Fault.mismatch("user.enabled", "nothing", "true or false")
assert_type(exceptions.Fault.mismatch("login", "a str", "a Login", closest="Login.SAML"), exceptions.Fault)
assert_type(exceptions.Fault("revoke", "is empty"), exceptions.Fault)
assert_type(exceptions.Fault("revoke", "is empty", found="nothing", accepted="a permission"), exceptions.Fault)
assert_type(fault.path + fault.problem, str)
assert_type(fault.found, str | None)
assert_type(fault.accepted, str | None)
assert_type(exceptions.InvalidPayloadError([fault]).faults, tuple[exceptions.Fault, ...])
assert_type(exceptions.InvalidValueError(fault).fault, exceptions.Fault)

# Builders.
assert_type(a_domain(id="acme", ringcentral_account_id=None), Domain)
assert_type(
    a_role(id="r1", domain_id="acme", label="Video", permissions=[Permission.USE_EMOJI], unknown_permissions=["new"]),
    Role,
)
assert_type(
    a_ringcentral_user(extension_id="1", account_id=None, video=VideoAccess.DENIED, email=None), RingCentralUser
)
assert_type(a_channel(id="s1", domain_id="acme", kind=ChannelKind.CHAT), Channel)
assert_type(an_intervention(id="i1", agent_id=None, state=InterventionState.OPEN), Intervention)
assert_type(an_agent(id="u1", domain_id="acme", role=role, enabled=False, email=None, ringcentral=None), Agent)
assert_type(
    an_agent(ringcentral=user, team_ids=["t1"], led_team_ids={"t1"}, role_id="r1", role_domain_id="acme"), Agent
)
assert_type(an_agent(role_label="Video", permissions=(), unknown_permissions=["new"], ringcentral_email=None), Agent)
assert_type(an_agent(extension_id="1", account_id=None, video=VideoAccess.UNKNOWN), Agent)
assert_type(
    a_message(id="c1", channel=channel, channel_id="s1", channel_domain_id="acme", intervention_id=None), Message
)
assert_type(a_message(channel=ChannelKind.CHAT, author=MessageAuthor.AGENT, private=None), Message)
assert_type(a_request(), EscalationRequest)
assert_type(a_request(policy=policy, denied_by="r", context={"open": True, "region": "EU", "n": 1}), EscalationRequest)
assert_type(a_request(denied_by=["video_access", "role_permits"], channel=ChannelKind.CHAT), EscalationRequest)
assert_type(
    a_request(domain=domain, agent=agent, login=Login.SAML, message=message, intervention=None), EscalationRequest
)
assert_type(a_request(domain_id="a", ringcentral_account_id=None, agent_id="u", agent_domain_id="a"), EscalationRequest)
assert_type(a_request(message_id="c", state=InterventionState.OPEN, intervention_agent_id=None), EscalationRequest)
assert_type(a_request(role=role, ringcentral=None, intervention_id=None, private=True), EscalationRequest)

a_domain("acme")  # type: ignore[call-arg]
a_domain(name="acme")  # type: ignore[call-arg]
a_channel(kind="chat")  # type: ignore[arg-type]
a_role(permissions=["use_emoji"])  # type: ignore[list-item]
an_agent(kind=ChannelKind.CHAT)  # type: ignore[call-arg]
a_message(channel="chat")  # type: ignore[arg-type]
a_request(chanel=ChannelKind.CHAT)  # type: ignore[call-arg]
a_request(enabled=None)  # type: ignore[arg-type]
a_request(policy=grant_policy)  # type: ignore[arg-type]
a_request(context={"ratio": 0.5})  # type: ignore[dict-item]

# Assertions.
grant = Grant(agent, {})
assert_type(assert_allowed(policy, request), Decision[EscalationRequest])
assert_type(assert_denied(policy, request, by="r"), Decision[EscalationRequest])
assert_type(assert_denied(grant_policy, grant, by={"may_edit", "open"}, among=True), Decision[Grant])

assert_allowed(policy, grant)  # type: ignore[misc]
assert_denied(policy, request)  # type: ignore[call-arg]
assert_denied(policy, request, "r")  # type: ignore[call-arg]
assert_denied(policy, request, by=None)  # type: ignore[arg-type]

assert_same(policy, policy, effort=1_000)
assert_no_looser(grant_policy, than=grant_policy, like=grant)
assert_never(policy, policy["r"].requires, like=request)

assert_type(missing_requests(policy), tuple[Obligation, ...])
missing_requests(grant_policy, covered_by=[grant], like=grant, effort=1_000)

assert_same(policy, grant_policy)  # type: ignore[misc]
assert_no_looser(policy, policy)  # type: ignore[call-arg]
assert_never(policy, policy["r"])  # type: ignore[arg-type]
missing_requests(policy, [grant])  # type: ignore[misc]

# Tables and laws.
assert_type(policy_table(policy, rows={"channel": ChannelKind}, columns={"role": {"plain": role}}), str)
assert_type(
    policy_table(policy, rows={"login": Login}, columns={"n": (1,)}, make=partial(a_request, policy=policy)), str
)
assert_type(
    policy_table(
        grant_policy, rows={"editor": {"one": agent}}, columns={"context": {"open": {"open": True}}}, make=Grant
    ),
    str,
)
check_policy(policy)
check_policy(policy, like=request)
check_policy(grant_policy, like=grant)

policy_table(grant_policy, rows={"login": Login}, columns={"n": [1]})  # type: ignore[arg-type]
policy_table(policy, rows={"login": Login}, columns={"n": 1})  # type: ignore[dict-item]
policy_table(policy, rows={"login": Login}, columns={"n": [1]}, make=Grant)  # type: ignore[arg-type]
check_policy(policy, like=grant)  # type: ignore[misc]
check_policy(policy, request)  # type: ignore[call-arg]

# Ledgers.
sqlite_ledger = SQLiteCallLedger("calls.db", timeout=timedelta(seconds=1))
also_a_ledger: CallLedger = SQLiteCallLedger(Path("calls.db"))
assert_type(sqlite_ledger.update("case", lambda case: (case, 7), now=at), int)
assert_type(sqlite_ledger.forget_lapsed(), int)
assert_type(sqlite_ledger.forget_lapsed(at, margin=timedelta(0)), int)
assert_type(sqlite_ledger.end_case(domain_id="acme", intervention_id="i1"), bool)
assert_type(entry_to_json(LedgerEntry()), str)
assert_type(entry_from_json(b"{}"), LedgerEntry)
check_call_ledger(InMemoryCallLedger)
check_call_ledger(lambda: SQLiteCallLedger("calls.db"), own_clock=True, thread_ends=print)

SQLiteCallLedger("calls.db", timeout=5.0)  # type: ignore[arg-type]
SQLiteCallLedger("calls.db", timedelta(1))  # type: ignore[call-arg]
sqlite_ledger.forget_lapsed("now")  # type: ignore[arg-type]
sqlite_ledger.end_case("acme", "i1")  # type: ignore[call-arg]
entry_from_json({})  # type: ignore[arg-type]
check_call_ledger(sqlite_ledger)  # type: ignore[arg-type]
check_call_ledger(InMemoryCallLedger, inside=nullcontext())  # type: ignore[arg-type]

# Strategies.
assert_type(strategies.domains(), SearchStrategy[Domain])
assert_type(strategies.roles(), SearchStrategy[Role])
assert_type(strategies.ringcentral_users(), SearchStrategy[RingCentralUser])
assert_type(strategies.agents(), SearchStrategy[Agent])
assert_type(strategies.channels(), SearchStrategy[Channel])
assert_type(strategies.messages(), SearchStrategy[Message])
assert_type(strategies.interventions(), SearchStrategy[Intervention])
assert_type(strategies.requests(), SearchStrategy[EscalationRequest])
assert_type(strategies.allowed_requests(), SearchStrategy[EscalationRequest])
assert_type(strategies.allowed_requests(policy, like=request), SearchStrategy[EscalationRequest])
assert_type(strategies.allowed_requests(grant_policy, like=grant), SearchStrategy[Grant])
assert_type(strategies.denied_requests(), SearchStrategy[EscalationRequest])
assert_type(strategies.denied_requests(policy, by="r"), SearchStrategy[EscalationRequest])
assert_type(strategies.denied_requests(grant_policy, by=["open"], like=grant), SearchStrategy[Grant])

strategies.allowed_requests(grant_policy)  # type: ignore[arg-type]
strategies.denied_requests(grant_policy, like=request)  # type: ignore[arg-type]
strategies.denied_requests(policy, "r")  # type: ignore[call-overload]

# The errors of the kit for tests.
no_request: exceptions.EscalationPolicyError = NoSuchRequestError("none")
no_rule: exceptions.EscalationPolicyError = NoSuchRuleError("none")

# Video calls.
call_request = CallRequest(key="k", account_id="1", extension_id="2")
call = VideoCall(
    id="b1", join_url="https://video.example/1", account_id="1", extension_id="2", created_at=datetime.now(UTC)
)
assert_type(call_request.key, str)
assert_type(call_request.title, str)
assert_type(call.created_at, datetime)
assert_type(call.hosted_as(call_request), bool)

CallRequest(key="k", account_id="1")  # type: ignore[call-arg]
CallRequest("k", "1", "2")  # type: ignore[call-arg]
call.id = "b2"  # type: ignore[misc]


class Video:
    """Makes calls."""

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Make a call."""
        raise NotImplementedError


class AsyncVideo:
    """Makes calls for asyncio, and knows which are open."""

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Make a call."""
        raise NotImplementedError

    async def is_open(self, call: VideoCall, /) -> bool | None:
        """Return whether a call is open."""
        raise NotImplementedError


class Audio:
    """Makes no calls."""

    def create_conference(self, call: CallRequest, /) -> VideoCall:
        """Make something else."""
        raise NotImplementedError


class Text:
    """A provider that only knows the links of its calls."""

    def create_call(self, call: CallRequest, /) -> str:
        """Make a link."""
        raise NotImplementedError


class Ledger(CallLedger):
    """Remembers nothing, and is complete."""

    def update(
        self, case: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, Any]], /, now: datetime | None = None
    ) -> Any:
        """Return the answer of `change`."""
        return change(LedgerEntry())[1]


class AsyncLedger(AsyncCallLedger):
    """Remembers nothing, and is complete."""

    async def update(
        self, entry_id: str, change: Callable[[LedgerEntry], tuple[LedgerEntry, Any]], /, now: datetime | None = None
    ) -> Any:
        """Return the answer of `change`."""
        return change(LedgerEntry())[1]


class Empty(CallLedger):
    """Lacks `update()`."""


provider: VideoProvider = Video()
provider = InMemoryVideoProvider(errors=[ValueError()], now=lambda: datetime.now(UTC))
async_provider: AsyncVideoProvider = AsyncVideo()
provider = AsyncVideo()  # type: ignore[assignment]
async_provider = Video()  # type: ignore[assignment]
provider = Audio()  # type: ignore[assignment]
provider = Text()  # type: ignore[assignment]

ledger: CallLedger = Ledger()
ledger = InMemoryCallLedger()
ledger = Empty()  # type: ignore[abstract]
ledger = Video()  # type: ignore[assignment]
assert_type(ledger.end("k"), bool)
assert_type(ledger.resolve("k", None), bool)
assert_type(ledger.resolve("k", call, now=datetime.now(UTC)), bool)
ledger.resolve("k")  # type: ignore[call-arg]
async_ledger: AsyncCallLedger = AsyncLedger()
check_call_ledger(AsyncLedger, inside=nullcontext)
async_ledger = Ledger()  # type: ignore[assignment]
ledger = AsyncLedger()  # type: ignore[assignment]

clicked = escalate(request, provider=provider, ledger=ledger)
assert_type(reply_payload(clicked, text="{link}"), dict[str, str])
reply_payload(clicked, "{link}")  # type: ignore[call-arg]
assert_type(clicked, Escalation)
assert_type(clicked.decision, Decision[EscalationRequest])
assert_type(clicked.outcome, EscalationOutcome)
assert_type(clicked.key, str | None)
assert_type(clicked.call, VideoCall | None)
assert_type(clicked.supersedes, VideoCall | None)
assert_type(clicked.reply_privately, bool)
escalate(
    request,
    provider=provider,
    ledger=ledger,
    policy=policy,
    again=True,
    reuse_for=timedelta(minutes=10),
    claim_timeout=timedelta(seconds=20),
    now=lambda: datetime.now(UTC),
    title="Call",
    wait=timedelta(seconds=5),
    on_end=lambda result: decision_log.click(result, id="d1", at=at),
)
assert_type(call_for(request, ledger=ledger, policy=policy, now=at), VideoCall | None)
call_for(request, ledger=async_ledger)  # type: ignore[arg-type]
assert_type(problem(clicked), Problem)
assert_type(problem(exceptions.LedgerError("it failed")).to_dict(), dict[str, Any])
problem(ValueError())  # type: ignore[arg-type]
escalate(request, provider=provider, ledger=ledger, wait=5)  # type: ignore[arg-type]
assert_type(CallRequest(key="k", account_id="1", extension_id="2").time_limit, timedelta | None)
assert_type(decision_log.click(clicked, id="d1", at=at), DecisionRecord | None)
assert_type(decision_record.outcome, str | None)
joined: str = clicked.call.join_url  # type: ignore[union-attr]
escalate(request, provider, ledger)  # type: ignore[call-arg]
escalate(request, provider=provider)  # type: ignore[call-arg]
escalate(request, provider=async_provider, ledger=ledger)  # type: ignore[arg-type]
escalate(request, provider=provider, ledger=async_ledger)  # type: ignore[arg-type]
escalate(request, provider=provider, ledger=ledger, policy=grant_policy)  # type: ignore[arg-type]
escalate(grant, provider=provider, ledger=ledger)  # type: ignore[arg-type]


async def click() -> None:
    """Escalates in asyncio."""
    assert_type(await escalate_async(request, provider=async_provider, ledger=ledger), Escalation)
    assert_type(await escalate_async(request, provider=provider, ledger=ledger, again=True), Escalation)
    assert_type(await escalate_async(request, provider=provider, ledger=async_ledger), Escalation)
    assert_type(await call_for_async(request, ledger=async_ledger), VideoCall | None)
    assert_type(await async_ledger.end("k"), bool)
    assert_type(await async_ledger.end_case(domain_id="acme", intervention_id="i1"), bool)
    assert_type(await async_ledger.resolve("k", call), bool)
    await escalate_async(request, provider=Audio(), ledger=ledger)  # type: ignore[arg-type]


unavailable = exceptions.ProviderUnavailableError("busy", retry_after=timedelta(seconds=30))
assert_type(unavailable.retry_after, timedelta | None)
assert_type(exceptions.ProviderRejectedError("no", code="CMN-109").code, str | None)
assert_type(exceptions.ProviderOutcomeUnknownError("lost", call_id="b1").call_id, str | None)
failed: exceptions.ClickError = unavailable
failed = exceptions.LedgerError("it failed")
assert_type(failed.outcome, str)
assert_type(failed.key, str | None)
assert_type(exceptions.CallInDoubtError("k", call).key, str)
assert_type(exceptions.CallInProgressError("k").key, str)

# The check of providers.


def video_against(service: VideoService) -> Video:
    """Make a provider whose requests a service answers."""
    assert_type(service.receive(), ServiceAnswer)
    assert_type(service.attempts, int)
    assert_type(service.arrivals, int)
    return Video()


check_video_provider(Video)
check_video_provider(AsyncVideo)
check_video_provider(lambda: video_against(VideoService()), against=video_against)
VideoService(ServiceAnswer.LOST)

check_video_provider(Video())  # type: ignore[arg-type]
check_video_provider(Audio)  # type: ignore[arg-type]
check_video_provider(Video, against=Video)  # type: ignore[arg-type]
check_video_provider(Video, video_against)  # type: ignore[call-arg]
VideoService("lost")  # type: ignore[arg-type]

# What is known of a request.
residual = given(ESCALATE_TO_VIDEO, {fact(lambda r: r.agent): agent, fact(lambda r: r.login): None}, effort=9)
assert_type(residual, Residual[EscalationRequest])
assert_type((residual.outcome, residual.codes), tuple[Outcome, tuple[str, ...]])
assert_type(residual.policy, Policy[EscalationRequest] | None)
assert_type(given(grant_policy, {}, like=Grant(agent, {})), Residual[Grant])
given(ESCALATE_TO_VIDEO)  # type: ignore[call-arg]
given(ESCALATE_TO_VIDEO, {"login": None})  # type: ignore[dict-item]

# Policies as SQL.

columns: dict[Any, str | Column] = {
    fact(lambda r: r.agent.id): "a.id",
    fact(lambda r: r.agent.team_ids): Column("a.id", members="SELECT team_id FROM teams WHERE agent_id = a.id"),
}
assert_type(where(ESCALATE_TO_VIDEO, columns), Where[tuple[str | int | bool, ...]])
assert_type(where(ESCALATE_TO_VIDEO, columns, style="format").parameters, tuple[str | int | bool, ...])
assert_type(where(ESCALATE_TO_VIDEO, columns, style="named").parameters, dict[str, str | int | bool])
assert_type(where(ESCALATE_TO_VIDEO, {fact(lambda r: r.agent.id): "a.id", fact(lambda r: r.login): "l"}).sql, str)
assert_type(exceptions.UntranslatableError([fault]).faults, tuple[exceptions.Fault, ...])
where(ESCALATE_TO_VIDEO, columns, style="pyformat")  # type: ignore[call-overload]
where(ESCALATE_TO_VIDEO, {fact(lambda r: r.login): None})  # type: ignore[dict-item]
where(ESCALATE_TO_VIDEO["agent_enabled"], columns)  # type: ignore[call-overload]


def selected(condition: Where[Any]) -> dict[int, str]:
    """Run a query."""
    return {1: condition.sql}


def request_of(row: str) -> EscalationRequest | None:
    """Make the request of a row."""
    return a_request(email=row)


check_where(ESCALATE_TO_VIDEO, columns, select=selected, request_of=request_of, style="named")
check_where(ESCALATE_TO_VIDEO, columns, select=selected, request_of=selected)  # type: ignore[arg-type]
# Ledgers in databases.


async def keep_calls(engine: Engine, async_engine: AsyncEngine, session: Session) -> None:
    """Keep calls in each of them."""
    table = call_table(MetaData(), "calls")
    assert_type(table, Table)
    shared: list[CallLedger] = [SQLAlchemyCallLedger(engine), DjangoCallLedger(), DjangoCallLedger(using="calls")]
    assert_type(shared[0].end("k"), bool)
    assert_type(SQLAlchemyCallLedger(engine, table=table).forget_lapsed(), int)
    assert_type(DjangoCallLedger("calls").forget_lapsed(datetime.now(UTC), margin=timedelta(0)), int)
    async_ledger: AsyncCallLedger = AsyncSQLAlchemyCallLedger(async_engine, table=table)
    assert_type(await async_ledger.end("k"), bool)
    assert_type(await AsyncSQLAlchemyCallLedger(async_engine).forget_lapsed(), int)
    assert_type(await escalate_async(request, provider=provider, ledger=async_ledger), Escalation)

    SQLAlchemyCallLedger(session)  # type: ignore[arg-type]
    SQLAlchemyCallLedger(async_engine)  # type: ignore[arg-type]
    SQLAlchemyCallLedger(engine, table)  # type: ignore[call-arg]
    AsyncSQLAlchemyCallLedger(engine)  # type: ignore[arg-type]
    escalate(request, provider=provider, ledger=async_ledger)  # type: ignore[arg-type]


async def load(client: httpx.Client, async_client: httpx.AsyncClient, role_record: dict[str, object]) -> None:
    """Load a click and a domain."""

    def look_up(extension_id: str) -> RingCentralUser:
        return RingCentralUser(extension_id=extension_id)

    async def look_up_async(extension_id: str) -> RingCentralUser | None:
        return look_up(extension_id)

    api = EngageApi(client, domain=domain, kinds={"portal": ChannelKind.CHANNEL_SDK}, timeout=timedelta(seconds=5))
    async_api = AsyncEngageApi(async_client, domain=domain)
    loaded = api.request_for(content_id="c1", user_id="u1", login=Login.SAML, ringcentral=look_up, role=role_record)
    assert_type(loaded, Loaded)
    assert_type(loaded.request, EscalationRequest)
    assert_type(loaded.facts_read_at, datetime)
    for lookup in (look_up, look_up_async, None):
        await async_api.request_for(content_id="c1", user_id="u1", login=Login.SAML, ringcentral=lookup)
    assert_type(api.read_page("users", offset=150), dict[str, Any])
    assert_type(await async_api.read_page("roles"), dict[str, Any])
    assert_type(load_directory(api, progress=lambda name, done, total: (name, done / total)), Directory)
    assert_type(await load_directory_async(async_api, patience=timedelta(0)), Directory)
    assert_type(exceptions.EngageRefusedError("role", 403).status, int | None)
    assert_type(exceptions.EngageUnavailableError("busy").retry_after, timedelta | None)

    EngageApi(async_client, domain=domain)  # type: ignore[arg-type]
    api.request_for(content_id="c1", user_id="u1", login=Login.SAML, ringcentral=look_up_async)  # type: ignore[arg-type]
    load_directory(async_api)  # type: ignore[arg-type]
