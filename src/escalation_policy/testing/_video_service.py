"""The service behind a provider, as the check of providers plays it."""

from enum import StrEnum, unique
from typing import Final, final


@final
@unique
class ServiceAnswer(StrEnum):
    """What becomes of a request for a call that a provider sends to its service.

    Attributes:
        CREATED: The call is made, and the answer says so.
        UNAVAILABLE: It is turned away for now, as by 429 or 503.
        REJECTED: It is turned away for good, as by 400.
        LOST: The call is made, and the answer never arrives: the provider's time is out.
        CONNECTION_REFUSED: Nothing arrives.
    """

    CREATED = "created"
    UNAVAILABLE = "unavailable"
    REJECTED = "rejected"
    LOST = "lost"
    CONNECTION_REFUSED = "connection_refused"


@final
class VideoService:
    """Stands in for what is at the other end of a provider.

    Whatever the provider sends its requests through in a test calls `receive()` for each request for a call, and does
    as that says; other requests are none of its business.
    """

    def __init__(self, answer: ServiceAnswer = ServiceAnswer.CREATED) -> None:
        """Makes a service that says the same of every request."""
        self._answer: Final = answer
        self._received: Final[list[ServiceAnswer]] = []

    def receive(self) -> ServiceAnswer:
        """Takes a request for a call; says what becomes of it."""
        self._received.append(self._answer)
        return self._answer

    @property
    def attempts(self) -> int:
        """How many requests for a call were sent, whether they arrived or not."""
        return len(self._received)

    @property
    def arrivals(self) -> int:
        """How many of them arrived."""
        return 0 if self._answer is ServiceAnswer.CONNECTION_REFUSED else self.attempts
