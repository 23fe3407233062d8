"""Write the example log: a day and a half of decisions about the example cases.

    python tests/example_log.py > docs/examples/decisions.log

Ada is the agent whose id ends with 01. On the second day she has a new role; what was read of it is an hour old.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import attrs

from escalation_policy import ESCALATE_TO_VIDEO, EscalationRequest
from escalation_policy.cli._files import read_case
from escalation_policy.records import record

CASES: Final = Path(__file__).parents[1] / "docs/examples"
#: When it was decided, how old the facts were in minutes, the number of the agent, and which case it is like.
DECISIONS: Final = """
30 08:58  4 1 allowed
30 09:03  9 3 allowed
30 09:17  2 4 password-login
30 09:21  6 4 allowed
30 09:40  3 2 new-agent
30 09:58  7 5 instagram-direct-message
30 10:11  2 5 allowed
30 10:26  8 1 allowed
30 10:49  5 3 public-tweet
30 11:02  1 6 extension-in-another-account
30 11:05  4 6 extension-in-another-account
30 11:31  6 2 new-agent
30 13:04  3 7 no-extension
30 13:22  9 5 deferred-case
30 13:25 12 5 allowed
30 14:00  2 3 case-of-another-agent
30 14:37  5 1 agents-own-message
30 14:38  6 1 allowed
30 15:10  1 8 video-access-not-looked-up
30 15:44  7 4 allowed
30 16:02  3 3 not-engaged
30 16:29  8 6 extension-in-another-account
30 16:50  4 7 no-extension
31 08:31  2 3 allowed
31 08:47  5 4 password-login
31 08:52 10 4 allowed
31 09:05 55 1 default-agent-role
31 09:12 62 1 default-agent-role
31 09:14  3 5 webhook-message
31 09:20  6 8 video-access-not-looked-up
"""


def like(case: str, agent: int, number: int) -> EscalationRequest:
    """Return a request like an example case, with another agent, message and intervention."""
    request = read_case(str(CASES / f"{case}.json"))
    ids = {request.agent.id: f"60a4e1d27c9f5b0022c3d4{agent:02}"}
    case_id = f"6421f1023d7a2e0066192a{number:02}"
    intervention = request.intervention
    message_in = request.message.intervention_id
    return attrs.evolve(
        request,
        agent=attrs.evolve(request.agent, id=ids[request.agent.id]),
        message=attrs.evolve(
            request.message,
            id=f"6421f0b83d7a2e0044f708{number:02}",
            intervention_id=case_id if intervention and message_in == intervention.id else message_in,
        ),
        intervention=intervention
        and attrs.evolve(
            intervention, id=case_id, agent_id=ids.get(intervention.agent_id or "", intervention.agent_id)
        ),
    )


def lines() -> list[str]:
    """Return the lines of the log: the record of each decision."""
    written: list[str] = []
    for number, line in enumerate(DECISIONS.split("\n")[1:-1], 1):
        day, clock, age, agent, case = line.split()
        at = datetime.fromisoformat(f"2026-01-{day}T{clock}").replace(tzinfo=UTC)
        decision = ESCALATE_TO_VIDEO.decide(like(case, int(agent), number))
        read = at - timedelta(minutes=int(age))
        written.append(record(decision, at=at, id=f"d{number:02}", facts_read_at=read).to_json())
    return written


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
