"""The setup checklist: what makes an agent ready to escalate to video, done or to do.

The golden checklists hold every text of every step. After a change of texts that is meant, write them anew and read
what changed: `python tests/administration/test_checklist.py`.
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
#: Just created, with the default role, in a domain that RingCentral has not associated yet.
NEW_AGENT: Final = an_agent(
    permissions={Permission.READ_IDENTITY, Permission.USE_EMOJI}, role_label="Agent", ringcentral=None
)
UNLINKED: Final = a_domain(ringcentral_account_id=None)
CASES: Final = {"new-agent": (UNLINKED, NEW_AGENT), "ready-agent": (a_domain(), an_agent())}
SETUP: Final = [
    *("domain_linked", "agent_enabled", "agent_in_domain", "role_in_domain"),
    *("role_permits", "extension_linked", "extension_in_account", "video_access"),
]


def as_data(told: Checklist) -> dict[str, Any]:
    """Writes a checklist down, every text of it."""
    return {
        "ready": told.ready,
        "steps": [
            {
                "code": step.code,
                "done": step.done,
                "status": step.status.value,
                "requirement": step.requirement,
                "steps": [f"{each.party.value}: {each.text}" for each in step.steps],
                "waits_for": [*step.waits_for],
                "warning": step.warning,
            }
            for step in told.steps
        ],
        "at_the_click": [f"{rule.code}: {rule.explanation}" for rule in told.at_the_click],
    }


def to_do(domain: Domain, agent: Agent, **fields: Any) -> dict[str, tuple[str, ...]]:
    """Lists the open steps, and what each waits for."""
    return {step.code: step.waits_for for step in checklist(domain, agent, **fields).steps if not step.done}


class TestGoldenChecklists:
    """What an administrator reads."""

    @pytest.mark.parametrize("name", CASES)
    def test_say_the_same_to_the_letter(self, name: str) -> None:
        """Who acts, and where to click."""
        assert json.loads((GOLDEN / f"{name}.json").read_text("utf-8")) == as_data(checklist(*CASES[name]))

    def test_are_all_there(self) -> None:
        """Nothing is left over."""
        assert {f"{name}.json" for name in CASES} == {path.name for path in GOLDEN.iterdir()}


class TestChecklist:
    """The steps are the rules that read only the domain and the agent; the others wait for the click."""

    def test_has_the_setup_as_steps_and_the_rest_at_the_click(self) -> None:
        """Every rule of the policy is in one of the two, in the policy's order."""
        told = checklist(a_domain(), an_agent())
        assert SETUP == [step.code for step in told.steps]
        assert [code for code in ESCALATE_TO_VIDEO if code not in SETUP] == [rule.code for rule in told.at_the_click]

    def test_is_ready_when_every_step_is_done(self) -> None:
        """There is nothing to do then, and nothing to warn of."""
        told = checklist(a_domain(), an_agent())
        assert told.ready
        assert {(True, ReasonStatus.MET, (), (), None)} == {
            (step.done, step.status, step.steps, step.waits_for, step.warning) for step in told.steps
        }

    # One thing is missing, and what comes after it waits.
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
    def test_tells_what_is_to_do_and_what_first(
        self, domain: Domain, agent: Agent, expected: dict[str, tuple[str, ...]]
    ) -> None:
        """The domain and the profile are two people's work; each starts with their own."""
        assert expected == to_do(domain, agent)
        assert not checklist(domain, agent).ready

    def test_says_who_acts(self) -> None:
        """The rule's own steps, also of what waits."""
        for step in checklist(UNLINKED, an_agent(permissions=(), ringcentral=None, enabled=False)).steps:
            remedy = ESCALATE_TO_VIDEO[step.code].remedy
            assert remedy is not None
            assert (() if step.done else remedy.steps) == step.steps

    def test_asks_the_developer_for_what_was_not_told(self) -> None:
        """Nobody asked RingCentral: that is no reason to change anything there yet."""
        told = checklist(a_domain(), an_agent(account_id=None, video=VideoAccess.UNKNOWN))
        unknown = [step for step in told.steps if not step.done]
        assert [ReasonStatus.UNKNOWN, ReasonStatus.UNKNOWN] == [step.status for step in unknown]
        assert [
            Step(Party.DEVELOPER, "Supply agent.ringcentral.account_id."),
            Step(Party.DEVELOPER, "Supply agent.ringcentral.video."),
        ] == [step.steps[0] for step in unknown]

    @pytest.mark.parametrize(
        ("agent", "held"),
        [
            (an_agent(permissions={Permission.USE_EMOJI}), "1 permission"),
            (an_agent(permissions=(), unknown_permissions={"fly"}), "1 permission"),
            (an_agent(permissions={Permission.USE_EMOJI}, unknown_permissions={"fly", "swim"}), "3 permissions"),
        ],
        ids=["one", "newer flag", "several"],
    )
    def test_warns_of_what_a_new_role_takes_away(self, agent: Agent, held: str) -> None:
        """One role per user: assigning another one is no addition."""
        warnings = {step.code: step.warning for step in checklist(a_domain(), agent).steps if step.warning}
        assert {
            "role_permits": f"An agent has one role. The present one holds {held}: a new role takes away what it does "
            "not hold."
        } == warnings

    def test_does_not_warn_where_there_is_nothing_to_lose(self) -> None:
        """A role without permissions, and one that need not be changed."""
        for agent in (an_agent(permissions=()), an_agent(), an_agent(permissions=Permission)):
            assert {None} == {step.warning for step in checklist(UNLINKED, agent).steps}

    def test_rests_on_a_decision(self) -> None:
        """Of the same edition of the policy, over its setup only; nothing private is in it."""
        decision = checklist(UNLINKED, an_agent(video=VideoAccess.DENIED)).decision
        assert ("escalate_to_video:setup", "1") == (decision.policy_id, decision.policy_version)
        assert (
            "<deny: domain_linked, video_access; hidden: extension_in_account; policy: escalate_to_video:setup>"
            == repr(decision)
        )

    def test_survives_pickles_and_shows_no_address_and_no_id_of_ringcentral(self) -> None:
        """It is shown on pages, and ends up in logs."""
        told = checklist(UNLINKED, an_agent(role_label="Secret"))
        assert as_data(told) == as_data(pickle.loads(pickle.dumps(told)))
        shown = f"{told!r} {as_data(told)} {told.decision.explain()}"
        assert [] == [secret for secret in ("ada@", "664307016", "664287016", "Secret") if secret in shown]


