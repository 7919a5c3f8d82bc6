"""A sandbox's walls as arguments to bubblewrap: what exists in it, and what it may do there.

What must hold:

- Namespaces are named one by one: `--unshare-all` would add a user namespace in which setpriv
  fails.
- Nothing of the host's environment or command line is passed on. The arguments travel by
  descriptor, so /proc/1/cmdline names no folder of the host.
- Nothing of the sandbox's environment acts before the sandbox has its own uid. A variable such as
  LD_PRELOAD would run its library in setpriv, which is still root. So the environment travels in a
  file.
- Missing parents are made here with mode 0755 (bubblewrap makes them 0700), and are mounted before
  what lies in them.
- A sandbox shows as little as it can that it is one. bubblewrap has the name of an ordinary first
  program. Our first program gets its text, its options and the environment by descriptors that it
  closes before the command begins.
- A root file system of the operator's is a stranger's: nothing of it runs, and no link of it is
  followed, before the sandbox has its own uid.
- The root and /dev end read-only. The only writable places are /tmp and /dev/shm, both bounded, and
  the writable binds.

One thing is known and not hidden: /proc/self/mountinfo in the sandbox shows where on its file
system each bind comes from. A caller to whom the names matter binds from neutrally named folders.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Form, SandboxSpec
from harness.programs.sandbox import browser as browsers
from harness.programs.sandbox.distributions import closure
from harness.programs.sandbox.interpreter import interpreter
from harness.programs.sandbox.walls import accounts, host_program, seccomp, system_calls

FIRST_PROGRAM = Path(__file__).with_name("init.py")
COMMANDS = FIRST_PROGRAM.with_name("commands.py")
PYTHON = "/opt/bin/python"
SITE = "/opt/site"
PATH = "/opt/bin:/usr/bin:/bin"
SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# Public facts of the system that programs and libraries read. The rest of /etc does not exist in
# the sandbox.
ETC = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/mime.types",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/debian_version",
    "/etc/lsb-release",
    "/etc/os-release",
    "/etc/services",
)
# What a sandbox has of its own, and no root of an operator's takes the place of. A library that is
# always loaded would be one in setpriv, too.
OWN_ETC = frozenset(
    (
        "passwd",
        "group",
        "hosts",
        "hostname",
        "nsswitch.conf",
        "resolv.conf",
        "ld.so.preload",
        "mtab",
    )
)
OWN_OPT = frozenset(("bin", "site"))
# A system's usual folders, empty, and what libraries ask /sys for: how many processors there are,
# how large pages can be.
FOLDERS = (
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/tmp",  # noqa: S108
    "/sys/block",
    "/sys/bus",
    "/sys/class",
    "/sys/dev",
    "/sys/firmware",
    "/sys/fs",
    "/sys/module",
    "/sys/power",
)
SYS = tuple(
    f"/sys/{name}"
    for name in (
        "devices/system/cpu/online",
        "devices/system/cpu/possible",
        "devices/system/cpu/present",
        "kernel/mm/transparent_hugepage/enabled",
        "kernel/mm/transparent_hugepage/hpage_pmd_size",
    )
)
NAMESPACES = (
    "--unshare-net",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
)
MIB = 1024 * 1024
SEARCHED = "/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin"


@dataclass(slots=True)
class View:
    """The mounts of a sandbox, in the order in which they are made.

    `files` are descriptors that bubblewrap reads.
    """

    args: list[str] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    made: set[str] = field(default_factory=lambda: {"/", "/dev", "/proc"})
    # The bound folders: what lies in them comes with them.
    bound_folders: list[str] = field(default_factory=list)

    def bind(self, source: str, target: str, *, writable: bool = False) -> None:
        """Show a file or folder of the host. Device nodes and setuid bits do not work in it."""
        self._parents(target)
        self.args += ["--bind" if writable else "--ro-bind", source, target]
        self.bound_folders.append(target + "/")

    def empty(self, target: str, *, mode: str, size_mb: int) -> None:
        """An empty folder in memory, of at most this size."""
        self._parents(target)
        self.args += ["--perms", mode, "--size", str(size_mb * MIB), "--tmpfs", target]

    def file(self, target: str, text: str) -> None:
        """A small file with this text, readable by all. Unlike a bind it does not show where it
        comes from."""
        self._parents(target)
        self.args += ["--perms", "0644", "--file", self.data(os.fsencode(text)), target]

    def folder(self, target: str) -> None:
        """An empty folder that nobody can write."""
        self._parents(f"{target}/.")

    def data(self, content: bytes) -> str:
        """A descriptor that reads as `content`, by its number."""
        descriptor = os.memfd_create("data")
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        self.files.append(descriptor)
        return str(descriptor)

    def link(self, target: str, to: str) -> None:
        """A symbolic link."""
        self._parents(target)
        self.args += ["--symlink", to, target]

    def close(self) -> None:
        """Close this side of the files."""
        while self.files:
            os.close(self.files.pop())

    def _parents(self, target: str) -> None:
        parts = target.strip("/").split("/")[:-1]
        for depth in range(len(parts)):
            parent = "/" + "/".join(parts[: depth + 1])
            if parent not in self.made and not (parent + "/").startswith(tuple(self.bound_folders)):
                self.made.add(parent)
                self.args += ["--perms", "0755", "--dir", parent]


def command(
    form: Form, spec: SandboxSpec, view: View, *, uid: int, extra: tuple[str, ...] = ()
) -> list[str]:
    """The command line before the sandboxed command. Its arguments are in a descriptor in
    `view.files`.

    Raises SandboxError when bubblewrap or something that `spec` asks for is not on this machine.
    """
    bwrap, setpriv = _program("bwrap"), _program("setpriv")
    args = [
        *NAMESPACES,
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--hostname",
        spec.hostname,
        *extra,
    ]
    if form is Form.BWRAP_USERNS:
        args += ["--unshare-user", "--uid", str(uid), "--gid", str(uid)]
        # Chromium's own sandbox needs user namespaces.
        args += [] if spec.browser else ["--disable-userns"]
    add_mounts(view, spec, uid=uid)
    if form is Form.BWRAP_ROOT:
        _refuse_unreadable(spec)
    capabilities = ["--cap-drop", "ALL"]
    drop: list[str] = []
    if form is Form.BWRAP_ROOT:
        # It still has rights of the host's root, so no byte of a stranger's root may run in it.
        program = host_program.shown(view, setpriv) if spec.root else (setpriv,)
        # setpriv needs these capabilities, and gives them up.
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            capabilities += ["--cap-add", capability]
        drop = [
            *program,
            f"--reuid={uid}",
            f"--regid={uid}",
            "--clear-groups",
            "--no-new-privs",
            "--inh-caps=-all",
            "--bounding-set=-all",
        ]
    args += [*view.args, "--remount-ro", "/dev", "--remount-ro", "/", *capabilities]
    if seccomp.works_here():
        args += [
            "--seccomp",
            view.data(seccomp.program(system_calls.in_namespaces(user_namespaces=spec.browser))),
        ]
    return [
        bwrap,
        "--args",
        view.data(b"".join(os.fsencode(arg) + b"\0" for arg in args)),
        "--",
        *drop,
    ]


def first_program(view: View, spec: SandboxSpec, options: Sequence[str]) -> list[str]:
    """The command line of our own first program, which starts the command. Its options are in
    `view.files`."""
    environ = "".join(f"{name}={value}\0" for name, value in environment(spec).items())
    words = [*options, "--environ", view.data(os.fsencode(environ))]
    if spec.commands is not None:
        words += ["--commands", f"{spec.commands}={view.data(COMMANDS.read_bytes())}"]
    words += ["--", *argv(spec)]
    options = view.data(b"".join(os.fsencode(word) + b"\0" for word in words))
    return [
        PYTHON,
        "-I",
        "-S",
        "-B",
        f"/proc/self/fd/{view.data(FIRST_PROGRAM.read_bytes())}",
        options,
    ]


def argv(spec: SandboxSpec) -> tuple[str, ...]:
    """The command as the sandbox sees it."""
    return tuple(
        PYTHON if not place and word == "python" else word for place, word in enumerate(spec.argv)
    )


def add_mounts(view: View, spec: SandboxSpec, *, uid: int) -> None:
    """Add to the view everything that exists in the sandbox."""
    _system(view, spec.root)
    view.args += ["--proc", "/proc", "--dev", "/dev"]
    view.empty("/tmp", mode="1777", size_mb=spec.limits.disk_mb)  # noqa: S108 - the sandbox's own
    view.empty("/dev/shm", mode="1777", size_mb=spec.limits.disk_mb)  # noqa: S108
    for path, text in accounts.files(spec, uid=uid).items():
        view.file(path, text)
    _python(view, spec)
    if spec.browser:
        _browser(view)
    # Parents come before what lies in them.
    for bind in sorted(spec.binds, key=lambda bind: bind.target.split("/")):
        view.bind(bind.source, bind.target, writable=bind.mode == "rw")
    for dial in spec.dial:
        view.bind(dial.socket, socket_in_sandbox(dial.port))


def environment(spec: SandboxSpec) -> dict[str, str]:
    """The whole environment of the sandbox."""
    found = {"PATH": PATH, "HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108 - the sandbox's own
    if spec.browser and (browser := browsers.browser()):
        found["LOF_BROWSER"] = browser.seen_as
    found.update(spec.env)
    if spec.distributions:
        found["PYTHONPATH"] = ":".join(filter(None, (SITE, spec.env.get("PYTHONPATH"))))
    return found


def socket_in_sandbox(port: int) -> str:
    """The path of the unix socket of a `dial` in the sandbox."""
    return f"/run/sockets/{port}.sock"


def always_visible() -> tuple[str, ...]:
    """The host's folders that every sandbox can read. What must stay sealed may not lie in one of
    them."""
    return tuple(
        filter(None, ("/usr", interpreter().prefix, *_present(SYSTEM_FOLDERS), *_present(ETC)))
    )


def _system(view: View, root: str) -> None:
    """The system's own files, of the machine or of another root."""
    view.bind(f"{root}/usr", "/usr")
    for folder in SYSTEM_FOLDERS:
        _same(view, root, folder)
    if root:
        for folder, own in (("/etc", OWN_ETC), ("/opt", OWN_OPT)):
            for name in sorted(set(_listed(f"{root}{folder}")) - own):
                _same(view, root, f"{folder}/{name}")
    for path in () if root else _present(ETC):
        view.bind(path, path)
    for folder in FOLDERS:
        view.folder(folder)
    for path in _present(SYS):
        view.file(path, Path(path).read_text(encoding="utf-8"))


