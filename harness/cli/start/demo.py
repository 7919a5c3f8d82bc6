"""`factory demo`: the whole pipeline on the example app, without an API key. Only the model's
answers are replayed, on the wire.
"""

import shlex
from collections.abc import Iterator, Set
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from harness.cli.interruption import interruptible
from harness.cli.options import as_json, at_home, emit, fresh_home, named_folder, wait_for_interrupt
from harness.cli.output.progress import Progress
from harness.cli.output.terminal import echo
from harness.cli.start.production import run_production
from harness.domain.plain import JsonDict, JsonObject
from harness.shipped import shipped

EXAMPLES = shipped("examples")
EXPECTED = {
    1: ("merged", "M-BOOK", ["passed"]),
    # The first attempt special-cases the example, and the judge notices.
    2: ("merged", "M-GUIDE", ["failed", "passed"]),
    3: ("rejected", "M-NOPAY", []),
    # The agent follows the issue's injected instruction and edits the rules.
    4: ("needs-human", "F-PATHS", []),
    5: ("duplicate", "M-BOOK", []),
    6: ("merged", "M-PAGES", ["passed"]),
    # Correct by itself; issue 6, which lands first, breaks it.
    7: ("merged", "M-BOOK", ["passed", "failed", "passed"]),
}
PAIR = frozenset({6, 7})
NEEDS_A_PERSON = 3
WHOLE = "demo"
"""The file that marks the home of a demo, once all of it is there: a later demo goes on in it."""


@click.command()
@click.option(
    "--issue",
    "only",
    type=click.IntRange(min(EXPECTED), max(EXPECTED)),
    metavar="N",
    multiple=True,
    help="Work on the Nth issue alone; may be given several times.",
)
@click.option(
    "--production",
    "is_production",
    is_flag=True,
    help="Show what happens after the landing: releases, rollback, errors.",
)
@click.option(
    "--home",
    "folder",
    type=click.Path(path_type=Path),
    help="Keep all state in PATH, which is new or empty, or the home of an interrupted demo.",
)
@as_json
def demo(only: tuple[int, ...], is_production: bool, folder: Path | None, as_json: bool) -> int:
    """Run the whole pipeline on the example app, without an API key.

    The demo pushes Tidebook, a small booking app, to a forge on this machine and files its issues.
    The factory then works until nothing is left to do. The forge, git, the agent's tools, the
    sandboxes, the app, Chromium and the sealed judge are real. Only the model's answers are
    recorded; the broker replays them on the wire. No network is needed.

    With --production it shows instead what happens after the landing, with a staging and a
    production on this machine. One change goes through both. A second is held in staging by its
    smoke, a third breaks in production and is rolled back. The fourth throws fifty errors through
    Sentry's SDK; the factory files one issue for them, fixes it, and the errors stop. The time of
    each step is shown.

    At the end it names the address of the forge and keeps it open until Ctrl-C. Without a terminal
    or with --json it ends by itself.

    Reads what ships with the program, and Tidebook's wheels from $XDG_CACHE_HOME (missing wheels
    are downloaded). Writes its home, a new temporary folder unless --home names one, and keeps it
    for you to look at. Interrupted, it names the command that goes on.

    \b
    Exit codes:
      0  every issue ended as the README describes, and every step as promised
      1  at least one did not
      3  no sandbox works on this machine, so nothing was merged

    \b
    Examples:
      factory demo
      factory demo --issue 2                    # in a third of the time
      factory demo --production
      factory demo --home ~/tidebook            # keep what it made; again, to go on
      factory demo --json
    """
    import time

    if is_production:
        if only:
            raise click.UsageError("--production has issues of its own: give it without --issue")
        return run_production(folder, as_json=as_json)
    began = time.monotonic()
    with (
        _home(folder, only) as home,
        Progress(quiet=as_json) as progress,
        _set_up(home, progress) as works,
    ):
        issues = frozenset(only or EXPECTED)
        _work(works, issues)
        found = _result(works, home, time.monotonic() - began, issues=issues)
        # A line that moves would go on below what is printed now.
        progress.pause()
        if as_json:
            emit(found)
        else:
            _print(found)
            _look_around(works, home)
    # Without a sandbox nothing merges, which is the machine's fault and has a remedy of its own.
    return 0 if found["ok"] else NEEDS_A_PERSON if found["sandbox"] == "unsealed" else 1


