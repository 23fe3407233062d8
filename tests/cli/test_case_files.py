"""A case file is read to the letter, or refused in one line that says why."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from escalation_policy import Login, VideoAccess
from escalation_policy.cli._case_files import read_case
from escalation_policy.cli._files import UnusableInputError

ALLOWED = Path(__file__).parents[2] / "docs/examples/allowed.json"
Case = dict[str, Any]


def refusal(file: Path) -> str:
    """Gives what is said of a file that is refused, after its name."""
    with pytest.raises(UnusableInputError) as caught:
        read_case(str(file))
    before, _, message = str(caught.value).partition(": ")
    assert str(file) == before
    assert "\n" not in message
    return message


@pytest.fixture
def case() -> Case:
    """Gives a case that is allowed."""
    loaded: Case = json.loads(ALLOWED.read_text("utf-8"))
    return loaded


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], Path]:
    """Gives a function that writes a case file: bytes as they are, everything else as JSON."""

    def written(content: object) -> Path:
        path = tmp_path / "case.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return written


Write = Callable[[object], Path]


class TestReadCase:
    """`read_case()`."""

    def test_reads_every_record(self, case: Case, write: Write) -> None:
        """What is in the file is in the request."""
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

    def test_what_is_left_out_is_unknown_or_absent(self, case: Case, write: Write) -> None:
        """Nothing is made up for it."""
        for key in ("login", "ringcentral", "intervention"):
            del case[key]
        request = read_case(str(write(case)))
        assert request.login is Login.UNKNOWN
        assert request.intervention is None
        assert request.agent.ringcentral is not None
        assert request.agent.ringcentral.extension_id == case["user"]["rc_user_id"]
        assert request.agent.ringcentral.account_id is None
        assert request.agent.ringcentral.video is VideoAccess.UNKNOWN

    def test_ringcentral_may_say_the_extension_alone(self, case: Case, write: Write) -> None:
        """Account and video access are unknown then."""
        case["ringcentral"] = {"extension_id": "664307016"}
        user = read_case(str(write(case))).agent.ringcentral
        assert user is not None
        assert (user.account_id, user.video) == (None, VideoAccess.UNKNOWN)

    @pytest.mark.parametrize("extension_id", [664307016, "664307016"], ids=["number", "string"])
    def test_an_extension_id_is_read_as_the_readers_read_it(
        self, extension_id: object, case: Case, write: Write
    ) -> None:
        """RingCentral writes it either way."""
        case["ringcentral"]["extension_id"] = extension_id
        user = read_case(str(write(case))).agent.ringcentral
        assert user is not None
        assert "664307016" == user.extension_id

    def test_what_the_readers_take_besides_is_passed_on(self, case: Case, write: Write) -> None:
        """The identity of the author makes the message the agent's."""
        case["identity"] = {"id": case["content"]["author_id"], "user_ids": [case["user"]["id"]]}
        assert read_case(str(write(case))).message.author.value == "agent"

    # What cannot be parsed, or could be parsed in more than one way, is refused.
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
    def test_refuses_what_is_no_json(self, content: bytes, message: str, write: Write) -> None:
        """In one line."""
        assert message == refusal(write(content))

    def test_refuses_a_key_that_comes_twice_in_no_time(self, write: Write) -> None:
        """However many there are: comparing each with each would take minutes."""
        keys = ",".join(f'"k{number}":0' for number in range(100_000))
        file = write(f'{{{keys},"k99999":1}}'.encode())
        start = time.process_time()
        assert refusal(file) == "must name each key once, but keys 100000 and 100001 of an object are the same"
        assert time.process_time() - start < 10

    # Keys of ours that mean nothing are slips.
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                {"interventions": None},
                (
                    "a case has a key of another name (did you mean intervention?): it needs domain, user, role, source, "
                    "content and can have login, ringcentral, intervention, identity, event, deferred, context"
                ),
            ),
            (
                {"domain": {"id": "acme", "account": "1"}},
                "domain has a key of another name: it needs id and can have ringcentral_account_id",
            ),
            (
                {"domain": {}},
                "domain lacks id: it needs id and can have ringcentral_account_id",
            ),
            ({"domain": None}, "domain must be an object, got None"),
            (
                {"ringcentral": {"extension_id": "1", "\u202egranted": "video"}},
                "ringcentral has a key of another name: it needs extension_id and can have account_id, video",
            ),
            (
                {"ringcentral": {"extension_id": "1", "ada@example.com": "granted"}},
                "ringcentral has a key of another name: it needs extension_id and can have account_id, video",
            ),
            ({"ringcentral": "664307016"}, "ringcentral must be an object, got a str"),
        ],
        ids=["case", "domain", "no id", "no domain", "ringcentral", "address", "no object"],
    )
    def test_refuses_strange_and_missing_keys(self, change: Case, message: str, case: Case, write: Write) -> None:
        """Naming those it takes."""
        assert message == refusal(write(case | change))

    @pytest.mark.parametrize("key", ["domain", "user", "role", "source", "content"])
    def test_refuses_a_case_without_a_record(self, key: str, case: Case, write: Write) -> None:
        """Naming the one that is missing."""
        del case[key]
        assert refusal(write(case)).startswith(
            f"a case lacks {key}: it needs domain, user, role, source, content and can have "
        )

    @pytest.mark.parametrize("content", [[], "case", 7, None], ids=["list", "text", "number", "null"])
    def test_refuses_what_is_no_object(self, content: object, write: Write) -> None:
        """A case is an object."""
        assert refusal(write(content)).startswith("a case must be an object, got ")

    # Words are taken from their vocabularies, and null is none of them.
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
    def test_refuses_unknown_words(self, change: Case, message: str, case: Case, write: Write) -> None:
        """Naming those it takes."""
        assert message == refusal(write(case | change))

    # What no value can be made of is told by where it stands in the file, without the value.
    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"domain": {"id": "acme", "ringcentral_account_id": 664287016}}, "domain.ringcentral_account_id"),
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
    def test_refuses_values_that_cannot_exist(self, change: Case, path: str, case: Case, write: Write) -> None:
        """With the path of the value."""
        message = refusal(write(case | change))
        assert message.startswith(f"{path} must be ")
        assert "664287016" not in message
        assert "ada@example.com" not in message

    def test_refuses_records_that_do_not_belong_together(self, case: Case, write: Write) -> None:
        """All faults are in the line."""
        case["user"]["role_id"] = "5f3c1a7e9b2d4c0011a0b299"
        case["intervention"]["thread_id"] = "6421f0b83d7a2e0055081999"
        message = refusal(write(case))
        assert "user.role_id must be " in message
        assert "; intervention.thread_id must be " in message

    # What cannot be read is told as the system tells it.
    def test_refuses_a_missing_file(self, tmp_path: Path) -> None:
        """There is none."""
        assert refusal(tmp_path / "none.json") == "no such file or directory"

    def test_refuses_a_directory(self, tmp_path: Path) -> None:
        """It is no file."""
        assert refusal(tmp_path) == "is a directory"

    def test_refuses_a_file_that_may_not_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever runs this may be allowed to read everything, so it is acted."""

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
        assert refusal(tmp_path / "case.json") == "permission denied"

    @pytest.mark.parametrize("name", ["a\0b", "\ud800"], ids=["NUL", "surrogate"])
    def test_refuses_a_name_that_no_file_can_have(self, name: str) -> None:
        """The system is not even asked."""
        assert refusal(Path(name)) == "no file has such a name"
