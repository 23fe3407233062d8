"""The checklist: what makes an agent ready to escalate to video, done or to do.

The golden checklists have every text of every step. After an intended change of texts, write them again and review the
changes: `python tests/administration/test_checklist.py`.
"""

import json
import pickle
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Agent,
    Domain,
    Facts,
    Party,
    Permission,
    Policy,
    ReasonStatus,
    Remedy,
    Rule,
    Step,
    VideoAccess,
    context,
    fact,
    predicate,
)
from escalation_policy.administration import Checklist, checklist
from escalation_policy.administration._policies import EDIT_ROLE
from escalation_policy.exceptions import InvalidPolicyError, InvalidValueError
from escalation_policy.testing import a_domain, an_agent

GOLDEN: Final = Path(__file__).parent / "golden"
#: A new agent with the default role. The domain is not associated with a RingCentral account yet.
NEW_AGENT: Final = an_agent(
    permissions={Permission.READ_IDENTITY, Permission.USE_EMOJI}, role_label="Agent", ringcentral=None
)
UNLINKED: Final = a_domain(ringcentral_account_id=None)
CASES: Final = {"new-agent": (UNLINKED, NEW_AGENT), "ready-agent": (a_domain(), an_agent())}
SETUP: Final = [
    *("domain_linked", "agent_enabled", "agent_in_domain", "role_in_domain"),
    *("role_permits", "extension_linked", "extension_in_account", "video_access"),
]


def as_data(value: Checklist) -> dict[str, Any]:
    """Return every text of a checklist."""
    return {
        "ready": value.ready,
        "steps": [
            {
                "code": step.code,
                "done": step.done,
                "status": step.status.value,
                "requirement": step.requirement,
                "steps": [f"{item.party.value}: {item.text}" for item in step.steps],
                "waits_for": [*step.waits_for],
                "warning": step.warning,
            }
            for step in value.steps
        ],
        "at_the_click": [f"{rule.code}: {rule.explanation}" for rule in value.at_the_click],
    }


def to_do(domain: Domain, agent: Agent, **fields: Any) -> dict[str, tuple[str, ...]]:
    """Return the open steps, with the codes that each waits for."""
    return {step.code: step.waits_for for step in checklist(domain, agent, **fields).steps if not step.done}


class TestGoldenChecklists:
    """The texts for administrators."""

    @pytest.mark.parametrize("name", CASES)
    def test_have_every_text(self, name: str) -> None:
        """They say who acts, and where to click."""
        assert json.loads((GOLDEN / f"{name}.json").read_text("utf-8")) == as_data(checklist(*CASES[name]))

    def test_belong_to_the_cases(self) -> None:
        """No file is left over."""
        assert {f"{name}.json" for name in CASES} == {path.name for path in GOLDEN.iterdir()}


