"""The control API: how the factory opens, watches and closes sessions. Only its owner can reach it
(0600).

    GET    /               -> {mode, as_of, warning, paused}
    POST   /sessions       {run, role, issue, attempt, model, caps, price?, api?}
                           -> 201 {session, socket}
    GET    /sessions/ID    -> {calls, input_tokens, output_tokens, cache_read_tokens, cost_usd,
                              script_left, fault}
    DELETE /sessions/ID    -> the same, final
    GET    /issues/NUMBER  -> {calls, input_tokens, output_tokens, cache_read_tokens, cost_usd},
                              of all its sessions

`mode` is replay, record or forward. `as_of` is the date of the prices, and `warning` what is wrong
with their age. `paused` lists the providers that are not asked now: {provider, again_at, why} each.

`caps` is {calls, usd, usd_call?, usd_run?, usd_issue?, usd_day?, usd_month?}. Dollars are numbers
or decimal texts, and texts in answers. `price` is the model's own: five columns in US dollars per
million tokens. `api` is the path below `/v1` of the only API that this session gets.
`input_tokens` counts what was not read from the cache. `fault` is null, or the {type, message}
that ended the session: `budget_exhausted`, `factory_paused` or `replay_mismatch`. Errors are in
the provider's shape.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from harness.domain.plain import JsonDict
from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import COLUMNS, rates_of
from harness.programs.broker.recording import RecordingError
from harness.programs.broker.refusal import Refusal
from harness.programs.broker.sessions import Sessions, new_id
from harness.programs.broker.wire import handle_refusal, json_body, not_found
from harness.programs.broker.wires.registry import EVERY

# `\Z` and not `$`, which would allow a line feed at the end of what becomes a file's name.
_NAME = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z"}
_MONEY = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\d{1,9}(\.\d{1,9})?\Z"},
    ]
}
_MODEL = {"type": "string", "minLength": 1, "maxLength": 200}
_COUNT = {"type": "integer", "minimum": 0}
_DOLLARS = ("usd", "usd_call", "usd_run", "usd_issue", "usd_day", "usd_month")
_CAPS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["calls", "usd"],
    "properties": {"calls": _COUNT, **dict.fromkeys(_DOLLARS, _MONEY)},
}
_PRICE = {
    "type": "object",
    "additionalProperties": False,
    "required": list(COLUMNS),
    "properties": dict.fromkeys(COLUMNS, _MONEY),
}
_OPEN = {
    "type": "object",
    "additionalProperties": False,
    "required": ["run", "role", "issue", "attempt", "model", "caps"],
    "properties": {
        "run": _NAME,
        "role": _NAME,
        "issue": _COUNT,
        "attempt": _COUNT,
        "model": _MODEL,
        "caps": _CAPS,
        "price": _PRICE,
        "api": {"enum": [dialect.path for dialect in EVERY]},
    },
}


def control(sessions: Sessions, meter: Meter, *, mode: str) -> Starlette:
    """The application behind the control socket."""

    async def about(_: Request) -> Response:
        return JSONResponse(
            {
                "mode": mode,
                "as_of": meter.prices.as_of,
                "warning": meter.prices.warning(datetime.now(UTC).date()),
                "paused": sessions.paused(),
            }
        )

    async def open_session(request: Request) -> Response:
        body = await json_body(request)
        identity, caps = _identity_and_caps(body)
        try:
            path = sessions.open(identity, caps, api=body.get("api", ""))
        except RecordingError as error:
            raise Refusal(409, "invalid_request_error", str(error)) from error
        return JSONResponse({"session": identity.id, "socket": str(path)}, status_code=201)

    async def usage(request: Request) -> Response:
        return _usage_or_not_found(request, sessions.usage(request.path_params["id"]))

    async def close_session(request: Request) -> Response:
        return _usage_or_not_found(request, sessions.close(request.path_params["id"]))

    async def issue(request: Request) -> Response:
        return JSONResponse(meter.spent_on_issue(request.path_params["number"]).document())

    return Starlette(
        routes=[
            Route("/", about),
            Route("/sessions", open_session, methods=["POST"]),
            Route("/sessions/{id}", usage),
            Route("/sessions/{id}", close_session, methods=["DELETE"]),
            Route("/issues/{number:int}", issue),
        ],
        exception_handlers={Refusal: handle_refusal, 404: not_found, 405: not_found},
    )


def _identity_and_caps(body: Any) -> tuple[SessionIdentity, SessionCaps]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    if wrong := best_match(Draft202012Validator(_OPEN).iter_errors(body)):
        raise Refusal(400, "invalid_request_error", f"{wrong.json_path}: {wrong.message[:200]}")
    identity = SessionIdentity(
        new_id(), **{key: body[key] for key in ("run", "role", "issue", "attempt", "model")}
    )
    # By way of text: the Decimal of a float has the float's binary error.
    dollars = {key: Decimal(str(value)) for key, value in body["caps"].items() if key != "calls"}
    rates = rates_of(body["price"], "price") if "price" in body else None
    return identity, SessionCaps(calls=body["caps"]["calls"], rates=rates, **dollars)


def _usage_or_not_found(request: Request, usage: JsonDict | None) -> Response:
    if usage is None:
        raise Refusal(
            404,
            "not_found_error",
            f"no session {request.path_params['id']!r:.40} was opened by this broker",
        )
    return JSONResponse(usage)
