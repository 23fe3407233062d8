"""The APIs of Engage Digital and RingCentral, and the ledger of calls."""

import json
import os
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import attrs
import httpx
from django.core.cache import cache as django_cache

from escalation_policy import Agent, Domain, RingCentralUser
from escalation_policy.engage import agent_from_payload, role_from_payload
from escalation_policy.engage.api import EngageApi
from escalation_policy.exceptions import ProviderError, ProviderRejectedError
from escalation_policy.ledgers.django import DjangoCallLedger
from escalation_policy.providers.ringcentral import RingCentralVideo, ringcentral_user, video_access
from escalation_policy.video import CallRequest, VideoCall

SECONDS_TO_REMEMBER = 600


class RingCentral:
    """A provider of calls that uses the token of their host: RingCentral limits the calls of each user."""

    def __init__(self, clients: Mapping[str, httpx.Client]) -> None:
        self._clients = clients

    def user(self, extension_id: str) -> RingCentralUser:
        """Ask RingCentral about an agent. Only an agent's own token gets an answer."""
        user: RingCentralUser | None = django_cache.get(f"ringcentral-{extension_id}")
        if user is None:
            client = self._client(extension_id)
            user = ringcentral_user(client)
            user = attrs.evolve(user, video=video_access(client, user))
            django_cache.set(f"ringcentral-{extension_id}", user, SECONDS_TO_REMEMBER)
        return user

    def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call, as `escalate()` asks for it."""
        return RingCentralVideo(self._client(call.extension_id), password=True).create_call(call)

    def is_open(self, call: VideoCall, /) -> bool | None:
        """Return whether the room of a call still exists."""
        return RingCentralVideo(self._client(call.extension_id)).is_open(call)

    def end(self, call: VideoCall) -> None:
        """End the room of a call that another one has replaced. If that fails, an empty room is left."""
        with suppress(httpx.HTTPError, ProviderRejectedError):
            self._client(call.extension_id).delete(f"/rcvideo/v2/bridges/{call.id}")

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()

    def _client(self, extension_id: str) -> httpx.Client:
        if extension_id not in self._clients:
            raise ProviderRejectedError("the agent has not logged in at RingCentral; the agent logs in once")
        return self._clients[extension_id]


@attrs.frozen
class Services:
    """What all requests of a process share."""

    domain: Domain
    client: httpx.Client
    engage: EngageApi
    ringcentral: RingCentral
    ledger: DjangoCallLedger

    def close(self) -> None:
        """Close the clients."""
        self.client.close()
        self.ringcentral.close()

    def get(self, path: str, **parameters: str | int) -> Any:
        """Read a record or a list of Engage Digital."""
        return self.client.get(path, params=parameters).raise_for_status().json()

    def agent(self, user_id: str) -> Agent:
        """Return an agent for the requests of a list. A click reads the agent again."""
        user = self.get(f"users/{user_id}")
        role = role_from_payload(self.get(f"roles/{user['role_id']}"), domain_id=self.domain.id)
        ringcentral, extension_id = None, user.get("rc_user_id")
        if extension_id is not None:
            try:
                ringcentral = self.ringcentral.user(extension_id)
            except ProviderError:  # without RingCentral, the agent still sees the messages
                ringcentral = RingCentralUser(extension_id=extension_id)
        return agent_from_payload(user, domain_id=self.domain.id, role=role, ringcentral=ringcentral)


@cache
def services() -> Services:
    """Open the services of this process."""
    tls = ssl.create_default_context()  # all clients share it, as it takes about 40 ms to make

    def client(url: str, token: str) -> httpx.Client:
        return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, verify=tls)

    domain = Domain(id=os.environ["ENGAGE_DOMAIN"], ringcentral_account_id=os.environ["RINGCENTRAL_ACCOUNT_ID"])
    engage = client(os.environ["ENGAGE_URL"], os.environ["ENGAGE_TOKEN"])
    tokens = json.loads(os.environ["RINGCENTRAL_TOKENS"])
    return Services(
        domain=domain,
        client=engage,
        engage=EngageApi(engage, domain=domain),
        ringcentral=RingCentral({key: client(os.environ["RINGCENTRAL_URL"], tokens[key]) for key in tokens}),
        ledger=DjangoCallLedger(),
    )
