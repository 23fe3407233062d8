"""Policies are compared and examined: what changes, with an example, and an exit status for a gate in CI."""

import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import attrs
import pytest
from hypothesis import given

from escalation_policy import ESCALATE_TO_VIDEO, EscalationRequest, Facts, Login, Policy, Rule, context, fact, predicate
from escalation_policy.cli import main
from escalation_policy.cli._cases import case_of
from escalation_policy.cli._editions import send
from escalation_policy.cli._files import request_of
from escalation_policy.testing import a_request, a_role
from escalation_policy.testing.strategies import requests
from support import SAMPLE, Part, Sample


@attrs.frozen
class Limited:
    """A request of a host's that refuses most numbers."""

    count: int = attrs.field(default=1, validator=attrs.validators.lt(2))


COUNT: Final = Facts(Limited)(lambda r: r.count)
LOGIN: Final = fact(lambda r: r.login)
SPARE: Final = SAMPLE(lambda r: r.spare).then(lambda part: part.text)
#: The last one is about records of two domains, which no case file can hold.
DROPPED: Final = ("twitter_private", "ringcentral_sso", "customer_message", "agent_engaged", "role_in_domain")
POLICIES: Final[dict[str, Any]] = {
    "today": ESCALATE_TO_VIDEO,
    "supervisors": ESCALATE_TO_VIDEO.without("intervention_owned"),
    "careful": ESCALATE_TO_VIDEO.with_rules(
        Rule("low_risk", context("risk", int).satisfies("a score below 5", lambda risk: risk < 5))
    ),
    "lenient": ESCALATE_TO_VIDEO.without(*DROPPED),
    "dropped": DROPPED,
    "never": Policy(
        "never", [Rule("saml", LOGIN.equals(Login.SAML)), Rule("sso", LOGIN.equals(Login.RINGCENTRAL_SSO))]
    ),
    "sure": Policy("functions", [Rule("asked", predicate("sure", lambda _: True))]),
    "other": Policy("functions", [Rule("asked", predicate("other", lambda _: False))]),
    "samples": Policy("samples", [Rule("spare", SPARE.equals("x"))]),
    "limited": Policy("limited", [Rule("count", COUNT.is_set())]),
    "one": Policy("limited", [Rule("count", COUNT.equals(1))]),
    "other_count": Policy("limited", [Rule("count", ~COUNT.equals(1))]),
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


OLD_EDITION: Final = """
print("loading")
import attrs
from escalation_policy import ESCALATE_TO_VIDEO, Facts, Policy, Rule, context, predicate

@attrs.frozen
class Visit:
    place: str = "hall"
    floor: int = 1

visit = Facts(Visit)
VIP = ESCALATE_TO_VIDEO.with_rules(
    Rule("vip", context("tier", str).equals("vip")), Rule("sure", predicate("sure", lambda request: True))
)
SURE = ESCALATE_TO_VIDEO.with_rules(Rule("sure", predicate("sure", lambda request: True)))
PLACES = Policy("places", [Rule("place", visit(lambda v: v.place).equals("hall"))])
FLOORS = Policy("floors", [Rule("floor", visit(lambda v: v.floor).equals(1))])
LIKE = Visit()
"""


class TestEditions:
    """`compare MODULE:OLD MODULE:NEW --old-from DIR`: OLD is of another edition of the module."""

    @pytest.fixture(autouse=True)
    def editions(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Write two editions of a module, which differ in a constant, a function and the type of a field."""
        new = OLD_EDITION.replace('print("loading")', "").replace('equals("vip")', 'equals("gold")')
        new = new.replace("lambda request: True", "lambda request: False").replace("floor: int = 1", 'floor: str = "1"')
        for name, text in (("old", OLD_EDITION), ("new", new.replace("equals(1)", 'equals("1")'))):
            (tmp_path / name).mkdir()
            (tmp_path / name / "edition.py").write_text(text, encoding="utf-8")
        (tmp_path / "old" / "ends.py").write_text("raise SystemExit(0)", encoding="utf-8")
        (tmp_path / "old" / "dies.py").write_text("import os; os._exit(7)", encoding="utf-8")
        monkeypatch.chdir(tmp_path / "new")
        yield
        sys.modules.pop("edition", None)

    def test_are_compared(self, capfd: pytest.CaptureFixture[str]) -> None:
        """What the module prints is no part of the answer. A function is one by name and version: the new one."""
        assert 1 == main(["compare", "edition:VIP", "edition:VIP", "--old-from", "../old"])
        out, err = capfd.readouterr()
        assert "  ~  vip  different\n" in out
        assert 'It was denied by vip. That is so if "sure holds" is true; for this request, it is not.' in out
        assert err == "loading\n"

    def test_may_decide_a_type_of_a_host(self, capsys: Captured) -> None:
        """Of which this edition's class counts."""
        words = ["compare", "edition:PLACES", "edition:PLACES", "--old-from", "../old", "--like", "edition:LIKE"]
        assert 0 == main(words)
        assert "Nothing changes.\n" == capsys.readouterr().out

    def test_may_have_functions_that_are_gone(self, capsys: Captured) -> None:
        """They raise, so their rules are not met."""
        assert 1 == main(["compare", "edition:SURE", "escalation_policy:ESCALATE_TO_VIDEO", "--old-from", "../old"])
        assert 'It was denied by sure. That is so if "sure holds" is false;' in capsys.readouterr().out

    def test_are_sent_without_functions(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """No pickle can hold a lambda. What is wrong is sent too."""
        answers: list[tuple[str, Any]] = []
        for name in ("edition:VIP", "edition:MISSING"):
            monkeypatch.setattr(sys, "path", [*sys.path])
            monkeypatch.setattr(sys, "argv", ["-c", "../old", name])
            with (tmp_path / "answer").open("wb") as file:
                send(file)
            answers.append(pickle.loads((tmp_path / "answer").read_bytes()))

        (kind, policy), (other, message) = answers
        assert ("policy", "error") == (kind, other)
        assert [None] == [test.operand for test in policy["sure"].requires.tests]
        assert message.startswith("OLD names no attribute of its module; its policies: ESCALATE_TO_VIDEO, VIP")

    @pytest.mark.parametrize(
        ("old", "folder", "message"),
        [
            ("edition:FLOORS", "../old", "OLD cannot be compared with this edition: floor was an int and is now a str"),
            ("ends:POLICY", "../old", "OLD names a module that cannot be imported: SystemExit at "),
            ("dies:POLICY", "../old", "OLD cannot be read from its folder: the import ended with status 7"),
            ("edition:VIP", "../missing", "--old-from must name a folder"),
        ],
    )
    def test_are_refused(self, old: str, folder: str, message: str, capsys: Captured) -> None:
        """In one line."""
        assert 2 == main(["compare", old, "edition:FLOORS", "--old-from", folder])
        assert message in capsys.readouterr().err


class TestCases:
    """`compare OLD NEW --cases DIR`."""

    def test_are_decided_as_the_comparison_says(self, tmp_path: Path, capsys: Captured) -> None:
        """Each example is a case file, except what records of one domain cannot say."""
        folder = tmp_path / "cases"
        strict = ["escalation_policy:ESCALATE_TO_VIDEO", "--cases", str(folder)]
        assert 1 == main(["compare", strict[0], "host_policies:lenient", *strict[1:]])
        out = capsys.readouterr().out
        files = sorted(folder.iterdir())

        assert len(POLICIES["dropped"]) - 1 == len(files) == out.count("Case file: ")
        assert all(f"Case file: {file}\n" in out for file in files)
        assert {1} == {main(["decide", str(file), "--quiet"]) for file in files}
        assert 2 == main(["compare", strict[0], "host_policies:lenient", *strict[1:]])
        assert "the cases cannot be written: file exists" in capsys.readouterr().err

    def test_are_requests_of_the_engage_api(self, tmp_path: Path, capsys: Captured) -> None:
        """A host's own type of request has no case files."""
        words = ["limited", "other_count", "--like", "like_limited", "--cases", str(tmp_path)]
        assert 2 == run("compare", *words)
        assert "--cases needs policies over EscalationRequest" in capsys.readouterr().err

    def test_are_no_records_with_two_fields_of_one_name(self) -> None:
        """Here a permission that is called like the role's label."""
        assert case_of(a_request(role=a_role(unknown_permissions={"label"}))) is None

    @given(requests())
    def test_say_what_the_values_say(self, request: EscalationRequest) -> None:
        """Or there is no case file."""
        case = case_of(request)
        assert case is None or request_of(json.loads(json.dumps(case))) == request


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
