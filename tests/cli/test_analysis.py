"""Policies are compared and examined: what changes, with an example, and an exit status for a gate in CI."""

import json
import sys
from types import ModuleType
from typing import Any, Final

import attrs
import pytest

from escalation_policy import ESCALATE_TO_VIDEO, Facts, Login, Policy, Rule, context, fact, predicate
from escalation_policy.cli import main
from support import SAMPLE, Part, Sample


@attrs.frozen
class Limited:
    """A request of a host's that refuses most numbers."""

    count: int = attrs.field(default=1, validator=attrs.validators.lt(2))


COUNT: Final = Facts(Limited)(lambda r: r.count)
LOGIN: Final = fact(lambda r: r.login)
SPARE: Final = SAMPLE(lambda r: r.spare).then(lambda part: part.text)
POLICIES: Final[dict[str, Any]] = {
    "today": ESCALATE_TO_VIDEO,
    "supervisors": ESCALATE_TO_VIDEO.without("intervention_owned"),
    "careful": ESCALATE_TO_VIDEO.with_rules(
        Rule("low_risk", context("risk", int).satisfies("a score below 5", lambda risk: risk < 5))
    ),
    "never": Policy(
        "never", [Rule("saml", LOGIN.equals(Login.SAML)), Rule("sso", LOGIN.equals(Login.RINGCENTRAL_SSO))]
    ),
    "sure": Policy("functions", [Rule("asked", predicate("sure", lambda _: True))]),
    "other": Policy("functions", [Rule("asked", predicate("other", lambda _: False))]),
    "samples": Policy("samples", [Rule("spare", SPARE.equals("x"))]),
    "limited": Policy("limited", [Rule("count", COUNT.is_set())]),
    "one": Policy("limited", [Rule("count", COUNT.equals(1))]),
    "like_limited": Limited(),
    "sample": Sample(spare=Part()),
}
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the policies into a module."""
    host = ModuleType("host_policies")
    vars(host).update(POLICIES)
    monkeypatch.setitem(sys.modules, host.__name__, host)


def run(*words: str) -> int:
    """Run a command; names of policies stand for their module and attribute."""
    return main([f"host_policies:{word}" if word in POLICIES else word for word in words])


class TestCompare:
    """`compare OLD NEW`."""

    def test_shows_what_is_now_allowed_and_fails(self, capsys: Captured) -> None:
        """So it can be a gate in CI."""
        assert 1 == run("compare", "today", "supervisors")
        assert (
            "Looser: some requests are now allowed, and none is now denied.\n\n"
            "Rules\n  -  intervention_owned  removed\n\n"
            "Now allowed\n  The typical one, but with intervention.agent_id = another value.\n"
            "    It was denied by intervention_owned.\n"
        ) == capsys.readouterr().out

    def test_shows_what_is_now_denied_and_passes(self, capsys: Captured) -> None:
        """A stricter policy is safe."""
        assert 0 == run("compare", "today", "careful")
        assert "Now denied\n  The typical one.\n    It is denied by low_risk.\n" in capsys.readouterr().out

    def test_says_that_nothing_changes(self, capsys: Captured) -> None:
        """In one line."""
        assert 0 == run("compare", "today", "today")
        assert "Nothing changes.\n" == capsys.readouterr().out

    def test_says_on_which_functions_a_difference_depends(self, capsys: Captured) -> None:
        """And what they answer for the request."""
        assert 1 == run("compare", "sure", "other")
        allowed, denied = capsys.readouterr().out.split("Now denied")
        assert 'That is so if "sure holds" is false and "other holds" is true; for this request, it is not.' in allowed
        assert 'That is so if "sure holds" is true and "other holds" is false; for this request, it is.' in denied

    def test_says_that_values_were_left_out(self, capsys: Captured) -> None:
        """The class refuses them."""
        run("compare", "limited", "one", "--like", "like_limited")
        assert "\nSome values were left out, because a class of the request refuses them.\n" in capsys.readouterr().out

    def test_prints_json(self, capsys: Captured) -> None:
        """With the same content."""
        assert 1 == run("compare", "today", "supervisors", "--format", "json")
        answer = json.loads(capsys.readouterr().out)
        assert "looser" == answer["relation"]
        assert "removed" == answer["rules"]["intervention_owned"]
        assert [["intervention_owned"]] == [each["codes"] for each in answer["now_allowed"]]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["today", "host_policies:none"], "NEW names no attribute of its module"),
            (["host_policies", "today"], "OLD must be MODULE:ATTRIBUTE"),
            (["today", "sample"], "NEW must name a Policy, got a Sample"),
            (["today", "samples"], "new must decide the same type of request as old"),
            (["samples", "samples"], "like must be a Sample, the type of request that is decided, got None"),
        ],
    )
    def test_rejects_what_is_no_policy(self, words: list[str], message: str, capsys: Captured) -> None:
        """In one line."""
        assert 2 == run("compare", *words)
        assert message in capsys.readouterr().err


class TestExamine:
    """`examine POLICY`."""

    def test_shows_what_is_remarkable(self, capsys: Captured) -> None:
        """A line for each finding."""
        assert 0 == run("examine", "today")
        assert capsys.readouterr().out.startswith("Only explains: domain_linked never decides, since ")

    def test_fails_for_a_policy_that_never_allows_anything(self, capsys: Captured) -> None:
        """Nobody can want that."""
        assert 1 == run("examine", "never", "--format", "json")
        answer = json.loads(capsys.readouterr().out)
        assert [{"kind": "never allows", "code": None, "because": ["saml", "sso"], "operand": None}] == answer[
            "findings"
        ]

    def test_takes_a_typical_request_for_types_of_a_host(self, capsys: Captured) -> None:
        """It must have the parts that the policy reads."""
        assert 0 == run("examine", "samples", "--like", "sample")
        assert "Nothing remarkable.\n" == capsys.readouterr().out
