"""Administration: roles, permissions, RingCentral IDs and the setup of Escalate to Video, as pure transitions."""

from ._audit import AgentAudit, Audit, AuditTotals, ChannelAudit, ChannelUse, audit
from ._checklist import Checklist, ChecklistStep, checklist
from ._directory import Directory
from ._requests import ExtensionEntry, RoleChange, RoleHandover
from ._ringcentral import (
    Ambiguity,
    Conflict,
    ConflictKind,
    ImportMapping,
    RingCentralLink,
    link_ringcentral,
    map_imported_users,
)
from ._roles import (
    Ignored,
    IgnoredBecause,
    RoleAssignment,
    RoleCreation,
    RoleEdit,
    assign_role,
    create_role,
    edit_role,
)

__all__ = [
    "AgentAudit",
    "Ambiguity",
    "Audit",
    "AuditTotals",
    "ChannelAudit",
    "ChannelUse",
    "Checklist",
    "ChecklistStep",
    "Conflict",
    "ConflictKind",
    "Directory",
    "ExtensionEntry",
    "Ignored",
    "IgnoredBecause",
    "ImportMapping",
    "RingCentralLink",
    "RoleAssignment",
    "RoleChange",
    "RoleCreation",
    "RoleEdit",
    "RoleHandover",
    "assign_role",
    "audit",
    "checklist",
    "create_role",
    "edit_role",
    "link_ringcentral",
    "map_imported_users",
]
