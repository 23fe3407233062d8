"""Who may escalate a message to video: the product page as code.

The page is RingCentral's "Engage Digital | Enabling Escalate to Video for an agent". Since 2022 the product says
*Switch to Video*; the permission's key is still `escalate_to_video`. Each rule quotes the sentence that it comes from. A
rule whose source is "safety" comes from no sentence: the library adds it because it fails closed.
"""

from typing import Final

from ._engine.facts import fact
from ._engine.policy import Policy
from ._engine.rules import Remedy, Rule, Step
from ._enums import ChannelKind, InterventionState, Login, MessageAuthor, Party, Permission, VideoAccess

#: The ten channels of the page. One of them, Source SDK, has two keys.
SUPPORTED_CHANNELS: Final = frozenset(
    {
        ChannelKind.ENGAGE_MESSAGING,
        ChannelKind.CHAT,  # Engage Chat
        ChannelKind.MESSENGER,  # Facebook Messenger
        ChannelKind.GOOGLE_BUSINESS_MESSAGES,  # see `RETIRED_CHANNELS`
        ChannelKind.TWITTER,  # only private messages: see `twitter_private`
        ChannelKind.DIGITAL_SMS,  # RingCentral SMS/MMS
        ChannelKind.APPLE_BUSINESS_CHAT,  # since renamed Apple Messages for Business
        ChannelKind.WHATSAPP,
        ChannelKind.VIBER,
        ChannelKind.DIMELO_SDK,  # Source SDK
        ChannelKind.CHANNEL_SDK,  # Source SDK
    }
)
#: Still listed, but Google closed the service in July 2024.
RETIRED_CHANNELS: Final = frozenset({ChannelKind.GOOGLE_BUSINESS_MESSAGES})

_domain_account = fact(lambda r: r.domain.ringcentral_account_id)
_ringcentral = fact(lambda r: r.agent.ringcentral)
_kind = fact(lambda r: r.message.channel.kind)
_intervention = fact(lambda r: r.intervention)

_EDIT_AGENT: Final = "Users > Agents: find the agent, hover over the line and click Edit (the pencil at the far right)"
_PERMISSION: Final = "Use Escalate to Video (called Use Switch to Video since 2022)"
_SAME_DOMAIN: Final = (
    "Load all records of a request from the domain in which it is asked; nothing of another domain counts."
)


def _remedy(*steps: Step) -> Remedy:
    return Remedy(steps)


