"""The whole question at once: every record of one click, read together and checked against the others."""

from collections.abc import Mapping

from .._enums import ChannelKind, Login
from .._fields import check_types
from .._reading import ID, PayloadReader, collect_faults
from .._request import ContextValue, EscalationRequest
from .._values import Domain, RingCentralUser
from ._conversations import read_channel, read_intervention, read_message
from ._people import read_agent, read_role

Payload = Mapping[str, object]


def request_from_payloads(  # noqa: PLR0913  # one click has as many records
    *,
    domain: Domain,
    user: Payload,
    role: Payload,
    source: Payload,
    content: Payload,
    intervention: Payload | None,
    login: Login,
    ringcentral: RingCentralUser | None = None,
    identity: Payload | None = None,
    kinds: Mapping[str, ChannelKind] = {},
    event: str | None = None,
    deferred: bool | None = None,
    context: Mapping[str, ContextValue] = {},
) -> EscalationRequest:
    """Reads all records of one request and refuses those that do not belong together.

    Args:
        domain: The domain all records were read from.
        user: The agent's User record.
        role: The Role record that `user` names.
        source: The Source record of the message's channel.
        content: The Content record of the message.
        intervention: The Intervention record of the case the agent is working on. None: they are engaged with nobody.
        login: How the agent's session was opened; no record tells.
        ringcentral: As for `agent_from_payload()`.
        identity: As for `message_from_payload()`.
        kinds: As for `channel_from_payload()`.
        event: As for `intervention_from_payload()`.
        deferred: As for `intervention_from_payload()`.
        context: What the host's own rules need.

    Raises:
        InvalidPayloadError: A record is malformed, the user has another role (the one given is stale), the message is
            on another channel (it was moved), the intervention is of another channel or thread, or the RingCentral ids
            disagree. All faults of all records are in it.
    """
    with collect_faults() as faults:
        check_types(Domain, domain=domain)
        held = read_role(PayloadReader(faults, "role", role), domain.id)
        agent = read_agent(PayloadReader(faults, "user", user), domain.id, held, ringcentral)
        channel = read_channel(PayloadReader(faults, "source", source), domain.id, kinds)
        post = PayloadReader(faults, "content", content, resource=True)
        message = read_message(
            post, channel, None if identity is None else PayloadReader(faults, "identity", identity), kinds
        )
        engaged = None
        if intervention is not None:
            case = PayloadReader(faults, "intervention", intervention, resource=True)
            engaged = read_intervention(case, event, deferred=deferred)
            case.check_id(channel.id, "the id of the content's channel", "source_id")
            case.check_id(post.optional(ID, "thread_id", "threadId"), "the thread of the content", "thread_id")
        return EscalationRequest(
            domain=domain, agent=agent, login=login, message=message, intervention=engaged, context=context
        )
