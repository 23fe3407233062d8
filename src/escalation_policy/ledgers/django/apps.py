"""The Django app, for `INSTALLED_APPS`."""

from django.apps import AppConfig


class CallsConfig(AppConfig):
    """The table of calls, without a page in the admin: everybody who could read it could join the calls."""

    name = "escalation_policy.ledgers.django"
    label = "escalation_policy_calls"
    verbose_name = "Escalation Policy: calls"
