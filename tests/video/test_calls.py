"""Call requests and video calls: their fields, and the key of a call."""

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_policy import EscalationRequest
from escalation_policy._calls.values import call_request_for, entry_id_of
from escalation_policy.exceptions import InvalidValueError
from escalation_policy.testing import a_request
from escalation_policy.video import VideoCall

ALLOWED: Final = a_request()
CALL: Final = VideoCall(
    id="b1",
    join_url="https://video.example/join/b1?pw=secret#part",
    account_id="664287016",
    extension_id="664307016",
    created_at=datetime(2026, 1, 5, tzinfo=UTC),
)


class TestVideoCall:
    """A call exists only if a customer may be sent its link."""

    @pytest.mark.parametrize(
        "join_url",
        [
            "",
            "http://video.example/join",
            "HTTPS:/video.example",
            "https://",
            "https:///join",
            "https://user@video.example/join",
            "https://user:password@video.example/join",
            "https://video.example@evil.example/join",
            "https://video.example/join\n",
            "https://video.example/jo\tin",
            "https://video.example/jo in",
            "https://video.example\\@evil.example",
            'https://video.example/join/1"><script>',
            "https://video.example/{join}",
            "https://video%0d%0a.example/join",
            "https://vidéo.example/join",
            "https://video.example:0/join",
            "https://video.example:99999/join",
            "https://video.example:port/join",
            "https://[::1/join",
            "javascript:alert(1)",
        ],
    )
    def test_refuses_other_links_without_showing_them(self, join_url: str) -> None:
        """This includes links that a browser could misread."""
        with pytest.raises(InvalidValueError) as caught:
            attrs.evolve(CALL, join_url=join_url)
        kind = "an empty str" if join_url == "" else "a str"
        assert caught.value.fault.found == kind
        assert caught.value.fault.path == "VideoCall.join_url"

    @pytest.mark.parametrize("join_url", ["https://v.example", "https://v.example:8443/a?b=c", "https://[::1]/join"])
    def test_accepts_clean_links(self, join_url: str) -> None:
        """With ports and addresses too."""
        assert attrs.evolve(CALL, join_url=join_url).join_url == join_url

    @pytest.mark.parametrize(
        ("field", "value", "accepted"),
        [
            ("id", "", "a non-empty str"),
            ("account_id", "~", "1 to 20 ASCII digits"),
            ("extension_id", "x", "1 to 20 ASCII digits"),
            ("created_at", datetime(2026, 1, 5), "a datetime with a zone, got a datetime without one"),  # noqa: DTZ001
            ("created_at", "2026-01-05T00:00:00Z", "a datetime"),
        ],
    )
    def test_refuses_invalid_fields(self, field: str, value: Any, accepted: str) -> None:
        """The message says what the field accepts."""
        with pytest.raises(InvalidValueError, match=f"VideoCall.{field} must be {accepted}"):
            attrs.evolve(CALL, **{field: value})

    def test_shows_the_host_of_the_link_and_no_id(self) -> None:
        """Everybody who has the path can join the call, and the query can hold the password."""
        assert "join_url=<link at video.example>" in repr(CALL)
        for secret in ("b1", "pw", "secret", "part", CALL.account_id, CALL.extension_id):
            assert secret not in repr(CALL)

    def test_survives_pickling(self) -> None:
        """The query is kept."""
        assert pickle.loads(pickle.dumps(CALL)) == CALL


