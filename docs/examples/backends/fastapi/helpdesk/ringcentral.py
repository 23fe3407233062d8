"""What belongs to agents at RingCentral: a client with the token of each, what it says about the agent, and calls."""

from collections.abc import Mapping
from contextlib import suppress
from time import monotonic

import attrs
import httpx

from escalation_policy import RingCentralUser
from escalation_policy.exceptions import ProviderRejectedError
from escalation_policy.providers.ringcentral import AsyncRingCentralVideo, ringcentral_user_async, video_access_async
from escalation_policy.video import CallRequest, VideoCall

SECONDS_TO_REMEMBER = 600


class RingCentral:
    """A provider of calls that uses the token of their host: RingCentral limits the calls of each user."""

    def __init__(self, clients: Mapping[str, httpx.AsyncClient]) -> None:
        self._clients = clients
        self._users: dict[str, tuple[float, RingCentralUser]] = {}

    async def user(self, extension_id: str) -> RingCentralUser:
        """Ask RingCentral about an agent. Only an agent's own token gets an answer."""
        read_at, user = self._users.get(extension_id, (0.0, None))
        if user is None or monotonic() - read_at > SECONDS_TO_REMEMBER:
            if extension_id not in self._clients:
                return RingCentralUser(extension_id=extension_id)  # everything else is unknown, which is never a yes
            client = self._clients[extension_id]
            user = await ringcentral_user_async(client)
            user = attrs.evolve(user, video=await video_access_async(client, user))
            self._users[extension_id] = monotonic(), user
        return user

    async def create_call(self, call: CallRequest, /) -> VideoCall:
        """Create a call, as `escalate_async()` asks for it."""
        return await AsyncRingCentralVideo(self._client(call.extension_id), password=True).create_call(call)

    async def is_open(self, call: VideoCall, /) -> bool | None:
        """Return whether the room of a call still exists."""
        return await AsyncRingCentralVideo(self._client(call.extension_id)).is_open(call)

    async def end(self, call: VideoCall) -> None:
        """End the room of a call that another one has replaced. If that fails, an empty room is left."""
        with suppress(httpx.HTTPError, ProviderRejectedError):
            await self._client(call.extension_id).delete(f"/rcvideo/v2/bridges/{call.id}")

    def _client(self, extension_id: str) -> httpx.AsyncClient:
        if extension_id not in self._clients:
            raise ProviderRejectedError("the agent has not logged in at RingCentral; the agent logs in once")
        return self._clients[extension_id]
