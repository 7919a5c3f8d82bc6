"""npm packages: archives fetched as data, unpacked and built in a sandbox.

The tree is what the lock comes to, unpacked by a program of ours. Only where the lock
tells of install scripts does npm run, in a second sandbox that sees the tree and nothing else:
neither a network nor the cache with other projects' archives.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Bind, Form, SandboxLimits, SandboxResult, SandboxSpec
from harness.folder_walk import delete
from harness.programs.sandbox import forms
from harness.programs.sandbox.packages import npm_registry, npm_unpack
from harness.programs.sandbox.packages.environment import SEEN, program_in
from harness.programs.sandbox.packages.npm_lock import CPU, OS, NodeTree, libc
from harness.programs.sandbox.packages.npm_settings import registry_settings
from harness.programs.sandbox.supervisor import run_sandbox

STORE = "npm"
UNPACKING = SandboxLimits(wall_seconds=300, memory_mb=2048, pids=64, disk_mb=2048, file_mb=512)
BUILDING = SandboxLimits(wall_seconds=600, memory_mb=4096, pids=1024, disk_mb=2048, file_mb=512)
HEADERS = "/usr/include/node/node_api.h"
# No script but those of the installed packages, and every one of these.
REBUILD = ("npm", "rebuild", "--offline", "--foreground-scripts", "--no-audit", "--no-fund")
NPM = {
    "npm_config_cache": "/tmp/npm",  # noqa: S108 - the sandbox's own
    "npm_config_update_notifier": "false",
    "npm_config_dangerously_allow_all_scripts": "true",
}
# As a shell ends that did not find its command.
NOT_FOUND = 127
_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Npm:
    """The rows of npm, pnpm and yarn. Node.js finds packages only in the `node_modules` of a
    tree."""

    tree_of: Callable[[bytes], NodeTree]
    variable: str = ""
    within: str = "node_modules"
    beside: tuple[str, ...] = ()

    def check(self, lock: bytes, *, form: str) -> None:
        """See `Ecosystem`."""
        self.tree_of(lock)
        chosen = forms.chosen(form)
        if not chosen.in_namespaces:
            raise SandboxError(
                "npm packages lie in the project's own tree, where a sandbox of the form"
                f" {chosen} can show nothing; `python -m harness.programs.sandbox probe` shows why"
                f" {Form.BWRAP_USERNS} does not work here"
            )

    def check_tree(self, lock: bytes, folder: Path) -> None:
        """See `Ecosystem`. No package lies in the repository."""

    def ready(self, root: str) -> str:
        """See `Ecosystem`."""
        node = program_in("node", root, package="nodejs")
        host = urlsplit(registry_settings().registry).hostname
        return f"they come from {host}, npm's `registry` here, for {node}"

    def platform(self) -> str:
        """See `Ecosystem`. What an install script builds is for one Node.js."""
        node = shutil.which("node", path=":".join(SEEN))
        facts = os.stat(node) if node else None
        version = f"{facts.st_size}-{facts.st_mtime_ns}" if facts else "none"
        return f"npm-{OS}-{CPU}-{libc()}-node-{version}"

    def fetch(self, lock: bytes, store: Path, scratch: Path) -> None:
        """See `Ecosystem`."""
        npm_registry.fetch(self.tree_of(lock).packages, _store(store))

    def install(
        self, lock: bytes, store: Path, scratch: Path, *, form: str, root: str
    ) -> str | None:
        """See `Ecosystem`."""
        tree, kept = self.tree_of(lock), _store(store)
        for one in tree.packages:
            if not npm_registry.archive_of(one, kept).exists():
                return f"{one.title} was not fetched"
        site = scratch / "site"
        delete(site)
        site.mkdir()
        if error := _unpack(tree, kept, scratch, form=form):
            return error
        scripted = [one.title for one in tree.packages if one.has_install_script]
        if scripted:
            _build(scripted, site, form=form, root=root)
        return None


def _store(store: Path) -> Path:
    kept = store / STORE
    kept.mkdir(exist_ok=True, mode=0o755)
    return kept


def _unpack(tree: NodeTree, kept: Path, scratch: Path, *, form: str) -> str | None:
    plan = scratch / "plan.json"
    packages = [[one.place, one.digest, one.programs] for one in tree.packages]
    wanted = {"packages": packages, "links": tree.links, "commands": tree.commands}
    plan.write_text(json.dumps(wanted))
    result, printed = _run(
        SandboxSpec(
            name="npm",
            argv=("python", "-I", "-S", "/unpack.py", "/plan.json", "/store", "/layer"),
            limits=UNPACKING,
            form=form,
            binds=(
                Bind(npm_unpack.__file__, "/unpack.py"),
                Bind(str(plan), "/plan.json"),
                Bind(str(kept.resolve()), "/store"),
                Bind(str(scratch / "site"), "/layer", "rw"),
            ),
        )
    )
    if result.exit_code == npm_unpack.DAMAGED:
        return printed
    if not result.ok:
        raise SandboxError(f"the packages cannot be unpacked: {_why(result, printed)}")
    return None


def _build(scripted: list[str], site: Path, *, form: str, root: str) -> None:
    """Run the install scripts. Raises SandboxError when one of them fails."""
    (site / "package.json").write_text('{"private": true}')
    result, printed = _run(
        SandboxSpec(
            name="npm",
            argv=REBUILD,
            cwd="/layer",
            env={
                **NPM,
                **({"npm_config_nodedir": "/usr"} if os.path.exists(root + HEADERS) else {}),
            },
            limits=BUILDING,
            form=form,
            root=root,
            binds=(Bind(str(site), "/layer", "rw"),),
        )
    )
    if result.exit_code == NOT_FOUND:
        raise SandboxError(
            f"{scripted[0]} has an install script, which npm runs in a sandbox, and there is no npm"
            " below /usr; install it (`apt-get install npm`)"
        )
    if not result.ok:
        names = ", ".join(scripted[:5]) + (f" and {len(scripted) - 5} more" if scripted[5:] else "")
        raise SandboxError(
            f"the install scripts of {names} failed, in a sandbox without a network:"
            f" {_why(result, printed)}"
        )


def _run(spec: SandboxSpec) -> tuple[SandboxResult, str]:
    with TemporaryFile() as output:
        result = run_sandbox(spec, output=output.fileno())
        # A script may print without end; the last of it tells why it failed.
        output.seek(max(0, output.seek(0, 2) - 16 * _SHOWN))
        return result, output.read().decode("utf-8", "replace").strip()


_NOISE = ("npm warn", "npm notice", "npm error A complete log")


def _why(result: SandboxResult, printed: str) -> str:
    if result.killed_by:
        return f"killed for {result.killed_by}"
    # Its warnings are about our own settings, and its log is gone with the sandbox.
    lines = (line for line in printed.splitlines() if not line.startswith(_NOISE))
    return " ".join(" ".join(lines).split())[-_SHOWN:] or f"it ended with {result.exit_code}"
