"""Prepare one side of a comparison (base or candidate): its exported tree, its dependency layer and
the data that each instance starts from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from validators.app.sandboxes import Bind, Sandboxes, SandboxSpec
from validators.app.tree import exported
from validators.domain.stops import Inconclusive

TREE, LAYER, DATA = "/app", "/opt/packages", "/data"
LAYER_SECONDS = 600
SEED_SECONDS = 60


class AppRules(Protocol):
    """The production configuration of the app, as the request carries it."""

    @property
    def start(self) -> tuple[str, ...]: ...
    @property
    def env(self) -> dict[str, str]: ...
    @property
    def lock(self) -> str | None: ...
    @property
    def data(self) -> str | None: ...
    @property
    def seed_command(self) -> tuple[str, ...] | None: ...


@dataclass(frozen=True, slots=True)
class Layer:
    """Prepared dependencies. `within` is where in the tree the app looks for them; if it is empty,
    the variable `variable` names their place."""

    folder: Path
    variable: str
    within: str


@dataclass(frozen=True, slots=True)
class Side:
    """`name` is base or candidate. `data` is the template that each instance copies; None if the
    app keeps no data."""

    name: str
    tree: Path
    layer: Layer | None
    data: Path | None
    env: tuple[tuple[str, str], ...]

    def binds(self, data: Path | None) -> tuple[Bind, ...]:
        """What a sandbox of this side sees: tree and layer read-only, and its own data folder."""
        layer = (Bind(self.layer.folder, _place(self.layer)),) if self.layer else ()
        own = (Bind(data, DATA, "rw"),) if data else ()
        return (Bind(self.tree, TREE), *layer, *own)


def prepared_side(
    name: str,
    app: AppRules,
    *,
    git_dir: Path,
    tree: str,
    sandboxes: Sandboxes,
    stores: LayerStores,
    folder: Path,
) -> Side:
    """The side with its tree and dependencies below `folder`, still without data. Raises
    Inconclusive."""
    folder.mkdir()
    files = exported(git_dir, tree, into=folder / "tree")
    layer = layer_for(files, app.lock, sandboxes=sandboxes, stores=stores) if app.lock else None
    return Side(name, files, layer, None, environment(app, layer=layer))


def seeded_side(side: Side, app: AppRules, *, seed: str | None, sandboxes: Sandboxes) -> Side:
    """The side with the data that each instance starts from. The app's own seed command makes it.

    `seed` names the data that a journey needs: the last argument of the command. Raises
    Inconclusive."""
    if app.data is None:
        return side
    data = side.tree.with_name(f"data-{seed or 'own'}")
    data.mkdir()
    if app.seed_command is not None:
        argv = (*app.seed_command, *([seed] if seed else []))
        _run_seed(side, argv, sandboxes=sandboxes, data=data)
    return replace(side, data=data)


@dataclass(frozen=True, slots=True)
class LayerStores:
    """The folders that keep prepared layers and downloaded wheels between runs."""

    layers: Path
    wheels: Path


def environment(app: AppRules, *, layer: Layer | None) -> tuple[tuple[str, str], ...]:
    """The app's environment: the allow-list, the data folder and the packages, nothing else."""
    extra = {app.data: DATA} if app.data else {}
    packages = {layer.variable: _place(layer)} if layer and layer.variable else {}
    return tuple(sorted({**packages, **app.env, **extra}.items()))


def layer_for(tree: Path, lock: str, *, sandboxes: Sandboxes, stores: LayerStores) -> Layer:
    """The packages that the tree's lock file pins, prepared by the supervisor. Raises
    Inconclusive."""
    file = tree / lock
    # The lock's name is the change's own text: it may not lead out of the tree.
    if ".." in Path(lock).parts or Path(lock).is_absolute() or not file.is_file():
        raise Inconclusive(
            f"the tree has no lock file {lock!r}: name one that exists in factory.toml, or none"
        )
    folders = ("--wheels", str(stores.wheels), "--out", str(stores.layers))
    asked = (
        "--lock",
        str(file),
        "--name",
        lock,
        "--tree",
        str(tree),
        *folders,
        "--form",
        sandboxes.form,
    )
    root = ("--root", sandboxes.root) if sandboxes.root else ()
    printed = sandboxes.output("layer", *asked, *root, seconds=LAYER_SECONDS)
    try:
        document = json.loads(printed.rpartition("\n")[2])
        layer = Layer(Path(document["folder"]), document["variable"], document["within"])
    except (ValueError, KeyError, TypeError) as error:
        raise Inconclusive(f"`layer` printed {printed[-200:]!r}, which is no layer") from error
    if not layer.folder.is_dir() or not layer.folder.is_relative_to(stores.layers):
        raise Inconclusive(
            f"`layer` printed {printed[-200:]!r}, which is no folder below {stores.layers}"
        )
    return layer


def _place(layer: Layer) -> str:
    return f"{TREE}/{layer.within}" if layer.within else LAYER


def _run_seed(side: Side, argv: tuple[str, ...], *, sandboxes: Sandboxes, data: Path) -> None:
    spec = SandboxSpec(
        "seed", argv, TREE, SEED_SECONDS, dict(side.env), side.binds(data), of_app=True
    )
    with sandboxes.started(spec, log=data.with_suffix(".log")) as sandbox:
        sandbox.send(b"")
        sandbox.waited(SEED_SECONDS + 5)
    if (result := sandbox.result()).exit_code != 0:
        end = result.killed_by or result.exit_code
        raise Inconclusive(f"the seed command of the {side.name} ended with {end}, not with 0")
