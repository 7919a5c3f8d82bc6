"""`factory journeys`: what a maintainer may do with sealed journeys. At a terminal only; nothing
here goes to the forge."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import printable

if TYPE_CHECKING:
    from harness.operations.maintenance.sealed_journeys import Decided

why = click.option(
    "--reason",
    required=True,
    metavar="WORDS",
    help="Why, in a sentence; it is signed and kept for ever.",
)
written = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def journeys() -> None:
    """Read, add, supersede and retire sealed journeys.

    A journey is what a change is judged by and its implementer never sees. Who may open the store
    may read it; what is decided here is proved first, signed in the store, and written into the
    ledger by digest. Nothing is shown on the forge, and a journey is never edited: it is
    superseded, and what it was is kept.

    \b
    Examples:
      factory journeys list 2
      factory journeys retire 3f0a9c --reason "walks can no longer be cancelled"
    """


@journeys.command("list")
@click.argument("issue", type=int, required=False)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also what was superseded, retired or dropped, and why.",
)
@as_json
def list_(issue: int | None, everything: bool, as_json: bool) -> None:
    """List the journeys that stand, of ISSUE or of all.

    One line a journey: the first letters of its digest, its issue (`mission` where it is of none),
    the promise it cites, why it is there (`bug` and `feature` were red on base, `regression` is
    green there), and its name.

    \b
    Examples:
      factory journeys list
      factory journeys list 2 --all
    """
    from harness.operations.maintenance.sealed_journeys import open_journeys

    with open_journeys(home()) as store:
        found = [
            one
            for one in store.entries()
            if issue in (None, one["issue"]) and (everything or one["stands"])
        ]
    if as_json:
        emit({"journeys": found})
        return
    for line in _lines(found):
        click.echo(line)
    if not found:
        click.echo(
            "No journey stands." if issue is None else f"No journey stands for issue {issue}."
        )


@journeys.command()
@click.argument("digest")
@as_json
def show(digest: str, as_json: bool) -> None:
    """Show one journey: its text, its history, and what it has shown.

    DIGEST is its digest, or the first six letters of it or more. What is printed is sealed: do not
    paste it anywhere.

    \b
    Examples:
      factory journeys show 3f0a9c
    """
    from harness.operations.maintenance.sealed_journeys import open_journeys

    with open_journeys(home()) as store:
        found = store.shown(digest)
    if as_json:
        emit(found)
        return
    entry = found["entry"]
    click.echo(
        printable(
            f"{entry['digest']}\n{_whose(entry)}, {entry['purpose']}, {_state(found['stands'])}"
        )
    )
    for event in found["history"]:
        click.echo(
            printable(f"{event['at']}  {event['event']} by {event['actor']}: {event['reason']}")
        )
    click.echo(f"on the newest base: {found['on_base'] or 'not performed yet'}")
    click.echo(f"saboteurs: {'noticed' if found['controlled'] else 'not performed yet'}\n")
    click.echo(printable(found["text"]))


@journeys.command()
@written
@click.option(
    "--issue",
    type=click.IntRange(min=1),
    metavar="N",
    help="The issue that it is for; without it, the mission alone.",
)
@why
@as_json
def add(file: Path, issue: int | None, reason: str, as_json: bool) -> int:
    """Prove a journey of your own on the base, and seal it.

    FILE holds one journey. Red on the base by a named expectation, twice and with other data, it
    waits for the change of its issue. Green there, it guards what works: its twin must fail and it
    must notice the saboteurs. For the mission it must be green and cite an entry. Nothing else is
    sealed. Takes a minute; a browser performs it in a box.

    \b
    Exit codes:
      0  sealed
      1  refused; the reason is printed
      2  the file or the issue is not one

    \b
    Examples:
      factory journeys add group-of-eight.yaml --issue 2 --reason "the largest group was left out"
      factory journeys add book.yaml --reason "booking must always work"
    """
    from harness.operations.maintenance.sealed_journeys import MISSION, open_journeys

    with open_journeys(home()) as store:
        return _told(
            store.added(file.read_text("utf-8"), issue=issue or MISSION, reason=reason), as_json
        )


@journeys.command()
@click.argument("digest")
@written
@why
@as_json
def supersede(digest: str, file: Path, reason: str, as_json: bool) -> int:
    """Put a proved journey in the place of another.

    FILE is proved as by `factory journeys add`, for the issue of the journey with DIGEST, which
    goes in the same moment. So an intended change is not held up by what guards the old behaviour:
    supersede before the change lands (the new one is red on the base and binds nobody until then)
    or after.

    \b
    Exit codes:
      0  sealed, and the old one binds no more
      1  refused; the old one stands
      2  no journey has this digest, or the file is not one

    \b
    Examples:
      factory journeys supersede 3f0a9c cancel.yaml --reason "cancelling asks for a reason now"
    """
    from harness.operations.maintenance.sealed_journeys import open_journeys

    with open_journeys(home()) as store:
        return _told(store.superseded(digest, file.read_text("utf-8"), reason=reason), as_json)


@journeys.command()
@click.argument("digest")
@why
@as_json
def retire(digest: str, reason: str, as_json: bool) -> int:
    """Take a journey out of force.

    The journey with DIGEST binds no change any more. It, its proofs and this decision are kept. A
    verdict that was made with it is stale from then on, and made again before anything lands.

    \b
    Exit codes:
      0  retired
      1  refused
      2  no journey that stands has this digest

    \b
    Examples:
      factory journeys retire 3f0a9c --reason "walks can no longer be cancelled"
    """
    from harness.operations.maintenance.sealed_journeys import open_journeys

    with open_journeys(home()) as store:
        return _told(store.retired(digest, reason=reason), as_json)


def _told(found: "Decided", as_json: bool) -> int:
    ok = found.outcome != "refused"
    emit({"ok": ok, "outcome": found.outcome, "says": found.says}) if as_json else click.echo(
        f"{found.outcome}: {found.says}"
    )
    return 0 if ok else 1


def _lines(found: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for one in found:
        state = "" if one["stands"] else f"  {one['event']} by {one['actor']}: {one['reason']}"
        whose, what = _whose(one), one["journey"] or "(no journey)"
        short = one["digest"].removeprefix("sha256:")[:12]
        yield printable(
            f"{short:<12}  {whose:<8} {one['promise']:<12} {one['purpose']:<10} {what}{state}"
        )


def _whose(entry: Mapping[str, Any]) -> str:
    return f"#{entry['issue']}" if entry["issue"] else "mission"


def _state(stands: bool) -> str:
    return "stands" if stands else "stands no more"
