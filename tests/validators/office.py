"""An app that takes files, hands them over, asks before it acts and can be used without a pointer;
and its evil siblings."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from validators.domain.journeys.files import csv_text

PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Office</title><body>{}</body></html>"
)
ACTS = """
<form method=post action=/files enctype=multipart/form-data>
  <label>Photo <input type=file name=file></label>
  <label>Guest lists <input type=file name=file multiple></label>
  <label><span>Plan</span> <input type=file name=file style="display:none"></label>
  <button type=button onclick="letter.click()">Choose a letter</button><input id=letter type=file name=file hidden>
  <label>Locked <input type=file disabled></label>
  <button>Send</button>
</form>
<a href=/guests.csv>Export as CSV</a> <a href=/guests.csv target=_blank>Export in a new window</a>
<a href=/report.html>Report</a> <a href=/huge.csv>Huge</a> <a href=/broken.csv>Broken</a> <a href=/data.json>Data</a>
<a id=made href=# >Made here</a>
<form method=post action=/delete><button onclick="return confirm('Delete all guests?')">Delete all</button></form>
<form method=post action=/rename><input type=hidden name=to id=to>
  <button onclick="to.value = prompt('New name?', 'Ada') || ''; return to.value != ''">Rename</button></form>
<button onclick="alert('First'); alert('Second')">Twice</button>
<button onclick="setTimeout(() => { if (confirm('Really?')) gone() }, 200)">Later</button>
<button onclick="onbeforeunload = e => e.preventDefault()">Write</button>
<script>const gone = () => fetch('/delete', {method: 'POST'}).then(() => location.reload());
made.onclick = () => { const a = document.createElement('a'); a.download = 'made.txt';
  a.href = URL.createObjectURL(new Blob(['made here'], {type: 'text/plain'})); a.click(); return false }</script>
"""


@dataclass
class Office:
    """An office that does what it promises."""

    guests: list[tuple[str, str]] = field(
        default_factory=lambda: [("Ada Holt", "4"), ("Bo, the second", "2")]
    )
    files: list[tuple[str, str, bytes]] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, headers, body = self.answer(
            environ, environ["REQUEST_METHOD"], environ["PATH_INFO"], content
        )
        start(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def answer(self, environ: dict[str, Any], method: str, path: str, content: bytes) -> Any:
        match method, path:
            case "GET", "/guests.csv":
                return self.export()
            case "GET", "/huge.csv":
                return attached("huge.csv", b"x,y\n" * 1_500_000)
            case "GET", "/data.json":
                return attached("data.json", b'{"guests": ["Ada Holt"]}', kind="application/json")
            case "POST", "/files":
                self.files += self.sent(environ["CONTENT_TYPE"], content)
                return BACK
            case "POST", "/delete":
                self.delete()
                return BACK
            case "POST", "/rename":
                self.guests[0] = (dict(parse_qsl(content.decode()))["to"], "4")
                return BACK
            case _:
                return page(self.index())

    def export(self) -> Any:
        return attached("guests.csv", csv_text([("Name", "Guests"), *self.guests]).encode())

    def delete(self) -> None:
        self.guests.clear()

    def sent(self, kind: str, content: bytes) -> list[tuple[str, str, bytes]]:
        found = BytesParser(EmailMessage, policy=HTTP).parsebytes(
            f"Content-Type: {kind}\r\n\r\n".encode() + content
        )
        parts = [
            (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
            for part in found.iter_parts()
        ]
        return [part for part in parts if part[0]]

    def index(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(n)}</td><td>{html.escape(s)}</td></tr>" for n, s in self.guests
        )
        files = "".join(f"<li>{html.escape(self.shown(*one))}</li>" for one in self.files)
        return (
            f"<h1>Office</h1>{ACTS}<table aria-label=Guests>{rows}</table><ul"
            f" aria-label=Files>{files}</ul>"
        )

    def shown(self, name: str, kind: str, content: bytes) -> str:
        return f"{name} {kind} {len(content)} bytes"


class PaintsUploads(Office):
    """Lists the name of a file that it never takes."""

    def index(self) -> str:
        return (
            super().index()
            + """<script>document.forms[0].onsubmit = e => { e.preventDefault();
          for (const field of document.querySelectorAll('[type=file]')) for (const file of field.files)
            document.querySelector('ul').innerHTML += `<li>${file.name} ${file.type} ${file.size} bytes</li>` }</script>"""
        )


class ForgetsContents(Office):
    """Keeps the name and throws the bytes away."""

    def sent(self, kind: str, content: bytes) -> list[tuple[str, str, bytes]]:
        return [(name, media, b"") for name, media, _ in super().sent(kind, content)]


class ExportsAPage(Office):
    def export(self) -> Any:
        return page(self.index())


class ExportsYesterday(Office):
    def export(self) -> Any:
        return attached("guests.csv", b"Name,Guests\r\nNobody,0\r\n")


class BreaksOff(Office):
    """Promises more bytes than it sends."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/guests.csv":
            return super().__call__(environ, start)
        start("200 OK", [*ATTACHED, ("Content-Length", "100000")])
        return [b"Name,Guests\r\nAda Holt,4\r\n"]


class NeverAsks(Office):
    def index(self) -> str:
        return super().index().replace("return confirm('Delete all guests?')", "")


class AsksSomethingElse(Office):
    def index(self) -> str:
        return super().index().replace("Delete all guests?", "Go on?")


class DoesItAnyway(Office):
    """Asks, and takes a no for a yes."""

    def index(self) -> str:
        return super().index().replace("return confirm", "confirm")


ATTACHED = [
    ("Content-Type", "text/csv; charset=utf-8"),
    ("Content-Disposition", "attachment; filename=guests.csv"),
]
BACK = ("303 See Other", [("Location", "/")], b"")


def attached(name: str, content: bytes, *, kind: str = "text/csv") -> Any:
    return (
        "200 OK",
        [("Content-Type", kind), ("Content-Disposition", f"attachment; filename={name}")],
        content,
    )


def page(body: str) -> Any:
    return "200 OK", [("Content-Type", "text/html; charset=utf-8")], PAGE.format(body).encode()


KEYS = """<title>Notes</title><style>#more { display: none } #menu:hover #more { display: block }</style>
<label>Title <input id=t></label> <label>Body <textarea id=b></textarea></label> <button>Save</button>
<label>Find <input id=f></label> <p role=status id=o></p>
<div id=menu><button>Menu</button><ul id=more><li>Archive</li></ul></div>
<script>onkeydown = e => { if (e.target.matches('input, textarea')) return;
    if (e.key == '/') { e.preventDefault(); f.focus() }
    if (e.ctrlKey && e.key == 's') { e.preventDefault(); o.textContent = 'saved' }
    if (e.key == '?') o.textContent = 'help' }</script>"""


class Notes(Office):
    """A page for the keyboard: shortcuts, an order of fields, and a menu that opens under the
    pointer."""

    def answer(self, environ: dict[str, Any], method: str, path: str, content: bytes) -> Any:
        return page(KEYS)