class TestCallRequest:
    """A request names the host and the call, and nobody else."""

    def test_may_have_a_time_limit(self) -> None:
        """It is more than 0, or None."""
        limit = timedelta(seconds=9)
        assert call_request_for(ALLOWED, time_limit=limit).time_limit == limit
        assert call_request_for(ALLOWED).time_limit is None
        for wrong, problem in ((timedelta(0), "more than 0, got 0 or less"), (9, "a timedelta or None, got an int")):
            with pytest.raises(InvalidValueError, match=f"^CallRequest.time_limit must be {problem}$"):
                call_request_for(ALLOWED, time_limit=cast("Any", wrong))

    @pytest.mark.parametrize(
        ("field", "value"), [("key", ""), ("key", 1), ("account_id", "~"), ("extension_id", None), ("title", "")]
    )
    def test_refuses_invalid_fields(self, field: str, value: Any) -> None:
        """RingCentral reads the account `~` as the owner of the token."""
        with pytest.raises(InvalidValueError, match=f"CallRequest.{field} must be"):
            attrs.evolve(call_request_for(ALLOWED), **{field: value})

    def test_shows_no_ids(self) -> None:
        """Its key is a hash."""
        request = call_request_for(ALLOWED)
        shown = repr(request)
        assert request.key in shown
        for secret in (request.account_id, request.extension_id, ALLOWED.agent.id, ALLOWED.domain.id):
            assert f"'{secret}'" not in shown

    def test_has_a_constant_title(self) -> None:
        """Unless the host passes one."""
        assert call_request_for(ALLOWED).title == "Video call"
        assert call_request_for(ALLOWED, title="Support").title == "Support"

    def test_needs_an_extension_in_a_known_account(self) -> None:
        """Without them, nobody can host the call, even if a policy allows it."""
        user = ALLOWED.agent.ringcentral
        assert user is not None
        for ringcentral, path in (
            (None, "agent.ringcentral"),
            (attrs.evolve(user, account_id=None), "agent.ringcentral.account_id"),
        ):
            request = attrs.evolve(ALLOWED, agent=attrs.evolve(ALLOWED.agent, ringcentral=ringcentral))
            with pytest.raises(InvalidValueError) as caught:
                call_request_for(request)
            assert str(caught.value) == f"{path} is None, but a call needs a host: no call can be created"


def keyed(request: EscalationRequest, **ids: str | None) -> str:
    """Return the key of a request with other ids."""
    agent = attrs.evolve(request.agent, id=ids.get("agent") or "u", domain_id=ids.get("home") or "d")
    message = attrs.evolve(request.message, id=ids.get("message") or "m", intervention_id=ids.get("thread"))
    case_id = ids.get("case")
    intervention = request.intervention and attrs.evolve(request.intervention, id=case_id) if case_id else None
    domain = attrs.evolve(request.domain, id=ids.get("domain") or "d")
    changed = attrs.evolve(request, domain=domain, agent=agent, message=message, intervention=intervention)
    return call_request_for(changed).key


class TestKey:
    """Two requests have the same key exactly if domain, case and agent are the same."""

    def test_is_the_same_in_every_process_and_version(self) -> None:
        """A ledger keeps keys for longer than both."""
        key = keyed(ALLOWED, domain="acme", home="acme", agent="u1", case="i1")
        assert key == "b0051294e2909458eeed286e436b4790-690dbe00e0c4ebf3bd7038689c4d303d"

    def test_is_the_same_for_two_messages_of_one_case(self) -> None:
        """The agent may click on either of them."""
        assert keyed(ALLOWED, case="i", message="m1") == keyed(ALLOWED, case="i", message="m2")

    def test_uses_the_case_of_the_message_or_else_the_message(self) -> None:
        """If a policy allows a request without an intervention."""
        assert keyed(ALLOWED, thread="i", message="m1") == keyed(ALLOWED, case="i", message="m2")
        assert keyed(ALLOWED, message="m1") != keyed(ALLOWED, message="m2")
        assert keyed(ALLOWED, message="i") != keyed(ALLOWED, case="i")

    def test_begins_with_the_id_of_the_entry(self) -> None:
        """All agents in one case share an entry, which has the call of the agent who had the case before."""
        one, other = keyed(ALLOWED, case="i", agent="u1"), keyed(ALLOWED, case="i", agent="u2")
        assert one != other
        assert entry_id_of(one) == entry_id_of(other)

    @given(st.lists(st.tuples(*[st.text("a1 -:\0\ud800", min_size=1, max_size=3)] * 4), min_size=2, max_size=2))
    def test_differs_if_an_id_differs(self, ids: list[tuple[str, str, str, str]]) -> None:
        """Even if the ids join to the same text."""
        one, other = (keyed(ALLOWED, domain=d, home=h, agent=a, case=c) for d, h, a, c in ids)
        assert (one == other) == (ids[0] == ids[1])
