"""Tries every known way out of a sandbox, and prints which ones led out.

It tries each on something of the host that would admit it. Standard library only. The first
argument has the targets as JSON.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import struct
import sys

TARGETS = json.loads(sys.argv[1])
PID, FOLDER, SECRET = TARGETS["pid"], TARGETS["folder"], TARGETS["secret"].encode()
PORT, KEY = TARGETS["port"], TARGETS["key"]
libc = ctypes.CDLL(None, use_errno=True)
done = []


@contextlib.contextmanager
def way(name):
    """Notes the way when nothing stops it."""
    try:
        yield
        done.append(name)
    except (OSError, AssertionError, ValueError):
        pass


def call(name, *arguments) -> None:
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def said(path):
    with open(path, "rb") as file:
        return file.read(1 << 16)


# --- files of the host
# -------------------------------------------------------------------------------------------------
with way("read a file"):
    assert SECRET in said(f"{FOLDER}/secret")
with way("list a folder"):
    assert os.listdir(FOLDER)
with way("write a file"):
    open(f"{FOLDER}/secret", "ab").close()
with way("make a file"):
    open(f"{FOLDER}/new", "x").close()
with way("truncate a file"):
    os.truncate(f"{FOLDER}/spare", 0)
with way("rename a file"):
    os.rename(f"{FOLDER}/spare", f"{FOLDER}/moved")
with way("link a file in"):
    mine = os.path.join(os.environ.get("TMPDIR", "/tmp"), SECRET.decode())
    os.link(f"{FOLDER}/secret", mine)
    os.unlink(mine)
with way("run a file"):
    assert os.spawnv(os.P_WAIT, f"{FOLDER}/program", ["program"]) == 0
with way("watch a folder"):
    call("inotify_add_watch", libc.inotify_init1(0), FOLDER.encode(), 0xFFF)
with way("own a file"):
    os.chown(f"{FOLDER}/secret", -1, os.getegid())
with way("mark a file"):
    os.setxattr(f"{FOLDER}/secret", "user.mark", b"x")
with way("mode of a file"):
    os.chmod(f"{FOLDER}/secret", 0o600)
with way("times of a file"):
    os.utime(f"{FOLDER}/secret")
with way("size of a file"):
    os.stat(f"{FOLDER}/secret")

# --- processes of the host
# ---------------------------------------------------------------------------------------------
with way("environment of a process"):
    assert SECRET in said(f"/proc/{PID}/environ")
with way("command line of a process"):
    assert b"sleep" in said(f"/proc/{PID}/cmdline")
with way("memory of a process"):
    assert said(f"/proc/{PID}/maps")
with way("files of a process"):
    assert os.listdir(f"/proc/{PID}/fd")
with way("root of a process"):
    assert SECRET in said(f"/proc/{PID}/root{FOLDER}/secret")
with way("signal"):
    os.kill(PID, 0)
with way("signal by descriptor"):
    signal.pidfd_send_signal(os.pidfd_open(PID), 0)
with way("trace"):
    call("ptrace", 0x4206, PID, 0, 0)
with way("memory by call"):
    here, there = ctypes.create_string_buffer(8), struct.pack("PP", 4096, 8)
    if libc.process_vm_readv(PID, struct.pack("PP", ctypes.addressof(here), 8), 1, there, 1, 0) < 0:
        # allowed, but nothing lies there
        assert ctypes.get_errno() == 14
with way("limits of a process"):
    resource.prlimit(PID, resource.RLIMIT_NOFILE)
with way("priority of a process"):
    os.setpriority(os.PRIO_PROCESS, PID, 19)
with way("processors of a process"):
    os.sched_setaffinity(PID, {0})
with way("shared memory"):
    call("shmget", KEY, 4096, 0)

# --- the host's network
# ------------------------------------------------------------------------------------------------
HELLO, FASTOPEN = b"hello", 0x20000000


def connected(family, address, protocol=0) -> None:
    with socket.socket(family, socket.SOCK_STREAM, protocol) as one:
        one.settimeout(60)
        one.connect(address)
        one.send(HELLO)


for name, family, address, protocol in (
    ("tcp", socket.AF_INET, ("127.0.0.1", PORT), 0),
    ("tcp elsewhere", socket.AF_INET, ("127.0.0.2", PORT), 0),
    ("tcp6", socket.AF_INET6, ("::1", PORT), 0),
    ("multipath", socket.AF_INET, ("127.0.0.1", PORT), 262),
    ("unix", socket.AF_UNIX, f"{FOLDER}/stream.sock", 0),
    ("abstract", socket.AF_UNIX, "\0" + TARGETS["secret"], 0),
):
    with way(name):
        connected(family, address, protocol)
with way("tcp while connecting"), socket.socket() as fast:
    fast.sendto(HELLO, FASTOPEN, ("127.0.0.1", PORT))
    assert fast.getpeername()
with way("datagram through a pair"):
    ours, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.sendto(HELLO, f"{FOLDER}/datagram.sock")
with way("udp"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
    datagram.settimeout(60)
    # so the kernel tells at once where nobody listens
    datagram.connect(("127.0.0.1", PORT))
    datagram.send(HELLO)
    # on a loopback of its own a sandbox may talk to itself, and nobody answers
    assert datagram.recv(10) == HELLO

print(json.dumps(sorted(done)))
