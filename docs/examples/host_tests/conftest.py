"""Let pytest record what our policies decide."""

pytest_plugins = ["escalation_policy.testing.pytest_plugin"]
