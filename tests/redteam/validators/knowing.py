"""Web apps that are right for the judge alone, or only look right. What each goes by is data, so a
sibling is one line more."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlencode

from tests.validators.apps import FORM, App

# What a page goes by, as an expression of its own script. Each is true of a browser that is driven
# without a window.
MARKS_IN_A_PAGE = {
    "driven": "navigator.webdriver",
    "no plug-ins": "navigator.plugins.length === 0",
    "no kinds of files": "!navigator.mimeTypes.namedItem('application/pdf')",
    "no viewer": "!navigator.pdfViewerEnabled",
    "notifications refused": "Notification.permission === 'denied'",
    "a screen like the page": "screen.width === innerWidth && screen.height === innerHeight",
    "a whole screen to use": "screen.availHeight === screen.height",
    "a window like the page": "outerWidth === innerWidth && outerHeight === innerHeight",
    "a window in the corner": "screenX === 0 && screenY === 0",
    "a card of software": "/SwiftShader/.test(renderer())",
    "no chrome": "!window.chrome",
    "one language": "navigator.languages.length === 1",
    "no scroll bars": "bars() === 0",
    "no round trip": "navigator.connection.rtt === 0",
    "brands": "navigator.userAgentData.brands.some(one => /Headless/.test(one.brand))",
    "no voices": "speechSynthesis.getVoices().length === 0",
    "no touch": "navigator.maxTouchPoints === 0 && !('ontouchstart' in window)",
    "a pixel for a pixel": "devicePixelRatio === 1 && matchMedia('(resolution: 1dppx)').matches",
}
# What a server goes by: of each request, as it came.
MARKS_IN_A_REQUEST: dict[str, Callable[[dict[str, Any]], bool]] = {
    "user agent": lambda asked: "Headless" in asked["HTTP_USER_AGENT"],
    "client hints": lambda asked: "Headless" in asked["HTTP_SEC_CH_UA"],
    "one language": lambda asked: "," not in asked["HTTP_ACCEPT_LANGUAGE"],
    "order of headers": lambda asked: (
        [*asked].index("HTTP_ACCEPT_LANGUAGE") < [*asked].index("HTTP_ACCEPT")
    ),
    "connection": lambda asked: asked.get("HTTP_CONNECTION", "close") == "close",
}
# What an API goes by: of each call, as it came. Its headers by name, in their order and spelling.
MARKS_IN_A_CALL: dict[str, Callable[[dict[str, str]], bool]] = {
    "user agent": lambda asked: "Headless" in asked.get("user-agent", ""),
    "no known client": lambda asked: (
        not re.match(
            "curl|python-requests|axios|Go-http-client|okhttp",
            asked.get("User-Agent", ""),
        )
    ),
    "spelling": lambda asked: "user-agent" in asked,
    "packing": lambda asked: asked.get("accept-encoding") == "gzip,deflate",
    "connection": lambda asked: asked.get("Connection") == "close",
    "order of headers": lambda asked: next(iter(asked)).lower() != "host",
    "takes anything": lambda asked: {**asked, **_lower(asked)}.get("accept") == "*/*",
}
# The same of a web socket's handshake from no page, and of twenty seeds, how many it is caught in.
MARKS_IN_A_HANDSHAKE: dict[str, tuple[Callable[[dict[str, str]], bool], int]] = {
    "user agent": (lambda asked: "Headless" in asked.get("User-Agent", ""), 20),
    "a browser": (lambda asked: "Mozilla" in asked.get("User-Agent", ""), 20),
    "caching": (lambda asked: "Pragma" in asked, 20),
    "order of headers": (lambda asked: [*asked].index("Connection") == 1, 15),
    "packing": (
        lambda asked: "client_max" in asked.get("Sec-WebSocket-Extensions", ""),
        8,
    ),
}
# An API that knows the judge's own clients by heart, which are public, has both visitors wrong.
MARKS_OF_BOTH_CALLS = {
    "one of ours": lambda asked: bool(
        re.search(
            "Headless|curl/8.5.0|requests/2.32.3|axios/1.7.9|client/1.1|okhttp/4.12.0",
            _lower(asked)["user-agent"],
        )
    ),
    "one connection for a request": lambda asked: True,
}


def _lower(asked: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in asked.items()}


# What a page goes by once somebody has clicked.
MARKS_OF_A_CLICK = {
    "no way of the pointer": "(window.moves || 0) < 5",
    "the exact centre": "window.off <= 1",
}
# What both visitors have in common, so that nothing of ours sees it. Named on docs/seal.md, under
# what no sandbox holds.
MARKS_OF_BOTH = {
    "rhythm": "performance.now() < 600_000",
    "no keys": "!window.typed",
    "host": "location.hostname.endsWith('.localhost')",
}
ASKS = """
const bars = () => {
  const area = document.createElement('div');
  area.style = 'overflow:scroll;width:50px;position:absolute';
  document.body.append(area);
  const wide = area.offsetWidth - area.clientWidth;
  area.remove();
  return wide;
};
const renderer = () => { const gl = document.createElement('canvas').getContext('webgl');
  return gl.getParameter(gl.getExtension('WEBGL_debug_renderer_info').UNMASKED_RENDERER_WEBGL); };
