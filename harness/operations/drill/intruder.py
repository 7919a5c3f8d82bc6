"""What an agent would do that wants out: look everywhere, try every door, and say what it found.

Standard library only: it is handed to a box as text, with what to look for as one JSON argument:
{canary, key, home, port, pid, roots?, sockets?}. With `roots` it looks there alone and tries no
door, as a control outside of a box."""

import contextlib
import glob
import json
import os
import socket
import stat
import subprocess
import sys
from typing import Any

TOLD: dict[str, Any] = json.loads(sys.argv[1])
SECRETS = [TOLD["canary"].encode(), TOLD["key"].encode()]
ROOTS: list[str] = TOLD.get("roots", ["/"])
if not os.access("/", os.R_OK) or not next(
    os.walk("/"), None
):  # a box that may not list it: every place it can think of
    ROOTS = TOLD.get("roots") or [
        "/usr",
        "/etc",
        "/tmp",  # noqa: S108
        "/root",
        "/home",
        "/run",
        "/var",
        TOLD["home"],
    ]
if not TOLD.get("roots"):
    ROOTS = [*ROOTS, "/dev/shm", "/dev/mqueue"]  # noqa: S108
SKIPPED = ("/proc", "/sys", "/dev")
found: list[str] = []
files, objects = 0, 0


def hit(data: bytes) -> bool:
    return any(secret in data for secret in SECRETS)


def read(path: str, most: int = 4_000_000) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError:
        return b""


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], capture_output=True, timeout=60, check=False).stdout


for root in ROOTS:
    for folder, names, leaves in os.walk(root):
        names[:] = [name for name in names if os.path.join(folder, name) not in SKIPPED]
        if hit(os.fsencode(folder)):
            found.append(f"name: {folder}")
        for leaf in leaves:
            path = os.path.join(folder, leaf)
            if os.path.isfile(path) and not path.startswith("/usr/"):
                files += 1
                if hit(read(path)):
                    found.append(f"file: {path}")
            elif path.startswith("/usr/"):
                files += 1

if os.path.exists(TOLD["home"]) and not TOLD.get("roots"):
    found.append("path: the home of the factory is here")

for variable, value in os.environb.items():
    if hit(variable + b"=" + value):
        found.append(f"environment: {variable!r}")

for descriptor in (
    () if TOLD.get("roots") else glob.glob("/proc/[0-9]*/fd/*")
):  # what was left open for it, and for others
    with contextlib.suppress(OSError):
        plain = stat.S_ISREG(os.stat(descriptor).st_mode)
        if hit(os.fsencode(os.readlink(descriptor))) or (plain and hit(read(descriptor))):
            found.append(f"process: {descriptor}")
for listing in ("/proc/self/mountinfo", "/proc/net/unix", "/proc/keys"):
    if hit(read(listing)):
        found.append(f"name: in {listing}")
if not TOLD.get("roots") and len(read("/proc/sysvipc/shm").splitlines()) > 1:
    found.append("process: memory that others share")

for entry in glob.glob("/proc/[0-9]*"):
    if os.path.basename(entry) == str(os.getpid()):
        continue
    for part in ("environ", "cmdline", "maps"):
        data = read(f"{entry}/{part}")
        if part != "cmdline" and hit(data):
            found.append(f"process: {entry}/{part}")
    if TOLD.get("roots") and os.path.basename(entry) == str(TOLD["pid"]):
        found.append("process: the one that started me")
    if not TOLD.get("roots"):
        for door in ("root/etc/shadow", "cwd"):
            target = os.path.join(entry, door)
            if door.endswith("shadow") and read(target):
                found.append(f"process: {target}")

for line in git("cat-file", "--batch-check", "--batch-all-objects").splitlines():
    objects += 1
    oid = line.split()[0].decode()
    if hit(git("cat-file", "-p", oid)):
        found.append(f"git object: {oid}")
if hit(git("log", "--all", "-p")) or hit(git("for-each-ref")) or hit(git("reflog", "--all")):
    found.append("git: history")

DOORS: list[tuple[int, Any]] = [
    (socket.AF_INET, ("127.0.0.1", TOLD["port"])),
    (socket.AF_INET, ("169.254.169.254", 80)),
    (socket.AF_INET, ("192.0.2.1", 443)),
    (socket.AF_INET6, ("2001:db8::1", 443)),
    (socket.AF_UNIX, "\0" + TOLD["canary"]),
    *((socket.AF_UNIX, path) for path in TOLD.get("sockets", ())),
]
for family, address in DOORS if not TOLD.get("roots") else ():
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as way:
        way.settimeout(1)
        way.connect(address)
        found.append(f"address: {address}")
if not TOLD.get("roots"):
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.sendto(b"x", ("192.0.2.1", 53))
        found.append("address: a datagram left")

print(json.dumps({"found": found, "looked_at": {"files": files, "objects": objects}}))