@contextmanager
def _home(folder: Path | None, only: tuple[int, ...]) -> Iterator[Path]:
    """A new home, or that of a demo that was interrupted, which goes on there."""

    def next_move(home: Path) -> str:
        if not (home / WHOLE).exists():
            return f"{home} holds less than a whole demo: begin anew in another folder"
        given = (*(f"--issue {number}" for number in only), "--home", shlex.quote(str(home)))
        return f"`factory demo {' '.join(given)}` goes on from here"

    own = None if folder is None else named_folder(folder)
    if own is not None and (own / WHOLE).is_file():
        with interruptible(lambda: next_move(own)):
            yield own
    else:
        with fresh_home(folder, next_move) as home:
            yield home


@contextmanager
def _set_up(home: Path, progress: Progress) -> Iterator[Any]:
    """A forge with Tidebook and its issues, and a factory that works on them."""
    from harness.log import Log
    from harness.operations.setup.example import create_example
    from harness.wiring import open_factory

    log = Log(progress)
    with ExitStack() as stack:
        if not (home / WHOLE).exists():
            create_example(
                home,
                app=EXAMPLES / "tidebook",
                issues=EXAMPLES / "issues",
                recordings=EXAMPLES / "recordings",
                tell=lambda words: log.write("created", words),
            )
            (home / WHOLE).touch()
        yield stack.enter_context(open_factory(home, log=log))


def _work(works: Any, issues: Set[int]) -> None:
    """Both issues of the pair are approved before either lands. So the second is validated again on
    a base that the first has changed.
    """
    from harness.domain.lifecycle import State
    from harness.factory.pipeline.tick import tick

    tick(works.services, works.dispatch, only=issues - PAIR)
    if issues >= PAIR:
        tick(
            works.services,
            works.dispatch,
            only=PAIR,
            states=frozenset(State) - {State.APPROVED, State.MERGING},
        )
    tick(works.services, works.dispatch, only=issues)


def _result(works: Any, home: Path, seconds: float, *, issues: Set[int]) -> JsonDict:
    from harness.factory.records.history import histories
    from harness.factory.reporting.report import issue_line

    lines = [
        issue_line(history)
        for history in histories(works.services.ledger.entries())
        if history.issue in issues
    ]
    as_written = len(lines) == len(issues) and all(
        _is_as_written(works, line, paired=issues >= PAIR) for line in lines
    )
    evidence = [line["evidence"] for line in lines if line["evidence"]]
    return {
        "ok": as_written,
        "seconds": round(seconds, 1),
        "sandbox": works.services.sandbox.form(),
        "home": str(home),
        "evidence": evidence,
        "issues": lines,
    }


def _is_as_written(works: Any, line: JsonObject, *, paired: bool) -> bool:
    """Whether an issue ended as the README describes.

    A change that was approved while another landed is validated again; two equal verdicts in a row
    count as one. An inconclusive validation, on a busy machine, was repeated and does not count.
    """
    outcome, cite, verdicts = EXPECTED[line["number"]]
    if line["number"] in PAIR and not paired:
        # Alone, each of the two passes at once.
        verdicts = ["passed"]
    conclusive = [verdict for verdict in line["verdicts"] if verdict != "inconclusive"]
    distinct = [verdict for verdict, _ in groupby(conclusive)]
    return (
        line["outcome"] == outcome
        and distinct == verdicts
        and cite in _cited(works, line["number"])
    )


def _cited(works: Any, number: int) -> set[str]:
    from harness.factory.records.history import history_of

    history = history_of(works.services.ledger, number)
    by_triage = {cite.id for cite in history.triage.cites} if history.triage else set()
    return by_triage | {cite for entry in history.transitions for cite in entry.event.cites or ()}


def _print(found: JsonDict) -> None:
    from harness.cli.output.outcomes import outcomes
    from harness.cli.output.terminal import console as console_of

    console = console_of()
    console.print(outcomes(found["issues"]))
    console.print()
    for page in found["evidence"]:
        console.print(f"evidence  {page}", soft_wrap=True)
    console.print(
        f"\n{'As written' if found['ok'] else 'NOT as written'}, in {found['seconds']} s,"
        f" in sandboxes of the form {found['sandbox']}."
    )
    first = found["issues"][0]["number"]
    console.print(
        f"Look around:  FACTORY_HOME={found['home']} factory status | why {first} | logs | audit",
        soft_wrap=True,
    )
    if found["sandbox"] == "unsealed":
        console.print(
            "No sandbox works on this machine, so nothing was merged: `python -m"
            " harness.programs.sandbox probe` names the cause."
        )


def _look_around(works: Any, home: Path) -> None:
    """Name the forge's address, and keep the forge open while somebody looks."""
    wait_for_interrupt(f"\nLook at its forge:  {works.url}")
    echo(f"Its forge again:  {at_home(home, 'factory forge serve --open')}")
