"""The enums: Engage Digital's permissions, channel kinds and states, and the vocabulary of decisions."""

from enum import Enum, StrEnum, unique
from typing import final


@final
@unique
class Permission(StrEnum):
    """A permission of a role, by its key in the Role schema of the Engage Digital API.

    There are the 69 flags of the response schema, and three flags that can be written but are not in it:
    `manage_automatic_exports_tasks`, `manage_surveys` and `read_surveys`.
    """

    ACCESS_HELP_CENTER = "access_help_center"
    ACCESS_PREVIOUS_MESSAGES = "access_previous_messages"
    ACCESS_PULL_MODE = "access_pull_mode"
    ADMIN_STAMP_ANSWER = "admin_stamp_answer"
    ANONYMIZE_IDENTITY = "anonymize_identity"
    APPROVE_CONTENT = "approve_content"
    ASK_AN_EXPERT = "ask_an_expert"
    ASSIGN_INTERVENTION = "assign_intervention"
    AUTHOR_BLOCK_CONTENT = "author_block_content"
    CLOSE_CONTENT_THREAD = "close_content_thread"
    CREATE_AND_DESTROY_EXTENSION = "create_and_destroy_extension"
    CREATE_COMMUNITY = "create_community"
    CREATE_CONTENT_SOURCE = "create_content_source"
    CREATE_USER = "create_user"
    DELAY_EXPORT_CONTENT = "delay_export_content"
    DELETE_CONTENT_THREAD = "delete_content_thread"
    ESCALATE_TO_VIDEO = "escalate_to_video"
    EXPORT_IDENTITY = "export_identity"
    IMPERSONATE_USER = "impersonate_user"
    INVITE_USER = "invite_user"
    LOCK_IDENTITY = "lock_identity"
    MANAGE_API_ACCESS_TOKENS = "manage_api_access_tokens"
    MANAGE_APP_SDK_APPLICATIONS = "manage_app_sdk_applications"
    MANAGE_AUTOMATIC_EXPORTS_TASKS = "manage_automatic_exports_tasks"
    MANAGE_CATEGORIES = "manage_categories"
    MANAGE_CHAT = "manage_chat"
    MANAGE_CUSTOM_FIELDS = "manage_custom_fields"
    MANAGE_CUSTOM_NOTIFICATIONS = "manage_custom_notifications"
    MANAGE_EMAILS_TEMPLATES = "manage_emails_templates"
    MANAGE_FOLDERS = "manage_folders"
    MANAGE_ICE = "manage_ice"
    MANAGE_IDENTITIES = "manage_identities"
    MANAGE_MESSAGING = "manage_messaging"
    MANAGE_OWN_NOTIFICATIONS = "manage_own_notifications"
    MANAGE_REPLY_ASSISTANT = "manage_reply_assistant"
    MANAGE_ROLES = "manage_roles"
    MANAGE_RULES_ENGINE_RULES = "manage_rules_engine_rules"
    MANAGE_SURVEYS = "manage_surveys"
    MANAGE_TAGS = "manage_tags"
    MANAGE_TEAMS = "manage_teams"
    MANAGE_TOPOLOGIES = "manage_topologies"
    MANAGE_USERS_OF_MY_TEAMS = "manage_users_of_my_teams"
    MONITOR_TASKS = "monitor_tasks"
    MONITOR_TEAM_TASKS = "monitor_team_tasks"
    MUTE_CONTENT = "mute_content"
    OPEN_CONTENT_THREAD = "open_content_thread"
    PUBLISH_CONTENT = "publish_content"
    READ_COMMUNITY = "read_community"
    READ_CONTENT_SOURCE = "read_content_source"
    READ_EVENT = "read_event"
    READ_EXPORT = "read_export"
    READ_IDENTITY = "read_identity"
    READ_OWN_STATS = "read_own_stats"
    READ_PRESENCE = "read_presence"
    READ_STATS = "read_stats"
    READ_SURVEYS = "read_surveys"
    READ_USER = "read_user"
    RECEIVE_TASKS = "receive_tasks"
    REPLY_WITH_ASSISTANT = "reply_with_assistant"
    SEARCH_CONTENTS = "search_contents"
    SEARCH_EVENT = "search_event"
    UPDATE_COMMUNITY = "update_community"
    UPDATE_CONTENT_SOURCE = "update_content_source"
    UPDATE_EXTENSION = "update_extension"
    UPDATE_IDENTITY = "update_identity"
    UPDATE_INTERVENTION = "update_intervention"
    UPDATE_OWN_INTERVENTION = "update_own_intervention"
    UPDATE_SETTINGS = "update_settings"
    UPDATE_TIME_SHEET = "update_time_sheet"
    UPDATE_USER = "update_user"
    USE_COBROWSING = "use_cobrowsing"
    USE_EMOJI = "use_emoji"


