"""`GET /healthz` of `factory up`: the state of the factory for a service manager or a monitor.

Properties:
- 200 means that somebody is at work, or that only its people hold it up; anything else is 503;
- the answer has no text from outside, no address and no secret;
- a factory that stands by is well as long as another one is.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import FactoryError
from harness.domain.plain import JsonDict
from harness.factory.reporting.signs import Condition
from harness.forge.receiver import listening
from harness.home.webhooks import WebhookAddress
from harness.log import Log
from harness.operations.daemon.overview import overview

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

PATH = "/healthz"
_OF_FACTORY = ("life", "began", "beat", "moved", "doing", "looked", "looks_again", "left")


def health(home: Path, now: datetime) -> tuple[int, JsonDict]:
    """The HTTP status and the document at `now`. Never raises for what is down."""
    try:
        found, presence = overview(home, now)
    except (FactoryError, OSError):
        # The reason may name an address of the database; `factory status` prints it.
        return 503, {"condition": "unknown", "message": "the home cannot be read"}
    word = Condition(found["condition"])
    is_ours = presence is not None and (presence.host, presence.pid) == (
        socket.gethostname(),
        os.getpid(),
    )
    factory = found["factory"] or {}
    return 200 if word.is_well else 503, {
        "condition": word.value,
        "standing_by": not is_ours,
        "factory": {name: factory[name] for name in _OF_FACTORY if name in factory},
        "down_since": [one["since"] for one in found["outages"]],
        "stopped": found["stopped"],
        "paused": bool(found["paused"]),
        "frozen": bool(found["frozen"]),
        "full": bool(found["full"]),
        "releases_held": bool(found["releases"]["held"]),
        "rollback_failed": found["releases"]["rollback_failed"],
    }


def application(home: Path, now: Callable[[], datetime]) -> "Starlette":
    """An application with the health check at its one path."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    # Not `async`: reading the home blocks, so each request gets a thread.
    def answer(request: "Request") -> "Response":
        code, document = health(home, now())
        return JSONResponse(document, code, {"Cache-Control": "no-store"})

    return Starlette(routes=[Route(PATH, answer, methods=["GET"])])


@contextmanager
def health_check(
    home: Path, address: WebhookAddress | None, *, now: Callable[[], datetime], log: Log
) -> Iterator[None]:
    """Answer at the address while the block lasts, if there is one. Raises ConfigError if it is not
    available."""
    if address is None:
        yield
        return
    with listening(
        application(home, now), host=address.host, port=address.port, option="--health"
    ) as port:
        log.write("health", f"answered at http://{address.host}:{port}{PATH}")
        yield
