"""A Datasette plugin: /-/enter makes the visitor root. `--root` prints a login address, which a
person never sees."""

from __future__ import annotations

from typing import Any

from datasette import hookimpl
from datasette.utils.asgi import Response


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [(r"^/-/enter$", enter)]


async def enter(datasette: Any) -> Any:
    answer = Response.redirect("/")
    answer.set_cookie("ds_actor", datasette.sign({"a": {"id": "root"}}, "actor"))
    return answer