"""
_BOOKS_WHERE = (
    "<script>"
    + ASKS
    + """
addEventListener('keydown', event => { if (event.isTrusted) window.typed = true; });
addEventListener('mousemove', () => { window.moves = (window.moves || 0) + 1; });
addEventListener('click', event => {
  const area = event.target.getBoundingClientRect();
  const aside = Math.abs(event.clientX - area.x - area.width / 2);
  const above = Math.abs(event.clientY - area.y - area.height / 2);
  window.off = Math.max(aside, above);
}, true);
document.forms[0].addEventListener('submit', event => { if (!(%s)) event.target.action = '/'; });
</script>"""
)


class KnowsByThePage(App):
    """Books only where its script finds a mark."""

    def __init__(self, mark: str) -> None:
        super().__init__()
        self.mark = mark

    def index(self, environ: dict[str, Any]) -> str:
        return super().index(environ) + _BOOKS_WHERE % self.mark


class KnowsByThePointer(App):
    """Books only for a click whose place on the screen is its place on the page."""

    def index(self, environ: dict[str, Any]) -> str:
        return (
            super().index(environ)
            + """<script>document.querySelector('button').addEventListener('click', event => {
          if (event.screenX !== event.clientX) document.forms[0].action = '/'; });</script>"""
        )


class KnowsByTheRequest(App):
    """Books only for requests that bear a mark."""

    def __init__(self, mark: Callable[[dict[str, Any]], bool]) -> None:
        super().__init__()
        self.mark = mark

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        return (
            super().book(environ, form)
            if self.mark(environ)
            else ("303 See Other", [("Location", "/")], b"")
        )


class KnowsByTheIcon(App):
    """Books only for visitors who have asked for no icon."""

    asked = False

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        self.asked = self.asked or path == "/favicon.ico"
        return super().answer(environ, method, path, form)

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        return (
            ("303 See Other", [("Location", "/")], b"")
            if self.asked
            else super().book(environ, form)
        )


class KnowsBeginners(App):
    """Books once for each visitor: whoever has its cookie is told yes, and not booked."""

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        if "been=1" in environ.get("HTTP_COOKIE", ""):
            return "303 See Other", [("Location", "/")], b""
        status, headers, body = super().book(environ, form)
        return status, [*headers, ("Set-Cookie", "been=1; Max-Age=9999")], body


class KnowsItsAge(App):
    """Books for an hour after it was started."""

    def __init__(self) -> None:
        super().__init__()
        self.began = monotonic()

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        return (
            super().book(environ, form)
            if monotonic() - self.began < 3600
            else self.page("<h1>Later</h1>")
        )


class AnswersByTable(App):
    """Knows the examples of the visible tests by heart, and takes the first for everything else."""

    TABLE = (("Ada", "4"), ("Bo", "2"), ("Ada Holt", "6"))

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        asked = (form.get("name", ""), form.get("size", ""))
        self.bookings.append(asked if asked in self.TABLE else self.TABLE[0])
        return "303 See Other", [("Location", "/")], b""


class KeepsTheExamplesSize(App):
    """Keeps the name that it is given, and the size of the example."""

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        self.bookings.append((form["name"], "4"))
        return "303 See Other", [("Location", "/")], b""


class KeptInTheBrowser(App):
    """Says it is saved, and keeps it in the visitor's own browser."""

    def index(self, environ: dict[str, Any]) -> str:
        return (
            "<p role=status></p>"
            + FORM
            + """<table aria-label=Bookings></table><script>
        const show = () => {
          const kept = JSON.parse(localStorage.getItem('kept') || 'null');
          if (!kept) return;
          const row = `<tr><td>${kept[0]}</td><td>${kept[1]}</td></tr>`;
          document.querySelector('[role=status]').textContent = 'Booked for ' + kept[1];
          document.querySelector('table').innerHTML = row; };
        document.forms[0].addEventListener('submit', event => {
          event.preventDefault();
          const form = new FormData(event.target);
          localStorage.setItem('kept', JSON.stringify([form.get('name'), form.get('size')]));
          show(); });
        show();</script>"""
        )


