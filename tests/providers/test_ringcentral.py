"""Calls on RingCentral Video: the request, the response that is trusted, and the outcome of every other response."""

import gzip
import importlib
import json
import re
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from escalation_policy._http.messages import Response
from escalation_policy.exceptions import (
    InvalidValueError,
    ProviderError,
    ProviderOutcomeUnknownError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from escalation_policy.providers import ringcentral
from escalation_policy.providers.ringcentral import AsyncRingCentralVideo, RingCentralVideo, ringcentral_user
from escalation_policy.video import VideoCall
from providers.callers import (
    CALL,
    TOKEN,
    Caller,
    SyncCaller,
    assert_silent,
    assert_silent_variables,
    both,
    client,
    options,
)
from providers.loopback import (
    ACCOUNT,
    BRIDGE,
    DATE,
    EXTENSION,
    HASH,
    LINK,
    Loopback,
    ReceivedRequest,
    Script,
    a_bridge,
    error_body,
    response,
)

AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
BRIDGE_CALL = VideoCall(id=BRIDGE, join_url=LINK, account_id=ACCOUNT, extension_id=EXTENSION, created_at=AT)


def responding(post: Script, delete: Script = ()) -> Callable[[ReceivedRequest], Script]:
    """Return a script with two responses, one to a POST and one to anything else."""
    return lambda request: post if request.method == "POST" else (delete or response(204))


def error_of(server: Loopback, caller: Caller, post: Script) -> ProviderError:
    """Return the error that a response leads to."""
    server.script = responding(post)
    with pytest.raises(ProviderError) as caught:
        caller(server.url).create_call()
    assert_silent(caught.value)
    assert_silent_variables(caught.value)
    return caught.value


@both
class TestRequest:
    """One POST for each call, with nothing in it that RingCentral need not know."""

    def test_creates_a_bridge_of_the_host_that_everybody_may_join(self, server: Loopback, caller: Caller) -> None:
        """It names guests and other accounts explicitly: an account can change the defaults."""
        caller(server.url).create_call()
        (request,) = server.requests
        assert ("POST", f"/rcvideo/v2/account/{ACCOUNT}/extension/{EXTENSION}/bridges") == (
            request.method,
            request.path,
        )
        security = {"noGuests": False, "sameAccount": False}
        assert {"name": "Video call", "type": "Instant", "security": security} == request.json()

    def test_is_signed_by_the_client_and_has_a_length(self, server: Loopback, caller: Caller) -> None:
        """Not every server reads chunks, and a compressed response could be of any length."""
        caller(server.url).create_call()
        headers = server.requests[0].headers
        assert (f"Bearer {TOKEN}", "application/json") == (headers["authorization"], headers["content-type"])
        assert (str(len(server.requests[0].content)), "identity") == (
            headers["content-length"],
            headers["accept-encoding"],
        )
        assert "transfer-encoding" not in headers

    def test_is_repeated_by_an_auth_with_a_new_token(self, server: Loopback, caller: Caller) -> None:
        """A 401 means that nothing was created, so the auth may send the same body again."""

        class Renewing(httpx.Auth):
            def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
                if (yield request).status_code == 401:
                    request.headers["Authorization"] = "Bearer new"
                    yield request

        server.script = lambda request: response(
            401 if TOKEN in request.headers["authorization"] else 201, a_bridge(request)
        )
        assert BRIDGE_CALL == caller(server.url, auth=Renewing()).create_call()
        assert server.requests[0].content == server.requests[1].content

    def test_can_create_a_bridge_that_lasts(self, server: Loopback, caller: Caller) -> None:
        """If customers answer hours later, an instant room is gone."""
        assert BRIDGE_CALL == caller(server.url, {"bridge": "Scheduled"}).create_call()
        assert "Scheduled" == server.requests[0].json()["type"]

    def test_can_protect_each_call_with_a_password_of_its_own(self, server: Loopback, caller: Caller) -> None:
        """The customer needs only the link, which carries a hash of the password."""
        calls = [caller(server.url, {"password": True}).create_call() for _ in range(2)]
        assert [f"{LINK}?pw={HASH}"] * 2 == [call.join_url for call in calls]
        security = [request.json()["security"] for request in server.requests]
        assert [True, True] == [settings["passwordProtected"] for settings in security]
        assert security[0]["password"] != security[1]["password"]
        for settings in security:
            password = settings["password"]
            assert (10, True) == (len(password), password.isascii() and password.isalnum())
            assert all(any(map(is_of, password)) for is_of in (str.isupper, str.islower, str.isdigit))


@both
class TestCreatedBridge:
    """A 201 is trusted only if everything in it is as requested."""

    def test_becomes_a_call(self, server: Loopback, caller: Caller) -> None:
        """Its time of creation is the date of the response."""
        assert BRIDGE_CALL == caller(server.url).create_call()

    @pytest.mark.parametrize("date", ["", "soon", "Sat, 31 Jan 2026 09:30:00 +9999"])
    def test_without_a_date_was_created_now(self, server: Loopback, caller: Caller, date: str) -> None:
        """A bridge itself has no time."""
        server.script = lambda request: response(201, a_bridge(request), Date=date)
        before = datetime.now(UTC)
        assert before <= caller(server.url).create_call().created_at <= datetime.now(UTC)

    def test_may_have_a_password_that_was_not_requested(self, server: Loopback, caller: Caller) -> None:
        """Accounts can require one. The link carries it."""
        bridge = a_bridge(security={"passwordProtected": True}, discovery={"web": f"{LINK}?pw={HASH}"})
        server.script = responding(response(201, bridge))
        assert f"{LINK}?pw={HASH}" == caller(server.url).create_call().join_url

    @pytest.mark.parametrize("bridge", [a_bridge(security=None, type=None), a_bridge(security={"noGuests": None})])
    def test_may_omit_flags_that_are_off_by_default(
        self, server: Loopback, caller: Caller, bridge: dict[str, Any]
    ) -> None:
        """The documentation requires no field of a bridge."""
        server.script = responding(response(201, bridge))
        assert BRIDGE_CALL == caller(server.url).create_call()

    def test_may_identify_its_host_by_numbers(self, server: Loopback, caller: Caller) -> None:
        """RingCentral sends ids as numbers or as strings."""
        bridge = a_bridge(host={"accountId": int(ACCOUNT), "extensionId": int(EXTENSION)})
        server.script = responding(response(201, bridge), response(200, bridge))
        assert BRIDGE_CALL == caller(server.url).create_call()
        assert True is caller(server.url).is_open(BRIDGE_CALL)

    WRONG: tuple[tuple[str, dict[str, Any]], ...] = (
        ("security.noGuests", {"security": {"noGuests": True}}),
        ("security.noGuests", {"security": {"noGuests": "false"}}),
        ("security.noGuests", {"security": {"noGuests": 0}}),
        ("security.sameAccount", {"security": {"sameAccount": True}}),
        ("security", {"security": []}),
        ("security.passwordProtected", {"security": {"passwordProtected": "no"}}),
        ("discovery.web", {"security": {"passwordProtected": True}}),
        ("discovery.web", {"security": {"passwordProtected": True}, "discovery": {"web": f"{LINK}?pw="}}),
        ("discovery.web", {"discovery": None}),
        ("discovery.web", {"discovery": {"web": LINK.replace("https", "http")}}),
        ("discovery.web", {"discovery": {"web": "https://ada:secret@v.ringcentral.com/join/1"}}),
        ("discovery.web", {"discovery": {"web": f"{LINK}\n"}}),
        ("discovery.web", {"discovery": {"web": 1}}),
        ("security.noGuests, discovery.web", {"security": {"noGuests": True}, "discovery": {}}),
    )

    @pytest.mark.parametrize(("faults", "changes"), WRONG, ids=[f"{name}-{at}" for at, (name, _) in enumerate(WRONG)])
    def test_is_deleted_and_its_link_shown_to_nobody_if_it_is_wrong(
        self, server: Loopback, caller: Caller, faults: str, changes: dict[str, Any]
    ) -> None:
        """Nothing remains, and another attempt would fail in the same way."""
        caught = error_of(server, caller, response(201, a_bridge(**changes)))
        assert isinstance(caught, ProviderRejectedError)
        wrong = f"RingCentral created a bridge that is not as requested ({faults})"
        assert (f"{wrong}; it was deleted", None) == (str(caught), caught.code)
        assert [("DELETE", f"/rcvideo/v2/bridges/{BRIDGE}")] == [
            (request.method, request.path) for request in server.requests[1:]
        ]

    OTHERS: tuple[tuple[str, dict[str, Any]], ...] = (
        ("host", {"host": {"accountId": ACCOUNT, "extensionId": "1"}}),
        ("host", {"host": {"accountId": "1", "extensionId": EXTENSION}}),
        ("host", {"host": {"accountId": float(ACCOUNT), "extensionId": EXTENSION}}),
        ("host", {"host": {"accountId": f"0{ACCOUNT}", "extensionId": EXTENSION}}),
        ("host", {"host": {"accountId": int(ACCOUNT), "extensionId": True}}),
        ("host", {"host": None}),
        ("host", {"host": [ACCOUNT, EXTENSION]}),
        ("host, discovery.web", {"host": {}, "discovery": {}}),
        ("type", {"type": "PMI"}),
        ("type", {"type": "Scheduled"}),
        ("type", {"type": 1}),
        ("security.noGuests", {"type": None, "security": {"noGuests": True}}),
    )

    @pytest.mark.parametrize(("faults", "changes"), OTHERS, ids=[f"{name}-{at}" for at, (name, _) in enumerate(OTHERS)])
    def test_is_left_alone_if_it_may_be_somebody_elses(
        self, server: Loopback, caller: Caller, faults: str, changes: dict[str, Any]
    ) -> None:
        """To delete another host's room, or a personal meeting room, would be worse than to leave a room behind."""
        caught = error_of(server, caller, response(201, a_bridge(**changes)))
        assert isinstance(caught, ProviderOutcomeUnknownError)
        wrong = f"RingCentral created a bridge that is not as requested ({faults})"
        assert f"{wrong}; it was left alone, as it may be somebody else's" == str(caught)
        assert (BRIDGE, ["POST"]) == (caught.call_id, server.methods())

    @pytest.mark.parametrize("protected", [False, None])
    def test_is_wrong_without_the_requested_password(
        self, server: Loopback, caller: Caller, *, protected: bool | None
    ) -> None:
        """Anybody could guess the number of the room."""
        bridge = a_bridge(security={"passwordProtected": protected}, discovery={"web": f"{LINK}?pw={HASH}"})
        server.script = responding(response(201, bridge))
        with pytest.raises(ProviderRejectedError, match=r"\(security\.passwordProtected\); it was deleted$"):
            caller(server.url, {"password": True}).create_call()

    @pytest.mark.parametrize("delete", [response(403), response(500), response(200), response(302), [b"no HTTP"]])
    def test_is_named_in_the_error_if_it_cannot_be_deleted(
        self, server: Loopback, caller: Caller, delete: Script
    ) -> None:
        """Somebody has to look after it. There was one attempt."""
        server.script = responding(response(201, a_bridge(security={"noGuests": True})), delete)
        with pytest.raises(
            ProviderOutcomeUnknownError, match=r"not as requested \(security\.noGuests\); it could not be deleted$"
        ) as caught:
            caller(server.url).create_call()
        assert_silent(caught.value)
        assert (BRIDGE, ["POST", "DELETE"]) == (caught.value.call_id, server.methods())

    def test_is_gone_if_its_deletion_finds_nothing(self, server: Loopback, caller: Caller) -> None:
        """A 404 is as good as a 204. Nobody knows who deleted it."""
        server.script = responding(response(201, a_bridge(discovery=None)), response(404))
        with pytest.raises(ProviderRejectedError, match=r"\(discovery\.web\); it is gone$"):
            caller(server.url).create_call()

    # Only the id of a bridge gets into a path or into an error.
    @pytest.mark.parametrize(
        "bridge_id",
        [None, "", 1, "default", "pin", "..", "a/b", "a?b", "a b", "a%2fb", "é", f"{BRIDGE}\n", "a" * 129],
    )
    def test_is_unknown_without_an_id(self, server: Loopback, caller: Caller, bridge_id: object) -> None:
        """Nobody knows whether there is a bridge, so there is nothing to delete."""
        caught = error_of(server, caller, response(201, a_bridge(id=bridge_id)))
        assert isinstance(caught, ProviderOutcomeUnknownError)
        assert (str(caught), caught.call_id) == ("RingCentral answered 201, but not with a bridge", None)
        assert ["POST"] == server.methods()

    UNREADABLE = (
        b"",
        b"[]",
        b"{",
        b"\xef\xbb\xbf{}",
        b'{"id": "\xff"}',
        json.dumps(a_bridge()).encode() + b"x",
        json.dumps(a_bridge()).encode("utf-16"),
        json.dumps(a_bridge())[:-1].encode() + b', "id": "b2"}',
        json.dumps(a_bridge(n=float("nan"))).encode(),
        b"[" * 60_000,
        json.dumps(a_bridge(padding="x" * 65_536)).encode(),
    )

    @pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
    def test_is_unknown_if_it_cannot_be_read(self, server: Loopback, caller: Caller, body: bytes) -> None:
        """Not a JSON object, an ambiguous one, or a longer one than any bridge needs."""
        caught = error_of(server, caller, response(201, body))
        assert isinstance(caught, ProviderOutcomeUnknownError)
        assert (str(caught), caught.call_id) == ("RingCentral answered 201, but not with a bridge", None)

    def test_may_be_long_and_arrive_in_pieces(self, server: Loopback, caller: Caller) -> None:
        """64 KiB are enough for any bridge."""
        head, content = response(201, a_bridge(padding="x" * 60_000))
        assert isinstance(content, bytes)
        server.script = responding([head, content[:1], content[1:30_000], content[30_000:]])
        assert BRIDGE_CALL == caller(server.url).create_call()

    def test_is_not_read_further_than_64_kib(self, server: Loopback, caller: Caller) -> None:
        """The client closes the connection. Until then, this server keeps sending."""

        def endless(_: ReceivedRequest) -> Script:
            yield from response(201, b"", Content_Length="", Transfer_Encoding="chunked")
            while True:
                yield b"1000\r\n" + b"x" * 4096 + b"\r\n"

        server.script = endless
        with pytest.raises(ProviderOutcomeUnknownError, match="answered 201, but not with a bridge"):
            caller(server.url).create_call()

    def test_is_not_decompressed(self, server: Loopback, caller: Caller) -> None:
        """Nobody requested a compressed response, and a few bytes can become gigabytes."""
        packed = gzip.compress(json.dumps(a_bridge()).encode())
        caught = error_of(server, caller, response(201, packed, Content_Encoding="gzip"))
        assert isinstance(caught, ProviderOutcomeUnknownError)


REFUSALS: tuple[tuple[int, list[str], str], ...] = (
    (400, ["CMN-101"], "RingCentral answered 400 CMN-101: the request is invalid; the developer fixes it"),
    (401, ["OAU-213"], "RingCentral answered 401 OAU-213: the token is not valid; the developer gets a new one"),
    (
        403,
        ["CMN-401"],
        (
            "RingCentral answered 403 CMN-401: the app lacks a permission; the developer adds it to the app, "
            "and has it authorised again"
        ),
    ),
    (
        403,
        ["CMN-408"],
        (
            "RingCentral answered 403 CMN-408: the token's user lacks a permission; a RingCentral "
            "administrator grants it"
        ),
    ),
    (
        403,
        ["X-1", "CMN-109"],
        "RingCentral answered 403 CMN-109: the account's plan lacks this feature; a RingCentral administrator orders it",
    ),
    (
        403,
        ["CMN-403"],
        "RingCentral answered 403 CMN-403: not for this type of extension; a RingCentral administrator fixes it",
    ),
    (
        403,
        [],
        (
            "RingCentral answered 403: the token's user must be the host, a delegate of the host or a Super Admin; a "
            "RingCentral administrator fixes it"
        ),
    ),
    (
        404,
        ["CMN-102"],
        (
            "RingCentral answered 404 CMN-102: it knows no such account or extension, or the client's base_url is another "
            "service's"
        ),
    ),
    (406, [], "RingCentral answered 406: it creates no such call for this extension"),
    (
        409,
        [],
        (
            "RingCentral answered 409: the settings of the host or of the account conflict with this; a RingCentral "
            "administrator fixes it"
        ),
    ),
    (418, [], "RingCentral answered 418: it refuses this"),
    (
        304,
        [],
        "RingCentral answered 304: it redirects to another address, which is not followed; the developer fixes the client's base_url",
    ),
)


@both
class TestOtherResponses:
    """Every other status is a refusal, a delay, or an unknown outcome."""

    @pytest.mark.parametrize(
        ("status", "codes", "text"), REFUSALS, ids=[f"{status}-{codes}" for status, codes, _ in REFUSALS]
    )
    def test_are_refusals_that_say_who_fixes_them(
        self, server: Loopback, caller: Caller, status: int, codes: list[str], text: str
    ) -> None:
        """Nothing was created, and trying again does not help."""
        caught = error_of(server, caller, response(status, error_body(*codes) if status != 304 else b""))
        assert isinstance(caught, ProviderRejectedError)
        assert (str(caught), caught.code) == (text, codes[-1] if codes else f"HTTP {status}")

    def test_leave_no_password_in_variables(self, server: Loopback, caller: Caller) -> None:
        """The requested password is as secret as the password of a bridge."""
        server.script = responding(response(500))
        with pytest.raises(ProviderOutcomeUnknownError) as caught:
            caller(server.url, {"password": True}).create_call()
        assert_silent_variables(caught.value, server.requests[0].json()["security"]["password"])

    # Only a text in the form of RingCentral's codes becomes the code.
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"errorCode": "CMN-102"}, "CMN-102"),
            ({"errorCode": "CMN-102", "errors": [{"errorCode": "CMN-101"}]}, "CMN-101"),
            ({"errorCode": "CMN-102", "errors": "CMN-101"}, "CMN-102"),
            ({"errors": [None, ["CMN-102"], {"errorCode": 1}, {"errorCode": "CMN-101"}]}, "CMN-101"),
            ({"errorCode": ACCOUNT}, "HTTP 400"),
            ({"errorCode": f"A{ACCOUNT}"}, "HTTP 400"),
            ({"errorCode": f"CMN-{ACCOUNT}"}, "HTTP 400"),
            ({"errorCode": "SECRET"}, "HTTP 400"),
            ({"errorCode": "Bearer secret-token"}, "HTTP 400"),
            ({"errorCode": "CMN-" + "1" * 20}, "HTTP 400"),
            ({"errorCode": "CMN-102\n"}, "HTTP 400"),
            ([{"errorCode": "CMN-102"}], "HTTP 400"),
            (b"CMN-102", "HTTP 400"),
        ],
    )
    def test_have_a_code_only_if_it_looks_like_one(
        self, server: Loopback, caller: Caller, body: object, code: str
    ) -> None:
        """Nobody gets to see the texts beside it."""
        caught = error_of(server, caller, response(400, body))
        assert isinstance(caught, ProviderRejectedError)
        assert code == caught.code

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_are_never_followed(self, server: Loopback, caller: Caller, status: int) -> None:
        """Even if the client follows redirections: a stranger would get a second request."""
        with Loopback() as stranger:
            server.script = responding(response(status, Location=f"{stranger.url}/join"))
            with pytest.raises(
                ProviderRejectedError, match=f"answered {status}: it redirects to another address"
            ) as caught:
                caller(server.url, follow_redirects=True).create_call()
            assert ([], 1, f"HTTP {status}") == (stranger.requests, len(server.requests), caught.value.code)

    # Seconds, or a date, which is compared with the date of the response.
    @pytest.mark.parametrize(
        ("wait", "seconds"),
        [
            ("7", 7),
            (" 7 ", 7),
            ("0", 0),
            ("0000000030", 30),
            ("0000000000", 0),
            ("59.5", 59.5),
            ("0.25", 0.25),
            ("3600", 3600),
            ("99999999999999999999", 3600),
            ("1" * 5000, 3600),
            ("Sat, 31 Jan 2026 09:31:30 GMT", 90),
            ("Sat, 31 Jan 2026 09:31:30 -0000", 90),
            ("Sat, 31 Jan 2026 09:29:00 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ],
    )
    @pytest.mark.parametrize("status", [408, 429, 503])
    def test_say_how_long_to_wait(
        self, server: Loopback, caller: Caller, status: int, wait: str, seconds: float
    ) -> None:
        """One hour at most: by then, somebody else will have looked."""
        caught = error_of(server, caller, response(status, error_body("CMN-301"), Retry_After=wait))
        assert isinstance(caught, ProviderUnavailableError)
        actual = (str(caught), caught.retry_after)
        assert actual == (f"RingCentral answered {status} CMN-301: not now", timedelta(seconds=seconds))

    def test_compare_a_date_with_the_clock_if_they_have_no_date(self, server: Loopback, caller: Caller) -> None:
        """A date in the past means now, and a distant one means an hour."""
        for year, seconds in ((2001, 0), (9998, 3600)):
            wait = f"Sat, 01 Jan {year} 00:00:00 GMT"
            caught = error_of(server, caller, response(429, Retry_After=wait, Date=""))
            assert isinstance(caught, ProviderUnavailableError)
            assert timedelta(seconds=seconds) == caught.retry_after

    @pytest.mark.parametrize("wait", ["", "soon", "-1", "1.", ".5", "1e3", "٣"])
    def test_mean_half_a_minute_if_they_do_not_say_how_long_to_wait(
        self, server: Loopback, caller: Caller, wait: str
    ) -> None:
        """A request during RingCentral's penalty starts it again."""
        for status in (408, 429):
            caught = error_of(server, caller, response(status, Retry_After=wait))
            assert isinstance(caught, ProviderUnavailableError)
            assert timedelta(seconds=30) == caught.retry_after
        assert isinstance(error_of(server, caller, response(503, Retry_After=wait)), ProviderOutcomeUnknownError)

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"X_Rate_Limit_Window": "60"}, 60),
            ({"X_Rate_Limit_Window": "59.5"}, 59.5),
            ({"X_Rate_Limit_Window": "9" * 20}, 3600),
            ({"X_Rate_Limit_Window": "60", "Retry_After": "7"}, 7),
            ({"X_Rate_Limit_Window": "60", "Retry_After": "soon"}, 60),
            ({"X_Rate_Limit_Window": "soon"}, 30),
        ],
    )
    def test_say_with_a_window_how_long_to_wait_if_there_were_too_many_requests(
        self, server: Loopback, caller: Caller, headers: dict[str, str], seconds: float
    ) -> None:
        """RingCentral blocks the user until the window ends. After any other status, the window says nothing."""
        caught = error_of(server, caller, response(429, error_body("CMN-301"), **headers))
        assert isinstance(caught, ProviderUnavailableError)
        assert timedelta(seconds=seconds) == caught.retry_after
        assert isinstance(
            error_of(server, caller, response(503, X_Rate_Limit_Window="60")), ProviderOutcomeUnknownError
        )

    APP = "the developer adds it to the app, and has it authorised again"

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ({"errors": [{"errorCode": "CMN-401", "permissionName": "ReadAccounts"}]}, "the permission ReadAccounts"),
            ({"errors": [{"errorCode": "CMN-401"}], "permissionName": "Video"}, "the permission Video"),
            (
                {"errors": [{"errorCode": "CMN-401", "permissionName": "Video"}], "permissionName": "Meetings"},
                "the permission Video",
            ),
            (
                {
                    "errors": [
                        {"errorCode": "X-1", "permissionName": "Meetings"},
                        {"errorCode": "CMN-401", "permissionName": "Video"},
                    ]
                },
                "the permission Video",
            ),
            ({"errors": [{"errorCode": "CMN-401", "permissionName": "secret-token"}]}, "a permission"),
            ({"errors": [{"errorCode": "CMN-401", "permissionName": ["Video"]}]}, "a permission"),
            ({"errors": [{"errorCode": "CMN-401", "message": "[Video] permission"}]}, "a permission"),
        ],
        ids=range(7),
    )
    def test_name_the_permission_that_ringcentral_names(
        self, server: Loopback, caller: Caller, body: object, reason: str
    ) -> None:
        """Or none: an answer can hold any text, so only names that these requests can need are shown."""
        caught = error_of(server, caller, response(403, body))
        assert f"RingCentral answered 403 CMN-401: the app lacks {reason}; {self.APP}" == str(caught)

    @pytest.mark.parametrize("status", [200, 202, 204, 226, 500, 501, 502, 503, 504, 599])
    def test_leave_the_outcome_unknown(self, server: Loopback, caller: Caller, status: int) -> None:
        """A bridge may have been created before something went wrong, or may be created later."""
        caught = error_of(server, caller, response(status, b"" if status == 204 else a_bridge()))
        assert isinstance(caught, ProviderOutcomeUnknownError)
        actual = (str(caught), caught.call_id)
        assert actual == (f"RingCentral answered {status}, but not with a bridge", None)
        assert ["POST"] == server.methods()