class TestChecklist:
    """`checklist()`: the steps are the rules that read only the domain and the agent. The others decide at the click."""

    def test_every_rule_is_a_step_or_decides_at_the_click(self) -> None:
        """Both parts are in the policy's order."""
        value = checklist(a_domain(), an_agent())
        assert SETUP == [step.code for step in value.steps]
        assert [code for code in ESCALATE_TO_VIDEO if code not in SETUP] == [rule.code for rule in value.at_the_click]

    def test_is_ready_when_every_step_is_done(self) -> None:
        """Then there are no steps to do and no warnings."""
        value = checklist(a_domain(), an_agent())
        assert value.ready
        assert {(True, ReasonStatus.MET, (), (), None)} == {
            (step.done, step.status, step.steps, step.waits_for, step.warning) for step in value.steps
        }

    @pytest.mark.parametrize(
        ("domain", "agent", "expected"),
        [
            (UNLINKED, an_agent(), {"domain_linked": (), "extension_in_account": ("domain_linked",)}),
            (a_domain(), an_agent(enabled=False), {"agent_enabled": ()}),
            (a_domain(), an_agent(domain_id="other", role_domain_id="acme"), {"agent_in_domain": ()}),
            (a_domain(), an_agent(role_domain_id="other"), {"role_in_domain": ()}),
            (a_domain(), an_agent(permissions=()), {"role_permits": ()}),
            (
                a_domain(),
                an_agent(ringcentral=None),
                {
                    "extension_linked": (),
                    "extension_in_account": ("extension_linked",),
                    "video_access": ("extension_linked",),
                },
            ),
            (
                UNLINKED,
                an_agent(ringcentral=None),
                {
                    "domain_linked": (),
                    "extension_linked": (),
                    "extension_in_account": ("domain_linked", "extension_linked"),
                    "video_access": ("extension_linked",),
                },
            ),
            (a_domain(), an_agent(account_id="1"), {"extension_in_account": ()}),
            (a_domain(), an_agent(video=VideoAccess.DENIED), {"video_access": ()}),
        ],
        ids=[
            *("unlinked domain", "disabled", "another domain", "role of another domain", "role", "extension"),
            *("extension in an unlinked domain", "account", "video"),
        ],
    )
    def test_lists_open_steps_and_what_they_wait_for(
        self, domain: Domain, agent: Agent, expected: dict[str, tuple[str, ...]]
    ) -> None:
        """Two administrators can begin at once: one with the domain, one with the profile."""
        assert expected == to_do(domain, agent)
        assert not checklist(domain, agent).ready

    def test_has_the_remedies_of_the_rules(self) -> None:
        """Steps that wait have them too."""
        for step in checklist(UNLINKED, an_agent(permissions=(), ringcentral=None, enabled=False)).steps:
            remedy = ESCALATE_TO_VIDEO[step.code].remedy
            assert remedy is not None
            assert (() if step.done else remedy.steps) == step.steps

    def test_asks_the_developer_for_unknown_facts(self) -> None:
        """If nobody asked RingCentral, nothing has to be changed there yet."""
        value = checklist(a_domain(), an_agent(account_id=None, video=VideoAccess.UNKNOWN))
        unknown = [step for step in value.steps if not step.done]
        assert [ReasonStatus.UNKNOWN, ReasonStatus.UNKNOWN] == [step.status for step in unknown]
        assert [
            Step(Party.DEVELOPER, "Supply agent.ringcentral.account_id."),
            Step(Party.DEVELOPER, "Supply agent.ringcentral.video."),
        ] == [step.steps[0] for step in unknown]

    @pytest.mark.parametrize(
        ("agent", "count"),
        [
            (an_agent(permissions={Permission.USE_EMOJI}), "1 permission"),
            (an_agent(permissions=(), unknown_permissions={"fly"}), "1 permission"),
            (an_agent(permissions={Permission.USE_EMOJI}, unknown_permissions={"fly", "swim"}), "3 permissions"),
        ],
        ids=["one", "newer flag", "several"],
    )
    def test_warns_that_a_new_role_takes_permissions_away(self, agent: Agent, count: str) -> None:
        """An agent has one role, so another one replaces it."""
        warnings = {step.code: step.warning for step in checklist(a_domain(), agent).steps if step.warning}
        assert {
            "role_permits": f"An agent has one role. The present one holds {count}: a new role takes away what it does "
            "not hold."
        } == warnings

    def test_does_not_warn_if_there_is_nothing_to_lose(self) -> None:
        """The role has no permissions, or needs no change."""
        for agent in (an_agent(permissions=()), an_agent(), an_agent(permissions=Permission)):
            assert {None} == {step.warning for step in checklist(UNLINKED, agent).steps}

    def test_has_the_decision(self) -> None:
        """It has the version of the policy, only the rules of the setup, and nothing private."""
        decision = checklist(UNLINKED, an_agent(video=VideoAccess.DENIED)).decision
        assert ("escalate_to_video:setup", "1") == (decision.policy_id, decision.policy_version)
        assert (
            "<deny: domain_linked, video_access; hidden: extension_in_account; policy: escalate_to_video:setup>"
            == repr(decision)
        )

    def test_survives_pickles_and_shows_no_address_and_no_id_of_ringcentral(self) -> None:
        """It may be shown on pages and logged."""
        value = checklist(UNLINKED, an_agent(role_label="Secret"))
        assert as_data(value) == as_data(pickle.loads(pickle.dumps(value)))
        text = f"{value!r} {as_data(value)} {value.decision.explain()}"
        assert [] == [secret for secret in ("ada@", "664307016", "664287016", "Secret") if secret in text]


_enabled = fact(lambda r: r.agent.enabled).is_true()
_on_call = context("on_call", bool).is_true()
_team = fact(lambda r: r.agent.team_ids).satisfies("has a team", bool)
_own = fact(lambda r: r.message.intervention_id).equals(fact(lambda r: r.agent.id))


