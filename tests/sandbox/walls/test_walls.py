"""What is not named in the specification does not exist in the sandbox."""

import contextlib
import json
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.programs.sandbox.walls.seccomp import MACHINES
from harness.programs.sandbox.walls.system_calls import KERNEL
from tests.sandbox.sandboxes import AS_ROOT

# Reads every regular file that can be read, by every way into the file system that a process has.
SEARCH = """
import os, stat, sys
needle, found = sys.argv[1].encode(), []
own = ["/", "/proc/1/root", "/proc/self/root", "/proc/1/cwd", "/proc/self/cwd/.."]
for way in [*own, *sys.argv[2:]]:
    for folder, folders, files in os.walk(way):
        folders[:] = [name for name in folders if name not in ("usr", "proc", "opt")
                      and not os.path.join(folder, name).endswith(sys.base_prefix)]
        for name in files:
            path = os.path.join(folder, name)
            try:
                if stat.S_ISREG(os.stat(path).st_mode) and needle in open(path, "rb").read(1 << 20):
                    found.append(path)
            except OSError:
                pass
print(found)
"""


def test_a_canary_outside_the_binds_cannot_be_read_by_any_path(sandboxes) -> None:
    canary, outside, inside = (
        secrets.token_hex(16),
        sandboxes.place("outside"),
        sandboxes.place("inside"),
    )
    (outside / "secret.txt").write_text(canary)
    (inside / "plain.txt").write_text("nothing")
    binds = [{"source": str(inside), "target": "/app", "mode": "rw"}]
    ways = [str(outside), f"/proc/1/root{outside}", f"/app/../{outside}", str(sandboxes.folder)]
    ended = sandboxes.python(SEARCH, canary, *ways, binds=binds)
    assert ended.text == "[]\n", ended
    # The same search finds the canary as soon as its folder is shown.
    shown = sandboxes.python(
        SEARCH, canary, "/shown", binds=[*binds, {"source": str(outside), "target": "/shown"}]
    )
    assert "/secret.txt" in shown.text


def test_the_environment_is_what_was_given_and_no_more(sandboxes) -> None:
    secret = secrets.token_hex(16)
    code = """
import json, os, sys
others = []
try:
    pids = [pid for pid in os.listdir("/proc") if pid.isdigit()]
except OSError:
    pids = sys.argv[1:]
for pid in pids:
    try:
        others.append(open(f"/proc/{pid}/environ").read() + open(f"/proc/{pid}/cmdline").read())
    except OSError as error:
        others.append(type(error).__name__)
print(json.dumps([dict(os.environ), others]))
"""
    pids = map(str, (os.getpid(), os.getppid(), 1))
    ended = sandboxes.python(
        code,
        *pids,
        around={"SECRET": secret, "ANTHROPIC_API_KEY": secret},
        binds=[{"source": str(sandboxes.place("inside")), "target": "/app", "mode": "rw"}],
    )
    environ, others = json.loads(ended.text)
    of_its_own = {"TMPDIR", "GIT_CONFIG_NOSYSTEM"} if sandboxes.form == "landlock" else set()
    assert environ.keys() == {"PATH", "HOME", "LANG", *of_its_own}
    assert len(others) >= 3
    assert secret not in "".join(others)
    assert str(sandboxes.folder) not in "".join(others), (
        "a command line in the sandbox names a folder of the host"
    )


def test_variables_that_are_given_arrive(sandboxes) -> None:
    ended = sandboxes.run("env", env={"TIDE": "low ✓", "HOME": "/home/app"})
    assert {"HOME=/home/app", "LANG=C.UTF-8", "TIDE=low ✓"} <= set(ended.text.splitlines())


