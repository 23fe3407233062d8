"""A host's own policy, as the command line finds it."""

from typing import Final

import attrs

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Facts, Party, Policy, Remedy, Rule, Step, context, fact

_WAIT: Final = Remedy([Step(Party.AGENT, "Wait for the morning.")])
#: Supervisors may call in cases of others.
POLICY: Final = ESCALATE_TO_VIDEO.without("intervention_owned", "ringcentral_sso")
#: It asks for what the example log does not tell.
HOURS: Final = ESCALATE_TO_VIDEO.with_rules(
    Rule("opening_hours", context("open", bool).is_true(), explanation="The office must be open.", remedy=_WAIT)
)
NO_WHATSAPP: Final = ESCALATE_TO_VIDEO.with_rules(
    Rule("no_whats_app", ~fact(lambda r: r.message.channel.kind).equals(ChannelKind.WHATSAPP))
)
#: It asks for more of an agent than the product does.
SETUP: Final = ESCALATE_TO_VIDEO.with_rules(
    Rule(
        "has_email",
        fact(lambda r: r.agent.email).is_set(),
        explanation="The agent needs an address.",
        remedy=Remedy([Step(Party.AGENT, "Enter it.")]),
    ),
    Rule("in_team", fact(lambda r: r.agent.team_ids).contains("60a4")),
)


@attrs.frozen
class Order:
    """Something else that a host decides about."""

    paid: bool


OTHER_REQUESTS: Final = Policy("orders", [Rule("paid", Facts(Order)(lambda order: order.paid).is_true())])
NO_POLICY: Final = "policy"
