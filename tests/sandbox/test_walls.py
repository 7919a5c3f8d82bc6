"""What is not named in the specification does not exist in the box."""

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

from harness.sandbox.seccomp import MACHINES, REFUSED

# Reads every regular file that can be read, by every way into the file system that a process has.
SEARCH = """
import os, stat, sys
needle, found = sys.argv[1].encode(), []
for way in ["/", "/proc/1/root", "/proc/self/root", "/proc/1/cwd", "/proc/self/cwd/..", *sys.argv[2:]]:
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


def test_a_canary_outside_the_binds_cannot_be_read_by_any_path(boxes):
    canary, outside, inside = secrets.token_hex(16), boxes.place("outside"), boxes.place("inside")
    (outside / "secret.txt").write_text(canary)
    (inside / "plain.txt").write_text("nothing")
    binds = [{"source": str(inside), "target": "/app", "mode": "rw"}]
    ways = [str(outside), f"/proc/1/root{outside}", f"/app/../{outside}", str(boxes.folder)]
    ended = boxes.python(SEARCH, canary, *ways, binds=binds)
    assert ended.text == "[]\n", ended
    # The same search finds the canary as soon as its folder is shown.
    shown = boxes.python(SEARCH, canary, binds=[*binds, {"source": str(outside), "target": "/shown"}])
    assert "/shown/secret.txt" in shown.text


def test_the_environment_is_what_was_given_and_no_more(boxes):
    secret = secrets.token_hex(16)
    code = """
import json, os
others = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        others.append(open(f"/proc/{pid}/environ").read() + open(f"/proc/{pid}/cmdline").read())
    except OSError as error:
        others.append(type(error).__name__)
print(json.dumps([dict(os.environ), others]))
"""
    ended = boxes.python(code, around={"SECRET": secret, "ANTHROPIC_API_KEY": secret},
                         binds=[{"source": str(boxes.place("inside")), "target": "/app", "mode": "rw"}])
    environ, others = json.loads(ended.text)
    assert environ == {"PATH": "/opt/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}
    assert len(others) >= 3
    assert secret not in "".join(others)
    assert str(boxes.folder) not in "".join(others), "a command line in the box names a folder of the host"


def test_the_box_does_not_tell_where_this_project_lies(boxes):
    assert "harness" not in boxes.run("cat", "/proc/self/mountinfo").text


def test_variables_that_are_given_arrive(boxes):
    ended = boxes.run("env", env={"TIDE": "low ✓", "HOME": "/home/app"})
    expected = ["HOME=/home/app", "LANG=C.UTF-8", "PATH=/opt/bin:/usr/bin:/bin", "TIDE=low ✓"]
    assert sorted(ended.text.splitlines()) == expected


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
        for one in opened.values():     # a blocked accept() ends with the socket, not with its descriptor
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
    one = socket.socket(getattr(socket, family), getattr(socket, kind))
    one.settimeout(2)
    try:
        one.connect(tuple(address) if isinstance(address, list) else address)
        one.send(b"hello")
        said[name] = "reached"
    except OSError as error:
        said[name] = type(error).__name__
said["interfaces"] = [name for _, name in socket.if_nameindex()]
print(json.dumps(said))
"""


def test_no_address_can_be_reached(boxes, host):
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
    said = json.loads(boxes.python(REACH, json.dumps(tries)).text)
    assert said.pop("interfaces") == ["lo"]
    said.pop("udp4")        # sending a datagram on the box's own loopback says nothing; that nobody got it does
    assert "reached" not in said.values(), said
    assert host["reached"] == []


def test_the_hosts_sockets_would_have_answered(unsealed, host):
    port = host["sockets"]["tcp4"].getsockname()[1]
    tries = [("tcp4", "AF_INET", "SOCK_STREAM", ["127.0.0.1", port])]
    assert json.loads(unsealed.python(REACH, json.dumps(tries)).text)["tcp4"] == "reached"


def test_no_way_to_more_rights(boxes):
    tools = boxes.place("tools")
    shutil.copy("/usr/bin/id", tools / "id")
    os.chmod(tools / "id", 0o6755)
    code = """
import subprocess
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Groups"):
    print(key + " " + status[key].strip())
print("uid", subprocess.run(["/tools/id", "-u"], capture_output=True, text=True).stdout.strip())
"""
    said = dict(line.split(" ", 1) for line in boxes.python(
        code, binds=[{"source": str(tools), "target": "/tools"}]).text.splitlines() if " " in line)
    assert said.pop("NoNewPrivs") == "1"
    assert said.pop("uid") not in ("0", "")
    assert said.pop("Groups") == ""
    assert said == dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16)


def test_no_variable_of_the_box_acts_before_the_box_has_its_own_uid(boxes):
    """LD_PRELOAD would run a library of the box in setpriv, as root. LD_DEBUG shows whom such variables reach."""
    ended = boxes.run("true", env={"LD_DEBUG": "libs"})
    programs = {line.rpartition(b"program: ")[2] for line in ended.err.splitlines() if b"initialize program" in line}
    assert programs == {b"true"}, ended


