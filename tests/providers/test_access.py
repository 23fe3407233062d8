"""Who owns a token, and whether that user has RingCentral Video."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

import attrs
import httpx
import pytest
from hypothesis import given

from escalation_policy import RingCentralUser, VideoAccess
from escalation_policy.exceptions import (
    InvalidPayloadError,
    InvalidValueError,
    ProviderError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from escalation_policy.providers.ringcentral import (
    ringcentral_user,
    ringcentral_user_async,
    video_access,
    video_access_async,
)
from providers.callers import IMPATIENT, assert_silent, assert_silent_variables, client, options
from providers.loopback import ACCOUNT, EXTENSION, Action, Loopback, ReceivedRequest, Script, error_body, response
from providers.test_ringcentral import JSON

OWN = "/restapi/v1.0/account/~/extension/~"
CONFIGURATION, FEATURES = f"{OWN}/video-configuration", f"{OWN}/features?featureId=Meetings"
ADA = RingCentralUser(extension_id=EXTENSION, account_id=ACCOUNT, email="ada@example.com")
MEETINGS: dict[str, object] = {"id": "Meetings", "available": True}
LIMITED = ("ServicePlan", "Account", "ExtensionType", "ExtensionSubType", "Extension", "Configuration")


def an_extension(**changes: Any) -> dict[str, Any]:
    """Return the extension of the token's owner."""
    return {
        "id": int(EXTENSION),
        "account": {"id": ACCOUNT, "uri": f"https://platform.example/restapi/v1.0/account/{ACCOUNT}"},
        "contact": {"firstName": "Ada", "email": "ada@example.com"},
        "extensionNumber": "101",
    } | changes


def respond_with(**changes: Any) -> Callable[[ReceivedRequest], Script]:
    """Return a script that responds to each path with a JSON object, or with the steps of another script."""
    paths = {OWN: "extension", CONFIGURATION: "configuration", FEATURES: "features"}
    payloads: dict[str, Any] = {
        "extension": an_extension(),
        "configuration": {"provider": "RCVideo", "userLicenseType": "Paid"},
        "features": {"uri": "https://platform.example", "records": [MEETINGS]},
    } | changes

    def script(request: ReceivedRequest) -> Script:
        payload = payloads[paths[request.path]]
        return cast("Script", payload) if isinstance(payload, list) else response(200, payload)

    return script


def user_of_async(server: Loopback, **changes: Any) -> RingCentralUser:
    """Read the owner of the token in asyncio."""

    async def read() -> RingCentralUser:
        async with httpx.AsyncClient(base_url=server.url, **options(**changes)) as new_client:
            return await ringcentral_user_async(new_client)

    return asyncio.run(read())


def access_of_async(server: Loopback, user: RingCentralUser = ADA) -> VideoAccess:
    """Read in asyncio whether a user has RingCentral Video."""

    async def read() -> VideoAccess:
        async with httpx.AsyncClient(base_url=server.url, **options()) as new_client:
            return await video_access_async(new_client, user)

    return asyncio.run(read())


def user_of(server: Loopback, **changes: Any) -> RingCentralUser:
    """Read the owner of the token."""
    with client(server.url, **changes) as new_client:
        return ringcentral_user(new_client)


def access_of(server: Loopback, user: RingCentralUser = ADA) -> VideoAccess:
    """Read whether a user has RingCentral Video."""
    with client(server.url) as new_client:
        return video_access(new_client, user)


