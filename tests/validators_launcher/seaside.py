"""A small booking app for these tests, standard library only. The tests write variants of it into
real repositories.

`LIMIT` is the largest group it takes: 5 on base, where the walk has room for 8, and 8 once the bug
is fixed."""

SOURCE = '''
import html, json, os, socket, sys
from pathlib import Path
from urllib.parse import parse_qs, quote
from wsgiref.simple_server import WSGIRequestHandler, make_server

LIMIT = 5
BOOKINGS = Path(os.environ["SEASIDE_DATA"], "bookings.json")


def bookings():
    return json.loads(BOOKINGS.read_text()) if BOOKINGS.exists() else []


def keep(name, size):
    BOOKINGS.write_text(json.dumps([*bookings(), {"name": name, "size": size}]))


def page(message):
    rows = "".join(
        f"<tr><td>{html.escape(b['name'])}</td><td>{b['size']}</td></tr>" for b in bookings()
    )
    status = f"<p role=status>{html.escape(message)}</p>" if message else ""
    return f"""<!doctype html><html lang=en><meta charset=utf-8><title>Seaside walks</title>
<link rel=icon href="data:,"><h1>Walk to the seal bank</h1>{status}
<form method=post action=/book><p><label>Name <input name=name required></label>
<label>Group size <input name=size inputmode=numeric required></label> <button>Book</button></form>
<table><caption>Bookings</caption><thead><tr><th>Name<th>People</thead><tbody>{rows}</tbody></table></html>"""


def book(environ):
    form = parse_qs(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode())
    name, size = form["name"][0], int(form["size"][0])
    if size > LIMIT:
        return f"Sorry, a group of {size} is too large"
    keep(name, size)
    return f"Booked for {size}"


def app(environ, start):
    if environ["REQUEST_METHOD"] == "POST":
        start("303 See Other", [("Location", "/?said=" + quote(book(environ)))])
        return [b""]
    if environ["PATH_INFO"] != "/":
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such page"]
    said = parse_qs(environ.get("QUERY_STRING", "")).get("said", [""])[0]
    start("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")])
    return [page(said).encode()]


def facts():
    """What an app can learn of where it runs; the tests read it in the sealed server log."""
    return {
        "env": dict(os.environ), "hostname": socket.gethostname(), "cwd": os.getcwd(),
        "network": [name for _, name in socket.if_nameindex()],
        "writable": [
            p for p in ("/app", "/app/seaside.py", "/usr", "/etc", "/opt") if os.access(p, os.W_OK)
        ],
    }


if __name__ == "__main__":
    print(json.dumps(facts()), flush=True)
    make_server("127.0.0.1", int(os.environ["PORT"]), app).serve_forever()
'''

SEED = """
import json, os
from pathlib import Path

bookings = json.dumps([{"name": "Seeded Guest", "size": 2}])
Path(os.environ["SEASIDE_DATA"], "bookings.json").write_text(bookings)
"""

BASE = {"seaside.py": SOURCE, "seed.py": SEED}
FIXED = {**BASE, "seaside.py": SOURCE.replace("LIMIT = 5", "LIMIT = 8")}
PAINTED = {
    **BASE,
    "seaside.py": FIXED["seaside.py"].replace(
        "    keep(name, size)\n", "    size > 5 or keep(name, size)\n"
    ),
}
WATCHED = {
    **BASE,
    "seaside.py": SOURCE.replace(
        "if size > LIMIT", "if size > (8 if 'Headless' in environ['HTTP_USER_AGENT'] else 5)"
    ),
}
SLOW = {
    **BASE,
    "seaside.py": FIXED["seaside.py"].replace(
        "def book(environ):", "def book(environ):\n    import time; time.sleep(30)"
    ),
}
SILENT = {**BASE, "seaside.py": "import time\ntime.sleep(60)\n"}
CRASHING = {**BASE, "seaside.py": "raise SystemExit('no database')\n"}

JOURNEY = """journey: book-a-large-group
promise: M-BOOK
steps:
  - open: /
  - fill: {label: Name, value: "{{ any.name }}"}
  - fill: {label: Group size, value: "{{ any.int(6, 8) }}"}
  - click: {button: Book}
expect:
  - text: {role: status, equals: "Booked for {{ filled.group_size }}"}
  - row: {cells: ["{{ filled.name }}", "{{ filled.group_size }}"]}
  - after_reload:
      - row: {cells: ["{{ filled.name }}", "{{ filled.group_size }}"]}
  - other_session:
      open: /
      expect:
        - row: {cells: ["{{ filled.name }}", "{{ filled.group_size }}"]}
never: [{http_status: ">=500"}, {text: Traceback}]
twin:
  expect:
    - text: {role: status, equals: "Booked for 9"}
"""
HARMLESS = JOURNEY.replace("any.int(6, 8)", "any.int(2, 4)").replace(
    "book-a-large-group", "book-a-small-group"
)