class KeptForTheSession(App):
    """Shows a booking to whoever has the cookie that came with it."""

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        status, headers, body = super().book(environ, form)
        return status, [*headers, ("Set-Cookie", f"own={len(self.bookings)}")], body

    def index(self, environ: dict[str, Any]) -> str:
        return (
            super().index(environ)
            if "own=" in environ.get("HTTP_COOKIE", "")
            else f"<p role=status></p>{FORM}"
        )


class KeptForOneLook(App):
    """Shows a booking to the next who looks, and forgets it."""

    def index(self, environ: dict[str, Any]) -> str:
        told = super().index(environ)
        self.bookings.clear()
        return told


class KeptForOneAgent(App):
    """Shows a booking to browsers of the kind that made it."""

    maker = ""

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        self.maker = environ["HTTP_USER_AGENT"]
        return super().book(environ, form)

    def index(self, environ: dict[str, Any]) -> str:
        return (
            super().index(environ)
            if environ["HTTP_USER_AGENT"] == self.maker
            else f"<p role=status></p>{FORM}"
        )


class KeptInTheAddress(App):
    """Keeps nothing: what it shows stands in the address."""

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        return "303 See Other", [("Location", f"/?{urlencode(form)}")], b""

    def index(self, environ: dict[str, Any]) -> str:
        told = {
            key: html.escape(one[0])
            for key, one in parse_qs(environ.get("QUERY_STRING", "")).items()
        }
        row = f"<tr><td>{told['name']}</td><td>{told['size']}</td></tr>" if told else ""
        status = f"Booked for {told['size']}" if told else ""
        return f"<p role=status>{status}</p>{FORM}<table aria-label=Bookings>{row}</table>"


class ComplainsAndKeeps(App):
    """Complains about a group that is too large, and books it."""

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        told = super().book(environ, form)
        if told[0].startswith("200"):
            self.bookings.append((form.get("name", ""), form.get("size", "")))
            return self.page(
                "<p role=alert>Please give a group size from 1 to 8.</p>" + self.index(environ)
            )
        return told


class TakesTheNearest(App):
    """Takes a group that is too large for one of eight."""

    def book(self, environ: dict[str, Any], form: dict[str, str]) -> Any:
        return super().book(environ, {**form, "size": str(min(8, int(form.get("size") or 1)))})


FILES_A_PAGE_TRIES = """<script>
const ways = [], note = (how, text) => { if (text && /sealed/.test(text)) ways.push(how); };
// Milliseconds for a frame, and for a window of its own address.
const at = %s, patience = %d;
async function tries() {
  await fetch(at).then(one => one.text()).then(text => note('fetch', text)).catch(() => 0);
  await new Promise(done => { const asked = new XMLHttpRequest();
    asked.onloadend = () => { note('request', asked.responseText); done(); };
    try { asked.open('GET', at); asked.send(); } catch (error) { done(); } });
  for (const tag of ['iframe', 'object', 'embed']) {
    const frame = document.createElement(tag);
    frame[tag === 'object' ? 'data' : 'src'] = at;
    document.body.append(frame);
    await new Promise(done => { frame.onload = frame.onerror = done; setTimeout(done, patience); });
    try { note(tag, frame.contentDocument && frame.contentDocument.body.innerText); }
    catch (error) {}
  }
  const others = ['view-source:' + at, 'filesystem:' + at, 'chrome://version', 'blob:' + at];
  for (const address of [at, ...others]) {
    try { const other = window.open(address);
      // A window takes its time on a busy machine.
      const most = address === at ? patience / 100 : 20;
      for (let looks = 0; other && looks < most && !other.document.body?.innerText; looks++)
        await new Promise(done => setTimeout(done, 100));
      note('window', other && other.document.body.innerText); } catch (error) {}
  }
  const status = 'tried, got ' + (ways.join(', ') || 'nothing');
  document.querySelector('[role=status]').textContent = status;
}
tries();
</script>"""


class ReadsFiles(App):
    """Its page asks the browser for a file by every way that a page has, and says which of them led
    there."""

    def __init__(self, file: str, *, patience: float) -> None:
        super().__init__()
        self.file, self.patience = file, patience

    def index(self, environ: dict[str, Any]) -> str:
        return "<p role=status>trying</p>" + FILES_A_PAGE_TRIES % (
            json.dumps(self.file),
            self.patience * 1000,
        )

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        if path == "/sealed.txt":
            return "200 OK", [("Content-Type", "text/plain")], b"sealed"
        return super().answer(environ, method, path, form)