_enabled = fact(lambda r: r.agent.enabled).is_true()
_on_call = context("on_call", bool).is_true()
_team = fact(lambda r: r.agent.team_ids).satisfies("has a team", bool)
_own = fact(lambda r: r.message.intervention_id).equals(fact(lambda r: r.agent.id))


@attrs.frozen
class Roster:
    """A host's own request."""

    agents_on_shift: bool


class TestPoliciesOfOnesOwn:
    """The steps are found through the conditions."""

    def test_have_the_steps_that_read_only_the_domain_and_the_agent(self) -> None:
        """An opaque predicate may read anything; one over a fact of the agent reads that."""
        policy = ESCALATE_TO_VIDEO.with_rules(
            Rule("team", _team),
            Rule("call", _on_call),
            Rule("either", _enabled | _on_call),
            Rule("neither", _own),
            Rule("opaque", predicate("opaque", lambda _: True)),
            Rule("mixed", _enabled & predicate("opaque", lambda _: True)),
        )
        told = checklist(a_domain(), an_agent(team_ids={"t1"}), policy=policy)
        assert [*SETUP, "team"] == [step.code for step in told.steps]
        assert ["call", "either", "neither", "opaque", "mixed"] == [rule.code for rule in told.at_the_click[-5:]]

    def test_are_not_fooled_by_names(self) -> None:
        """What a host passes in the context is not the agent's, whatever it is called."""
        policy = Policy("p", [Rule("a", _enabled), Rule("b", context("agent.enabled", bool).is_true())])
        assert ["a"] == [step.code for step in checklist(a_domain(), an_agent(), policy=policy).steps]

    def test_wait_for_steps_only(self) -> None:
        """What comes after something of the click is open at once; what comes after it through others, after these."""
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
        told = to_do(a_domain(), an_agent(enabled=False, email=None), policy=policy)
        assert {"last": ("middle", "first"), "middle": ("first",), "after_call": ("first",), "first": ()} == told

    def test_may_have_rules_without_remedies(self) -> None:
        """The step says what is required then, and nothing of where to click."""
        (step,) = checklist(a_domain(), an_agent(enabled=False), policy=Policy("p", [Rule("r", _enabled)])).steps
        assert ("Requires that agent.enabled is true.", ()) == (step.requirement, step.steps)

    def test_may_fail(self) -> None:
        """A step that could not be asked is not done, and the developer's first."""
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
        ids=["nothing of the agent", "a name that begins alike", "another question"],
    )
    def test_have_at_least_one_step(self, policy: Any) -> None:
        """Nobody is ready because nothing was asked."""
        with pytest.raises(
            InvalidPolicyError, match=r"^policy '(p|edit_role)' has no rule that reads only the domain and the agent$"
        ):
            checklist(a_domain(), an_agent(), policy=policy)


class TestArguments:
    """What is not what it should be is an error that names it."""

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"domain": "acme"}, "domain must be a Domain, got a str"),
            ({"agent": a_domain()}, "agent must be an Agent, got a Domain"),
            ({"policy": "escalate_to_video"}, "policy must be a Policy, got a str"),
        ],
        ids=["domain", "agent", "policy"],
    )
    def test_that_are_something_else_are_refused(self, changes: dict[str, Any], message: str) -> None:
        """Two of them in the wrong order, for one."""
        arguments: dict[str, Any] = {"domain": a_domain(), "agent": an_agent()} | changes
        with pytest.raises(InvalidValueError) as caught:
            checklist(**arguments)
        assert message == str(caught.value)


if __name__ == "__main__":
    for name, case in CASES.items():
        text = json.dumps(as_data(checklist(*case)), indent=2)
        (GOLDEN / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
