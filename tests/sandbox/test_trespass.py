"""Every way out that we know of, tried from inside a sandbox of each form.

It tries them on things of the host that admit whoever gets there. The same program outside of any
sandbox is the control: it gets everywhere. What a form does not hold is exactly what it reports.
"""

import contextlib
import ctypes
import errno
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.programs.sandbox.forms import LANDLOCKED
from harness.programs.sandbox.interpreter import interpreter
from harness.programs.sandbox.packages.ecosystems import BY_NAME
from harness.programs.sandbox.roots.root import digest_of, prepared
from tests.sandbox.layers import furnished
from tests.sandbox.sandboxes import Sandboxes, children, until
from tests.sandbox.vendored import cargo_project, go_project

TRESPASSER = Path(__file__).with_name("trespasser.py").read_text("utf-8")
VENDORED = {"go.sum": go_project, "Cargo.lock": cargo_project}
# Landlock has no right for these, and a filter cannot tell one file's name from another's: the form
# names them.
NOT_HELD = {"landlock": ["mode of a file", "size of a file", "times of a file"]}


@dataclass
class Host:
    """Things of the host that answer whoever reaches them. They belong to the account of the
    sandboxes."""

    options: dict[str, object]
    reached: list[str] = field(default_factory=list)


@contextlib.contextmanager
def a_host(sandboxes: Sandboxes) -> Iterator[Host]:
    """A folder of secrets, a process with one in its environment, shared memory, and a socket of
    each kind."""
    folder, secret, key = (
        sandboxes.place("theirs"),
        secrets.token_hex(12),
        secrets.randbelow(1 << 30) + 1,
    )
    for name, text in (("secret", secret), ("spare", "spare"), ("program", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        sandboxes.own(folder / name)
    with contextlib.ExitStack() as ends:
        host = Host(
            {
                "folder": str(folder),
                "secret": secret,
                "key": key,
                "pid": _neighbour(sandboxes, secret, ends),
            }
        )
        host.options["port"] = _listening(host, folder, secret, ends)
        for path in folder.glob("*.sock"):
            path.chmod(0o666)
        libc = ctypes.CDLL(None)
        segment = libc.shmget(key, 4096, 0o1666)
        ends.callback(libc.shmctl, segment, 0, None)
        yield host


def _neighbour(sandboxes: Sandboxes, secret: str, ends: contextlib.ExitStack) -> int:
    """A process of the same account. The wrapper of the ordinary account is its parent."""
    process = subprocess.Popen(
        [*sandboxes.wrapper, "sleep", "900"],
        env={"PATH": os.environ["PATH"], "SECRET": secret},
        start_new_session=True,
    )
    ends.callback(process.wait)
    ends.callback(os.killpg, process.pid, 9)
    return until(lambda: children(process.pid))[0] if sandboxes.wrapper else process.pid


def _listening(host: Host, folder: Path, secret: str, ends: contextlib.ExitStack) -> int:
    tcp, tcp6, udp = _of_one_port(ends)
    port: int = tcp.getsockname()[1]
    unix, abstract = (ends.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
    unix.bind(f"{folder}/stream.sock")
    abstract.bind(f"\0{secret}")
    for one in (unix, abstract):
        one.listen()
    datagram = ends.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    datagram.bind(f"{folder}/datagram.sock")
    for name, one in (
        ("tcp", tcp),
        ("tcp6", tcp6),
        ("unix", unix),
        ("abstract", abstract),
        ("udp", udp),
        ("datagram", datagram),
    ):
        threading.Thread(target=_note, args=(name, one, host.reached), daemon=True).start()
        if name not in ("udp", "datagram"):
            # a blocked accept() ends with the socket
            ends.callback(one.shutdown, socket.SHUT_RDWR)
    return port


def _of_one_port(ends: contextlib.ExitStack) -> tuple[socket.socket, ...]:
    """Sockets for TCP, TCP over IPv6 and UDP under one number. The kernel picks it for the first;
    who has it for another is a stranger, and it picks anew."""
    while True:
        with contextlib.ExitStack() as made:
            tcp = made.enter_context(socket.create_server(("0.0.0.0", 0)))
            port = tcp.getsockname()[1]
            udp = made.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            try:
                tcp6 = made.enter_context(
                    socket.create_server(("::1", port), family=socket.AF_INET6)
                )
                udp.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            ends.enter_context(made.pop_all())
            return tcp, tcp6, udp


def _note(name: str, one: socket.socket, reached: list[str]) -> None:
    with contextlib.suppress(OSError):
        while True:
            if one.type == socket.SOCK_STREAM:
                link, _ = one.accept()
                with link:
                    link.recv(10)
            else:
                text, peer = one.recvfrom(100)
                if peer:
                    one.sendto(text, peer)
            reached.append(name)


def test_no_way_leads_out_but_those_that_the_form_names(sandboxes) -> None:
    with a_host(sandboxes) as host:
        ended = sandboxes.python(TRESPASSER, json.dumps(host.options))
        assert ended.code == 0, ended
        assert json.loads(ended.text) == NOT_HELD.get(sandboxes.form, []), ended
        assert host.reached == []


@pytest.mark.soak("nine layers in three forms; the walls of each form are tried above")
def test_a_sandbox_that_is_furnished_from_any_kind_of_lock_is_as_closed(views) -> None:
    """With the packages of every ecosystem at once, in the app's own tree or apart, and vendored
    ones with the toolchain that builds them."""
    layers = furnished(views)
    assert set(layers) == {*BY_NAME, "requirements.txt"}, (
        "a new row of the table is tried here, too"
    )
    binds, writes = [], []
    for number, (kind, made) in enumerate(layers.items()):
        tree = views.place(f"tree-{number}")
        if kind in VENDORED:
            VENDORED[kind](tree)
            writes += [f"/app-{number}/vendor/new"]
        assert bool(os.listdir(made["folder"])) == (kind not in VENDORED), kind
        at = f"/app-{number}/{made['within']}" if made["within"] else f"/layer-{number}"
        binds += [
            {"source": str(tree), "target": f"/app-{number}"},
            {"source": made["folder"], "target": at},
        ]
        writes += [f"{at}/new", f"/app-{number}/new"]
    code = f"""
import os
for path in {writes}:
    assert os.path.isdir(os.path.dirname(path))
    try:
        open(path, "w")
        raise SystemExit(path + " was written")
    except OSError:
        pass
"""
    with a_host(views) as host:
        ended = views.python(code + TRESPASSER, json.dumps(host.options), binds=binds)
        assert ended.code == 0, ended
        assert json.loads(ended.text) == [], ended
        assert host.reached == []


@pytest.fixture(scope="module")
def debian() -> Iterator[Path]:
    """A system of Debian's own tool, prepared once for all forms from a tar with the device nodes
    that it writes into each. It lies where every account may enter, as `sandboxes_of` does."""
    folder = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    folder.chmod(0o755)
    tar, roots = folder / "debian.tar", folder / "roots"
    python = "python3" if not interpreter().prefix else "libpython3-stdlib"
    try:
        done = subprocess.run(
            (
                *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={python}", "bookworm"),
                str(tar),
            ),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        digest = digest_of(tar)
        roots.mkdir()
        tar.rename(roots / f"{digest.removeprefix('sha256:')}.tar")
        yield prepared(digest, roots=roots, out=folder / "out")
    finally:
        shutil.rmtree(folder)


@pytest.mark.soak("builds a system of 150 MB; test_roots has a small one")
def test_no_way_leads_out_of_a_sandbox_with_a_system_of_debians(views, debian) -> None:
    with a_host(views) as host:
        ended = views.python(TRESPASSER, json.dumps(host.options), root=str(debian))
        assert ended.code == 0, ended
        assert json.loads(ended.text) == [], ended
        assert host.reached == []
    ended = views.run("perl", "-e", "print 6*7, `cat /etc/debian_version`", root=str(debian))
    assert ended.text.startswith("4212."), ended


def test_outside_of_a_sandbox_every_one_of_these_ways_leads_there(unsealed) -> None:
    with a_host(unsealed) as host:
        ended = unsealed.python(TRESPASSER, json.dumps(host.options))
        assert ended.code == 0, ended
        ways = set(json.loads(ended.text))
        until(lambda: {"tcp", "tcp6", "unix", "abstract", "udp", "datagram"} <= set(host.reached))
    tried = {part.split('"')[0] for part in TRESPASSER.split('way("')[1:]} | {
        "tcp",
        "tcp elsewhere",
        "tcp6",
        "multipath",
        "unix",
        "abstract",
    }
    assert tried - ways == set()
    assert len(tried) > 30


@pytest.mark.parametrize("word", ["names: ", "modes: "])
def test_what_is_not_held_is_named(word) -> None:
    assert any(text.startswith(word) for text in LANDLOCKED)
