"""A box without namespaces: Landlock and a filter on system calls, for an account that is not root.

What must hold:
- Every file is closed but those named here. What a right on a file does not cover (sockets, events,
  other processes) the filter refuses; see `calls`.
- No port may be bound or connected to from inside, not even the permitted ones: the warden does it
  in the box's place (`doors`), so "this port" never means "this port of any machine".
- The walls stand before anything of the box's acts, its environment included (`enclose`).
- There are no mounts, so the places that a specification names are replaced by those of the host,
  as in an unsealed box; /tmp is a folder made for this box alone and removed with it.

What it cannot hold is in `forms`, in the words of a verdict.
"""

import base64
import ctypes
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Bind, SandboxSpec
from harness.programs.sandbox import browser as browsers
from harness.programs.sandbox.distributions import closure
from harness.programs.sandbox.interpreter import interpreter
from harness.programs.sandbox.walls import seccomp, system_calls
from harness.programs.sandbox.walls.bubblewrap import ETC, SYSTEM_FOLDERS
from harness.programs.sandbox.walls.unsealed import translated

# ABI: 4 brought ports, 5 devices, 6 signals and abstract sockets; Linux 6.12
OLDEST = 6
ENCLOSE = Path(__file__).with_name("enclose.py")
CREATE_RULESET, ASK_VERSION = 444, 1

EXECUTE, WRITE, READ, LIST, TRUNCATE, DEVICE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
# all rights on files that ABI 5 knows
EVERYTHING = (1 << 16) - 1
ON_FILES = EXECUTE | WRITE | READ | TRUNCATE | DEVICE
READING = EXECUTE | READ | LIST
# no ioctl on devices, and none are made
WRITING = EVERYTHING & ~DEVICE & ~(1 << 6) & ~(1 << 11)
# bind and connect; abstract sockets and signals
PORTS, SCOPES = 3, 3

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
FACTS = (
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/localtime",
    "/etc/debian_version",
    "/etc/lsb-release",
    "/etc/os-release",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/loadavg",
    "/proc/uptime",
    "/proc/version",
    "/proc/filesystems",
    "/sys/devices/system/cpu",
)


def missing() -> str | None:
    """Why there can be no box of this form here, or None as far as one can tell without running
    one."""
    if os.geteuid() == 0:
        return (
            "needs an account that is not root, which Landlock does not keep from other processes'"
            " memory"
        )
    if not seccomp.works_here():
        return f"the system calls of {platform.machine()} are not known"
    abi = ctypes.CDLL(None).syscall(
        CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(ASK_VERSION)
    )
    return (
        None
        if abi >= OLDEST
        else f"needs Landlock ABI {OLDEST} (Linux 6.12); this kernel has {max(abi, 0)}"
    )


def first_program() -> list[str]:
    """The command line of the warden, which stays outside; its options and the enclosed command
    follow."""
    return [sys.executable, "-I", "-B", "-m", "harness.programs.sandbox.walls.supervised_init"]


def argv(spec: SandboxSpec, home: Path) -> tuple[str, ...]:
    """The command with the host's paths."""
    seen = placed(spec, home)
    first = (
        str(home / "bin" / "python") if spec.argv[0] == "python" else translated(spec.argv[0], seen)
    )
    return (first, *(translated(word, seen) for word in spec.argv[1:]))


def cwd(spec: SandboxSpec, home: Path) -> str:
    """Where the command starts."""
    return translated(spec.cwd, placed(spec, home))


def enclosed() -> list[str]:
    """What shuts itself in and becomes the command; its options and the command follow."""
    return [interpreter().executable, "-I", "-S", "-B", str(ENCLOSE)]


def furnish(spec: SandboxSpec, home: Path) -> None:
    """Make the box's own folders in `home`, which is private to it. Raises SandboxError when
    something is missing."""
    for name in ("tmp", "bin", "site"):
        (home / name).mkdir()
    for name in ("python", "python3"):
        (home / "bin" / name).symlink_to(interpreter().executable)
    for path in closure(spec.distributions) if spec.distributions else ():
        (home / "site" / os.path.basename(path)).symlink_to(path)


def rules(spec: SandboxSpec, home: Path) -> bytes:
    """The document for `enclose`. Raises SandboxError when the box needs something that this
    machine lacks."""
    lines = seccomp.program(system_calls.without_namespaces(browser=spec.browser))
    return json.dumps(
        {
            "files": list(files(spec, home)),
            "handled": {"files": EVERYTHING, "ports": PORTS, "scopes": SCOPES},
            "filter": base64.b64encode(lines).decode(),
            "environ": dict(environment(spec, home)),
        }
    ).encode()


def files(spec: SandboxSpec, home: Path) -> Iterator[tuple[str, int]]:
    """Each place of the host that the box may use, with its rights; the rest cannot be opened."""
    folders = [
        "/usr",
        interpreter().prefix,
        str(home / "bin"),
        str(home / "site"),
        *SYSTEM_FOLDERS,
        *ETC,
        *FACTS,
    ]
    folders += closure(spec.distributions) if spec.distributions else ()
    folders += [bind.source for bind in spec.binds if bind.mode == "ro"]
    writable = [str(home / "tmp"), *(bind.source for bind in spec.binds if bind.mode == "rw")]
    if spec.browser:
        folders += _browser()
        # it writes the maps of its own namespaces, and reads of its own processes
        yield ("/proc", READ | LIST | WRITE)
    for path in folders:
        if path and os.path.exists(path):
            yield path, _fitting(path, READING)
    for path in DEVICES:
        yield path, READ | WRITE
    for path in writable:
        yield path, _fitting(path, WRITING)


def environment(spec: SandboxSpec, home: Path) -> Mapping[str, str]:
    """The whole environment of the box."""
    seen, scratch = placed(spec, home), str(home / "tmp")
    # git stops at a file of /etc that is there and cannot be read
    found = {
        "PATH": f"{home}/bin:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    if spec.browser and (path := browsers.browser_path()):
        found["LOF_BROWSER"] = os.path.realpath(path)
    for name, value in spec.env.items():
        found[name] = ":".join(translated(part, seen) for part in value.split(":"))
    if spec.distributions:
        found["PYTHONPATH"] = ":".join(filter(None, (str(home / "site"), found.get("PYTHONPATH"))))
    return found


def placed(spec: SandboxSpec, home: Path) -> SandboxSpec:
    """The specification with the box's own folders among its binds, so that their names are
    replaced like the others."""
    own = (
        Bind(str(home / "tmp"), "/tmp", "rw"),  # noqa: S108
        Bind(str(home / "site"), "/opt/site"),
        Bind(str(home / "bin"), "/opt/bin"),
    )
    return replace(spec, binds=(*spec.binds, *own))


def _browser() -> list[str]:
    path = browsers.browser_path()
    if path is None:
        raise SandboxError(
            "no Chromium on this machine: install chromium-headless-shell, or run `playwright"
            " install`"
        )
    return [os.path.dirname(os.path.realpath(path)), *browsers.FONTS]


def _fitting(path: str, rights: int) -> int:
    return rights if os.path.isdir(path) else rights & ON_FILES
