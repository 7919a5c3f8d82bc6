"""One side of a comparison, ready to run: the exported tree, its dependency layer, and the data
each instance gets."""

from __future__ import annotations

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
    """What production's own configuration says about the app; the request carries it."""

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
class Side:
    """`name` is base or candidate. `data` is the template that each instance copies, None if the
    app keeps none."""

    name: str
    tree: Path
    layer: Path | None
    data: Path | None
    env: tuple[tuple[str, str], ...]

    def binds(self, data: Path | None) -> tuple[Bind, ...]:
        """What a box of this side sees: tree and layer read-only, a data folder of its own."""
        layer = (Bind(self.layer, LAYER),) if self.layer else ()
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
    """Export the tree and prepare its dependencies, below `folder`; there are no data yet. Raises
    Inconclusive."""
    folder.mkdir()
    files = exported(git_dir, tree, into=folder / "tree")
    layer = layer_for(files, app.lock, sandboxes=sandboxes, stores=stores) if app.lock else None
    return Side(name, files, layer, None, environment(app, layer=layer))


def seeded_side(side: Side, app: AppRules, *, seed: str | None, sandboxes: Sandboxes) -> Side:
    """The side with the data that each instance starts from, made by the app's own seed command.
    Raises Inconclusive.

    `seed` names the data a journey needs; it is passed to the command as one more argument.
    """
    if app.data is None:
        return side
    data = side.tree.with_name(f"data-{seed or 'own'}")
    data.mkdir()
    if app.seed_command is not None:
        _run_seed(
            side, (*app.seed_command, *([seed] if seed else [])), sandboxes=sandboxes, data=data
        )
    return replace(side, data=data)


@dataclass(frozen=True, slots=True)
class LayerStores:
    """Where prepared layers and downloaded wheels are kept between runs."""

    layers: Path
    wheels: Path


def environment(app: AppRules, *, layer: Path | None) -> tuple[tuple[str, str], ...]:
    """The allow-list, the data folder's name, and where the packages are: nothing else reaches the
    app."""
    extra = {app.data: DATA} if app.data else {}
    packages = {"PYTHONPATH": LAYER} if layer else {}
    return tuple(sorted({**packages, **app.env, **extra}.items()))


def layer_for(tree: Path, lock: str, *, sandboxes: Sandboxes, stores: LayerStores) -> Path:
    """The folder of the packages that the tree's lock file pins, prepared by the supervisor. Raises
    Inconclusive."""
    file = tree / lock
    if ".." in Path(lock).parts or Path(lock).is_absolute() or not file.is_file():
        raise Inconclusive(
            f"the tree has no lock file {lock!r}: name one that exists in factory.toml, or none"
        )
    arguments = (
        "layer",
        "--lock",
        str(file),
        "--wheels",
        str(stores.wheels),
        "--out",
        str(stores.layers),
    )
    printed = sandboxes.output(*arguments, "--form", sandboxes.form, seconds=LAYER_SECONDS)
    folder = Path(printed.splitlines()[-1] if printed else "")
    if not folder.is_dir() or not folder.is_relative_to(stores.layers):
        raise Inconclusive(
            f"`layer` printed {printed[-200:]!r}, which is no folder below {stores.layers}"
        )
    return folder


def _run_seed(side: Side, argv: tuple[str, ...], *, sandboxes: Sandboxes, data: Path) -> None:
    spec = SandboxSpec("seed", argv, TREE, SEED_SECONDS, dict(side.env), side.binds(data))
    with sandboxes.started(spec, log=data.with_suffix(".log")) as box:
        box.send(b"")
        box.waited(SEED_SECONDS + 5)
    if (result := box.result()).exit_code != 0:
        end = result.killed_by or result.exit_code
        raise Inconclusive(f"the seed command of the {side.name} ended with {end}, not with 0")
