"""A fake of the RingCentral API: who owns a token, whether that user has video, and bridges."""

import asyncio
import json
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .answers import Refusal, check_names, owner_of_token, world_of, wrong
from .world import ACCOUNT_ID, Payload, World

OWN = "/restapi/v1.0/account/~/extension/~"
#: The fields of a request for a bridge, and those of its security.
OF_BRIDGE = {"name", "type", "pins", "security", "preferences"}
OF_SECURITY = {"passwordProtected", "password", "noGuests", "sameAccount", "e2ee"}
PARAMETER, RIGHTS, MISSING = "CMN-101", "CMN-408", "CMN-102"


def _owner(request: Request, documented: frozenset[str] = frozenset()) -> str:
    """Return the extension that owns the token, and refuse undocumented parameters."""
    check_names(request.query_params, documented, PARAMETER)
    return owner_of_token(request, world_of(request).ringcentral_tokens, "OAU-213")


async def extension(request: Request) -> JSONResponse:
    """Answer who owns the token. In this API, ids are numbers."""
    extension_id = int(_owner(request))
    return JSONResponse({"id": extension_id, "account": {"id": ACCOUNT_ID}, "contact": {}})


async def video_configuration(request: Request) -> JSONResponse:
    """Answer which video service the owner of the token has."""
    has_video = _owner(request) not in world_of(request).without_video
    return JSONResponse({"provider": "RCVideo" if has_video else "None", "userLicenseType": "Paid"})


async def features(request: Request) -> JSONResponse:
    """Answer what the owner of the token may use."""
    _owner(request, frozenset({"availableOnly", "featureId"}))
    return JSONResponse({"records": [{"id": "Meetings", "available": True}]})


async def create_bridge(request: Request) -> JSONResponse:
    """Create a bridge for the owner of the token."""
    world, owner = world_of(request), _owner(request)
    host = {"accountId": request.path_params["account_id"], "extensionId": request.path_params["extension_id"]}
    if host != {"accountId": ACCOUNT_ID, "extensionId": owner}:
        raise Refusal(403, RIGHTS, "the token's user is neither the host nor a delegate")
    body = _checked(await request.body(), request.headers.get("Content-Type", ""))
    while not world.creation.is_set():  # noqa: ASYNC110  a test sets it in another thread
        await asyncio.sleep(0.02)
    bridge_id = uuid4().hex  # a backend may remember the calls of an earlier run
    security = {"passwordProtected": False, "noGuests": False, "sameAccount": False, **body.get("security", {})}
    password = f"?pw={security.pop('password')}" if security["passwordProtected"] else ""
    bridge = {
        "id": bridge_id,
        "name": body.get("name"),
        "type": body.get("type", "Instant"),
        "host": host,
        "security": security,
        "discovery": {"web": f"https://video.example/join/{bridge_id}{password}"},
    }
    world.bridges[bridge_id] = bridge
    return JSONResponse(bridge, 201)


def _checked(body: bytes, content_type: str) -> Payload:
    """Read the request for a bridge."""
    try:
        fields: Payload = json.loads(body or b"{}")
    except ValueError:
        raise wrong(400, PARAMETER, "the body must be JSON") from None
    if not isinstance(fields, dict) or content_type.partition(";")[0] != "application/json":  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong(400, PARAMETER, "the body must be a JSON object")
    security: Payload = fields.get("security", {})
    check_names(fields, OF_BRIDGE, PARAMETER)
    check_names(security, OF_SECURITY, PARAMETER)
    flags = [security.get(name, False) for name in OF_SECURITY - {"password"}]
    if fields.get("type", "Instant") not in ("Instant", "Scheduled", "PMI") or not all(
        type(flag) is bool for flag in flags
    ):
        raise wrong(400, PARAMETER, "type or security is invalid")
    if security.get("passwordProtected") and not security.get("password"):
        raise wrong(400, PARAMETER, "a protected bridge needs a password")
    return fields


async def bridge(request: Request) -> Response:
    """Answer `GET` and `DELETE` of a bridge."""
    bridges, owner = world_of(request).bridges, _owner(request, frozenset({"pw"}))
    room = bridges.get(request.path_params["id"])
    if room is None:
        raise Refusal(404, MISSING, "no such bridge")
    if request.method == "GET":
        return JSONResponse(room)
    if room["host"]["extensionId"] != owner:
        raise Refusal(403, RIGHTS, "the token's user is neither the host nor a delegate")
    del bridges[request.path_params["id"]]
    return Response(status_code=204)


def refuse(request: Request, error: Exception) -> JSONResponse:
    """Put an error into the words of this API, and note requests that it does not document."""
    refusal = error if isinstance(error, Refusal) else wrong(404, MISSING, "the API documents no such request")
    if refusal.wrong:
        world_of(request).wrong_requests.append(f"{request.method} {request.url.path}: {refusal.detail}")
    described = {"errorCode": refusal.code, "message": refusal.detail}
    return JSONResponse({**described, "errors": [described]}, refusal.status_code)


def ringcentral(world: World) -> Starlette:
    """Make the fake."""
    bridges = "/rcvideo/v2/account/{account_id}/extension/{extension_id}/bridges"
    routes = [
        Route(OWN, extension),
        Route(f"{OWN}/video-configuration", video_configuration),
        Route(f"{OWN}/features", features),
        Route(bridges, create_bridge, methods=["POST"]),
        Route("/rcvideo/v2/bridges/{id}", bridge, methods=["GET", "DELETE"]),
    ]
    app = Starlette(routes=routes, exception_handlers={Refusal: refuse, 404: refuse, 405: refuse})
    app.state.world = world
    return app