# By what a program inside can recognise a sandbox. It asks for nothing that a server's programs do
# not ask for.
PROBE_PROGRAM = """
import json, os, sys
def content(path):
    try:
        return open(path, "rb").read().decode(errors="replace")
    except OSError:
        return ""
def there(path):
    return os.access(path, os.R_OK)
try:
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
except OSError:
    pids = []
names = "cmdline", "comm", "environ"
words = "".join(content(f"/proc/{pid}/{name}") for pid in pids for name in names)
words += " ".join([*os.environ, *os.environ.values(), os.getcwd(), sys.executable])
words += " " + content("/proc/self/mountinfo")
ours = "factory", "lights", "harness", "landlock", "sandbox"
folders = "/home", "/var/tmp", "/srv", "/root"
marks = {
    "bwrap": "bwrap" in words,
    "init.py": "init.py" in words,
    "options": "--status" in words,
    "setpriv": "setpriv" in words,
    "ours": any(word in words.lower() for word in ours),
    "run/sockets": os.path.exists("/run/sockets"),
    "descriptors": bool(pids) and len(os.listdir("/proc/self/fd")) > 4,
    "uid": not 999 < os.getuid() < 60000,
    "sys": not there("/sys/devices/system/cpu/online"),
    "release": not there("/etc/os-release"),
    "folders": not all(map(os.path.isdir, folders)),
}
print(json.dumps(sorted(name for name, present in marks.items() if present)))
"""
# What is left, by form. docs/seal.md names it, under what no sandbox holds.
TELLS = {
    "bwrap-root": ["setpriv", "uid"],
    "bwrap-userns": [],
    "landlock": ["uid"] if AS_ROOT else [],
}


def test_a_sandbox_is_recognised_only_by_what_the_docs_name(sandboxes) -> None:
    """An app that knows where it is can behave in a sandbox alone. Both visitors of a journey
    meet the same sandbox."""
    inside = sandboxes.place("inside")
    (inside / "look.py").write_text(PROBE_PROGRAM)
    ended = sandboxes.run(
        "python", "-I", "/app/look.py", binds=[{"source": str(inside), "target": "/app"}]
    )
    assert json.loads(ended.text) == TELLS[sandboxes.form], ended


@pytest.fixture
def host() -> Iterator[dict[str, object]]:
    """Things of the host that answer whoever reaches them, and a list of those who did."""
    with contextlib.ExitStack() as stack:
        reached: list[str] = []
        opened = {}
        for name, family, kind, address in (
            ("tcp4", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
            ("udp4", socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 0)),
            ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{secrets.token_hex(8)}"),
        ):
            one = stack.enter_context(socket.socket(family, kind))
            one.bind(address)
            if kind == socket.SOCK_STREAM:
                one.listen()
            opened[name] = one
            threading.Thread(target=_note, args=(name, one, reached), daemon=True).start()
        yield {"sockets": opened, "reached": reached}
        # a blocked accept() ends with the socket, not with its descriptor
        for one in opened.values():
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _note(name: str, one: socket.socket, reached: list[str]) -> None:
    with contextlib.suppress(OSError):
        one.accept() if one.type == socket.SOCK_STREAM else one.recv(100)
        reached.append(name)


REACH = """
import json, socket, sys
said = {}
for name, family, kind, address in json.loads(sys.argv[1]):
    try:
        one = socket.socket(getattr(socket, family), getattr(socket, kind))
        one.settimeout(60)
        one.connect(tuple(address) if isinstance(address, list) else address)
        one.send(b"hello")
        said[name] = "reached"
    except OSError as error:
        said[name] = type(error).__name__
try:
    said["interfaces"] = [name for _, name in socket.if_nameindex()]
except OSError:
    said["interfaces"] = "not visible"
print(json.dumps(said))
"""


