"""`factory try`: run the pipeline on a copy of somebody's repository."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, at_home, emit, fresh_home, wait_for_interrupt
from harness.cli.output.progress import Progress
from harness.domain.errors import ConfigError
from harness.domain.plain import JsonDict

if TYPE_CHECKING:
    from harness.operations.setup.trial import Prepared, Trial
    from harness.wiring import Works

NEEDS_A_PERSON = 3
_ENDED_WELL = ("merged", "rejected", "duplicate")


@click.command("try")
@click.argument("source", metavar="PATH|URL")
@click.option(
    "--issues",
    "issues",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="The issues, in Markdown: a folder with one in each *.md, or one file with many.",
)
@click.option(
    "--issue", "only", type=click.IntRange(min=1), metavar="N", help="Work on the Nth issue alone."
)
@click.option(
    "--endpoint", default="", metavar="URL", help="Use this endpoint of the Messages API."
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Answer from the recorded exchanges in DIR.",
)
@click.option(
    "--home",
    "folder",
    type=click.Path(path_type=Path),
    help="Keep all state in PATH, which must be new or empty.",
)
@as_json
def try_(
    source: str,
    issues: Path | None,
    only: int | None,
    endpoint: str,
    replay: Path | None,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Run the pipeline on a copy of a repository; the original stays untouched.

    PATH|URL is a repository's folder, or its https, ssh, git or file address. The command copies
    the tip of its default branch to a forge on this machine, without history, submodules and LFS
    objects. It drafts the missing configuration in the copy and files the issues there. The factory
    then works until nothing is left to do.

    An issue may begin with a front matter of `title` and `author`, both optional. In a folder every
    *.md is one issue. In a single file each further front matter with a title begins another issue;
    where the file has none, each `# ` heading does.

    At the end it names the address of the forge and keeps it open until Ctrl-C. Without a terminal
    or with --json it ends by itself.

    Answers come from Anthropic's API where ANTHROPIC_API_KEY is set, from --endpoint or
    ANTHROPIC_BASE_URL, or from --replay. Only the model broker receives the key.

    \b
    Exit codes:
      0  every issue was merged, rejected by the mission, or a duplicate
      1  an issue did not come to an end
      2  the repository, the issues or the options cannot be used; nothing was created
      3  an issue needs a person
      5  the repository could not be reached, or no sandbox could be started

    \b
    Examples:
      factory try ~/src/shop --issues issues.md
      factory try https://example.org/shop.git --issues issues/ --issue 2
      factory try . --issues issues/ --replay recordings/ --json
    """
    # Not a required option: click's own message does not explain what the files are.
    if issues is None:
        raise ConfigError(
            "no issues to try: give --issues FILE or --issues DIR with Markdown; `factory try"
            " --help` explains how"
        )
    from harness.operations.setup.trial import Trial

    return _tried(Trial(source, issues, endpoint, replay), only, folder=folder, as_json=as_json)


def _tried(trial: "Trial", only: int | None, *, folder: Path | None, as_json: bool) -> int:
    """Run the trial and print what became of its issues. Returns the exit code."""
    from harness.factory.pipeline.tick import tick

    began = time.monotonic()
    with (
        Progress(quiet=as_json) as progress,
        fresh_home(folder, _next_move) as place,
        _set_up(place, trial, progress) as (prepared, works),
    ):
        tick(works.services, works.dispatch, only=None if only is None else (only,))
        found = _result(works, prepared, place, only=only) | {
            "seconds": round(time.monotonic() - began, 1)
        }
        # A line that moves would go on below what is printed now.
        progress.pause()
        if as_json:
            emit(found)
        else:
            _print(found)
            wait_for_interrupt(f"\nLook at its forge:  {works.url}")
    return _exit_code(found)


def _next_move(place: Path) -> str:
    return f"`{at_home(place, 'factory tick')}` goes on from here, with every issue"


@contextmanager
def _set_up(place: Path, trial: "Trial", progress: Progress) -> "Iterator[tuple[Prepared, Works]]":
    """The copy on its forge, and a factory that works on it."""
    from harness.home.programs import model_key
    from harness.log import Log
    from harness.operations.setup.trial import create_trial
    from harness.wiring import open_factory

    log = Log(progress)

    def created(words: str) -> None:
        log.write("created", words)

    # Git is started here for somebody's repository, and must not inherit the key.
    with model_key() as key:
        prepared = create_trial(place, trial, here=Path.cwd(), key=key, tell=created)
    for note in prepared.notes:
        log.write("note", note)
    for draft in prepared.drafts:
        guesses = f": {'; '.join(draft.guesses)}" if draft.guesses else ""
        created(f"drafted {draft.path}{guesses}")
    with open_factory(place, log=log) as works:
        yield prepared, works


def _result(works: "Works", prepared: "Prepared", place: Path, *, only: int | None) -> JsonDict:
    from harness.factory.records.history import histories
    from harness.factory.reporting.report import issue_line

    lines = [
        issue_line(history)
        for history in histories(works.services.ledger.entries())
        if only in (None, history.issue)
    ]
    return {
        "ok": all(line["outcome"] in _ENDED_WELL for line in lines),
        "sandbox": works.services.sandbox.form(),
        "home": str(place),
        "origin": prepared.document.origin,
        "notes": list(prepared.notes),
        "drafted": [
            {"path": draft.path, "guesses": list(draft.guesses)} for draft in prepared.drafts
        ],
        "evidence": [line["evidence"] for line in lines if line["evidence"]],
        "issues": lines,
    }


def _exit_code(found: JsonDict) -> int:
    outcomes = {line["outcome"] for line in found["issues"]}
    return 0 if found["ok"] else NEEDS_A_PERSON if "needs-human" in outcomes else 1


def _print(found: JsonDict) -> None:
    from harness.cli.output.outcomes import outcomes
    from harness.cli.output.terminal import console, echo
    from harness.domain.shortened import in_one_line

    console().print(outcomes(found["issues"]))
    for line in found["issues"]:
        if line["outcome"] not in _ENDED_WELL:
            echo(f"#{line['number']} {line['state']}: {in_one_line(line['message'])}")
    echo()
    for page in found["evidence"]:
        echo(f"evidence  {page}")
    echo(
        f"\n{found['origin']} was not touched. {found['seconds']} s, in sandboxes of the form"
        f" {found['sandbox']}."
    )
    echo(f"Look around:  FACTORY_HOME={found['home']} factory status | why N | logs | audit")
    if found["sandbox"] == "unsealed":
        echo(
            "No sandbox works on this machine, so nothing was merged: `python -m"
            " harness.programs.sandbox probe` names the cause."
        )
