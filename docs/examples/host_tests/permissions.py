"""When our agents may turn a message into a video call: the built-in rules, and three of our own."""

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, EscalationRequest, Permission, Rule, context, fact


def is_low(score: int) -> bool:
    """Return whether a risk score is low enough for a call."""
    return score < 5


night = context("night", bool).is_true()
in_our_chats = fact(lambda r: r.message.channel.kind).one_of([ChannelKind.CHAT, ChannelKind.ENGAGE_MESSAGING])
edits_all_cases = fact(lambda r: r.agent.role.permissions).contains(Permission.UPDATE_INTERVENTION)

quiet_hours = Rule(
    "quiet_hours",
    ~night | (in_our_chats & edits_all_cases),
    after=["channel_supported"],
    agent_text="At night only supervisors start video calls, and only from our own chats.",
)
of_age = Rule(
    "of_age",
    ~context("minor", bool).is_true(),
    agent_text="This customer is under age. Please go on in writing.",
)
low_risk = Rule(
    "low_risk",
    context("risk_score", int).satisfies("a score below 5", is_low, version="1"),
    agent_text="Please have this customer's identity checked first.",
)
POLICY = ESCALATE_TO_VIDEO.with_rules(quiet_hours, of_age, low_risk)


def button_text(request: EscalationRequest) -> str | None:
    """Return why the button is grey, or None if it may be clicked."""
    decision = POLICY.decide(request)
    return None if decision else decision.reasons[0].agent_text
