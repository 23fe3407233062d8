"""The check that a host's policy keeps the laws."""

from .. import Policy
from .._engine.conditions import R
from ._builders import start_for
from ._recorder import unseen


def check_policy(policy: Policy[R], *, like: R | None = None) -> None:
    """Checks that a policy keeps the laws, predicates and all, over many requests that make a difference to it.

    It fails closed, unknown is never a yes, explanations are true, `allows()` and `decide()` agree, order does not
    matter, deciding is pure, copies decide alike, and nothing leaks. A predicate may raise or give no bool: then its
    rule is an error, and not met. It may not answer otherwise when it is asked again, nor change what it is given.

    Args:
        policy: The policy; its predicates are asked thousands of times.
        like: A request of the policy's type, from which others are made by changing facts. For policies over
            `EscalationRequest` it is that of `a_request()`, unless another one is given.

    Raises:
        AssertionError: A law is broken; says which, by what request, what was expected and what came.
        TypeError: `like` is missing, or of another type.
    """
    __tracebackhide__ = True
    start = start_for(policy, like)
    # What only this needs takes as long to import as the rest of the kit, and pytest starts with that.
    from ._laws import first_broken  # noqa: PLC0415

    # What the laws ask is no test of the host's: it would cover every rule.
    with unseen():
        broken = first_broken(policy, start)
    if broken:
        raise AssertionError(f"policy {policy.id!r} breaks a law: {broken}")
