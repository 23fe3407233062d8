"""Case files: one request written down as JSON, with the records as the API returns them."""

from typing import Any, Final

from .. import Agent, Domain, EscalationRequest, Login
from .._reading import PayloadReader, collect_faults
from ..engage import request_from_payloads
from ..engage.payloads import read_agent, read_role
from ._files import domain_of, fields_of, read_file, ringcentral_user, word

_PERSON: Final = ("domain", "user", "role")
_REQUIRED: Final = (*_PERSON, "source", "content")
_OPTIONAL: Final = ("login", "ringcentral", "intervention", "identity", "event", "deferred", "context")


def read_case(file: str) -> EscalationRequest:
    """Reads a case file.

    Args:
        file: Its path; `-` is standard input.

    Raises:
        UnusableInputError: It cannot be read, is no JSON, has keys that mean nothing, or its records cannot be read
            together.
    """
    return read_file(file, _request)


def read_person(file: str) -> tuple[Domain, Agent]:
    """Reads the domain and the agent of a case file; nothing else needs to be in it, and what is, is not looked at.

    Args:
        file: Its path; `-` is standard input.

    Raises:
        UnusableInputError: As for `read_case()`.
    """
    return read_file(file, _person)


def _request(parsed: object) -> EscalationRequest:
    case = fields_of("a case", parsed, required=_REQUIRED, optional=_OPTIONAL)
    case["domain"] = domain_of(case["domain"])
    case["login"] = word("login", Login, case.get("login", "unknown"))
    _read_ringcentral(case)
    case.setdefault("intervention", None)
    return request_from_payloads(**case)


def _person(parsed: object) -> tuple[Domain, Agent]:
    case = fields_of("a case", parsed, required=_PERSON, optional=(*_REQUIRED[len(_PERSON) :], *_OPTIONAL))
    domain = domain_of(case["domain"])
    _read_ringcentral(case)
    with collect_faults() as faults:
        role = read_role(PayloadReader(faults, "role", case["role"]), domain.id)
        return domain, read_agent(PayloadReader(faults, "user", case["user"]), domain.id, role, case["ringcentral"])


def _read_ringcentral(case: dict[str, Any]) -> None:
    given = case.get("ringcentral")
    case["ringcentral"] = None if given is None else ringcentral_user("ringcentral", given)
