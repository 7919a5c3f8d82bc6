"""`factory journeys new`, `record` and `try`: for people who write a journey. They need no home, no
key and no model, and seal nothing."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from harness.cli.options import as_json, at_a_terminal, emit
from harness.cli.output.steps import StepLines
from harness.cli.output.terminal import ask, echo
from harness.domain.errors import ConfigError
from harness.domain.plain import JsonDict

CONFIG = "factory.toml"
SCREEN = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")
THROUGH = ("page", "api", "command")
WHERE = {
    "page": ("Where does it begin (a path of the app)?", "/"),
    "api": ("Which request is it, like POST /api/walks?", "GET /"),
    "command": ("Which commands are they, like `walks add {name} && walks list`, {…} a value?", ""),
}
written = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.command()
@click.argument(
    "issue",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="[FILE]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write the journey; the default is its name, in the current folder.",
)
def new(issue: Path | None, out: Path | None) -> None:
    """Draft a journey from an issue's text, without a model.

    FILE is a Markdown file with the text of an issue. What it shows is taken over: a request, a
    command line, words in quotes. Without FILE the draft opens a page and fills in a form. On a
    terminal a few questions follow. Elsewhere, what nobody said stands in the draft as `<fill in:
    …>`. Then everything is printed that is still missing, and the next command. An existing file is
    not overwritten.

    \b
    Examples:
      factory journeys new issue.md
      factory journeys new issue.md --out book.yaml
    """
    from harness.wiring import validator_without_home

    program = validator_without_home()
    text = issue.absolute() if issue else None
    document = program.drafted(text)
    if at_a_terminal():
        document = program.drafted(text, _asked(document["shown"]))
    draft = str(document["draft"])
    found = re.search(r"^journey: ([a-z0-9-]+)$", draft, re.MULTILINE)
    file = out or Path(f"{found[1] if found else 'new-journey'}.yaml")
    _written(file, document)


@click.command()
@click.option(
    "--url",
    required=True,
    metavar="URL",
    help="The app, which runs on this machine, like http://127.0.0.1:8000.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("recorded.yaml"),
    show_default=True,
    metavar="FILE",
    help="Where to write the journey.",
)
def record(url: str, out: Path) -> None:
    """Write down as a journey what you do in a browser.

    A window opens with the app at URL, and reaches nothing else. Do what a user does; in the bar at
    the top of the page, choose an eye, a text or a value, and click on what must be seen in the
    end. Each step is printed here. Close the window, or press Ctrl-C here, and the journey is
    written to FILE, with elements named by role, label and text. Then each place is printed that is
    still to be filled in, and the next command. What is typed into a password field is not
    recorded.

    This needs a screen and a Chromium. An existing file is not overwritten.

    \b
    Examples:
      factory journeys record --url http://127.0.0.1:8000 --out book.yaml
    """
    from harness.wiring import validator_without_home

    # Before anything is done: what a person did must not be lost for want of a place.
    if out.exists():
        raise ConfigError(f"{out} is there already: name another file with --out")
    if not os.access(out.parent, os.W_OK):
        raise ConfigError(f"{out.parent} is no folder to write in: name another file with --out")
    screen = {name: os.environ[name] for name in SCREEN if name in os.environ}
    name = re.sub("[^a-z0-9]+", "-", out.stem.lower()).strip("-") or "recorded"
    document = validator_without_home().recorded(url, name, screen, show=echo)
    if not document["done"]:
        raise ConfigError("nothing was done in the window, so nothing is written")
    _written(out, document, url=url)


def _written(file: Path, document: JsonDict, *, url: str = "") -> None:
    """Write a draft, and say what is missing and what comes next. Raises ConfigError."""
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(str(document["draft"]))
    except FileExistsError:
        raise ConfigError(f"{file} is there already: name another file with --out") from None
    echo(f"{file} is written")
    for problem in document["problems"]:
        echo(f"  {problem}")
    again = "complete it, then: " if document["problems"] else "next: "
    echo(f"{again}factory journeys try {file}" + (f" --url {url}" if url else ""))


def _asked(shown: JsonDict) -> JsonDict:
    """What a person answers; the issue's own answers are offered."""
    through = ask("What does it go through?", choices=THROUGH, default=shown["through"])
    question, usual = WHERE[through]
    known = shown["start"] if through == shown["through"] else ""
    start = ask(question, default=known or usual)
    fields: list[str] = []
    if through != "command":
        what = "filled in, by their labels" if through == "page" else "sent"
        known = ", ".join(shown["fields"])
        listed = ask(f"Which fields are {what}, with commas between?", default=known)
        fields = [one.strip() for one in listed.split(",") if one.strip()]
    press = ""
    if through == "page":
        press = ask("Which button is pressed then?", default=shown["press"])
    example = f", like: Booked for {{{fields[0]}}}" if fields else ""
    see = ask(f"Which words must be there then{example}?", default=shown["see"])
    return {"through": through, "start": start, "fields": fields, "press": press, "see": see}


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
    help="Start the app by this command, as for sh, and not by that of factory.toml.",
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
    folder, which is started in its own sandbox by the folder's factory.toml or by --start;
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
    # Finding it starts sandboxes; it matters to these alone.
    asks_form = settings.services or not settings.app.start
    form = SandboxSupervisor(Path()).form() if asks_form else ""
    document = app_document(settings, folder, form=form)
    with tempfile.NamedTemporaryFile("w", prefix="factory-app-", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        yield (*given, f"--app-file={file.name}")
