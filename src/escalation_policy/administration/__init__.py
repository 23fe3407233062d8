"""Administration of roles, permissions, RingCentral IDs and the setup of Escalate to Video, as pure functions."""

from ._actions import SetupAction, setup_actions
from ._directory import Directory, RecordKind, UnreadableRecord
from ._loading import load_directory, load_directory_async
from ._policies import ExtensionEntry, RoleChange, RoleHandover
from ._reach import Reach, ReachClass, reach
from ._readiness import (
    AgentAudit,
    Audit,
    AuditClass,
    AuditTotals,
    ChannelAudit,
    ChannelUse,
    Checklist,
    ChecklistStep,
    SharedField,
    SharedValue,
    audit,
    checklist,
)
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
    "AuditClass",
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
    "Reach",
    "ReachClass",
    "RecordKind",
    "RingCentralLink",
    "RoleAssignment",
    "RoleChange",
    "RoleCreation",
    "RoleEdit",
    "RoleHandover",
    "SetupAction",
    "SharedField",
    "SharedValue",
    "UnreadableRecord",
    "assign_role",
    "audit",
    "checklist",
    "create_role",
    "edit_role",
    "link_ringcentral",
    "load_directory",
    "load_directory_async",
    "map_imported_users",
    "reach",
    "setup_actions",
]