@final
@unique
class ChannelKind(StrEnum):
    """The medium of a channel, by its `source_type` key in the Engage Digital API.

    `UNKNOWN` is an unknown fact: no test of it has an answer, so no rule that depends on it is met.
    """

    ANSWERS = "answers"
    APPLE_BUSINESS_CHAT = "apple_business_chat"
    CHANNEL_SDK = "channel_sdk"
    CHAT = "chat"
    DIGITAL_SMS = "digital_sms"
    DIMELO_COMMUNITIES_ANSWERS = "dimelo_communities_answers"
    DIMELO_COMMUNITIES_IDEAS = "dimelo_communities_ideas"
    DIMELO_SDK = "dimelo_sdk"
    EMAIL = "email"
    ENGAGE_MESSAGING = "engage_messaging"
    FACEBOOK = "facebook"
    GOOGLE_BUSINESS_MESSAGES = "google_business_messages"
    GOOGLE_MY_BUSINESS = "google_my_business"
    GOOGLE_PLAY = "google_play"
    INSTAGRAM = "instagram"
    INSTAGRAM_MESSAGING = "instagram_messaging"
    LINKEDIN = "linkedin"
    LITHIUM = "lithium"
    MESSENGER = "messenger"
    MICROSOFT_TEAMS = "microsoft_teams"
    RIGHTNOW = "rightnow"
    RSS = "rss"
    TAPATALK = "tapatalk"
    TEXTEL = "textel"
    TWITTER = "twitter"
    TWITTER_SEARCH = "twitter_search"
    VIBER = "viber"
    WHATSAPP = "whats_app"
    YOUTUBE = "youtube"
    UNKNOWN = "unknown"


@final
@unique
class Login(Enum):
    """How the agent's session was opened. No Engage Digital payload says it: the host must know it."""

    RINGCENTRAL_SSO = "ringcentral_sso"  #: *Sign in with RingCentral*, with any identity provider behind it.
    SAML = "saml"  #: Engage Digital's own SAML single sign-on.
    JWT_SSO = "jwt_sso"  #: The *JWT Single Sign On* extension.
    PASSWORD = "password"  #: The login form.
    API_TOKEN = "api_token"  #: An API access token: no person is logged in.
    IMPERSONATION = "impersonation"  #: Another user acts as this agent.
    UNKNOWN = "unknown"  #: An unknown fact.


@final
@unique
class MessageAuthor(Enum):
    """Who wrote a message. `AUTOMATIC` is the platform itself, with surveys and automatic responses."""

    CUSTOMER = "customer"
    AGENT = "agent"
    AUTOMATIC = "automatic"
    UNKNOWN = "unknown"  #: An unknown fact.


@final
@unique
class InterventionState(Enum):
    """The state of a case. It is not read from Engage Digital's own `status`, which is a localized label."""

    OPEN = "open"
    DEFERRED = "deferred"
    CLOSED = "closed"
    UNKNOWN = "unknown"  #: An unknown fact.


@final
@unique
class VideoAccess(Enum):
    """Whether RingCentral Video is the video service of a RingCentral user."""

    GRANTED = "granted"
    DENIED = "denied"
    UNKNOWN = "unknown"  #: An unknown fact: the host has not asked RingCentral.


@final
@unique
class Party(Enum):
    """Who can take a step."""

    AGENT = "agent"
    ENGAGE_ADMINISTRATOR = "engage_administrator"
    RINGCENTRAL_ADMINISTRATOR = "ringcentral_administrator"
    RINGCENTRAL = "ringcentral"  #: The company, through the customer's contact there.
    DEVELOPER = "developer"  #: The developers of the host application.
    NOBODY = "nobody"  #: Nobody can fix it; the step says what to do instead.


@final
@unique
class Effect(Enum):
    """The effect of a decision. There are only two: a request is denied unless it is known to be allowed."""

    ALLOW = "allow"
    DENY = "deny"


@final
@unique
class ReasonStatus(Enum):
    """The outcome of one rule. A request is allowed only if every rule is `MET`."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"  #: The host did not supply a fact that the rule depends on.
    ERROR = "error"  #: Something that the rule depends on raised an exception, or is not of its declared type.