@both
class TestIsOpen:
    """A bridge is open or gone, or nobody knows."""

    def test_requests_the_bridge(self, server: Loopback, caller: Caller) -> None:
        """By its id alone."""
        assert True is caller(server.url).is_open(BRIDGE_CALL)
        assert [("GET", f"/rcvideo/v2/bridges/{BRIDGE}")] == [
            (request.method, request.path) for request in server.requests
        ]

    def test_is_false_if_the_bridge_is_gone(self, server: Loopback, caller: Caller) -> None:
        """The next click creates another one."""
        server.script = lambda _: response(404)
        assert False is caller(server.url).is_open(BRIDGE_CALL)

    @pytest.mark.parametrize(
        "script",
        [
            response(200, a_bridge(id="b2")),
            response(200, a_bridge(host={"accountId": ACCOUNT, "extensionId": "1"})),
            response(200, a_bridge(host=None)),
            response(200, b"{"),
            response(200),
            response(204),
            response(302, Location="/"),
            response(403),
            response(500),
            [],
        ],
        ids=range(10),
    )
    def test_is_none_otherwise(self, server: Loopback, caller: Caller, script: Script) -> None:
        """The agent gets the recorded link again."""
        server.script = lambda _: script
        assert None is caller(server.url).is_open(BRIDGE_CALL)

    @pytest.mark.parametrize("bridge_id", ["../..", "default", "a/b"])
    def test_sends_nothing_about_a_call_of_another_provider(
        self, server: Loopback, caller: Caller, bridge_id: str
    ) -> None:
        """A ledger can hold such calls."""
        call = VideoCall(id=bridge_id, join_url=LINK, account_id="1", extension_id="2", created_at=AT)
        assert (None, []) == (caller(server.url).is_open(call), server.requests)


