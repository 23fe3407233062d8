"""AuthZEN: a decision as the response that the Authorization API 1.0 defines for a policy decision point."""

from typing import Any

from .._engine.decision import Decision
from .._fields import check_types, kind_of, require


def to_authzen(decision: Decision[Any], *, id: str | None = None) -> dict[str, Any]:  # noqa: A002
    """Return the response of an access evaluation: JSON with a `decision` and, if there is more to say, a `context`.

    The context of a denial has `reason_admin` and `reason_user`, which map the code of each reason to a text. The first is
    only for administrators, the second for the agent's screen. Neither shows ids or addresses. An allow has no reasons,
    because an enforcement point may reject an allow whose context it does not understand.

    Args:
        decision: The decision. A record is not enough, because it holds no texts.
        id: The id of the decision in the log. It becomes the `id` of the context.

    Raises:
        InvalidValueError: An argument is not accepted.
    """
    check_types(Decision, decision=decision)
    require(id is None or (type(id) is str and id != ""), "id", kind_of(id), "a non-empty str or None")
    context: dict[str, Any] = {} if id is None else {"id": id}
    if not decision:
        context["reason_admin"] = {reason.code: " ".join(reason.lines()) for reason in decision.reasons}
        context["reason_user"] = {reason.code: reason.agent_text for reason in decision.reasons}
    return {"decision": decision.allowed, "context": context} if context else {"decision": decision.allowed}
