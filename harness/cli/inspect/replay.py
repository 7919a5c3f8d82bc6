"""`factory replay`: run a past run again, offline, and compare its decisions."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.plain import JsonObject
from harness.domain.shortened import in_one_line

if TYPE_CHECKING:
    from harness.operations.replay.bundle import Bundle
    from harness.operations.replay.replay import ReplayOptions, ReplayResult

MOST_LINES = 20
"""How many lines of the first difference are shown, from its beginning and from its end."""


@click.command()
@click.argument("run", required=False)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Replay every run that is over and was recorded, one after the other.",
)
@click.option(
    "--from",
    "source",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    metavar="FILE",
    help="Replay what --export wrote; no home is needed.",
)
@click.option(
    "--export",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write everything that a replay of RUN needs to FILE, and replay nothing.",
)
@click.option(
    "--against",
    "ref",
    metavar="REF",
    help="Start at another commit, to see what the governance there would have decided.",
)
@click.option(
    "--signing-key",
    "key",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    metavar="PATH",
    help="The launcher's key; the default is the home's own.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="PATH",
    help="Work in PATH, which must be new, and keep it for you to look at.",
)
@as_json
def replay(
    run: str | None,
    every: bool,
    source: Path | None,
    target: Path | None,
    ref: str | None,
    key: Path | None,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Run RUN again, offline, and compare its decisions.

    RUN is a run's name, as `factory logs` lists them. Git, the sandboxes, the agent with its tools,
    the app, Chromium and the sealed judge are real and work again. The forge answers from the run's
    recording, and models answer from recorded exchanges over the broker's own wire. Then every
    ledger entry of the new run is compared with the recorded one, byte for byte. What may differ is
    a closed list: times, paths, random names, signatures. A request that was not recorded is a
    difference, and so is a recording that is not used up; each names its place.

    With --against REF the run starts at another commit of this home's repository. So a change of
    the governance files, of factory.toml or of a prompt shows its effect. Commit ids are not
    compared then.

    Reads the home, and writes only a folder of its own. No network is used and nothing is spent.

    \b
    Exit codes:
      0  every decision is the same
      1  one is not; the first difference is shown
      2  there is no such run, or no recording of it

    \b
    Examples:
      factory replay triage-3-1
      factory replay implement-1-1 --export implement-1-1.kit
      factory replay --from implement-1-1.kit --signing-key validator.key
      factory replay triage-3-1 --against new-rules
      factory replay --all --json
    """
    _require_one(run, every=every, source=source, exports=target is not None, ref=ref)
    if target is not None:
        return _export(str(run), target, as_json=as_json)
    found = []
    for bundle, options in _bundles(run, every=every, source=source, ref=ref, key=key):
        result = _replayed(bundle, options, folder=folder)
        found.append(result)
        if not as_json:
            _print(result)
    same = all(result.same for result in found)
    if as_json:
        emit({"ok": same, "runs": [_document(result) for result in found]})
    return 0 if same else 1


def _require_one(
    run: str | None, *, every: bool, source: Path | None, exports: bool, ref: str | None
) -> None:
    # Click cannot express that options exclude each other.
    if sum((run is not None, every, source is not None)) != 1:
        raise click.UsageError("name one RUN, or --all, or --from FILE")
    if exports and run is None:
        raise click.UsageError("--export writes one RUN; name it")
    if ref is not None and run is None:
        raise click.UsageError("--against is for one RUN of this home; name it")


def _export(run: str, target: Path, *, as_json: bool) -> int:
    from harness.operations.replay.bundle import pack_bundle
    from harness.operations.replay.gather import gather_bundle

    with tempfile.TemporaryDirectory(prefix=_prefix()) as folder:
        bundle = gather_bundle(home(), run, Path(folder))
        pack_bundle(bundle, target)
        sealed = (bundle.folder / "sealed").is_dir()
    size = target.stat().st_size
    if as_json:
        emit({"ok": True, "run": run, "file": str(target), "bytes": size, "sealed": sealed})
    else:
        echo(
            f"{run} is in {target}, {size / 1e6:.1f} MB."
            + (" Sealed journeys are in it: keep it where only you can read it." if sealed else "")
        )
    return 0


def _bundles(
    run: str | None, *, every: bool, source: Path | None, ref: str | None, key: Path | None
) -> "Iterator[tuple[Bundle, ReplayOptions]]":
    from harness.operations.replay.bundle import unpack_bundle
    from harness.operations.replay.gather import gather_bundle, recorded_runs
    from harness.operations.replay.replay import LAUNCHER_KEY, ReplayOptions

    if source is not None:
        with _folder() as folder:
            # The home's own key is not offered: the file may come from another home.
            yield unpack_bundle(source, folder), ReplayOptions(signing_key=key, programs=home())
        return
    own = ReplayOptions(
        signing_key=key or home() / "keys" / LAUNCHER_KEY, layers=home() / "layers", programs=home()
    )
    for name in recorded_runs(home()) if every else (str(run),):
        # One at a time, and gone before the next: a bundle has the whole history in it.
        with _folder() as folder:
            bundle = gather_bundle(home(), name, folder, ref=ref)
            yield (
                bundle,
                ReplayOptions(own.signing_key, own.layers, bundle.against or None, own.programs),
            )


def _replayed(bundle: "Bundle", options: "ReplayOptions", *, folder: Path | None) -> "ReplayResult":
    from harness.cli.output.progress import Progress
    from harness.domain.errors import ConfigError
    from harness.log import Log
    from harness.operations.replay.replay import replay_bundle

    if folder is not None:
        if folder.exists():
            raise ConfigError(
                "is there already; a replay needs a folder of its own", file=str(folder)
            )
        # A replay may have sealed journeys in it, so nobody else may look.
        folder.mkdir(mode=0o700, parents=True)
    with Progress(quiet=True) as progress:
        return replay_bundle(bundle, options, log=Log(progress), folder=folder and folder.resolve())


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=_prefix()) as folder:
        yield Path(folder)


def _prefix() -> str:
    """A name prefix by which `factory gc` finds what a killed replay left."""
    import os

    return f"factory-kit-{os.getpid()}-"


def _document(result: "ReplayResult") -> JsonObject:
    return {
        "run": result.run,
        "same": result.same,
        "entries": result.compared,
        "seconds": round(result.seconds, 1),
        "faults": list(result.faults),
        "notes": list(result.notes),
        "differences": [
            {"where": one.where, "recorded": one.recorded, "came": one.replayed}
            for one in result.differences
        ],
    }


def _print(result: "ReplayResult") -> None:
    if result.same:
        echo(f"{result.run}: the same, {result.compared} entries, in {result.seconds:.1f} s")
        _print_notes(result)
        return
    echo(f"{result.run}: NOT the same")
    # Only the first difference is shown in full: the later ones often follow from it.
    for one in result.differences[:1]:
        echo(f"  {in_one_line(one.summary)}")
        lines = one.lines()
        left_out = max(0, len(lines) - 2 * MOST_LINES)
        note = (f"… {left_out} more lines; --json has them",) if left_out else ()
        for line in (*lines[:MOST_LINES], *note, *lines[MOST_LINES:][left_out:]):
            echo(f"    {line}")
    for one in result.differences[1:]:
        echo(f"  then {in_one_line(one.summary)}")
    for fault in result.faults:
        echo(f"  {in_one_line(fault)}")
    _print_notes(result)


def _print_notes(result: "ReplayResult") -> None:
    for note in result.notes:
        echo(f"  in the agent's own words: {in_one_line(note)}")