class TestMakingProviders:
    """Mistakes show when a provider is made, not at the first click."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"bridge": "PMI"}, "bridge must be Instant or Scheduled, as each call gets a room of its own, got a str"),
            (
                {"bridge": "instant"},
                "bridge must be Instant or Scheduled, as each call gets a room of its own, got a str (did you mean Instant?)",
            ),
            ({"bridge": None}, "bridge must be Instant or Scheduled, as each call gets a room of its own, got None"),
            ({"password": "secret"}, "password must be True or False, as each call gets a new password, got a str"),
        ],
    )
    def test_refuses_invalid_options(self, arguments: dict[str, Any], message: str) -> None:
        """A personal meeting room would let one customer into the call of another."""
        with client() as new_client, pytest.raises(InvalidValueError) as caught:
            RingCentralVideo(new_client, **arguments)
        assert message == str(caught.value)

    @pytest.mark.parametrize(
        ("timeout", "words"),
        [
            (timedelta(0), "between 1 µs and 1 day, got 0:00:00"),
            (timedelta(-1), "between 1 µs and 1 day, got -1 day, 0:00:00"),
            (timedelta(days=1, microseconds=1), "between 1 µs and 1 day, got 1 day, 0:00:00.000001"),
            (10, "a timedelta between 1 µs and 1 day, got 10"),
            (None, "a timedelta between 1 µs and 1 day, got None"),
        ],
    )
    def test_refuses_an_invalid_timeout(self, timeout: Any, words: str) -> None:
        """Zero would send nothing, and nobody waits for a day."""
        with client() as new_client, pytest.raises(InvalidValueError) as caught:
            RingCentralVideo(new_client, timeout=timeout)
        assert f"timeout must be {words}" == str(caught.value)
        with client() as new_client, pytest.raises(InvalidValueError):
            ringcentral_user(new_client, timeout=timeout)

    @pytest.mark.parametrize("url", ["http://platform.ringcentral.com", "http://10.0.0.1", "http://localhost.example"])
    def test_refuses_an_address_to_which_a_token_would_be_sent_unencrypted(self, url: str) -> None:
        """The address is not shown."""
        message = "client.base_url begins with http, so the token would be sent unencrypted: use https"
        with client(url) as new_client, pytest.raises(InvalidValueError) as caught:
            RingCentralVideo(new_client)
        assert message == str(caught.value)
        with pytest.raises(InvalidValueError):
            AsyncRingCentralVideo(httpx.AsyncClient(base_url=url, **options()))
        with client(url) as new_client, pytest.raises(InvalidValueError):
            ringcentral_user(new_client)

    @pytest.mark.parametrize(
        "url", ["http://localhost:8080", "http://127.0.0.2", "http://[::1]:8080", "https://10.0.0.1"]
    )
    def test_accepts_a_server_on_loopback(self, url: str) -> None:
        """Nothing leaves the machine, so a test needs no certificate."""
        with client(url) as new_client:
            RingCentralVideo(new_client)

    def test_refuses_a_client_of_the_other_kind(self) -> None:
        """The message names the class that takes it."""
        classes = "sync code takes an httpx.Client, async code an httpx.AsyncClient"
        async_client: Any = httpx.AsyncClient(verify=False)  # noqa: S501  nothing is sent
        with pytest.raises(TypeError) as caught:
            RingCentralVideo(async_client)
        assert f"client must be an httpx.Client, got an AsyncClient: {classes}" == str(caught.value)
        with client() as other, pytest.raises(TypeError, match=r"^client must be an httpx\.AsyncClient, got a Client"):
            AsyncRingCentralVideo(other)  # type: ignore[arg-type]
        nothing: Any = None
        with pytest.raises(TypeError, match="got None"):
            RingCentralVideo(nothing)


class TestExtra:
    """httpx comes with an extra."""

    def test_is_named_in_the_error_if_it_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In one sentence."""
        monkeypatch.setitem(sys.modules, "httpx", None)
        message = "escalation_policy.providers.ringcentral needs httpx: pip install 'escalation_policy[ringcentral]'"
        with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
            importlib.reload(ringcentral)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([LINK, ACCOUNT]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
#: Bridges that are correct except for some fields. Of random JSON, one in a million would be.
BRIDGES: st.SearchStrategy[Any] = JSON | st.fixed_dictionaries(
    {},
    optional={
        "id": st.just(BRIDGE) | JSON,
        "type": st.sampled_from(["Instant", "PMI"]) | JSON,
        "host": st.fixed_dictionaries(
            {
                "accountId": st.sampled_from([ACCOUNT, int(ACCOUNT)]) | JSON,
                "extensionId": st.sampled_from([EXTENSION, int(EXTENSION)]) | JSON,
            }
        )
        | JSON,
        "security": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(["noGuests", "sameAccount", "passwordProtected"], st.booleans() | JSON)
        )
        | JSON,
        "discovery": st.fixed_dictionaries({"web": st.sampled_from([LINK, f"{LINK}?pw=1", "http://a.example"]) | JSON})
        | JSON,
    },
)


