"""The apps and APIs of our own around a Python library, for `bench/real_fixes.py`: `python app.py
NAME`, at PORT, with what they keep in APP_DATA. Each uses the library as its users do, when
something is put in; the bug and the fix are the library's."""

from __future__ import annotations

import html
import json
import os
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

KEPT = Path(os.environ["APP_DATA"], "kept.json")
WRITING = Lock()
WALKS = {
    "Bergen": [{"day": "2026-06-04", "name": "Mussel banks", "price": 12}],
    "Molde": [
        {"day": "2026-06-02", "name": "Seal watch", "price": 30},
        {"day": "2026-06-09", "name": "Night tide", "price": 18},
    ],
    "Oslo": [{"day": "2026-06-07", "name": "Long shore", "price": 25}],
    "Stavanger": [{"day": "2026-06-08", "name": "Old harbour", "price": 15}],
}


class Refused(Exception):
    """The status of an answer that is none."""


Query = dict[str, str]


def kept() -> list[Any]:
    found: list[Any] = json.loads(KEPT.read_text()) if KEPT.exists() else []
    return found


def keep(one: Any) -> int:
    """The number of what is kept."""
    with WRITING:
        every = [*kept(), one]
        (fresh := KEPT.with_suffix(".new")).write_text(json.dumps(every))
        fresh.replace(KEPT)
    return len(every)


def one_kept(number: str) -> Any:
    every = kept()
    if not (number.isdigit() and 0 < int(number) <= len(every)):
        raise Refused(404)
    return every[int(number) - 1]


def page(body: str) -> bytes:
    head = "<!doctype html><html lang=en><meta charset=utf-8><title>Harbour notes</title>"
    return f'{head}<link rel=icon href="data:,"><h1>Harbour notes</h1>{body}</html>'.encode()


class Served(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    content = b""

    def do_GET(self) -> None:
        self.content = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            self.answer()
        except Refused as refused:
            self.say(int(str(refused)), {"error": "not here"})
        except (OSError, ValueError) as error:  # the bugs that crash
            sys.stderr.write(f"{error!r}\n")
            self.say(500, {"error": "internal server error"})

    def do_POST(self) -> None:
        self.do_GET()

    def answer(self) -> None:
        raise Refused(404)

    @property
    def path_alone(self) -> str:
        return urlsplit(self.path).path

    @property
    def query(self) -> Query:
        return dict(parse_qsl(urlsplit(self.path).query))

    def say(self, status: int, content: Any, **headers: str) -> None:
        is_page = isinstance(content, bytes)
        body = content if is_page else json.dumps(content).encode()
        kind = "text/html; charset=utf-8" if is_page else "application/json"
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a server's log is evidence, and this one's says nothing."""


class Notes(Served):
    """Notes that people write in a form, made into HTML when they are saved."""

    rendered: ClassVar[Callable[[str], str]]
    form = (
        "<form method=post action=/notes><label>Note <textarea name=note></textarea></label>"
        " <button>Save</button></form>"
    )

    def answer(self) -> None:
        if self.command == "POST":
            note = dict(parse_qsl(self.content.decode()))["note"].replace("\r\n", "\n")
            number = keep(type(self).rendered(note))
            self.say(303, b"", Location=f"/notes/{number}")
        elif self.path_alone == "/":
            self.say(200, page(self.form))
        else:
            self.say(
                200, page(f"<article>{one_kept(self.path_alone.rpartition('/')[2])}</article>")
            )


def markdown() -> type[Served]:
    import markdown

    class Rendered(Notes):
        rendered = staticmethod(lambda note: markdown.markdown(note, extensions=["admonition"]))

    return Rendered


def jinja2() -> type[Served]:
    import jinja2

    template = jinja2.Environment(autoescape=True).from_string("<p>{{ note|urlize }}</p>")

    class Rendered(Notes):
        rendered = staticmethod(lambda note: template.render(note=note))

    return Rendered


def wtforms() -> type[Served]:
    import wtforms
    from wtforms.validators import Length

    class Entry(wtforms.Form):
        class Meta:
            locales = ("de",)

        name = wtforms.StringField("Name", [Length(max=20)])

    class Asked:
        """A form's fields, as WTForms wants them."""

        def __init__(self, content: bytes) -> None:
            self.fields = dict(parse_qsl(content.decode(), keep_blank_values=True))

        def __contains__(self, name: str) -> bool:
            return name in self.fields

        def __iter__(self) -> Any:
            return iter(self.fields)

        def __len__(self) -> int:
            return len(self.fields)

        def getlist(self, name: str) -> list[str]:
            return [self.fields[name]] if name in self.fields else []

    class Visitors(Served):
        def answer(self) -> None:
            if self.path_alone == "/":
                every = "".join(f"<li>{html.escape(one)}" for one in kept())
                link = "<a href=/neu>Neuer Besucher</a>"
                return self.say(200, page(f"{link}<ul aria-label=Besucher>{every}</ul>"))
            if self.command == "GET":
                return self.say(200, page(f"{Entry().name.label} {Entry().name()}".join(
                    ("<form method=post>", " <button>Eintragen</button></form>"))))  # fmt: skip
            entry = Entry(Asked(self.content))
            if not entry.validate():
                said = html.escape(f"{entry.name.data}: {entry.name.errors[0]}")
                return self.say(422, page(f"<p role=alert>{said}</p>"))
            keep(entry.name.data)
            return self.say(303, b"", Location="/")

    return Visitors


def werkzeug() -> type[Served]:
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import Map, Rule

    places = Map(
        [Rule("/", endpoint="ready"), Rule("/api/walks", endpoint="walks")], strict_slashes=False
    )

    class Walks(Served):
        def answer(self) -> None:
            try:
                endpoint, _ = places.bind("app").match(self.path_alone)
            except HTTPException as error:
                raise Refused(error.code) from error
            place = self.query.get("place", "")
            walks = [{"place": place, **one} for one in WALKS.get(place, ())]
            self.say(200, {"walks": walks} if endpoint == "walks" else {})

    return Walks


def marshmallow() -> type[Served]:
    import marshmallow

    class Reading(marshmallow.Schema):
        station = marshmallow.fields.Str(required=True)

        class Meta:
            unknown = marshmallow.INCLUDE

    class Readings(Served):
        def answer(self) -> None:
            if self.command == "POST":
                number = keep(Reading().load(json.loads(self.content)))
                return self.say(201, {"id": number}, Location=f"/api/readings/{number}")
            if self.path_alone == "/":
                return self.say(200, {})
            return self.say(200, one_kept(self.path_alone.rpartition("/")[2]))

    return Readings


def jmespath() -> type[Served]:
    import jmespath

    class Search(Served):
        def answer(self) -> None:
            place = unquote(self.query.get("place", ""))
            walks = {"walks": WALKS.get(place, [])}
            wanted = self.query.get("search")
            found = jmespath.search(wanted, walks) if wanted else None
            self.say(200, {"place": place, "found": found})

    return Search


APPS: dict[str, Callable[[], type[Served]]] = {
    one.__name__: one for one in (markdown, jinja2, wtforms, werkzeug, marshmallow, jmespath)
}

if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), APPS[sys.argv[1]]()).serve_forever()
