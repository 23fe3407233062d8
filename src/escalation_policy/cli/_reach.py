"""Who may escalate on which channels, as text and JSON."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Final

from .. import Login
from ..administration import Reach, ReachClass, reach
from ..analysis import Outcome
from ._decisions import policy_data, version_suffix
from ._directories import read_directory
from ._imports import chosen_policy
from ._output import Output, count_of
from ._parser import YES
from ._progress import ProgressBar

#: How many ids of agents a line shows.
_MAX_IDS: Final = 5

#: The answers for one class of agents on all channels, or for all agents on one class of channels.
_Answers = list[ReachClass]


def run_who_can(arguments: argparse.Namespace, output: Output) -> int:
    """Show which agents of a domain can escalate."""
    policy, login = chosen_policy(arguments), None if arguments.login is None else Login(arguments.login)
    with ProgressBar() as progress:
        directory = read_directory(arguments.path, progress)
        progress.begin("Deciding")
        add_reach(output, reach(directory, policy=policy, login=login))
    return YES


def add_reach(output: Output, reach: Reach) -> None:
    """Add the reach of a policy in the format of the output."""
    {"text": _add_text, "json": _add_json}[output.format](output, reach)


def _add_text(output: Output, reach: Reach) -> None:
    """Add how many agents can, what is decided at the click, the channels, and the classes of agents."""
    policy, directory, at_the_click = reach.policy, reach.directory, _at_the_click(reach)
    rows, columns = _rows(reach), _columns(reach)
    output.add(
        "", (f"Who can escalate in {directory.domain.id} by {policy.id}{version_suffix(policy.version)}", "bold")
    )
    output.add("")
    agents = f"{_agents_who_can(rows):,} of {count_of(len(directory.agents), 'agent')} can"
    channels = sum(_can(columns[channel.id]) for channel in directory.channels if rows)
    output.add("", f"{agents}, on {channels:,} of {count_of(len(directory.channels), 'channel')}.")
    if at_the_click:
        output.add("", f"Each click also has to meet {', '.join(at_the_click)}.")
    if not rows:
        return
    output.add_table(
        "Channels",
        [
            (channel.id, channel.kind.value, *_cells_of_channel(reach, columns[channel.id], at_the_click))
            for channel in directory.channels
        ],
    )
    output.add_table("Agents", [*(_cells_of_agents(reach, row) for row in rows), *_cells_of_unreadable(reach)])


def _rows(reach: Reach) -> list[_Answers]:
    """Return the answers for each class of agents."""
    rows: dict[str, _Answers] = {}
    for each in reach.classes:
        rows.setdefault(each.agents[0].id, []).append(each)
    return list(rows.values())


def _columns(reach: Reach) -> dict[str, _Answers]:
    """Return the answers for each channel, by its id."""
    columns: dict[str, _Answers] = {}
    for each in reach.classes:
        for channel in each.channels:
            columns.setdefault(channel.id, []).append(each)
    return columns


def _can(answers: _Answers) -> bool:
    return any(each.outcome is not Outcome.NEVER for each in answers)


def _agents_who_can(rows: Iterable[_Answers]) -> int:
    return sum(len(row[0].agents) for row in rows if _can(row))


def _at_the_click(reach: Reach) -> list[str]:
    """Return the rules that are open for everybody who can, on every channel."""
    return _in_all(reach, [each.open for each in reach.classes if each.outcome is not Outcome.NEVER])


def _in_all(reach: Reach, lists: Sequence[Sequence[str]]) -> list[str]:
    return [code for code in reach.policy if lists and all(code in codes for codes in lists)]


def _in_the_way(reach: Reach, answers: _Answers) -> str:
    """Return the rules that are in the way in all answers. If no rule is in all, those that are in some."""
    lists = [each.missing for each in answers]
    return ", ".join(_in_all(reach, lists) or [code for code in reach.policy if any(code in codes for codes in lists)])


def _cells_of_channel(reach: Reach, answers: _Answers, at_the_click: Sequence[str]) -> tuple[str, str]:
    if not _can(answers):
        return "nobody", _in_the_way(reach, answers)
    able = [each for each in answers if each.outcome is not Outcome.NEVER]
    more = [code for code in reach.policy if code not in at_the_click and any(code in each.open for each in able)]
    return count_of(sum(len(each.agents) for each in able), "agent"), f"if {', '.join(more)}" if more else ""


def _cells_of_agents(reach: Reach, answers: _Answers) -> tuple[str, str, str]:
    agents = answers[0].agents
    channels = sum(len(each.channels) for each in answers if each.outcome is not Outcome.NEVER)
    answer = f"on {count_of(channels, 'channel')}" if channels else f"lack {_in_the_way(reach, answers)}"
    return count_of(len(agents), "agent"), answer, _ids([agent.id for agent in agents])


def _cells_of_unreadable(reach: Reach) -> list[tuple[str, str, str]]:
    if not reach.unreadable:
        return []
    ids = _ids([each.id or "without an id" for each in reach.unreadable])
    return [(count_of(len(reach.unreadable), "agent"), "unknown: the records cannot be read", ids)]


def _ids(ids: Sequence[str]) -> str:
    rest = [f"and {len(ids) - _MAX_IDS:,} more"] if len(ids) > _MAX_IDS else []
    return ", ".join([*ids[:_MAX_IDS], *rest])


def _add_json(output: Output, reach: Reach) -> None:
    rows, columns, policy, directory = _rows(reach), _columns(reach), reach.policy, reach.directory
    output.add_json(
        domain_id=directory.domain.id,
        **policy_data(policy),
        login=reach.login and reach.login.value,
        totals={
            "agents": len(directory.agents),
            "agents_who_can": _agents_who_can(rows),
            "channels": len(directory.channels),
            "usable_channels": sum(map(_can, columns.values())),
        },
        at_the_click=_at_the_click(reach),
        unreadable=[{"id": each.id, "faults": [str(fault) for fault in each.faults]} for each in reach.unreadable],
        classes=[
            {
                "agents": [agent.id for agent in row[0].agents],
                "answers": [
                    {
                        "channels": [channel.id for channel in each.channels],
                        "outcome": each.outcome.value,
                        "missing": each.missing,
                        "open": each.open,
                    }
                    for each in row
                ],
            }
            for row in rows
        ],
    )
