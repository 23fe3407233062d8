"""AuthZEN: the response has the shape that the Authorization API 1.0 gives it, and says no more than the decision."""

import json
import pickle
from typing import Any, Final

import pytest

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    Decision,
    Login,
    Policy,
    Rule,
    VideoAccess,
    context,
    fact,
)
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.records import to_authzen
from escalation_policy.testing import a_request
from support import SAMPLE, Sample

ALLOW: Final = ESCALATE_TO_VIDEO.decide(a_request())
DENY: Final = ESCALATE_TO_VIDEO.decide(a_request(account_id="999", login=Login.PASSWORD))


def explode(_: object) -> bool:
    """Raise, with an address in its message that nobody must see."""
    raise ValueError("ada@example.com")


_BROKEN: Final = fact(lambda r: r.agent.email).satisfies("ours", explode)
DECISIONS: Final[dict[str, Decision[Any]]] = {
    "allowed": ALLOW,
    "denied": DENY,
    "unknown": ESCALATE_TO_VIDEO.decide(a_request(login=Login.UNKNOWN, video=VideoAccess.UNKNOWN)),
    "broken": ESCALATE_TO_VIDEO.with_rules(Rule("ours", _BROKEN)).decide(a_request()),
    "hidden": ESCALATE_TO_VIDEO.decide(a_request(ringcentral=None)),
    "no request": Policy("p", [Rule("r", SAMPLE(lambda r: r.flag).is_true())]).decide(object()),  # type: ignore[arg-type]
    "another request": Policy("p", [Rule("r", SAMPLE(lambda r: r.name).equals("\udc80\n"))]).decide(Sample(name="n1")),
    "pickled": pickle.loads(pickle.dumps(DENY)),
}


def check(response: dict[str, Any]) -> None:
    """Check a response against section "Decision": one required key and one optional one, each of its type.

    The context is the implementation's; what the examples there call reasons are objects of texts.
    """
    context: dict[str, Any] = response.get("context", {})
    kinds: dict[str, type] = {name: type(value) for name, value in response.items()}
    kinds_in_context: dict[str, type] = {name: type(value) for name, value in context.items()}
    texts: set[type] = {
        type(text)
        for name in ("reason_admin", "reason_user")
        for pair in context.get(name, {}).items()
        for text in pair
    }
    assert kinds in ({"decision": bool}, {"decision": bool, "context": dict})
    assert kinds_in_context.items() <= {"id": str, "reason_admin": dict, "reason_user": dict}.items()
    assert texts <= {str}


class TestToAuthzen:
    """`to_authzen()` returns a response of the Authorization API."""

    @pytest.mark.parametrize("id", [None, "d1"])
    @pytest.mark.parametrize("decision", DECISIONS.values(), ids=DECISIONS)
    def test_has_the_shape_of_a_response(self, decision: Decision[Any], id: str | None) -> None:  # noqa: A002
        """It survives JSON without loss."""
        response = to_authzen(decision, id=id)

        check(response)
        assert response == json.loads(json.dumps(response, allow_nan=False))
        assert decision.allowed is response["decision"]

    @pytest.mark.parametrize(
        ("id", "response"),
        [(None, {"decision": True}), ("d1", {"decision": True, "context": {"id": "d1"}})],
        ids=["alone", "with an id"],
    )
    def test_of_what_is_allowed_gives_no_reasons(self, id: str | None, response: object) -> None:  # noqa: A002
        """An enforcement point may reject an allow whose context it does not understand."""
        assert response == to_authzen(ALLOW, id=id)

    def test_gives_each_reason_twice(self) -> None:
        """For the administrator and for the agent."""
        explanation, password = DENY.reasons

        assert to_authzen(DENY, id="d1") == {
            "decision": False,
            "context": {
                "id": "d1",
                "reason_admin": {
                    "extension_in_account": " ".join(explanation.lines()),
                    "ringcentral_sso": " ".join(password.lines()),
                },
                "reason_user": {
                    "extension_in_account": explanation.agent_text,
                    "ringcentral_sso": password.agent_text,
                },
            },
        }

    @pytest.mark.parametrize("decision", DECISIONS.values(), ids=DECISIONS)
    def test_lists_the_codes_in_order(self, decision: Decision[Any]) -> None:
        """Both texts have the same codes. Hidden rules are not among them."""
        response_context = to_authzen(decision).get("context", {"reason_admin": {}, "reason_user": {}})

        codes = [] if decision else [reason.code for reason in decision.reasons]
        assert [codes, codes] == [list(response_context["reason_admin"]), list(response_context["reason_user"])]

    @pytest.mark.parametrize("decision", DECISIONS.values(), ids=DECISIONS)
    def test_leaks_nothing(self, decision: Decision[Any]) -> None:
        """No id, no address, no text of an exception."""
        text = json.dumps(to_authzen(decision))

        secrets = ("664287016", "664307016", "999", "ada@example.com", '"u1"', '"c1"', "n1")
        assert not [each for each in secrets if each in text]

    def test_leaks_no_context_to_the_agent(self) -> None:
        """Only the administrator sees what a rule without its own text requires."""
        rule = Rule("code", context("code", str).equals("sesame"))

        response_context = to_authzen(Policy("p", [rule]).decide(a_request(context={"code": "wrong"})))["context"]

        assert "sesame" not in str(response_context["reason_user"])
        assert "wrong" not in str(response_context)

    @pytest.mark.parametrize(
        ("decision", "id", "message"),
        [
            (True, None, "decision must be a Decision, got a bool"),
            (DENY, "", "id must be a non-empty str or None, got an empty str"),
            (DENY, 7, "id must be a non-empty str or None, got an int"),
        ],
        ids=["decision", "empty", "number"],
    )
    def test_refuses_wrong_arguments(self, decision: Any, id: Any, message: str) -> None:  # noqa: A002
        """A bool has no reasons."""
        with pytest.raises(InvalidValueError) as caught:
            to_authzen(decision, id=id)

        assert message == str(caught.value)

    def test_makes_a_response_that_is_the_callers(self) -> None:
        """A change has no effect on other responses."""
        to_authzen(DENY)["context"].clear()

        assert ["reason_admin", "reason_user"] == list(to_authzen(DENY)["context"])
