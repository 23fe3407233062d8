"""A fake of the Engage Digital API: reading records, and sending replies."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .answers import Refusal, check_names, owner_of_token, world_of, wrong
from .world import TIME, Payload, World

#: The collections, with the filters of each. All of them have `offset` and `limit`.
FILTERS = {
    "content_sources": {"permission", "active"},
    "contents": {"q"},
    "identities": {
        "community_id",
        "source_id",
        "identity_group_id",
        "identity_group_ids",
        "user_id",
        "sort",
        "foreign_id",
        "uuid",
    },
    "interventions": {"thread_id", "user_id", "identity_group_id", "identity_id", "status", "sort"},
    "roles": set[str](),
    "users": {"email", "category_id", "identity_id", "external_id", "role_id", "team_id"},
}
#: The filters that this fake applies: those that compare a field.
APPLIED = {"thread_id", "user_id", "identity_id", "role_id"}
STATUSES: dict[str, Callable[[Payload], bool]] = {
    "active": lambda case: not case["closed"] and not case["_deferred"],
    "opened": lambda case: not case["closed"],
    "closed": lambda case: bool(case["closed"]),
    "deferred": lambda case: not case["closed"] and bool(case["_deferred"]),
    "reopened": lambda case: False,  # noqa: ARG005  none of these cases was
}
#: The parameters of `POST /contents`.
OF_REPLY = {
    *(
        "author_id",
        "body",
        "in_reply_to_id",
        "private",
        "source_id",
        "attachment_ids[]",
        "auto_submitted",
        "title",
        "to",
    ),
    *("to[]", "cc[]", "bcc[]", "template_name", "template_language", "disable_text_input_on_thread"),
}
BAD, FORBIDDEN, MISSING, INVALID = "bad_request", "forbidden", "not_found", "unprocessable_entity"


def _user_of(request: Request, parameters: dict[str, str]) -> Payload:
    """Return the user who asks: that of the token, or the one whom this user impersonates."""
    world = world_of(request)
    user = world.users[owner_of_token(request, world.tokens, "unauthorized")]
    impersonated = parameters.get("impersonated_user_id")
    if impersonated is None:
        return user
    if not _grants(world, user, "impersonate_user") or impersonated not in world.users:
        raise wrong(400, BAD, "the token's user may not impersonate this user")
    return world.users[impersonated]


def _grants(world: World, user: Payload, permission: str) -> bool:
    return world.roles[user["role_id"]].get(permission) is True


def _shown(record: Payload) -> Payload:
    return {name: value for name, value in record.items() if not name.startswith("_")}


async def read(request: Request) -> JSONResponse:
    """Answer `GET /{collection}/{id}`."""
    world, collection, parameters = world_of(request), request.path_params["collection"], dict(request.query_params)
    if collection not in FILTERS:
        raise wrong(404, MISSING, "the API documents no such path")
    check_names(parameters, {"impersonated_user_id"}, BAD)
    user = _user_of(request, parameters)
    if collection == "roles" and not _grants(world, user, "manage_roles"):
        raise Refusal(403, FORBIDDEN, "only users that can manage roles")
    record: Payload | None = getattr(world, collection).get(request.path_params["id"])
    if record is None:
        raise Refusal(404, MISSING, "no such record")
    return JSONResponse(_shown(record))


async def read_page(request: Request) -> JSONResponse:
    """Answer `GET /{collection}`."""
    world, collection, parameters = world_of(request), request.path_params["collection"], dict(request.query_params)
    if collection not in FILTERS:
        raise wrong(404, MISSING, "the API documents no such path")
    check_names(parameters, FILTERS[collection] | {"offset", "limit", "impersonated_user_id"}, BAD)
    _user_of(request, parameters)
    offset, limit = parameters.get("offset", "0"), parameters.get("limit", "30")
    if not (offset.isdecimal() and limit.isdecimal() and 0 < int(limit) <= 150):
        raise wrong(400, BAD, "offset must be 0 or more, and limit 1 to 150")
    is_descending = collection not in ("content_sources", "roles")
    records: list[Payload] = list(getattr(world, collection).values())
    records.sort(key=lambda record: record.get("created_at", ""), reverse=is_descending)
    if (status := parameters.get("status")) is not None:
        if status not in STATUSES:
            raise wrong(400, BAD, f"status must be one of {', '.join(STATUSES)}")
        records = [record for record in records if STATUSES[status](record)]
    for name in APPLIED & parameters.keys():
        records = [record for record in records if record.get(name) == parameters[name]]
    page = records[int(offset) : int(offset) + int(limit)]
    answer = {"count": len(records), "limit": int(limit), "offset": int(offset), "records": list(map(_shown, page))}
    return JSONResponse(answer)


async def reply(request: Request) -> JSONResponse:
    """Answer `POST /contents`. The parameters may be in the query or in the form of the body."""
    world, form = world_of(request), (await request.body()).decode()
    if form and not request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        raise wrong(400, BAD, "the body must be a form")
    parameters = dict(request.query_params) | dict(parse_qsl(form, keep_blank_values=True))
    check_names(parameters, OF_REPLY | {"impersonated_user_id"}, BAD)
    user = _user_of(request, parameters)
    if not parameters.get("body"):
        raise wrong(422, INVALID, "body is mandatory")
    if parameters.get("private", "false") not in ("true", "false"):
        raise wrong(422, INVALID, "private must be true or false")
    answered = world.contents.get(parameters.get("in_reply_to_id", ""))
    if answered is None:
        raise wrong(422, INVALID, "in_reply_to_id must be the id of a message")
    content = {
        "id": f"reply-{len(world.replies) + 1}",
        **{name: answered[name] for name in ("source_id", "source_type", "thread_id", "intervention_id")},
        "in_reply_to_id": answered["id"],
        "creator_id": user["id"],
        "created_from": "api",
        "status": "userreply",
        "private_message": parameters.get("private") == "true",
        "body": parameters["body"],
        "created_at": TIME,
    }
    world.replies.append(content)
    return JSONResponse(content)


def refuse(request: Request, error: Exception) -> JSONResponse:
    """Put an error into the words of this API, and note requests that it does not document."""
    refusal = error if isinstance(error, Refusal) else wrong(404, MISSING, "the API documents no such request")
    if refusal.wrong:
        world_of(request).wrong_requests.append(f"{request.method} {request.url.path}: {refusal.detail}")
    body = {"error": refusal.code, "message": refusal.detail, "status": refusal.status_code}
    return JSONResponse(body, refusal.status_code)


def engage(world: World) -> Starlette:
    """Make the fake."""
    routes = [
        Route("/contents", reply, methods=["POST"]),
        Route("/{collection}", read_page, methods=["GET"]),
        Route("/{collection}/{id}", read, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={Refusal: refuse, 404: refuse, 405: refuse})
    app.state.world = world
    return app
