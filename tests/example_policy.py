"""A host's own policy, as the command line finds it."""

from typing import Final

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Party, Remedy, Rule, Step, context, fact

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
NO_POLICY: Final = "policy"
