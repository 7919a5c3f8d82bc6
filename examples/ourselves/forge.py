"""The local forge as an app under test: `python -m examples.ourselves.forge`, with PORT and FORGE_DATA, or `seed`.

The judge's browser calls every app `app.localhost`; the forge answers to `localhost` alone, on purpose. So a front takes
the one name for the other, as a reverse proxy would.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from harness.programs.local_forge.content import people, repositories
from harness.programs.local_forge.app import application
from harness.programs.local_forge.storage.records import Role
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.settings import Settings, prepare

OUTSIDE = re.compile(rb"(http://)?app\.localhost(:\d+)?")


class Front:
    """Answers to the judge's name for the app, at whichever port the browser asks for."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app, self._inside = app, f"localhost:{port}".encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [(name, self._named(name, value)) for name, value in scope["headers"]]}
        await self._app(scope, receive, send)

    def _named(self, name: bytes, value: bytes) -> bytes:
        outside = OUTSIDE.fullmatch(value) if name in (b"host", b"origin") else None
        return (outside[1] or b"") + self._inside if outside else value


def service(settings: Settings, port: int) -> Service:
    prepare(settings)
    return Service(settings, f"http://localhost:{port}")


def seed(settings: Settings) -> None:
    """A repository that visitors can file issues on."""
    with service(settings, 0).transaction(write=True) as tx:
        owner = people.create_user(tx, "tidehouse", role=Role.ADMIN, kind="User")
        repositories.create(tx, owner, "walks", description="Walks on the flats", default_branch="main")


def main(arguments: list[str]) -> None:
    settings = Settings(Path(os.environ["FORGE_DATA"]), open_door=True)
    if arguments == ["seed"]:
        seed(settings)
        return
    port = int(os.environ["PORT"])
    app: Any = Front(application(service(settings, port)), port)
    uvicorn.run(app, host="127.0.0.1", port=port, http="h11", ws="none", log_level="warning", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1:])
