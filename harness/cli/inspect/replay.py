"""`factory replay`: a past run again, offline, and whether it decides the same."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import printable

if TYPE_CHECKING:
    from harness.operations.replay.bundle import Bundle
    from harness.operations.replay.replay import Means, Replayed

MOST_LINES = 20
"""Of the first difference that are shown, from its beginning and from its end."""


@click.command()
@click.argument("run", required=False)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Every run that is over and was recorded, one after the other.",
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
    help="Write all that the replay of RUN needs to FILE, and replay nothing.",
)
@click.option(
    "--against",
    "ref",
    metavar="REF",
    help="Begin at another commit, and see what the governance there would have decided.",
)
@click.option(
    "--signing-key",
    "key",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    metavar="PATH",
    help="The launcher's key; without it, the home's own.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="PATH",
    help="Work in PATH, which must be new, and keep it to be looked at.",
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
    """Run RUN again, offline, and compare what it decides.

    RUN is a run's name, as `factory logs` lists them. Git, the boxes, the agent with its tools, the
    app, Chromium and the sealed judge are real and work again; the forge answers from the run's
    tape, models from its recorded exchanges, over the broker's own wire. Then every entry of the
    ledger that the run writes is held against the recorded one, byte for byte. What may differ is a
    closed list: times, places, drawn names, signatures. A question that was not recorded, and a
    recording that is not used up, are differences, too, and name their place.

    With --against REF the run begins at another commit of this home's repository, so that a change
    of the governance, of factory.toml or of a prompt shows what it would have done; the names of
    commits are not compared then.

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
    for bundle, means in _kits(run, every=every, source=source, ref=ref, key=key):
        came = _replayed(bundle, means, folder=folder)
        found.append(came)
        if not as_json:
            _print(came)
    same = all(came.same for came in found)
    if as_json:
        emit({"ok": same, "runs": [_told(came) for came in found]})
    return 0 if same else 1


def _require_one(
    run: str | None, *, every: bool, source: Path | None, exports: bool, ref: str | None
) -> None:
    if sum((run is not None, every, source is not None)) != 1:
        raise click.UsageError("name one RUN, or --all, or --from FILE")
    if exports and run is None:
        raise click.UsageError("--export writes one RUN; name it")
    if ref is not None and run is None:
        raise click.UsageError("--against is for one RUN of this home; name it")


def _export(run: str, target: Path, *, as_json: bool) -> int:
    from harness.operations.replay.bundle import gather, packed

    with tempfile.TemporaryDirectory(prefix=_prefix()) as folder:
        bundle = gather(home(), run, Path(folder))
        packed(bundle, target)
        sealed = (bundle.folder / "sealed").is_dir()
    size = target.stat().st_size
    if as_json:
        emit({"ok": True, "run": run, "file": str(target), "bytes": size, "sealed": sealed})
    else:
        click.echo(
            f"{run} is in {target}, {size / 1e6:.1f} MB."
            + (" Sealed journeys are in it: keep it where only you can read it." if sealed else "")
        )
    return 0


def _kits(
    run: str | None, *, every: bool, source: Path | None, ref: str | None, key: Path | None
) -> "Iterator[tuple[Bundle, Means]]":
    from harness.operations.replay.bundle import gather, recorded_runs, unpacked
    from harness.operations.replay.replay import LAUNCHER_KEY, Means

    if source is not None:
        with _folder() as folder:
            yield unpacked(source, folder), Means(signing_key=key, programs=home())
        return
    own = Means(
        signing_key=key or home() / "keys" / LAUNCHER_KEY, layers=home() / "layers", programs=home()
    )
    for name in recorded_runs(home()) if every else (str(run),):
        with _folder() as folder:
            bundle = gather(home(), name, folder, ref=ref)
            yield bundle, Means(own.signing_key, own.layers, bundle.against or None, own.programs)


def _replayed(bundle: "Bundle", means: "Means", *, folder: Path | None) -> "Replayed":
    from harness.cli.output.progress import Progress
    from harness.domain.errors import ConfigError
    from harness.operations.replay.replay import replayed

    if folder is not None:
        if folder.exists():
            raise ConfigError(
                "is there already; a replay wants a folder of its own", file=str(folder)
            )
        folder.mkdir(mode=0o700, parents=True)
    with Progress(quiet=True) as progress:
        return replayed(bundle, means, tell=progress.tell, folder=folder and folder.resolve())


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=_prefix()) as folder:
        yield Path(folder)


def _prefix() -> str:
    """A name by which `factory gc` knows what a killed replay left."""
    import os

    return f"factory-kit-{os.getpid()}-"


def _told(came: "Replayed") -> Mapping[str, Any]:
    return {
        "run": came.run,
        "same": came.same,
        "entries": came.compared,
        "seconds": round(came.seconds, 1),
        "faults": list(came.faults),
        "notes": list(came.notes),
        "differences": [
            {"where": one.where, "recorded": one.recorded, "came": one.came}
            for one in came.differences
        ],
    }


def _print(came: "Replayed") -> None:
    if came.same:
        click.echo(f"{came.run}: the same, {came.compared} entries, in {came.seconds:.1f} s")
        _print_notes(came)
        return
    click.echo(f"{came.run}: NOT the same")
    for one in came.differences[:1]:
        click.echo(f"  {one.says}")
        lines = one.lines()
        left_out = max(0, len(lines) - 2 * MOST_LINES)
        note = (f"… {left_out} lines more; --json has them",) if left_out else ()
        for line in (*lines[:MOST_LINES], *note, *lines[MOST_LINES:][left_out:]):
            click.echo(f"    {printable(line)}")
    for one in came.differences[1:]:
        click.echo(f"  then {one.says}")
    for fault in came.faults:
        click.echo(f"  {printable(fault)}")
    _print_notes(came)


def _print_notes(came: "Replayed") -> None:
    for note in came.notes:
        click.echo(f"  in words of the agent's own: {printable(note)}")
