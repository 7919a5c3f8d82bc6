"""The two ways through a sandbox's wall, with real ends: HTTP in threads, large bodies,
half-closes."""

import contextlib
import hashlib
import http.client
import http.server
import os
import socket
import socketserver
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.sandboxes import AS_ROOT, Sandboxes, until
from tests.sandbox.servers import SIZE, Echo, serving


@pytest.fixture
def listening(sandboxes: Sandboxes) -> Iterator[socket.socket]:
    """A unix socket that listens, for a sandbox to answer on."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(sandboxes.folder / "app.sock"))
        made.listen(128)
        yield made


class OverUnix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=120)
        self.path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(self.path)


CLIENT = """
import hashlib, http.client, json, os, sys
from concurrent.futures import ThreadPoolExecutor
def ask(number):
    link = http.client.HTTPConnection("127.0.0.1", 8090, timeout=120)
    body = os.urandom(int(sys.argv[1]) // (number + 1))
    for turn in range(2):       # the second over the same connection
        link.request("POST", f"/{number}", body)
        said = link.getresponse().read().decode()
        assert said == hashlib.sha256(body).hexdigest() + f"/{number}", said
    link.request("GET", "/")
    return hashlib.sha256(link.getresponse().read()).hexdigest()
with ThreadPoolExecutor(8) as pool:
    print(*set(pool.map(ask, range(8))))
"""


def test_dial_carries_concurrent_requests_and_large_bodies(sandboxes) -> None:
    path = sandboxes.folder / "broker.sock"
    with serving(path, Echo):
        sandboxes.own(path)
        ended = sandboxes.python(CLIENT, str(SIZE), dial=[{"port": 8090, "socket": str(path)}])
    assert ended.text.split() == [hashlib.sha256(bytes(range(256)) * (SIZE // 256)).hexdigest()], (
        ended
    )


SERVER = """
import hashlib, http.server
class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        sent = self.rfile.read(int(self.headers["content-length"]))
        body = hashlib.sha256(sent).hexdigest().encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 5000), Echo).serve_forever()
"""


def test_serve_carries_concurrent_requests_and_large_bodies(sandboxes, listening) -> None:
    process, _ = sandboxes.start(
        "python",
        "-I",
        "-c",
        SERVER,
        fds=(listening.fileno(),),
        serve=[{"port": 5000, "fd": listening.fileno()}],
    )
    path = Path(listening.getsockname())

    def digest(body: bytes) -> str:
        link = OverUnix(path)
        with contextlib.closing(link):
            link.request("POST", "/", body)
            return link.getresponse().read().decode()

    # before the app listens a connection ends, as it would without a relay
    def ready() -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return bool(digest(b""))
        return False

    until(ready)
    bodies = [os.urandom(SIZE // (number + 1)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(digest, bodies)) == [
            hashlib.sha256(body).hexdigest() for body in bodies
        ]
    assert process.poll() is None


HALF_CLOSE = """
import socket
link = socket.create_connection(("127.0.0.1", 8090), timeout=120)
link.sendall(b"question" * 100000)
link.shutdown(socket.SHUT_WR)
answer = b""
while part := link.recv(65536):
    answer += part
print(answer.decode())
"""


class CountsToTheEnd(socketserver.StreamRequestHandler):
    """Answers only when the other side has said that it has no more."""

    def handle(self) -> None:
        self.wfile.write(str(len(self.rfile.read())).encode())


def test_dial_passes_half_closes_on(sandboxes) -> None:
    path = sandboxes.folder / "broker.sock"
    with serving(path, CountsToTheEnd):
        sandboxes.own(path)
        ended = sandboxes.python(HALF_CLOSE, dial=[{"port": 8090, "socket": str(path)}])
    assert ended.text == "800000\n", ended


COUNTING_APP = """
import socket
listener = socket.create_server(("127.0.0.1", 5000))
print("ready", flush=True)
link, _ = listener.accept()
count = 0
while part := link.recv(65536):
    count += len(part)
link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
# It ends at once, when most of this is not yet sent.
link.sendall(str(count).encode() + bytes(1_000_000))
"""


def test_serve_passes_half_closes_on_and_delivers_the_last_words(sandboxes, listening) -> None:
    process, _ = sandboxes.start(
        "python",
        "-I",
        "-c",
        COUNTING_APP,
        fds=(listening.fileno(),),
        serve=[{"port": 5000, "fd": listening.fileno()}],
    )
    assert process.stdout.readline() == b"ready\n"
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(120)
        link.connect(listening.getsockname())
        link.sendall(b"x" * 700_000)
        link.shutdown(socket.SHUT_WR)
        assert link.recv(6) == b"700000"
        rest = 0
        # far less than there is: the relay must wait for its reader, too
        while part := link.recv(20_000):
            rest += len(part)
        assert rest == 1_000_000
    assert process.wait(timeout=120) == 0


class AnswersEarly(socketserver.BaseRequestHandler):
    """Refuses and hangs up while the other side is still sending."""

    def handle(self) -> None:
        self.request.recv(10)
        self.request.sendall(b"too large")


def test_an_early_answer_to_a_long_upload_arrives(sandbox) -> None:
    code = """