KEYCTL = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
text = ctypes.create_string_buffer(64)
size = libc.syscall({keyctl}, 11, int(sys.argv[1]), text, 64)
print(text.value.decode() if size >= 0 else errno.errorcode[ctypes.get_errno()])
"""


def test_keys_in_the_keyring_of_who_started_it_cannot_be_read(boxes):
    """No namespace holds keyrings. The outer program makes a session keyring with a key in it, then starts the box."""
    add_key, keyctl = (REFUSED[name][MACHINES[platform.machine()][0]] for name in ("add_key", "keyctl"))
    read, secret = KEYCTL.format(keyctl=keyctl), secrets.token_hex(8)
    command, _ = boxes.command("python", "-I", "-c", read, "KEY")
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


def test_a_box_without_a_browser_makes_no_namespaces_of_its_own(boxes):
    ended = boxes.run("sh", "-c", "unshare --user true || unshare --map-root-user --net true || echo refused")
    assert ended.text == "refused\n", ended


def test_only_its_own_processes_are_seen(boxes):
    code = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    print(pid, open(f"/proc/{pid}/cmdline").read().split("\\0")[0])
try:
    os.kill(int(%d), 0)
    print("signalled the host's process")
except OSError:
    pass
"""
    lines = boxes.python(code % os.getpid()).text.splitlines()
    assert len(lines) == 3, lines       # bubblewrap, the first program, this one
    assert "signalled" not in lines[-1]


def test_read_only_is_read_only_and_the_rest_is_too(boxes):
    shown = boxes.place("shown")
    (shown / "file").write_text("as it was")
    code = """
import sys
for path in ("/shown/file", "/shown/new", "/new", "/usr/new", "/etc/passwd", "/dev/new", "/run/new", "/run/box/init.py",
             "/opt/new", sys.base_prefix + "/new"):
    try:
        open(path, "w").write("changed")
        print("wrote", path)
    except OSError:
        pass
for path in ("/tmp/new", "/dev/shm/new", "/dev/null"):
    open(path, "w").write("fine")
print("end")
"""
    ended = boxes.python(code, binds=[{"source": str(shown), "target": "/shown"}])
    assert ended.text == "end\n", ended
    assert (shown / "file").read_text() == "as it was"
    assert [path.name for path in shown.iterdir()] == ["file"]


def test_the_operators_own_packages_and_this_project_are_not_importable(boxes):
    names = ("harness", "validators", "pip", "pytest")
    code = f"import importlib.util; print([name for name in {names} if importlib.util.find_spec(name)])"
    assert boxes.python(code).text.strip() == "[]"


def test_a_distribution_comes_with_all_that_it_needs_and_nothing_else(box):
    code = "import sys; sys.path[:0] = ['/opt/site']; import httpx, os; print(sorted(os.listdir('/opt/site')))"
    found = box.python(code, distributions=["httpx"]).text
    assert "'httpcore'" in found
    assert "'pydantic'" not in found
    ended = box.run("python", "-c", "import httpx; print('imported')", distributions=["httpx"])
    assert ended.text == "imported\n"


def test_two_boxes_at_once_do_not_see_each_other(boxes):
    code = """
import os, socket, sys, time
tcp = socket.create_server(("127.0.0.1", 5000))
own = socket.socket(socket.AF_UNIX); own.bind("\\0neighbour"); own.listen()
open("/tmp/mine", "w").write("x"); print(os.getuid(), flush=True); sys.stdin.read()
"""
    first, _ = boxes.start("python", "-I", "-c", code)
    uid = int(first.stdout.readline())
    look = """
import os, socket
seen = [str(os.getuid()), str(os.path.exists("/tmp/mine")), str(len([p for p in os.listdir("/proc") if p.isdigit()]))]
for family, address in ((socket.AF_INET, ("127.0.0.1", 5000)), (socket.AF_UNIX, "\\0neighbour")):
    try:
        socket.socket(family).connect(address); seen.append("reached")
    except ConnectionRefusedError:
        seen.append("refused")
print(*seen)
"""
    other, *rest = boxes.python(look).text.split()
    assert rest == ["False", "3", "refused", "refused"]
    assert boxes.form != "bwrap-root" or int(other) != uid
    assert first.poll() is None, "the first box must still have been alive"


def test_the_file_system_root_holds_what_was_asked_for(boxes):
    inside = boxes.place("inside")
    listed = boxes.run("ls", "/", "/etc", binds=[{"source": str(inside), "target": "/app"}]).text.split()
    root = {"app", "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "opt", "proc", "run", "sbin", "tmp", "usr"}
    etc = {"passwd", "group", "hosts", "nsswitch.conf", "alternatives", "ld.so.cache", "mime.types", "ssl"}
    allowed = root | etc | {"/:", "/etc:", Path(os.path.realpath(sys.base_prefix)).parts[1]}
    assert set(listed) <= allowed