def _same(view: View, root: str, path: str) -> None:
    """What is at this path of the root, if anything: a link as it is, never what it leads to."""
    if os.path.islink(f"{root}{path}"):
        view.link(path, os.readlink(f"{root}{path}"))
    elif os.path.exists(f"{root}{path}"):
        view.bind(f"{root}{path}", path)


def _listed(folder: str) -> list[str]:
    return [] if os.path.islink(folder) or not os.path.isdir(folder) else os.listdir(folder)


def _python(view: View, spec: SandboxSpec) -> None:
    python = interpreter()
    if python.prefix:
        view.bind(python.prefix, python.prefix)
    elif spec.root and not os.path.exists(f"{spec.root}{python.executable}"):
        raise SandboxError(
            f"the root file system has no {python.executable}, which is this machine's Python and"
            " starts every sandbox; make the root with the same version, or install the factory"
            " with a Python that is not below /usr"
        )
    for folder in python.masked:
        if not python.prefix and not os.path.isdir(f"{spec.root}{folder}"):
            continue
        view.empty(folder, mode="0555", size_mb=1)
        view.args += ["--remount-ro", folder]
    for name in ("python", "python3"):
        view.link(f"/opt/bin/{name}", python.executable)
    for path in closure(spec.distributions) if spec.distributions else ():
        view.bind(path, f"{SITE}/{os.path.basename(path)}")


def _refuse_unreadable(spec: SandboxSpec) -> None:
    """Raises SandboxError that names packages which only the account that installed them can read.

    Otherwise they would just be missing in the sandbox.
    """
    for path in (
        interpreter().prefix,
        *(closure(spec.distributions) if spec.distributions else ()),
    ):
        if path and not os.stat(path).st_mode & 0o004:
            raise SandboxError(
                f"the sandbox's user may not read {path}: open it (chmod -R a+rX"
                f" {os.path.dirname(path)})"
            )


def _browser(view: View) -> None:
    found = browsers.browser()
    if found is None:
        raise SandboxError(
            "no Chromium on this machine: install chromium-headless-shell, or run `playwright"
            " install`"
        )
    if found.folder:
        view.bind(found.folder, browsers.IN_SANDBOX)
    for path in _present(browsers.FONTS):
        view.bind(path, path)


def _present(paths: tuple[str, ...]) -> Iterator[str]:
    return (path for path in paths if os.path.exists(path))


def _program(name: str) -> str:
    found = shutil.which(name, path=SEARCHED)
    if not found:
        package = {"bwrap": "bubblewrap", "setpriv": "util-linux"}[name]
        raise SandboxError(f"{name} is not installed; install the package {package}")
    return found
