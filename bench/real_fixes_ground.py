"""The releases, the fixtures and the sides of `bench/real_fixes.py`: what a bug's journey is judged
on.

Releases are installed into $XDG_CACHE_HOME/lights-out-factory/real-fixes, each file by the hash
that `real_fixes/lock.json` names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from validators.app.side import TREE
from validators.authoring.local_request import LocalApp as Folders

HERE = Path(__file__).parent / "real_fixes"
CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "lights-out-factory"
    / "real-fixes"
)
LOCK = HERE / "lock.json"
RELEASES = ("old", "new")
QUIET = ("-qq", "--disable-pip-version-check", "--no-input", "--root-user-action", "ignore")
NEEDED = {"old": ("old",), "new": ("new",), "painted": ("new",)}


@dataclass(frozen=True)
class Pair:
    """One bug: the releases of a package on either side of its fix, what they need, and how they
    are started.

    Datasette is an app itself. Any other package has an `app` of ours around it, or is a `tool`
    with the `line` that runs it; without a line it is a library, used by a program of the journey.
    `own_address` and `own_arguments` are what the issue's reporter opened, sent or ran."""

    issue: str
    before: str
    after: str
    summary: str
    url_path: str = "/"
    package: str = "datasette"
    registry: str = "pypi"
    layer: str = ""
    needs: tuple[str, ...] = ()
    app: tuple[str, ...] = ()
    tool: str = ""
    line: tuple[str, ...] = ()
    start_arguments: tuple[str, ...] = ()
    metadata: dict[str, Any] | None = None
    own_address: tuple[str, ...] = ()
    own_arguments: tuple[str, ...] = ()
    own_input: str = ""

    @property
    def base_url(self) -> str:
        """The path below which the app lives."""
        told = self.start_arguments
        return told[told.index("base_url") + 1] if "base_url" in told else "/"

    @property
    def releases(self) -> dict[str, str]:
        """The pin of each release, by the folder of a side that it is in."""
        joint = "==" if self.registry == "pypi" else "@"
        versions = (self.before, self.after)
        return {
            name: f"{self.package}{joint}{version}"
            for name, version in zip(RELEASES, versions, strict=True)
        }

    def told(self, mode: str) -> dict[str, Any]:
        """What the side's own program reads."""
        return {
            "mode": mode,
            "app": self.app,
            "line": self.line,
            "arguments": [*self.start_arguments],
            "base_url": self.base_url,
            "url_path": self.url_path,
            "own_address": self.own_address or (self.url_path,),
            "own_arguments": self.own_arguments,
            "own_input": self.own_input,
        }


