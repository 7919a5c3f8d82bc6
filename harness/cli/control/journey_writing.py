"""`factory journeys try`: for people who write a journey. It needs no home, key or model, and seals
nothing."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from harness.cli.options import as_json, emit
from harness.cli.output.steps import StepLines
from harness.domain.errors import ConfigError

CONFIG = "factory.toml"
written = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.command("try")
@written
@click.option(
    "--url", metavar="URL", help="An app that runs on this machine, like http://127.0.0.1:8000."
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The app's folder; the default is the current one.",
)
@click.option(
    "--start",
    default="",
    metavar="COMMAND",
    help="Start the app by this command, as for sh, and not as factory.toml says.",
)
@click.option(
    "--command",
    "commands",
    multiple=True,
    metavar="NAME=COMMAND",
    help="A tool that the journey runs; may be repeated.",
)
@click.option("--seed", type=int, metavar="N", help="The seed of an earlier try: the same data.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep pictures, the trace and logs there.",
)
@as_json
def try_(
    file: Path,
    url: str | None,
    folder: Path | None,
    start: str,
    commands: tuple[str, ...],
    seed: int | None,
    keep: Path | None,
    as_json: bool,
) -> int:
    """Perform a journey on an app or a tool, and seal nothing.

    FILE holds one journey. The judge's browser performs it in its sandbox. The app is one in a
    folder, which is started in its own sandbox as the folder's factory.toml says, or by --start;
    a tool is named by --command; or the app runs already, at URL. Of a git checkout, what its
    .gitignore names is left out.

    Each step and look is printed as it is done, on a terminal also the one that is underway. Where
    one does not hold, what was expected and what was there is printed. Then the negative control
    is performed, which must fail. The lint's warnings come first. No home, key or model is needed.
    The app sees what it sees in a judgement: the host app.localhost, and no other address leads
    anywhere. What the steps put into an app at URL stays in it.

    \b
    Exit codes:
      0  the journey passed, and its negative control failed
      1  it did not; what was found is printed
      2  FILE holds no journey that may be performed, or there is no such app on this machine
      5  the app, a sandbox or the browser cannot be started, or nothing answers at URL

    \b
    Examples:
      factory journeys try book.yaml
      factory journeys try book.yaml --url http://127.0.0.1:8000 --keep pictures
      factory journeys try book.yaml --folder shop --start 'python -m shop --port $PORT'
      factory journeys try list.yaml --command 'walks=python -m walks.cli'
    """
    if url and (folder or start or commands):
        raise ConfigError("--url names an app that runs already: leave out what would start one")
    from harness.wiring import validator_without_home

    more = [f"--seed={seed}"] if seed is not None else []
    more += [f"--keep={keep.absolute()}"] if keep else []
    lines: list[str] = []
    with _app(url, folder or Path(), start, commands) as app, StepLines(quiet=as_json) as steps:
        more += ["--json"] if as_json else ["--live"] if steps.live else []
        passed = validator_without_home().tried(
            file.absolute(), *app, *more, show=lines.append if as_json else steps.show
        )
    if as_json:
        emit(json.loads("\n".join(lines)))
    return 0 if passed else 1


@contextmanager
def _app(
    url: str | None, folder: Path, start: str, commands: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """The arguments that name the app. Raises ConfigError."""
    if url:
        yield (f"--url={url}",)
        return
    given = (
        f"--base={folder.absolute()}",
        *((f"--start={start}",) if start else ()),
        *(f"--command={one}" for one in commands),
    )
    config = folder / CONFIG
    if not config.is_file():
        yield given
        return
    from harness.factory.settings.config import read_config
    from harness.factory.stages.validator_request import app_document
    from harness.programs.sandbox.client import SandboxSupervisor

    # As a judgement has it: with the services beside the app.
    settings = read_config(config.read_text("utf-8"))
    form = SandboxSupervisor(Path()).form() if settings.services else ""
    document = app_document(settings, folder, form=form)
    with tempfile.NamedTemporaryFile("w", prefix="factory-app-", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        yield (*given, f"--app-file={file.name}")