def test_no_address_can_be_reached(sandboxes, host) -> None:
    sockets = host["sockets"]
    port = sockets["tcp4"].getsockname()[1]
    udp = sockets["udp4"].getsockname()[1]
    own_address = socket.gethostbyname(socket.gethostname())
    tries = [
        ("tcp4", "AF_INET", "SOCK_STREAM", ["127.0.0.1", port]),
        ("tcp4 by name", "AF_INET", "SOCK_STREAM", [own_address, port]),
        ("tcp6", "AF_INET6", "SOCK_STREAM", ["::1", sockets["tcp6"].getsockname()[1]]),
        ("elsewhere", "AF_INET", "SOCK_STREAM", ["192.0.2.1", 80]),
        ("elsewhere6", "AF_INET6", "SOCK_STREAM", ["2001:db8::1", 80]),
        ("udp elsewhere", "AF_INET", "SOCK_DGRAM", ["192.0.2.1", 53]),
        ("abstract", "AF_UNIX", "SOCK_STREAM", sockets["abstract"].getsockname().decode()),
        ("udp4", "AF_INET", "SOCK_DGRAM", ["127.0.0.1", udp]),
    ]
    said = json.loads(sandboxes.python(REACH, json.dumps(tries)).text)
    assert said.pop("interfaces") == ("not visible" if sandboxes.form == "landlock" else ["lo"])
    # Sending a datagram on the sandbox's own loopback proves nothing. That nobody got it does.
    said.pop("udp4")
    assert "reached" not in said.values(), said
    assert host["reached"] == []


EVERY_FAMILY = """
import errno, json, socket
made, refused = set(), set()
for family in range(64):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        for make in (socket.socket, socket.socketpair):
            try:
                make(family, kind)
                made.add(family)
            except OSError as error:
                refused.add((family, errno.errorcode[error.errno]))
print(json.dumps([sorted(made), sorted(refused)]))
"""


def test_no_socket_is_made_of_a_family_that_knows_other_ways_out(sandboxes) -> None:
    """A virtual machine's AF_VSOCK reaches its hypervisor, and no network namespace holds it."""
    usual = (
        {socket.AF_INET}
        if sandboxes.form == "landlock"
        else {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}
    )
    made, refused = json.loads(sandboxes.python(EVERY_FAMILY).text)
    assert socket.AF_INET in made
    # without a network of its own a sandbox has pairs of these alone
    assert set(made) <= usual | {socket.AF_UNIX}
    assert {why for family, why in refused if family not in usual} <= {"EAFNOSUPPORT", "EPERM"}


def test_the_hosts_sockets_would_have_answered(unsealed, host) -> None:
    port = host["sockets"]["tcp4"].getsockname()[1]
    tries = [("tcp4", "AF_INET", "SOCK_STREAM", ["127.0.0.1", port])]
    assert json.loads(unsealed.python(REACH, json.dumps(tries)).text)["tcp4"] == "reached"


def test_no_way_to_more_rights(sandboxes) -> None:
    tools = sandboxes.place("tools")
    shutil.copy("/usr/bin/id", tools / "id")
    os.chmod(tools / "id", 0o6755)
    code = """
import ctypes, os, struct, subprocess, sys
libc = ctypes.CDLL(None)
rights = ctypes.create_string_buffer(24)
libc.capget(struct.pack("=Ii", 0x20080522, 0), rights)
uid = subprocess.run([sys.argv[1], "-u"], capture_output=True, text=True).stdout.strip()
held = rights.raw.strip(b"\\0").hex() or "none"
print(libc.prctl(39, 0, 0, 0, 0), held, os.getuid() == int(uid) != 0)
"""
    ended = sandboxes.python(code, "/tools/id", binds=[{"source": str(tools), "target": "/tools"}])
    assert ended.text.split() == ["1", "none", "True"], ended


def test_no_variable_of_the_sandbox_acts_before_the_sandbox_has_its_own_uid(sandboxes) -> None:
    """LD_PRELOAD would run a library of the sandbox in setpriv, as root. LD_DEBUG shows whom such
    variables reach."""
    ended = sandboxes.run("true", env={"LD_DEBUG": "libs"})
    programs = {
        line.rpartition(b"program: ")[2]
        for line in ended.err.splitlines()
        if b"initialize program" in line
    }
    assert programs == {b"true"}, ended