@dataclass(frozen=True)
class Ground:
    """Folders of installed packages and composed sides, below one folder."""

    layers: dict[str, tuple[str, ...]]
    folder: Path
    lock: dict[str, list[str]]

    def named(self, pair: Pair) -> Folders:
        """How every side of one bug is run, with the side that has the bug."""
        old = self.side(pair, "old")
        if pair.tool:
            env = () if pair.line else (f"PYTHONPATH={TREE}",)
            return Folders(base=old, env=env)
        packages = self._installed(pair.layer, self.layers[pair.layer]) if pair.layer else None
        return Folders(
            packages=packages,
            data=self.data(),
            start="python serve.py",
            ready=pair.base_url,
            ready_seconds=60,
            base=old,
        )

    def side(self, pair: Pair, mode: str) -> Path:
        """A folder with the app or the tool as it runs on one side. Only the releases that this
        side needs are in it."""
        folder = self.folder / f"{pair.issue}-{mode.replace(' ', '-')}"
        folder.mkdir()
        for name, pin in pair.releases.items():
            if name in NEEDED.get(mode, RELEASES):
                shutil.copytree(
                    self._release(pair, pin),
                    folder / name,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
        told = pair.told(mode)
        if pair.tool:
            _tool(pair, folder)
        elif pair.app:
            shutil.copy(HERE / pair.app[1], folder)
            shutil.copy(HERE / "serve.py", folder)
        else:
            shutil.copy(HERE / "serve.py", folder)
            told["arguments"] += _datasette(pair, folder)
        (folder / "side.json").write_text(json.dumps(told))
        return folder

    def data(self) -> Path:
        """A folder with the databases that every fresh app starts from."""
        folder = self.folder / "data"
        if not folder.exists():
            folder.mkdir()
            subprocess.run([sys.executable, HERE / "fixtures.py", folder], check=True)
        return folder

    def _release(self, pair: Pair, pin: str) -> Path:
        name = pin.replace("==", "-").replace("@", "-")
        if pair.registry == "npm":
            return self._unpacked(name, pin, pair.package)
        return self._installed(name, (pin, *pair.needs))

    def _installed(self, name: str, pins: Sequence[str]) -> Path:
        folder = CACHE / name
        if not folder.is_dir():
            fresh = Path(tempfile.mkdtemp(dir=CACHE, prefix=".fresh-"))
            lines = [
                pin + "".join(f" --hash=sha256:{one}" for one in self.lock.get(_plain(pin), ()))
                for pin in pins
            ]
            (wanted := fresh / "wanted.txt").write_text("\n".join(lines))
            _pip(
                "install",
                "--no-deps",
                "--no-compile",
                "--target",
                str(fresh / "site"),
                "-r",
                str(wanted),
            )
            (fresh / "site").rename(folder)
            shutil.rmtree(fresh)
        return folder

    def _unpacked(self, name: str, pin: str, package: str) -> Path:
        """A package of npm that needs no other. None of its scripts is run."""
        folder = CACHE / f"npm-{name}"
        if not folder.is_dir():
            fresh = Path(tempfile.mkdtemp(dir=CACHE, prefix=".fresh-"))
            packed = _npm(pin, fresh)
            if [sha256(packed.read_bytes()).hexdigest()] != self.lock.get(pin):
                raise SystemExit(f"{pin} is not what {LOCK.name} names; --relock, if it may differ")
            with tarfile.open(packed) as opened:
                opened.extractall(fresh / "whole", filter="data")
            (site := fresh / "site" / "node_modules").mkdir(parents=True)
            (fresh / "whole" / "package").rename(site / package)
            (fresh / "site").rename(folder)
            shutil.rmtree(fresh)
        return folder


def _tool(pair: Pair, folder: Path) -> None:
    """The tool's command; or, for a library, the module that Python runs before any program."""
    shutil.copy(HERE / "tool.py", folder / ("tool.py" if pair.line else "sitecustomize.py"))
    line = "python ./tool.py" if pair.line else "python"
    (folder / "factory.toml").write_text(f'[app.commands]\n{pair.tool} = "{line}"\n')


def _datasette(pair: Pair, folder: Path) -> list[str]:
    """More arguments of a Datasette, and the files that they name."""
    (folder / "plugins").mkdir()
    arguments = []
    if "--root" in pair.start_arguments:
        shutil.copy(HERE / "enter.py", folder / "plugins")
        arguments += ["--plugins-dir", "plugins"]
    if pair.metadata:
        (folder / "metadata.json").write_text(json.dumps(pair.metadata))
        arguments += ["--metadata", "metadata.json"]
    return arguments


def pair_in(told: dict[str, Any]) -> Pair:
    known = {one.name for one in fields(Pair)}
    values = {key: value for key, value in told.items() if key in known}
    values["issue"] = str(values["issue"])
    return Pair(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    )


def relocked(layers: dict[str, tuple[str, ...]], pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """The lock with the hash of the file that each pin of these pairs means here and today."""
    found: dict[str, list[str]] = json.loads(LOCK.read_text()) if LOCK.exists() else {}
    used = {pair.layer for pair in pairs}
    groups = [pins for name, pins in layers.items() if name in used]
    for pair in pairs:
        for pin in pair.releases.values():
            if pair.registry == "pypi":
                groups.append((pin, *pair.needs))
            else:
                with tempfile.TemporaryDirectory() as folder:
                    packed = _npm(pin, Path(folder))
                    found[pin] = [sha256(packed.read_bytes()).hexdigest()]
    for group in dict.fromkeys(groups):
        found |= dict(_hashes(group))
    return dict(sorted(found.items()))


def _hashes(pins: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    report = _pip("install", "--no-deps", "--dry-run", "--ignore-installed", "--report", "-", *pins)
    for one in json.loads(report)["install"]:
        name = _plain(f"{one['metadata']['name']}=={one['metadata']['version']}")
        yield name, [one["download_info"]["archive_info"]["hashes"]["sha256"]]


def _plain(pin: str) -> str:
    """A pin as the lock names it."""
    return pin.lower().replace("_", "-")


def _pip(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, *QUIET], stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise SystemExit(f"pip {arguments[0]} ended with {done.returncode}")
    return done.stdout


def _npm(pin: str, folder: Path) -> Path:
    """The archive of a package."""
    line = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), pin]
    if subprocess.run(line, stdout=subprocess.DEVNULL).returncode:
        raise SystemExit(f"npm cannot fetch {pin}")
    (packed,) = folder.glob("*.tgz")
    return packed
