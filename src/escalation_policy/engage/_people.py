"""Roles and agents: the Role and User records of the Engage Digital API."""

from collections.abc import Mapping
from typing import Final

from .._enums import Permission
from .._fields import check_types
from .._reading import FLAG, ID, TEXT, UNREAD, Form, PayloadReader, as_id, collect_faults
from .._values import Agent, RingCentralUser, Role
from ..exceptions import InvalidValueError

_NO_FLAGS: Final = frozenset({"id", "label", "created_at", "updated_at"})
_PERMISSIONS: Final = {permission.value: permission for permission in Permission}


def _as_extension(value: object) -> RingCentralUser | None:
    try:
        return RingCentralUser(extension_id=as_id(value) or "")
    except InvalidValueError:
        return None


_EXTENSION: Final = Form(accepted="an extension id: 1 to 20 ASCII digits", parse=_as_extension, blank_is_nothing=True)


def role_from_payload(payload: Mapping[str, object], *, domain_id: str) -> Role:
    """Reads a Role record.

    Every field but `id`, `label`, `created_at` and `updated_at` is a flag: one that is true is granted (or, when no
    `Permission` has its key, one of the `unknown_permissions`), one that is false or missing is not.

    Raises:
        InvalidPayloadError: The id or label is missing, or any flag, known or not, is neither true nor false.
    """
    with collect_faults() as faults:
        return read_role(PayloadReader(faults, "role", payload), domain_id)


def read_role(record: PayloadReader, domain_id: str) -> Role:
    """Reads a role; it is good only when no fault was noted."""
    granted = record.flags(keys=_PERMISSIONS, apart_from=_NO_FLAGS)
    return Role(
        id=record.required(ID, "id", UNREAD),
        domain_id=domain_id,
        label=record.required(TEXT, "label", UNREAD),
        permissions={_PERMISSIONS[key] for key in granted & _PERMISSIONS.keys()},
        unknown_permissions=granted - _PERMISSIONS.keys(),
    )


def agent_from_payload(
    payload: Mapping[str, object], *, domain_id: str, role: Role, ringcentral: RingCentralUser | None = None
) -> Agent:
    """Reads a User record.

    Args:
        payload: The record. `rc_user_id` is the RingEX extension id of the linked user; null, missing or blank, the
            agent is linked to none. `external_id` serves the domain's own single sign-on and `no_password` says only
            that there is some: neither tells anything about RingCentral.
        domain_id: The domain it was read from.
        role: The role that the record's `role_id` names.
        ringcentral: What RingCentral says about the extension, if it was asked: its account, e-mail and video access.

    Raises:
        InvalidPayloadError: The record is malformed, lacks `id`, `enabled` or `role_id`, names another role, or
            another extension than `ringcentral`.
    """
    with collect_faults() as faults:
        return read_agent(PayloadReader(faults, "user", payload), domain_id, role, ringcentral)


def read_agent(record: PayloadReader, domain_id: str, role: Role, ringcentral: RingCentralUser | None) -> Agent:
    """Reads an agent; it is good only when no fault was noted."""
    check_types(Role, role=role)
    record.required(ID, "role_id", UNREAD)
    record.check_id(role.id, "the id of the role", "role_id")
    return Agent(
        id=record.required(ID, "id", UNREAD),
        domain_id=domain_id,
        role=role,
        enabled=record.required(FLAG, "enabled", placeholder=False),
        email=record.optional(TEXT, "email"),
        ringcentral=_linked(record, ringcentral),
        team_ids=record.ids("team_ids"),
    )


def _linked(record: PayloadReader, ringcentral: RingCentralUser | None) -> RingCentralUser | None:
    told = record.optional(_EXTENSION, "rc_user_id")
    if told is None or ringcentral is None:
        return told
    check_types(RingCentralUser, ringcentral=ringcentral)
    record.check_id(ringcentral.extension_id, "the extension id that RingCentral told", "rc_user_id")
    return ringcentral
