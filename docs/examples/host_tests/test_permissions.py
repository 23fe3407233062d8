"""What our policy allows, what each of its rules denies, what the agent reads, and that it keeps the laws."""

from pathlib import Path

import pytest
from permissions import POLICY, button_text

from escalation_policy import ESCALATE_TO_VIDEO, ChannelKind, Decision, Permission
from escalation_policy.testing import a_request, a_role, assert_allowed, assert_denied, check_policy, policy_table

DAY = {"night": False, "minor": False, "risk_score": 4}
NIGHT = DAY | {"night": True}
OURS = {"quiet_hours": NIGHT, "of_age": DAY | {"minor": True}, "low_risk": DAY | {"risk_score": 5}}
denied = {code: a_request(context=context) for code, context in OURS.items()}
denied |= {code: a_request(denied_by=code, context=DAY) for code in ESCALATE_TO_VIDEO}
ROLES = {"agent": a_role(), "lead": a_role(permissions=[Permission.ESCALATE_TO_VIDEO, Permission.UPDATE_INTERVENTION])}
TABLE = policy_table(POLICY, rows={"channel": ChannelKind}, columns={"context": {"night": NIGHT}, "role": ROLES})


def test_needs_to_know_the_hour_and_the_customer() -> None:
    assert_allowed(POLICY, a_request(context=DAY))
    assert_denied(POLICY, a_request(), by=OURS)


@pytest.mark.parametrize("code", denied)
def test_each_rule_denies_by_itself(code: str) -> None:
    assert_denied(POLICY, denied[code], by=code)


def test_at_night_the_channel_and_the_role_decide() -> None:
    assert Path(__file__).with_name("night.md").read_text(encoding="utf-8").splitlines() == TABLE.splitlines()


def test_the_agent_reads_the_first_reason(decisions: list[Decision]) -> None:
    assert [button_text(denied["agent_engaged"])] == [each.reasons[0].agent_text for each in decisions]


def test_keeps_the_laws() -> None:
    check_policy(POLICY)
