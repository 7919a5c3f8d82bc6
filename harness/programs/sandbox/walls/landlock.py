"""A sandbox without namespaces, for an account that is not root: Landlock and a system call filter.

What must hold:

- Every file is closed but those named here. The filter refuses what a right on a file does not
  cover: sockets, events, other processes (`system_calls`).
- No port may be bound or connected to from inside, not even the permitted ones. The outer init does
  it for the sandbox (`port_proxy`), so "this port" never means "this port of any machine".
- The walls stand before anything of the sandbox acts, its environment included (`enclose`).
- There are no mounts. So the paths that a specification names are replaced by those of the host, as
  in an unsealed sandbox. /tmp is a folder made for this sandbox alone and removed with it.

`forms` lists what it cannot hold, in the words of a verdict.
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

# The ABI: 4 brought ports, 5 devices, 6 signals and abstract sockets (Linux 6.12).
OLDEST = 6
ENCLOSE = Path(__file__).with_name("enclose.py")
CREATE_RULESET, ASK_VERSION = 444, 1

EXECUTE, WRITE, READ, LIST, TRUNCATE, DEVICE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
# All rights on files of ABI 5.
EVERYTHING = (1 << 16) - 1
ON_FILES = EXECUTE | WRITE | READ | TRUNCATE | DEVICE
READING = EXECUTE | READ | LIST
# No ioctl on devices, and no new devices.
WRITING = EVERYTHING & ~DEVICE & ~(1 << 6) & ~(1 << 11)
# Ports: bind and connect. Scopes: abstract sockets and signals.
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
    """Why there can be no sandbox of this form here; None when nothing is known against it before a
    trial."""
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
    """The command line of the outer init, which stays outside. Its options and the command
    follow."""
    return [sys.executable, "-I", "-B", "-m", "harness.programs.sandbox.walls.outer_init"]


def argv(spec: SandboxSpec, home: Path) -> tuple[str, ...]:
    """The command with the host's paths."""
    placed = with_own_folders(spec, home)
    first = (
        str(home / "bin" / "python")
        if spec.argv[0] == "python"
        else translated(spec.argv[0], placed)
    )
    return (first, *(translated(word, placed) for word in spec.argv[1:]))


def cwd(spec: SandboxSpec, home: Path) -> str:
    """The folder of the host in which the command starts."""
    return translated(spec.cwd, with_own_folders(spec, home))


def enclose_command() -> list[str]:
    """The program that restricts itself and becomes the command. Its options and the command
    follow."""
    return [interpreter().executable, "-I", "-S", "-B", str(ENCLOSE)]


def make_folders(spec: SandboxSpec, home: Path) -> None:
    """Make the sandbox's own folders in `home`, which is private to it. Raises SandboxError when
    something is missing."""
    for name in ("tmp", "bin", "site"):
        (home / name).mkdir()
    for name in ("python", "python3"):
        (home / "bin" / name).symlink_to(interpreter().executable)
    for path in closure(spec.distributions) if spec.distributions else ():
        (home / "site" / os.path.basename(path)).symlink_to(path)


def rules(spec: SandboxSpec, home: Path) -> bytes:
    """The document for `enclose`. Raises SandboxError when this machine lacks something that the
    sandbox needs."""
    instructions = seccomp.program(system_calls.without_namespaces(browser=spec.browser))
    return json.dumps(
        {
            "files": list(files(spec, home)),
            "handled": {"files": EVERYTHING, "ports": PORTS, "scopes": SCOPES},
            "filter": base64.b64encode(instructions).decode(),
            "environ": dict(environment(spec, home)),
        }
    ).encode()


def files(spec: SandboxSpec, home: Path) -> Iterator[tuple[str, int]]:
    """Each path of the host that the sandbox may use, with its rights. No other can be opened."""
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
        # Chromium writes the maps of its own namespaces, and reads about its own processes.
        yield ("/proc", READ | LIST | WRITE)
    for path in folders:
        if path and os.path.exists(path):
            yield path, _fitting(path, READING)
    for path in DEVICES:
        yield path, READ | WRITE
    for path in writable:
        yield path, _fitting(path, WRITING)


def environment(spec: SandboxSpec, home: Path) -> Mapping[str, str]:
    """The whole environment of the sandbox."""
    placed, scratch = with_own_folders(spec, home), str(home / "tmp")
    # git stops when its file in /etc exists and cannot be read.
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
        found[name] = ":".join(translated(part, placed) for part in value.split(":"))
    if spec.distributions:
        found["PYTHONPATH"] = ":".join(filter(None, (str(home / "site"), found.get("PYTHONPATH"))))
    return found


def with_own_folders(spec: SandboxSpec, home: Path) -> SandboxSpec:
    """The specification with the sandbox's own folders among its binds, so that their paths are
    replaced too."""
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