KEYCTL = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
text = ctypes.create_string_buffer(64)
size = libc.syscall({keyctl}, 11, int(sys.argv[1]), text, 64)
print(text.value.decode() if size >= 0 else errno.errorcode[ctypes.get_errno()])
"""


def test_keys_in_the_keyring_of_who_started_it_cannot_be_read(sandboxes) -> None:
    """No namespace holds keyrings. The outer program makes a session keyring with a key in it, then
    starts the sandbox."""
    add_key, keyctl = (
        KERNEL[name][MACHINES[platform.machine()][0]] for name in ("add_key", "keyctl")
    )
    read, secret = KEYCTL.format(keyctl=keyctl), secrets.token_hex(8)
    command, _ = sandboxes.command("python", "-I", "-c", read, "KEY")
    document = Path(command[-1])
    outer = f"""
import ctypes, os, pathlib, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall({keyctl}, 1, None)
key = libc.syscall({add_key}, b"user", b"canary", b"{secret}", {len(secret)}, -3)
subprocess.run([sys.executable, "-I", "-c", {read!r}, str(key)])
document = pathlib.Path({str(document)!r})
document.write_text(document.read_text().replace("KEY", str(key)))
sys.stdout.flush()
os.execvp(sys.argv[1], sys.argv[1:])
"""
    done = subprocess.run([sys.executable, "-c", outer, *command], capture_output=True, text=True)
    assert done.stdout.split() == [secret, "EPERM"], done


def test_a_sandbox_without_a_browser_makes_no_namespaces_of_its_own(sandboxes) -> None:
    ended = sandboxes.run(
        "sh", "-c", "unshare --user true || unshare --map-root-user --net true || echo refused"
    )
    assert ended.text == "refused\n", ended


def test_a_distribution_comes_with_all_that_it_needs_and_nothing_else(sandbox) -> None:
    code = (
        "import sys; sys.path[:0] = ['/opt/site']; import httpx, os;"
        " print(sorted(os.listdir('/opt/site')))"
    )
    found = sandbox.python(code, distributions=["httpx"]).text
    assert "'httpcore'" in found
    assert "'pydantic'" not in found
    ended = sandbox.run("python", "-c", "import httpx; print('imported')", distributions=["httpx"])
    assert ended.text == "imported\n"


def test_two_sandboxes_at_once_do_not_see_each_other(sandboxes) -> None:
    code = """
import os, socket, sys, time
tcp = socket.create_server(("127.0.0.1", 5000))
try:
    own = socket.socket(socket.AF_UNIX); own.bind("\\0neighbour"); own.listen()
except OSError:
    pass
open(os.environ.get("TMPDIR", "/tmp") + "/mine", "w").write("x")
print(os.getuid(), flush=True)
sys.stdin.read()
"""
    first, _ = sandboxes.start("python", "-I", "-c", code)
    uid = int(first.stdout.readline())
    look = """
import os, socket
seen = [str(os.getuid()), str(os.path.exists(os.environ.get("TMPDIR", "/tmp") + "/mine"))]
try:
    seen.append(str(len([name for name in os.listdir("/proc") if name.isdigit()])))
except OSError:
    seen.append("closed")
for family, address in ((socket.AF_INET, ("127.0.0.1", 5000)), (socket.AF_UNIX, "\\0neighbour")):
    try:
        socket.socket(family).connect(address); seen.append("reached")
    except OSError:
        seen.append("refused")
print(*seen)
"""
    other, *rest = sandboxes.python(look).text.split()
    assert rest == [
        "False",
        "closed" if sandboxes.form == "landlock" else "3",
        "refused",
        "refused",
    ]
    assert sandboxes.form != "bwrap-root" or int(other) != uid
    assert first.poll() is None, "the first sandbox must still have been alive"
