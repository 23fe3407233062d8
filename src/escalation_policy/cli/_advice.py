"""What administrators can do for agents who are not ready, in short sentences: what, who, and where to click."""

from collections.abc import Mapping
from typing import Final, NamedTuple, final

from .. import Party, Policy
from ..administration import SetupAction
from ._decisions import PARTY_NAMES, steps_of

#: How many roles a sentence names.
_MAX_ROLES: Final = 3


@final
class Advice(NamedTuple):
    """What to do, who does it, and where."""

    what: str
    who: str
    where: str


_EDIT_AGENT: Final = "Users > Agents, Edit (the pencil)"
_ENGAGE: Final = PARTY_NAMES[Party.ENGAGE_ADMINISTRATOR]
_RINGCENTRAL: Final = PARTY_NAMES[Party.RINGCENTRAL_ADMINISTRATOR]
_BOTH: Final = "Both administrators"
_LOOKUP: Final = Advice(
    "Look up the account and the video access of the agents' extensions",
    _RINGCENTRAL,
    "add it to ringcentral.json, and audit again",
)
_ADVICE: Final[Mapping[str, Advice]] = {
    "domain_linked": Advice(
        "Have the domain associated with your company's RingCentral account",
        _ENGAGE,
        "ask your contact at RingCentral; no setting of Engage Digital does it",
    ),
    "agent_enabled": Advice(
        "Enable the accounts of agents who are meant to work", _ENGAGE, f"{_EDIT_AGENT}, enable the account, Save"
    ),
    "role_permits": Advice("Tick Use Escalate to Video on", _ENGAGE, "Users > Roles & permissions"),
    "extension_linked": Advice(
        "Enter RingCentral IDs of extensions in the domain's account with RingCentral Video",
        _BOTH,
        "import users, or Users > Agents, Edit, Personal Infos",
    ),
    "extension_in_account": Advice(
        "Give agents an extension in the domain's RingCentral account, and enter its ID",
        _BOTH,
        "import users, or Users > Agents, Edit, Personal Infos",
    ),
    "video_access": Advice(
        "Give the agents' extensions access to RingCentral Video",
        _RINGCENTRAL,
        "in RingCentral; RingCentral Meetings is not enough",
    ),
}


def advice(action: SetupAction, policy: Policy) -> Advice:
    """Return the advice for an action. A rule of the host's gives it in its own words."""
    if action.is_lookup:
        return _LOOKUP
    code = action.codes[0]
    words = _ADVICE.get(code)
    if words is None:
        steps = steps_of(policy[code].remedy)
        party, text = (PARTY_NAMES[steps[0].party], steps[0].text.rstrip(".")) if steps else ("-", "-")
        return Advice(f"Meet {code}: {policy[code].explanation.rstrip('.')}", party, text)
    return words._replace(what=f"{words.what} {_roles(action)}") if action.roles else words


def effect(action: SetupAction) -> str:
    """Return how many agents an action makes ready."""
    need = f"{action.agents:,} {'needs' if action.agents == 1 else 'need'} it"
    if not action.ready:
        return f"nobody is ready by this alone; {need}"
    limit = "at most " if action.is_lookup else ""
    ready = "1 more agent is ready" if action.ready == 1 else f"{action.ready:,} more agents are ready"
    return f"{limit}{ready}" if action.ready == action.agents else f"{limit}{ready}; {need}"


def _roles(action: SetupAction) -> str:
    """Return the roles of an action in words, with the numbers of agents that they make ready if there are several."""
    several = len(action.roles) > 1
    names = [f"{role.label} ({count:,})" if several and count else role.label for role, count in action.roles]
    if len(names) > _MAX_ROLES:
        return f"roles {', '.join(names[:_MAX_ROLES])} and {len(names) - _MAX_ROLES:,} more"
    return f"roles {', '.join(names[:-1])} and {names[-1]}" if several else f"role {names[0]}"
