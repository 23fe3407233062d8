"""A case file is read strictly. If it is invalid, one line says why."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from escalation_policy import ChannelKind, Login, VideoAccess
from escalation_policy.cli._files import read_case
from escalation_policy.cli._output import UnusableInputError

ALLOWED = Path(__file__).parents[2] / "docs/examples/allowed.json"
Case = dict[str, Any]


def refusal(file: Path) -> str:
    """Return the message about an invalid file, without the file's name."""
    with pytest.raises(UnusableInputError) as caught:
        read_case(str(file))
    before, _, message = str(caught.value).partition(": ")
    assert str(file) == before
    assert "\n" not in message
    return message


@pytest.fixture
def case() -> Case:
    """Return a case that is allowed."""
    loaded: Case = json.loads(ALLOWED.read_text("utf-8"))
    return loaded


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], Path]:
    """Return a function that writes a case file: bytes as they are, any other value as JSON."""

    def write_case(content: object) -> Path:
        path = tmp_path / "case.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write_case


Write = Callable[[object], Path]


class TestReadCase:
    """`read_case()`."""

    def test_reads_every_record(self, case: Case, write: Write) -> None:
        """The request has all data of the file."""
        case["context"] = {"region": "EU", "hours": 8, "consent": True}
        request = read_case(str(write(case)))
        assert request.domain.ringcentral_account_id == "664287016"
        assert request.login is Login.RINGCENTRAL_SSO
        assert request.agent.ringcentral is not None
        assert request.agent.ringcentral.video is VideoAccess.GRANTED
        assert request.agent.role.label == "Video agent"
        assert request.intervention is not None
        assert request.intervention.id == request.message.intervention_id
        assert request.context == {"region": "EU", "hours": 8, "consent": True}

    def test_missing_keys_are_unknown_or_absent(self, case: Case, write: Write) -> None:
        """There are no defaults that could allow."""
        for key in ("login", "ringcentral", "intervention"):
            del case[key]
        request = read_case(str(write(case)))
        assert request.login is Login.UNKNOWN
        assert request.intervention is None
        assert request.agent.ringcentral is not None
        assert request.agent.ringcentral.extension_id == case["user"]["rc_user_id"]
        assert request.agent.ringcentral.account_id is None
        assert request.agent.ringcentral.video is VideoAccess.UNKNOWN

    def test_ringcentral_needs_only_the_extension(self, case: Case, write: Write) -> None:
        """Then account and video access are unknown."""
        case["ringcentral"] = {"extension_id": "664307016"}
        user = read_case(str(write(case))).agent.ringcentral
        assert user is not None
        assert (user.account_id, user.video) == (None, VideoAccess.UNKNOWN)

    @pytest.mark.parametrize("extension_id", [664307016, "664307016"], ids=["number", "string"])
    def test_an_extension_id_can_be_a_number_or_a_string(self, extension_id: object, case: Case, write: Write) -> None:
        """RingCentral writes both."""
        case["ringcentral"]["extension_id"] = extension_id
        user = read_case(str(write(case))).agent.ringcentral
        assert user is not None
        assert "664307016" == user.extension_id

    @pytest.mark.parametrize(
        ("kinds", "kind"),
        [
            ({"acme_portal": "channel_sdk"}, ChannelKind.CHANNEL_SDK),
            ({}, ChannelKind.UNKNOWN),
            (None, ChannelKind.UNKNOWN),
        ],
        ids=["kind", "empty", "null"],
    )
    def test_kinds_name_the_types_of_the_domain(
        self, kinds: object, kind: ChannelKind, case: Case, write: Write
    ) -> None:
        """A host passes the same kinds to the readers, so the command decides as the host does."""
        case["source"]["type"] = case["content"]["source_type"] = "acme_portal"
        assert kind is read_case(str(write(case | {"kinds": kinds}))).message.channel.kind

    def test_passes_the_other_keys_to_the_readers(self, case: Case, write: Write) -> None:
        """This identity of the author makes it a message of an agent."""
        case["identity"] = {"id": case["content"]["author_id"], "user_ids": [case["user"]["id"]]}
        assert read_case(str(write(case))).message.author.value == "agent"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "must be JSON, got an error in line 1, column 1"),
            (b'{"domain": {},\n  "login" "saml"}', "must be JSON, got an error in line 2, column 11"),
            (b"\xef\xbb\xbf{}", "must be UTF-8 without a byte order mark"),
            ('{"login": "saml"}'.encode("utf-16"), "must be UTF-8, got another byte at 0"),
            (b'{"login": "\xff"}', "must be UTF-8, got another byte at 11"),
            (b'{"context": {"a": NaN}}', "must be JSON, got NaN"),
            (b'{"context": {"a": -Infinity}}', "must be JSON, got -Infinity"),
            (
                b'{"user": {"id": "1", "id": "2"}}',
                "must name each key once, but keys 1 and 2 of an object are the same",
            ),
            (
                b'{"\\u001b[31m": 1, "\\u001b[31m": 2}',
                "must name each key once, but keys 1 and 2 of an object are the same",
            ),
            (b"[" * 200_000, "must be less deeply nested"),
            (b"9" * 5_000, "must hold shorter integers, got one of thousands of digits"),
        ],
        ids=["empty", "syntax", "BOM", "utf-16", "bytes", "NaN", "infinity", "twice", "escape", "deep", "huge"],
    )
    def test_rejects_invalid_and_ambiguous_json(self, content: bytes, message: str, write: Write) -> None:
        """The message names the place of the error."""
        assert message == refusal(write(content))

    def test_rejects_duplicate_keys_quickly(self, write: Write) -> None:
        """To compare every pair of 100,000 keys would take minutes."""
        keys = ",".join(f'"k{number}":0' for number in range(100_000))
        file = write(f'{{{keys},"k99999":1}}'.encode())
        start = time.process_time()
        assert refusal(file) == "must name each key once, but keys 100000 and 100001 of an object are the same"
        assert time.process_time() - start < 10

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"interventions": None},
                (
                    "a case has an unknown key (did you mean intervention?): it needs domain, user, role, source, "
                    "content and can have login, ringcentral, intervention, identity, event, deferred, context, "
                    "kinds"
                ),
            ),
            (
                {"domain": {"id": "acme", "account": "1"}},
                "domain has an unknown key: it needs id and can have ringcentral_account_id",
            ),
            (
                {"domain": {}},
                "domain lacks id: it needs id and can have ringcentral_account_id",
            ),
            ({"domain": None}, "domain must be an object, got None"),
            (
                {"ringcentral": {"extension_id": "1", "\u202egranted": "video"}},
                "ringcentral has an unknown key: it needs extension_id and can have account_id, video",
            ),
            (
                {"ringcentral": {"extension_id": "1", "ada@example.com": "granted"}},
                "ringcentral has an unknown key: it needs extension_id and can have account_id, video",
            ),
            ({"ringcentral": "664307016"}, "ringcentral must be an object, got a str"),
        ],
        ids=["case", "domain", "no id", "no domain", "ringcentral", "address", "no object"],
    )
    def test_rejects_unknown_and_missing_keys(self, change: Case, message: str, case: Case, write: Write) -> None:
        """The message lists the accepted keys."""
        assert message == refusal(write(case | change))

    @pytest.mark.parametrize(
        ("kinds", "message"),
        [
            ([], "kinds must be an object, got an empty list"),
            ({"chat2": "chat", "ada@example.com": "smtp"}, "kinds[1] must be one of answers, apple_business_chat, "),
            ({"acme_portal": None}, "kinds[0] must be one of answers, apple_business_chat, "),
        ],
        ids=["list", "text", "null"],
    )
    def test_rejects_kinds_that_do_not_exist(self, kinds: object, message: str, case: Case, write: Write) -> None:
        """The message does not show the type, which can be anything."""
        assert refusal(write(case | {"kinds": kinds})).startswith(message)

    @pytest.mark.parametrize("key", ["domain", "user", "role", "source", "content"])
    def test_rejects_a_case_without_a_required_record(self, key: str, case: Case, write: Write) -> None:
        """The message names the missing key."""
        del case[key]
        assert refusal(write(case)).startswith(
            f"a case lacks {key}: it needs domain, user, role, source, content and can have "
        )

    @pytest.mark.parametrize("content", [[], "case", 7, None], ids=["list", "text", "number", "null"])
    def test_rejects_other_json_than_an_object(self, content: object, write: Write) -> None:
        """A case is an object."""
        assert refusal(write(content)).startswith("a case must be an object, got ")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"login": "sso"},
                (
                    "login must be one of ringcentral_sso, saml, jwt_sso, password, api_token, impersonation, unknown, "
                    "got a str (did you mean jwt_sso?)"
                ),
            ),
            (
                {"login": None},
                (
                    "login must be one of ringcentral_sso, saml, jwt_sso, password, api_token, impersonation, unknown, "
                    "got None"
                ),
            ),
            (
                {"ringcentral": {"extension_id": "664307016", "video": ["granted"]}},
                "ringcentral.video must be one of granted, denied, unknown, got a list",
            ),
        ],
        ids=["login", "null", "video"],
    )
    def test_rejects_values_that_are_no_enum_members(
        self, change: Case, message: str, case: Case, write: Write
    ) -> None:
        """The message lists the members. Null is not one of them."""
        assert message == refusal(write(case | change))

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"domain": {"id": "acme", "ringcentral_account_id": True}}, "domain.ringcentral_account_id"),
            ({"domain": {"id": ""}}, "domain.id"),
            ({"ringcentral": {"extension_id": "~", "account_id": "664287016"}}, "ringcentral.extension_id"),
            ({"ringcentral": {"extension_id": True}}, "ringcentral.extension_id"),
            ({"ringcentral": {"extension_id": " "}}, "ringcentral.extension_id"),
            ({"context": ["after_hours"]}, "EscalationRequest.context"),
            ({"user": "ada@example.com"}, "user"),
            ({"deferred": "yes"}, "deferred"),
        ],
        ids=["number", "empty", "tilde", "truth", "blank", "context", "record", "flag"],
    )
    def test_rejects_invalid_values(self, change: Case, path: str, case: Case, write: Write) -> None:
        """The message has the path of the value, and not the value."""
        message = refusal(write(case | change))
        assert message.startswith(f"{path} must be ")
        assert "664287016" not in message
        assert "ada@example.com" not in message

    def test_rejects_records_that_do_not_belong_together(self, case: Case, write: Write) -> None:
        """The line has all faults."""
        case["user"]["role_id"] = "5f3c1a7e9b2d4c0011a0b299"
        case["intervention"]["thread_id"] = "6421f0b83d7a2e0055081999"
        message = refusal(write(case))
        assert "user.role_id must be " in message
        assert "; intervention.thread_id must be " in message

    def test_reports_a_missing_file(self, tmp_path: Path) -> None:
        """The message is that of the system."""
        assert refusal(tmp_path / "none.json") == "no such file or directory"

    def test_reports_a_folder(self, tmp_path: Path) -> None:
        """The message is that of the system."""
        assert refusal(tmp_path) == "is a directory"

    def test_reports_a_file_without_read_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The error is simulated, because the user who runs the tests may be allowed to read every file."""

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
        assert refusal(tmp_path / "case.json") == "permission denied"

    @pytest.mark.parametrize("name", ["a\0b", "\ud800"], ids=["NUL", "surrogate"])
    def test_reports_a_name_that_no_file_can_have(self, name: str) -> None:
        """Python raises before it asks the system."""
        assert refusal(Path(name)) == "no file can have this name"


class TestSize:
    """Files of cases and of domains."""

    def test_is_limited(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A log given by mistake would fill the memory."""
        monkeypatch.setattr("escalation_policy.cli._files._MOST_BYTES", 1024**2)
        (tmp_path / "large.json").write_bytes(b" " * (1024**2 + 1))
        with pytest.raises(UnusableInputError, match=r"large\.json: it is larger than 1 MiB: split it$"):
            read_case(str(tmp_path / "large.json"))