ESCALATE_TO_VIDEO: Final = Policy(
    "escalate_to_video",
    version="1",
    rules=(
        Rule(
            "domain_linked",
            _domain_account.is_set(),
            explanation="The Engage Digital domain must be associated with a RingCentral account ID (a RingEX account).",
            agent_text="Video calls are not set up for your company yet.",
            remedy=_remedy(
                Step(
                    Party.ENGAGE_ADMINISTRATOR,
                    "Ask your contact at RingCentral to associate the Engage Digital domain with your company's "
                    "RingCentral account ID; no setting of Engage Digital does it.",
                ),
                Step(Party.RINGCENTRAL, "Associate the Engage Digital domain with that RingCentral account ID."),
            ),
            source="To use this feature, your company's Engage Digital domain needs to be associated with a "
            "RingCentral account ID, and the agent must have access to RingCentral Video in that account.",
        ),
        Rule(
            "agent_enabled",
            fact(lambda r: r.agent.enabled).is_true(),
            explanation="The agent's Engage Digital account must be enabled.",
            agent_text="Your account is disabled.",
            remedy=_remedy(
                Step(
                    Party.ENGAGE_ADMINISTRATOR,
                    f"If the agent is meant to work: {_EDIT_AGENT}, enable the account, click Save.",
                ),
            ),
            source="safety",
        ),
        Rule(
            "agent_in_domain",
            fact(lambda r: r.agent.domain_id).equals(fact(lambda r: r.domain.id)),
            explanation="The agent must belong to the domain in which the request is made.",
            agent_text="Something went wrong: your account does not belong here.",
            remedy=_remedy(Step(Party.DEVELOPER, _SAME_DOMAIN)),
            source="safety",
        ),
        Rule(
            "role_in_domain",
            fact(lambda r: r.agent.role.domain_id).equals(fact(lambda r: r.domain.id)),
            explanation="The agent's role must belong to the domain in which the request is made.",
            agent_text="Something went wrong: your role does not belong here.",
            remedy=_remedy(Step(Party.DEVELOPER, _SAME_DOMAIN)),
            source="safety",
        ),
        Rule(
            "channel_in_domain",
            fact(lambda r: r.message.channel.domain_id).equals(fact(lambda r: r.domain.id)),
            explanation="The message's channel must belong to the domain in which the request is made.",
            agent_text="Something went wrong: this channel does not belong here.",
            remedy=_remedy(Step(Party.DEVELOPER, _SAME_DOMAIN)),
            source="safety",
        ),
        Rule(
            "role_permits",
            fact(lambda r: r.agent.role.permissions).contains(Permission.ESCALATE_TO_VIDEO),
            explanation=f"The agent's role must hold the permission {_PERMISSION}; the default Agent role does not.",
            agent_text="Your role does not include video calls.",
            remedy=_remedy(
                Step(
                    Party.ENGAGE_ADMINISTRATOR,
                    "Either for everybody who has the agent's role, the default Agent role included: Users > Roles "
                    f"& permissions: edit that role, place a checkmark for {_PERMISSION}, click Save.",
                ),
                Step(
                    Party.ENGAGE_ADMINISTRATOR,
                    "Or for certain agents, with a custom role: Users > Roles & permissions > Add: enter a Label, "
                    f"place a checkmark for {_PERMISSION} and for each other permission that the role shall "
                    "grant (a new role has all of them unchecked), click Save.",
                ),
                Step(
                    Party.ENGAGE_ADMINISTRATOR,
                    f"Then assign the custom role: {_EDIT_AGENT}, in Settings select the new Role, click Save.",
                ),
                Step(
                    Party.ENGAGE_ADMINISTRATOR,
                    "If the permission is not listed: ask your contact at RingCentral; it is available only with the "
                    "corresponding configuration of the domain.",
                ),
            ),
            source="Agents must be granted a role that has the Use Escalate to Video permission.",
        ),
        Rule(
            "extension_linked",
            _ringcentral.then(lambda user: user.extension_id).is_set(),
            explanation="The agent's profile must hold a RingCentral ID (the RingEX extension ID).",
            agent_text="Your account is not connected to a RingCentral account.",
            remedy=_remedy(
                Step(
                    Party.RINGCENTRAL_ADMINISTRATOR,
                    "Either import the users into Engage Digital, which maps them by e-mail address, or give the "
                    "Engage administrator the RingCentral IDs of the agents who are to use video.",
                ),
                Step(
                    Party.ENGAGE_ADMINISTRATOR,
                    f"If they were not imported: {_EDIT_AGENT}, in Personal Infos enter the RingCentral ID, click "
                    "Save. For a new agent, enter it when creating the user.",
                ),
            ),
            source="Available only for agents with a RingEX extension ID, logged in with RingCentral SSO.",
        ),
        Rule(
            "extension_in_account",
            _ringcentral.then(lambda user: user.account_id).equals(_domain_account),
            after=("domain_linked", "extension_linked"),
            explanation="The agent's extension must be in the RingCentral account that the domain is associated with.",
            agent_text="Your RingCentral account is not the one of your company's Engage Digital.",
            remedy=_remedy(
                Step(
                    Party.RINGCENTRAL_ADMINISTRATOR,
                    "Give the agent an extension in the RingCentral account that the Engage Digital domain is "
                    "associated with. Then import the users again, or give the extension's RingCentral ID to the "
                    "Engage administrator.",
                ),
                Step(
                    Party.ENGAGE_ADMINISTRATOR,
                    f"If they were not imported: {_EDIT_AGENT}, in Personal Infos enter that RingCentral ID, click "
                    "Save. If it is the domain that is associated with the wrong account, ask your contact at "
                    "RingCentral.",
                ),
            ),
            source="To use this feature, your company's Engage Digital domain needs to be associated with a "
            "RingCentral account ID, and the agent must have access to RingCentral Video in that account.",
        ),
        Rule(
            "video_access",
            _ringcentral.then(lambda user: user.video).equals(VideoAccess.GRANTED),
            after=("extension_linked",),
            explanation="The agent's extension must have access to RingCentral Video.",
            agent_text="Your RingCentral account has no access to RingCentral Video.",
            remedy=_remedy(
                Step(
                    Party.RINGCENTRAL_ADMINISTRATOR,
                    "Give the agent's extension access to RingCentral Video; RingCentral Meetings is not enough.",
                ),
            ),
            source="The agent needs to have a RingCentral account and access to RingCentral Video to create the video call.",
        ),
        Rule(
            "ringcentral_sso",
            fact(lambda r: r.login).equals(Login.RINGCENTRAL_SSO),
            explanation="The agent must be logged in with RingCentral SSO.",
            agent_text="You are not logged in with RingCentral.",
            remedy=_remedy(
                Step(Party.AGENT, "Log out of Engage Digital, and log in again with Sign in with RingCentral.")
            ),
            source="Available only for agents with a RingEX extension ID, logged in with RingCentral SSO.",
        ),
        Rule(
            "channel_supported",
            _kind.one_of(SUPPORTED_CHANNELS),
            explanation="Escalate to Video (Switch to Video) must be available for the message's channel.",
            agent_text="Video calls are not available on this channel.",
            remedy=_remedy(
                Step(
                    Party.NOBODY,
                    "A channel that is not listed has no video calls. Go on in writing, or meet the customer on Engage Messaging, "
                    "Engage Chat, Facebook Messenger, Twitter (private messages), RingCentral SMS/MMS, Apple Business Chat "
                    "(now Apple Messages for Business), WhatsApp, Viber or a Source SDK channel. (Google Business "
                    "Messages is listed too, but Google closed it in July 2024.)",
                ),
            ),
            source="Available for the following channels: Engage Messaging, Engage Chat, Facebook Messenger, Google Business "
            "Messages, Twitter (only private messages via the 'private reply' button. Twitter search not supported), "
            "RingCentral SMS/MMS, Apple Business Chat, WhatsApp, Viber, Source SDK",
        ),
        Rule(
            "twitter_private",
            ~_kind.equals(ChannelKind.TWITTER) | fact(lambda r: r.message.private).is_true(),
            after=("channel_supported",),
            explanation="On Twitter the message must be a private one; a public tweet does not do, even with a private reply.",
            agent_text="On Twitter, video calls start from private messages only.",
            remedy=_remedy(
                Step(Party.AGENT, "Use Private reply; when the customer answers privately, escalate from that message.")
            ),
            source="Twitter (only private messages via the 'private reply' button. Twitter search not supported)",
        ),
        Rule(
            "customer_message",
            fact(lambda r: r.message.author).equals(MessageAuthor.CUSTOMER),
            explanation="The message must have been written by the customer.",
            agent_text="This message was not written by the customer.",
            remedy=_remedy(
                Step(Party.AGENT, "Click on a message of the customer, then click Escalate to Video (Switch to Video).")
            ),
            source="The agent can access this feature while engaged with a customer by clicking on the customer message "
            "then clicking Escalate to Video.",
        ),
        Rule(
            "agent_engaged",
            _intervention.then(lambda case: case.state).equals(InterventionState.OPEN),
            explanation="The agent must be engaged with the customer: their case must be open, neither deferred nor closed.",
            agent_text="You are not engaged with this customer right now.",
            remedy=_remedy(Step(Party.AGENT, "Engage the customer, or reopen or reactivate the case, and try again.")),
            source="The agent can access this feature while engaged with a customer by clicking on the customer message "
            "then clicking Escalate to Video.",
        ),
        Rule(
            "message_in_intervention",
            fact(lambda r: r.message.intervention_id).equals(_intervention.then(lambda case: case.id)),
            after=("agent_engaged",),
            explanation="The message must belong to the case that the agent is working on.",
            agent_text="This message does not belong to the case you are working on.",
            remedy=_remedy(Step(Party.AGENT, "Click on a message of the case that you are working on.")),
            source="Escalate to Video allows agents working a message to create a video call with a customer using "
            "RingCentral Video.",
        ),
        Rule(
            "intervention_owned",
            _intervention.then(lambda case: case.agent_id).equals(fact(lambda r: r.agent.id)),
            after=("agent_engaged",),
            explanation="The case must be assigned to the agent who escalates.",
            agent_text="This case is not assigned to you.",
            remedy=_remedy(
                Step(Party.AGENT, "Have the case assigned to you, or leave the call to the agent who has it.")
            ),
            source="safety",
        ),
    ),
)
