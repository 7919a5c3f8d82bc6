"""Dependencies prepared by the supervisor's own command."""

import hashlib
import json
import subprocess
from typing import Any

from tests.sandbox.index import wheel
from tests.sandbox.npm import entry, integrity, lock, package
from tests.sandbox.sandboxes import NEVER_ENDS, SUPERVISOR, Sandboxes
from tests.sandbox.vendored import CARGO, GO


def prepare(
    sandboxes: Sandboxes,
    lock: str,
    around: dict[str, str] | None = None,
    *more: str,
    name: str = "lock.txt",
) -> subprocess.CompletedProcess[str]:
    """The command's end for this lock. `around` is its environment; it is started in a folder with
    settings of a repository, which nobody may obey. `more` are arguments."""
    (sandboxes.folder / "lock.txt").write_text(lock)
    (sandboxes.folder / ".npmrc").write_text("registry=http://127.0.0.1:9/\n")
    folders = (
        "--wheels",
        str(sandboxes.folder / "wheels"),
        "--out",
        str(sandboxes.folder / "layers"),
    )
    asked = ("--lock", str(sandboxes.folder / "lock.txt"), "--name", name, *folders, *more)
    return subprocess.run(
        [*sandboxes.wrapper, *SUPERVISOR, "layer", *asked, "--form", sandboxes.form],
        env=around or {},
        cwd=sandboxes.folder,
        capture_output=True,
        text=True,
        timeout=NEVER_ENDS,
    )


def furnished(sandboxes: Sandboxes) -> dict[str, dict[str, Any]]:
    """A layer of each kind of lock, by the lock's name, as the command prints it. Nothing is
    fetched."""
    wheels, moon = sandboxes.place("wheels"), package("moon", "1.0.0", "module.exports = 7")
    digest, archives = wheel(wheels), wheels / "npm"
    archives.mkdir()
    (archives / f"{hashlib.sha512(moon).hexdigest()}.tgz").write_bytes(moon)
    sandboxes.own(archives)
    file = f'tidetable-1.0-py3-none-any.whl", hash = "sha256:{digest}'
    name = '[[package]]\nname = "tidetable"\nversion = "1.0"\n'
    uv = (
        '[[package]]\nname = "app"\nversion = "1"\nsource = { virtual = "." }\n'
        f'dependencies = [{{ name = "tidetable" }}]\n{name}source = {{ registry = "x" }}\n'
        f'wheels = [{{ url = "{file}" }}]\n'
    )
    pnpm = {
        "lockfileVersion": "9.0",
        "importers": {".": {"dependencies": {"moon": {"version": "1.0.0"}}}},
        "packages": {"moon@1.0.0": {"resolution": {"integrity": integrity(moon)}}},
        "snapshots": {"moon@1.0.0": {}},
    }
    locks = {
        "requirements.txt": f"tidetable==1.0 --hash=sha256:{digest}\n",
        "uv.lock": uv,
        "poetry.lock": f'{name}files = [{{file = "{file}"}}]\n[metadata]\nlock-version = "2.1"\n',
        "package-lock.json": lock(moon=entry(moon)),
        "npm-shrinkwrap.json": lock(moon=entry(moon, dev=True)),
        "pnpm-lock.yaml": json.dumps(pnpm),
        "yarn.lock": (
            f'# yarn lockfile v1\n\nmoon@1:\n  version "1.0.0"\n  integrity {integrity(moon)}\n'
        ),
        "go.sum": GO["go.sum"],
        "Cargo.lock": CARGO["Cargo.lock"],
    }
    (sandboxes.folder / "package.json").write_text('{"dependencies": {"moon": "1"}}')
    made = {}
    for kind, text in locks.items():
        beside = ("--beside", f"package.json={sandboxes.folder}/package.json")
        done = prepare(sandboxes, text, None, *beside, name=kind)
        assert done.returncode == 0, done
        made[kind] = json.loads(done.stdout)
    return made