@attrs.frozen
class Roster:
    """A request type of a host."""

    agents_on_shift: bool


class TestCustomPolicies:
    """The conditions of a policy decide which rules are steps."""

    def test_have_the_steps_that_read_only_the_domain_and_the_agent(self) -> None:
        """An opaque predicate could read anything, but a predicate over a fact of the agent reads only that."""
        policy = ESCALATE_TO_VIDEO.with_rules(
            Rule("team", _team),
            Rule("call", _on_call),
            Rule("either", _enabled | _on_call),
            Rule("neither", _own),
            Rule("opaque", predicate("opaque", lambda _: True)),
            Rule("mixed", _enabled & predicate("opaque", lambda _: True)),
        )
        value = checklist(a_domain(), an_agent(team_ids={"t1"}), policy=policy)
        assert [*SETUP, "team"] == [step.code for step in value.steps]
        assert ["call", "either", "neither", "opaque", "mixed"] == [rule.code for rule in value.at_the_click[-5:]]

    def test_are_not_fooled_by_names(self) -> None:
        """A context key can look like a fact of the agent."""
        policy = Policy("p", [Rule("a", _enabled), Rule("b", context("agent.enabled", bool).is_true())])
        assert ["a"] == [step.code for step in checklist(a_domain(), an_agent(), policy=policy).steps]

    def test_wait_for_steps_only(self) -> None:
        """A step that comes after a rule of the click waits only for the steps before that rule."""
        policy = Policy(
            "p",
            [
                Rule("last", _team, after=["middle", "call"]),
                Rule("middle", fact(lambda r: r.agent.email).is_set(), after=["first"]),
                Rule("call", _on_call, after=["first"]),
                Rule("after_call", _team, after=["call"]),
                Rule("first", _enabled),
            ],
        )
        steps = to_do(a_domain(), an_agent(enabled=False, email=None), policy=policy)
        assert {"last": ("middle", "first"), "middle": ("first",), "after_call": ("first",), "first": ()} == steps

    def test_can_have_rules_without_remedies(self) -> None:
        """Then the step has only the requirement."""
        (step,) = checklist(a_domain(), an_agent(enabled=False), policy=Policy("p", [Rule("r", _enabled)])).steps
        assert ("Requires that agent.enabled is true.", ()) == (step.requirement, step.steps)

    def test_can_have_functions_that_raise(self) -> None:
        """Such a step is not done, and the developer has to fix it first."""
        policy = Policy("p", [Rule("r", fact(lambda r: r.agent.id).satisfies("broken", lambda x: x[99] == "x"))])
        (step,) = checklist(a_domain(), an_agent(), policy=policy).steps
        assert (False, ReasonStatus.ERROR) == (step.done, step.status)
        assert Remedy((Step(Party.DEVELOPER, "Fix rule r, or what it is given."),)).steps == step.steps

    @pytest.mark.parametrize(
        "policy",
        [
            Policy("p", [Rule("r", _on_call)]),
            Policy("p", [Rule("r", Facts(Roster)(lambda r: r.agents_on_shift).is_true())]),
            EDIT_ROLE,
        ],
        ids=["no fact of the agent", "similar name", "another request type"],
    )
    def test_need_at_least_one_step(self, policy: Any) -> None:
        """Otherwise every agent would be ready."""
        with pytest.raises(
            InvalidPolicyError, match=r"^policy '(p|edit_role)' has no rule that reads only the domain and the agent$"
        ):
            checklist(a_domain(), an_agent(), policy=policy)


class TestArguments:
    """Invalid arguments."""

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"domain": "acme"}, "domain must be a Domain, got a str"),
            ({"agent": a_domain()}, "agent must be an Agent, got a Domain"),
            ({"policy": "escalate_to_video"}, "policy must be a Policy, got a str"),
        ],
        ids=["domain", "agent", "policy"],
    )
    def test_of_another_type_are_rejected(self, changes: dict[str, Any], message: str) -> None:
        """They may be in the wrong order."""
        arguments: dict[str, Any] = {"domain": a_domain(), "agent": an_agent()} | changes
        with pytest.raises(InvalidValueError) as caught:
            checklist(**arguments)
        assert message == str(caught.value)


if __name__ == "__main__":
    for name, case in CASES.items():
        text = json.dumps(as_data(checklist(*case)), indent=2)
        (GOLDEN / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