import socket
link = socket.create_connection(("127.0.0.1", 8090), timeout=120)
try:
    for _ in range(200): link.sendall(bytes(1 << 16))
except OSError: pass
print(link.recv(100).decode())
"""
    path = sandbox.folder / "broker.sock"
    with serving(path, AnswersEarly):
        ended = sandbox.python(code, dial=[{"port": 8090, "socket": str(path)}])
    assert ended.text == "too large\n", ended


def test_dial_to_a_socket_that_nobody_answers_ends_the_connection(sandbox) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(sandbox.folder / "silent.sock"))
    code = (
        "import socket\ntry: print(socket.create_connection(('127.0.0.1', 8090),"
        " timeout=120).recv(1))\nexcept ConnectionResetError: print('reset')"
    )
    ended = sandbox.python(
        code, dial=[{"port": 8090, "socket": str(sandbox.folder / "silent.sock")}]
    )
    assert ended.text.strip() in ("b''", "reset")


def test_a_full_backlog_is_waited_for(sandbox) -> None:
    """A unix socket with a full backlog refuses at once where TCP would wait; the relay waits for
    it."""
    with socket.socket(socket.AF_UNIX) as slow:
        slow.bind(str(sandbox.folder / "slow.sock"))
        slow.listen(0)
        slow.settimeout(120)
        code = """
import socket
links = [socket.create_connection(("127.0.0.1", 8090), timeout=120) for _ in range(6)]
print("connected", flush=True)
print(*[link.recv(10).decode() for link in links])
"""
        dial = [{"port": 8090, "socket": str(sandbox.folder / "slow.sock")}]
        process, _ = sandbox.start("python", "-I", "-c", code, dial=dial)
        assert process.stdout.readline() == b"connected\n"
        accepted = []
        # so that the relay meets the full backlog; where it comes later, all goes well, too
        time.sleep(0.2)
        for number in range(6):
            link, _ = slow.accept()
            link.sendall(f"n{number}".encode())
            accepted.append(link)
        assert sorted(process.stdout.readline().decode().split()) == [
            f"n{number}" for number in range(6)
        ]
        for link in accepted:
            link.close()


def test_many_connections_cost_no_tasks(sandbox) -> None:
    path = sandbox.folder / "broker.sock"
    code = """
import socket
links = [socket.create_connection(("127.0.0.1", 8090), timeout=120) for _ in range(100)]
for link in links: link.sendall(b"NONE / HTTP/1.0\\r\\n\\r\\n")
print(sum(link.recv(4) == b"HTTP" for link in links))
"""
    with serving(path, Echo):
        ended = sandbox.python(code, dial=[{"port": 8090, "socket": str(path)}], limits={"pids": 2})
    assert ended.text == "100\n", ended


def test_a_socket_for_one_becomes_the_boxs_own_and_one_for_all_stays_as_it_is(sandbox) -> None:
    own, shared = sandbox.folder / "own.sock", sandbox.folder / "shared.sock"
    with serving(own, Echo), serving(shared, Echo):
        own.chmod(0o600)
        shared.chmod(0o666)
        before = shared.stat().st_uid
        dial = [{"port": 8090, "socket": str(own)}, {"port": 8091, "socket": str(shared)}]
        code = (
            "import os, socket\nfor port in (8090, 8091): socket.create_connection(('127.0.0.1',"
            " port)).close()\nprint(os.getuid())"
        )
        ended = sandbox.python(code, dial=dial)
        assert ended.code == 0, ended
        assert shared.stat().st_uid == before
        assert own.stat().st_uid == (int(ended.text) if AS_ROOT else before)
        assert stat.S_IMODE(own.stat().st_mode) == 0o600


def test_a_taken_port_is_named(sandbox) -> None:
    ended = sandbox.run(
        "true", serve=[{"port": 5000, "fd": 0}], dial=[{"port": 5000, "socket": "/nowhere.sock"}]
    )
    assert ended.code == 125
    assert b"5000 is named twice" in ended.err
