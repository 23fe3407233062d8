"""AuthZEN: a decision as the response of a policy decision point, in the words of the Authorization API 1.0."""

from typing import Any

from .._engine.decision import Decision
from .._fields import kind_of, with_article
from ..exceptions import Fault, InvalidValueError


def to_authzen(decision: Decision[Any], *, id: str | None = None) -> dict[str, Any]:  # noqa: A002
    """Makes the response of an access evaluation: JSON with a `decision` and, where there is more to say, a `context`.

    A denial's context holds `reason_admin` and `reason_user`, each a text for every reason by its code. The first is for
    administrators alone, the second for the agent's screen; ids and addresses stand in neither. An allow has no reasons:
    who enforces it may reject an allow whose context they do not understand.

    Args:
        decision: The decision. A record would not do: it holds no texts.
        id: What the decision is called in the log; the context's `id`.

    Raises:
        InvalidValueError: An argument is not what it should be.
    """
    if type(decision) is not Decision:
        raise InvalidValueError(Fault.mismatch("decision", kind_of(decision), with_article("Decision")))
    if id is not None and (type(id) is not str or id == ""):
        raise InvalidValueError(Fault.mismatch("id", kind_of(id), "a non-empty str or None"))
    context: dict[str, Any] = {} if id is None else {"id": id}
    if not decision:
        context["reason_admin"] = {reason.code: " ".join(reason.lines()) for reason in decision.reasons}
        context["reason_user"] = {reason.code: reason.agent_text for reason in decision.reasons}
    return {"decision": decision.allowed, "context": context} if context else {"decision": decision.allowed}
