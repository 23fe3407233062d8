"""For the tests of hosts: builders, assertions, golden tables and checks. See also `strategies` and `pytest_plugin`."""

from ._all_requests import assert_never, assert_no_looser, assert_same
from ._assertions import NoSuchRuleError, assert_allowed, assert_denied
from ._builders import a_channel, a_domain, a_message, a_request, a_ringcentral_user, a_role, an_agent, an_intervention
from ._laws import check_policy
from ._ledger_check import check_call_ledger
from ._obligations import Obligation, missing_requests
from ._provider_check import ServiceAnswer, VideoService, check_video_provider
from ._search import NoSuchRequestError
from ._tables import Axis, policy_table
from ._where_check import check_where

__all__ = [
    "Axis",
    "NoSuchRequestError",
    "NoSuchRuleError",
    "Obligation",
    "ServiceAnswer",
    "VideoService",
    "a_channel",
    "a_domain",
    "a_message",
    "a_request",
    "a_ringcentral_user",
    "a_role",
    "an_agent",
    "an_intervention",
    "assert_allowed",
    "assert_denied",
    "assert_never",
    "assert_no_looser",
    "assert_same",
    "check_call_ledger",
    "check_policy",
    "check_video_provider",
    "check_where",
    "missing_requests",
    "policy_table",
]

for _error in (NoSuchRequestError, NoSuchRuleError):
    _error.__module__ = __name__  # tracebacks show the public name