class TestRingcentralUser:
    """The owner of a token is read strictly."""

    @pytest.mark.parametrize("extension_id", [EXTENSION, int(EXTENSION)])
    @pytest.mark.parametrize("account_id", [ACCOUNT, int(ACCOUNT)])
    def test_has_ids_that_are_digits(self, server: Loopback, extension_id: object, account_id: object) -> None:
        """RingCentral sends ids as numbers or as strings."""
        server.script = respond_with(extension=an_extension(id=extension_id, account={"id": account_id}))
        assert ADA == user_of_async(server)
        server.requests.clear()
        assert ADA == user_of(server)
        assert [("GET", OWN, b"")] == [(request.method, request.path, request.content) for request in server.requests]

    @pytest.mark.parametrize("contact", [None, {}, {"email": None}, {"email": " "}])
    def test_may_have_no_email(self, server: Loopback, contact: object) -> None:
        """Then it is None."""
        server.script = respond_with(extension=an_extension(contact=contact))
        assert attrs.evolve(ADA, email=None) == user_of(server)

    def test_has_unknown_video_access(self, server: Loopback) -> None:
        """`video_access()` reads it."""
        server.script = respond_with()
        assert VideoAccess.UNKNOWN is user_of(server).video

    @pytest.mark.parametrize(
        ("payload", "faults"),
        [
            ([], ["extension must be a JSON object, got another response"]),
            (
                an_extension(id="~", account={}),
                [
                    "extension.id must be 1 to 20 ASCII digits, as a str or an int, got a str",
                    "extension.account.id is missing: it must be 1 to 20 ASCII digits, as a str or an int",
                ],
            ),
            (an_extension(id=True), ["extension.id must be 1 to 20 ASCII digits, as a str or an int, got a bool"]),
            (an_extension(id=-1), ["extension.id must be 1 to 20 ASCII digits, as a str or an int, got an int"]),
            (an_extension(id=10**20), ["extension.id must be 1 to 20 ASCII digits, as a str or an int, got an int"]),
            (an_extension(account=None), ["extension.account must be a mapping, got None"]),
            (
                an_extension(contact={"email": 1}),
                ["extension.contact.email must be a non-blank str, got an int"],
            ),
            (an_extension(contact=[]), ["extension.contact must be a mapping, got an empty list"]),
        ],
        ids=range(8),
    )
    def test_is_refused_with_all_faults(self, server: Loopback, payload: object, faults: list[str]) -> None:
        """Each fault has its path, and none shows the value."""
        server.script = respond_with(extension=response(200, payload))
        with pytest.raises(InvalidPayloadError) as caught:
            user_of(server)
        assert faults == [str(fault) for fault in caught.value.faults]
        assert_silent(caught.value)
        assert_silent_variables(caught.value, ACCOUNT, EXTENSION, "Ada", "'~'")

    @pytest.mark.parametrize("read", [user_of, access_of, user_of_async, access_of_async])
    @pytest.mark.parametrize(
        ("script", "error", "message"),
        [
            (response(401), ProviderRejectedError, "RingCentral answered 401: the token is not valid"),
            (
                response(403, error_body("CMN-401")),
                ProviderRejectedError,
                "RingCentral answered 403 CMN-401: the app lacks",
            ),
            (response(403), ProviderRejectedError, "RingCentral answered 403: the token's user may not read this"),
            (
                response(302, Location="/"),
                ProviderRejectedError,
                "RingCentral answered 302: it redirects to another address",
            ),
            (response(500), ProviderUnavailableError, "RingCentral answered 500"),
            (response(204), ProviderUnavailableError, "RingCentral answered 204"),
            ([Action.RESET], ProviderUnavailableError, "RingCentral did not answer (ReadError)"),
        ],
        ids=["credentials", "permission", "forbidden", "redirect", "error", "nothing", "cut"],
    )
    def test_is_an_error_if_ringcentral_does_not_answer(
        self, server: Loopback, read: Any, script: Script, error: type[ProviderError], message: str
    ) -> None:
        """No outcome is unknown, as nothing was to be created. It is an error and not UNKNOWN, because a host stores UNKNOWN."""
        server.script = respond_with(extension=script)
        with pytest.raises(ProviderError) as caught:
            read(server)
        assert error is type(caught.value)
        assert str(caught.value).startswith(message)
        assert_silent(caught.value)

    def test_is_an_error_if_ringcentral_is_slow(self, server: Loopback) -> None:
        """The host may try again at once."""
        server.script = lambda _: [Action.STALL]
        for read in (user_of, user_of_async):
            with pytest.raises(ProviderUnavailableError, match=r"did not answer \(ReadTimeout\)"):
                read(server, timeout=IMPATIENT)

    def test_is_an_error_if_the_answers_take_too_long_together(self, server: Loopback) -> None:
        """One deadline bounds all of them."""
        server.script = respond_with(features=[b"HTTP/1.1 200", Action.TRICKLE])
        with client(server.url) as new_client, pytest.raises(ProviderUnavailableError) as caught:
            video_access(new_client, ADA, timeout=timedelta(seconds=0.2))
        assert "RingCentral did not answer (not within 0.2 s)" == str(caught.value)

    def test_says_when_to_try_again(self, server: Loopback) -> None:
        """After any status that says it."""
        for status in (429, 500, 503):
            server.script = respond_with(extension=response(status, Retry_After="7"))
            with pytest.raises(ProviderUnavailableError) as caught:
                user_of(server)
            assert timedelta(seconds=7) == caught.value.retry_after

    def test_refuses_a_client_of_the_other_kind(self) -> None:
        """The message names the class that the function takes."""
        async_client: Any = httpx.AsyncClient(verify=False)  # noqa: S501  nothing is sent
        sync_client: Any = client()
        with pytest.raises(TypeError, match=r"^client must be an httpx\.Client, got an AsyncClient"):
            ringcentral_user(async_client)
        with pytest.raises(TypeError, match=r"^client must be an httpx\.Client, got an AsyncClient"):
            video_access(async_client, ADA)
        with sync_client, pytest.raises(TypeError, match=r"^client must be an httpx\.AsyncClient, got a Client"):
            asyncio.run(ringcentral_user_async(sync_client))
        with pytest.raises(TypeError, match=r"^client must be an httpx\.AsyncClient, got a Client"):
            asyncio.run(video_access_async(sync_client, ADA))


