"""The intake over HTTP.

Properties:
- a sender without a known key costs one reading of its headers: its body is not read, but for the
  bounded one that Sentry would have signed;
- a source has a bounded rate, and an answer that SDKs obey;
- what was answered with 200 is on the disk;
- a page of any origin may report, as it may with curl, and reads an answer without a cookie;
- no key and no text of an error is in a log or in an answer."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError, PortError
from harness.programs.error_intake.bodies import body_of
from harness.programs.error_intake.envelope import events_in
from harness.programs.error_intake.keys import Keys, Service
from harness.programs.error_intake.rates import RETRY_SECONDS, Rates
from harness.programs.error_intake.refused import Refused
from harness.programs.error_intake.reports import Report, report_of
from harness.programs.error_intake.spool import Added, Spool
from harness.programs.error_intake.webhooks import is_signed, reports_in

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

ENVELOPE = "/api/{project}/envelope/"
PREFLIGHT_SECONDS = 7_200
# A DSN stands in the page, so whoever sees the page may report. No origin is better than another.
_ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Retry-After, X-Sentry-Rate-Limits",
}
_PREFLIGHT = {
    **_ANY_ORIGIN,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Encoding, Content-Type, X-Sentry-Auth",
    "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
}
_UNSIGNED = {one.value: one for one in (Service.GLITCHTIP, Service.BUGSINK)}
_KEY = re.compile(r"(?:^Sentry |[ ,])sentry_key=([0-9a-f]{32})(?:,|\s|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes reports. `keys` is called for each request, so that they can change at any time; it
    raises ConfigError where they cannot be read. `has_room` returns whether the disk has room."""

    spool: Spool
    keys: Callable[[], Keys]
    rates: Rates
    now: Callable[[], datetime]
    has_room: Callable[[], bool] = lambda: True

    async def envelope(self, request: "Request") -> "Response":
        """`POST /api/PROJECT/envelope/`, as Sentry's SDKs send it, in a browser, too."""
        found = await self._sent(request)
        found.headers.update(_ANY_ORIGIN)
        return found

    async def _sent(self, request: "Request") -> "Response":
        project: str = request.path_params["project"]
        if not self._keys().is_dsn(project, _key_of(request)):
            raise Refused(403, "expected the DSN of a project")
        source = f"dsn {project}"
        self._take(source)
        events = events_in(await body_of(request))
        return await self._kept([report_of(event, source=source) for event in events])

    async def sentry(self, request: "Request") -> "Response":
        """`POST /webhooks/sentry`, signed."""
        keys = self._keys()
        if not keys.of(Service.SENTRY):
            raise Refused(403, "expected no webhook of Sentry: it has no secret here")
        # Nothing of an unsigned body is unpacked, and nothing of it is parsed.
        body = await body_of(request, may_be_packed=False)
        if not is_signed(body, request.headers.get("sentry-hook-signature", ""), keys):
            raise Refused(403, "expected Sentry-Hook-Signature, made with a secret that is known")
        self._take(Service.SENTRY)
        return await self._delivered(Service.SENTRY, body, request)

    async def unsigned(self, request: "Request") -> "Response":
        """`POST /webhooks/SERVICE/SECRET`, of a service that signs nothing."""
        service = _UNSIGNED.get(request.path_params["service"])
        if service is None or not self._keys().is_secret(service, request.path_params["secret"]):
            raise Refused(403, "expected the address as `factory errors webhook` printed it")
        self._take(service)
        return await self._delivered(service, await body_of(request), request)

    async def _delivered(self, service: Service, body: bytes, request: "Request") -> "Response":
        headers = dict(request.headers)
        return await self._kept(list(reports_in(service, body, headers, now=self.now())))

    async def _kept(self, reports: list[Report | None]) -> "Response":
        from starlette.responses import JSONResponse

        errors = [report for report in reports if report is not None]
        if errors and not self.has_room():
            raise _later("the disk is full")
        # The spool waits for the disk; on a thread it does not hold up other senders.
        results = await asyncio.to_thread(
            lambda: [self.spool.add(report, at=self.now()) for report in errors]
        )
        if Added.FULL in results:
            raise Refused(429, "no room for more groups", retry_seconds=RETRY_SECONDS)
        return JSONResponse({"id": errors[0].id if errors else None})

    def _keys(self) -> Keys:
        try:
            return self.keys()
        except ConfigError:
            raise _later("the keys cannot be read") from None

    def _take(self, source: str) -> None:
        if not self.rates.take(source):
            raise Refused(429, "too many at once", retry_seconds=RETRY_SECONDS)


def _key_of(request: "Request") -> str:
    """The public key that SDKs put into a header or, in browsers and in Node, into the query."""
    found = _KEY.search(request.headers.get("x-sentry-auth", "")[:1_000])
    return (found[1] if found else request.query_params.get("sentry_key", "")).lower()


def _later(message: str) -> Refused:
    return Refused(503, message, retry_seconds=RETRY_SECONDS)


async def _refusal(request: "Request", error: Exception) -> "Response":
    from starlette.responses import JSONResponse

    refused = error if isinstance(error, Refused) else _later("it could not be kept")
    headers = dict(_ANY_ORIGIN) if request.url.path.startswith("/api/") else {}
    if refused.retry_seconds:
        headers["Retry-After"] = str(refused.retry_seconds)
    if refused.status == 429:
        headers["X-Sentry-Rate-Limits"] = f"{refused.retry_seconds}:error:key"
    return JSONResponse({"detail": refused.message}, refused.status, headers)


async def _preflight(request: "Request") -> "Response":
    """What a browser asks before a page sends something. It names no key, so it is answered to
    everybody, from memory, and nothing of it is read."""
    from starlette.responses import Response

    return Response(None, 204, _PREFLIGHT)


def application(intake: Intake) -> "Starlette":
    """The intake's three addresses, and `GET /healthz`, which any program may ask."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    return Starlette(
        routes=[
            Route("/healthz", lambda request: PlainTextResponse("ok\n"), methods=["GET"]),
            Route(ENVELOPE, intake.envelope, methods=["POST"]),
            Route(ENVELOPE, _preflight, methods=["OPTIONS"]),
            Route("/webhooks/sentry", intake.sentry, methods=["POST"]),
            Route("/webhooks/{service}/{secret}", intake.unsigned, methods=["POST"]),
        ],
        exception_handlers={Refused: _refusal, PortError: _refusal, MemoryError: _refusal},
    )
