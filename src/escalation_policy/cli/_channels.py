"""`channels`: on which kinds of channels a policy can allow anything, as text and as JSON."""

import argparse
from typing import Final

from .. import ChannelKind, EscalationRequest, Policy, fact
from ..analysis import Outcome, given
from ._decisions import policy_data, version_suffix
from ._imports import chosen_policy
from ._output import Output
from ._parser import YES

_KIND: Final = fact(lambda r: r.message.channel.kind)
_PRIVATE: Final = fact(lambda r: r.message.private)
_COLUMNS: Final = {"private": True, "public": False}


def run_channels(arguments: argparse.Namespace, output: Output) -> int:
    """Print for each kind of channel whether a private and a public message can be allowed."""
    policy = chosen_policy(arguments)
    rows = {
        kind: {name: _in_the_way(policy, kind, private=private) for name, private in _COLUMNS.items()}
        for kind in ChannelKind
    }
    if output.format == "json":
        output.add_json(
            **policy_data(policy),
            channels=[
                {"kind": kind.value, **{name: {"possible": not codes, "codes": codes} for name, codes in row.items()}}
                for kind, row in rows.items()
            ],
        )
        return YES
    output.add("", (f"Channels of {policy.id}{version_suffix(policy.version)}", "bold"))
    lines = [
        (kind.value, *(f"no: {', '.join(codes)}" if codes else "yes" for codes in row.values()))
        for kind, row in rows.items()
    ]
    output.add_table("", [("", "private message", "public message"), *lines])
    return YES


def _in_the_way(policy: Policy[EscalationRequest], kind: ChannelKind, *, private: bool) -> tuple[str, ...]:
    """Return the rules that deny every such message; none if some request is allowed."""
    rest = given(policy, {_KIND: kind, _PRIVATE: private})
    return rest.codes if rest.outcome is Outcome.NEVER else ()