class TestVideoAccess:
    """A user has RingCentral Video if both the provider and the feature say so, for the same user."""

    def test_is_granted_if_provider_and_feature_say_so(self, server: Loopback) -> None:
        """They are read in this order."""
        server.script = respond_with()
        assert VideoAccess.GRANTED is access_of(server)
        assert [OWN, CONFIGURATION, FEATURES] == [request.path for request in server.requests]
        assert VideoAccess.GRANTED is access_of_async(server)

    @pytest.mark.parametrize("provider", ["RCMeetings", "None"])
    def test_is_denied_if_the_provider_is_another_one_or_none(self, server: Loopback, provider: str) -> None:
        """The feature Meetings belongs to the old service too, so it is not read."""
        server.script = respond_with(configuration={"provider": provider})
        assert VideoAccess.DENIED is access_of(server)
        assert [OWN, CONFIGURATION] == [request.path for request in server.requests]

    @pytest.mark.parametrize("reason", [None, *({"code": f"{subject}Limitation"} for subject in LIMITED)])
    def test_is_denied_if_plan_or_settings_lack_the_feature(
        self, server: Loopback, reason: dict[str, str] | None
    ) -> None:
        """Also without a reason."""
        server.script = respond_with(features={"records": [MEETINGS | {"available": False, "reason": reason}]})
        assert VideoAccess.DENIED is access_of(server)
        server.script = respond_with(features={"records": [{"id": "Meetings", "available": False}]})
        assert VideoAccess.DENIED is access_of(server)

    @pytest.mark.parametrize(
        "reason",
        [
            {"code": "InsufficientPermissions"},
            {"code": "PermissionLimitation"},
            {"code": "SomeLimitation"},
            {"code": "serviceplanlimitation"},
            {"code": 1},
            {"code": ["ServicePlanLimitation"]},
            {"code": None},
            {},
            "ServicePlanLimitation",
        ],
        ids=range(9),
    )
    def test_is_unknown_if_the_feature_is_not_available_for_another_reason(
        self, server: Loopback, reason: object
    ) -> None:
        """Missing permissions can be the app's, and another code can mean anything."""
        server.script = respond_with(features={"records": [MEETINGS | {"available": False, "reason": reason}]})
        assert VideoAccess.UNKNOWN is access_of(server)

    @pytest.mark.parametrize(
        "user",
        [
            attrs.evolve(ADA, extension_id="1"),
            attrs.evolve(ADA, account_id="1"),
            attrs.evolve(ADA, account_id=None),
        ],
        ids=["another extension", "another account", "unknown account"],
    )
    def test_is_unknown_if_the_token_may_be_another_users(self, server: Loopback, user: RingCentralUser) -> None:
        """What holds for the owner of the token says nothing about other users, so nothing more is read."""
        server.script = respond_with()
        assert VideoAccess.UNKNOWN is access_of(server, user)
        assert [OWN] == [request.path for request in server.requests]

    @pytest.mark.parametrize(
        "payloads",
        [
            {"extension": {}},
            {"extension": response(200, b"{")},
            {"configuration": {}},
            {"configuration": {"provider": None}},
            {"configuration": {"provider": "RCSomething"}},
            {"configuration": {"provider": ["RCVideo"]}},
            {"configuration": response(200, b"[]")},
            {"features": {}},
            {"features": {"records": None}},
            {"features": {"records": []}},
            {"features": {"records": [MEETINGS, MEETINGS]}},
            {"features": {"records": [{"id": "Conferencing", "available": True}]}},
            {"features": {"records": [{"id": "Meetings"}]}},
            {"features": {"records": [MEETINGS | {"available": "true"}]}},
            {"features": {"records": [MEETINGS | {"available": 1}]}},
            {"features": response(200, b"")},
        ],
        ids=range(16),
    )
    def test_is_unknown_if_a_response_is_unclear(self, server: Loopback, payloads: dict[str, Any]) -> None:
        """Unknown is never a yes."""
        server.script = respond_with(**payloads)
        assert VideoAccess.UNKNOWN is access_of(server)
        assert VideoAccess.UNKNOWN is access_of_async(server)

    @pytest.mark.parametrize("failing", ["configuration", "features"])
    def test_is_an_error_if_one_response_is_missing(self, server: Loopback, failing: str) -> None:
        """A network that is down does not take video away from anybody."""
        server.script = respond_with(**{failing: response(500)})
        with pytest.raises(ProviderUnavailableError, match=r"^RingCentral answered 500$"):
            access_of(server)
        server.script = respond_with(**{failing: response(403, error_body("CMN-408"))})
        with pytest.raises(ProviderRejectedError, match=r"^RingCentral answered 403 CMN-408: "):
            access_of(server)

    def test_refuses_a_payload_as_user(self) -> None:
        """It must be a `RingCentralUser`."""
        payload: Any = an_extension()
        with (
            client() as new_client,
            pytest.raises(InvalidValueError, match=r"^user must be a RingCentralUser, got a dict$"),
        ):
            video_access(new_client, payload)

    @given(extension=JSON, configuration=JSON, features=JSON)
    def test_is_never_granted_by_accident(self, extension: Any, configuration: Any, features: Any) -> None:
        """Any JSON leads to another member, or to an error of ours."""
        bodies = {"/video-configuration": configuration, "/features": features}

        def handle(request: httpx.Request) -> httpx.Response:
            content = next((body for end, body in bodies.items() if request.url.path.endswith(end)), extension)
            return httpx.Response(200, json=content) if content == content else httpx.Response(204)  # noqa: PLR0124  NaN is no JSON

        with (
            client("https://a.example", transport=httpx.MockTransport(handle)) as new_client,
            suppress(ProviderUnavailableError),
        ):
            assert VideoAccess.GRANTED is not video_access(new_client, ADA)