class TestAnyResponse:
    """Any JSON in a 201, and any text in a header, leads to a call or to an error of ours."""

    @given(bridge=BRIDGES, password=st.booleans())
    @example(bridge=a_bridge(), password=False)
    def test_is_a_correct_call_or_an_error_of_ours(self, bridge: Any, *, password: bool) -> None:
        """Host, security, link and type are as requested."""

        def handle(request: httpx.Request) -> httpx.Response:
            return httpx.Response(201, content=json.dumps(bridge)) if request.method == "POST" else httpx.Response(500)

        caller = SyncCaller("https://a.example", {"password": password}, transport=httpx.MockTransport(handle))
        with suppress(ProviderOutcomeUnknownError):
            call = caller.create_call()
            security: dict[str, Any] = bridge.get("security") or {}
            assert call == VideoCall(
                id=BRIDGE if bridge["id"] == BRIDGE else call.id,
                join_url=bridge["discovery"]["web"],
                account_id=CALL.account_id,
                extension_id=CALL.extension_id,
                created_at=call.created_at,
            )
            assert (ACCOUNT, EXTENSION) == (str(bridge["host"]["accountId"]), str(bridge["host"]["extensionId"]))
            assert "Instant" == (bridge.get("type") or "Instant")
            assert not any(security.get(name) for name in ("noGuests", "sameAccount"))
            assert not password or security["passwordProtected"] is True
            assert not security.get("passwordProtected") or "?pw=" in call.join_url

    @given(text=st.text() | st.from_regex(r"\A\w{3}, \d\d? \w{3} \d{1,5} \d\d:\d\d:\d\d [+-]?\w{1,5}\Z"))
    @example(text=DATE)
    def test_has_a_date_and_a_limited_time_to_wait(self, text: str) -> None:
        """A header can have any text."""
        response = Response(429, b"", date_header=text, retry_after_header=text, window_header=text)
        assert response.sent_at.tzinfo is not None
        for wait in (response.retry_after, response.rate_limit_window):
            assert wait is None or timedelta(0) <= wait <= timedelta(hours=1)
