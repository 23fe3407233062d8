"""What both fakes share: refusals, tokens, and the checks of parameters."""

from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.requests import Request

from .world import World


class Refusal(HTTPException):
    """An answer that is not a success.

    Args:
        status: The HTTP status.
        code: The error code of the API.
        words: What is wrong.
        wrong: Whether the API documents that nobody may send such a request.
    """

    def __init__(self, status: int, code: str, words: str = "", *, wrong: bool = False) -> None:
        super().__init__(status, words)
        self.code, self.wrong = code, wrong


def wrong(status: int, code: str, words: str) -> Refusal:
    """Make the answer to a request that no backend should send."""
    return Refusal(status, code, words, wrong=True)


def world_of(request: Request) -> World:
    """Return the state behind the fakes."""
    world: World = request.app.state.world
    return world


def owner_of_token(request: Request, tokens: dict[str, str], code: str) -> str:
    """Return who owns the bearer token of a request."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise wrong(401, code, "the header Authorization must be: Bearer TOKEN")
    if token not in tokens:
        raise Refusal(401, code, "the token is not valid")
    return tokens[token]


def check_names(names: Iterable[str], documented: Iterable[str], code: str) -> None:
    """Refuse parameters that are not documented."""
    if unknown := sorted(set(names) - set(documented)):
        raise wrong(400, code, f"undocumented parameters: {', '.join(unknown)}")
