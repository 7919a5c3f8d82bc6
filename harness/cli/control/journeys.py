"""`factory journeys`: what a maintainer may do with sealed journeys. It works at a terminal only;
nothing goes to the forge.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.control.journey_writing import new, record, try_
from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.plain import JsonObject
from harness.domain.shortened import in_one_line

if TYPE_CHECKING:
    from harness.operations.maintenance.sealed_journeys import JourneyDecision

why = click.option(
    "--reason",
    required=True,
    metavar="WORDS",
    help="Why, in a sentence; it is signed and kept for ever.",
)
written = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def journeys() -> None:
    """Draft and try a journey; read, add, supersede and retire sealed ones.

    A change is judged by its journeys, and its implementer never sees them. Whoever may open the
    store may read it. Every decision made here is proved first, then signed in the store, and
    recorded in the ledger by digest. Nothing is shown on the forge. A journey is never edited: it
    is superseded, and the old one is kept.

    \b
    Examples:
      factory journeys list 2
      factory journeys retire 3f0a9c --reason "walks can no longer be cancelled"
    """


for each in (new, record, try_):
    journeys.add_command(each)


@journeys.command("list")
@click.argument("issue", type=int, required=False)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also list what was superseded, retired or dropped, and why.",
)
@as_json
def list_(issue: int | None, everything: bool, as_json: bool) -> None:
    """List the journeys in force, of ISSUE or of all issues.

    One line for each journey: the first letters of its digest, its issue (`mission` if it has
    none), the promise it cites, its purpose (`bug` and `feature` were red on base, `regression` is
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
        echo(line)
    if not found:
        echo(
            "No journey is in force."
            if issue is None
            else f"No journey is in force for issue {issue}."
        )


@journeys.command()
@click.argument("digest")
@as_json
def show(digest: str, as_json: bool) -> None:
    """Show one journey: its text, its history, and its results.

    DIGEST is its digest, or at least the first six letters of it. The output is sealed: do not
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
    echo(f"{entry['digest']}\n{_whose(entry)}, {entry['purpose']}, {_state(found['stands'])}")
    for event in found["history"]:
        echo(f"{event['at']}  {_happened(event)}")
    echo(f"on the newest base: {found['on_base'] or 'not performed yet'}")
    echo(f"injected faults: {'noticed' if found['controlled'] else 'not performed yet'}\n")
    echo(found["text"])


@journeys.command()
@written
@click.option(
    "--issue",
    type=click.IntRange(min=1),
    metavar="N",
    help="The issue that it is for; the default is the mission.",
)
@why
@as_json
def add(file: Path, issue: int | None, reason: str, as_json: bool) -> int:
    """Prove a journey of your own on the base, and seal it.

    FILE holds one journey. If a named expectation is red on the base, twice and with different
    data, the journey waits for the change of its issue. If the journey is green there, it guards
    what works: its negative control must fail, and it must notice the injected faults. For the
    mission it must be green and cite an entry. Nothing else is sealed. This takes a minute; a
    browser performs the journey in a sandbox.

    \b
    Exit codes:
      0  sealed
      1  refused; the reason is printed
      2  the file holds no journey, or there is no such issue

    \b
    Examples:
      factory journeys add group-of-eight.yaml --issue 2 --reason "the largest group was left out"
      factory journeys add book.yaml --reason "booking must always work"
    """
    from harness.operations.maintenance.sealed_journeys import MISSION, open_journeys

    with open_journeys(home()) as store:
        return _report(
            store.added(file.read_text("utf-8"), issue=issue or MISSION, reason=reason), as_json
        )


@journeys.command()
@click.argument("digest")
@written
@why
@as_json
def supersede(digest: str, file: Path, reason: str, as_json: bool) -> int:
    """Replace a journey with another one that is proved.

    FILE is proved as by `factory journeys add`, for the issue of the journey with DIGEST. The old
    journey is retired in the same moment. So the journeys of an old behaviour do not block an
    intended change. Supersede before the change lands (the new journey is red on the base and binds
    nobody until then) or after.

    \b
    Exit codes:
      0  sealed, and the old one is no longer in force
      1  refused; the old one stays in force
      2  no journey has this digest, or the file holds no journey

    \b
    Examples:
      factory journeys supersede 3f0a9c cancel.yaml --reason "cancelling asks for a reason now"
    """
    from harness.operations.maintenance.sealed_journeys import open_journeys

    with open_journeys(home()) as store:
        return _report(store.superseded(digest, file.read_text("utf-8"), reason=reason), as_json)


@journeys.command()
@click.argument("digest")
@why
@as_json
def retire(digest: str, reason: str, as_json: bool) -> int:
    """Take a journey out of force.

    The journey with DIGEST no longer binds any change. The journey, its proofs and this decision
    are kept. A verdict that was made with it becomes stale, and is made again before anything
    lands.

    \b
    Exit codes:
      0  retired
      1  refused
      2  no journey in force has this digest

    \b
    Examples:
      factory journeys retire 3f0a9c --reason "walks can no longer be cancelled"
    """
    from harness.operations.maintenance.sealed_journeys import open_journeys

    with open_journeys(home()) as store:
        return _report(store.retired(digest, reason=reason), as_json)


def _report(found: "JourneyDecision", as_json: bool) -> int:
    ok = found.outcome != "refused"
    emit({"ok": ok, "outcome": found.outcome, "message": found.message}) if as_json else echo(
        f"{found.outcome}: {found.message}"
    )
    return 0 if ok else 1


def _lines(found: Iterable[JsonObject]) -> Iterable[str]:
    for one in found:
        state = "" if one["stands"] else f"  {_happened(one)}"
        whose, what = _whose(one), in_one_line(one["journey"]) or "(no journey)"
        # The store finds a journey by the first letters of its digest, so these are enough to copy.
        short = one["digest"].removeprefix("sha256:")[:12]
        yield f"{short:<12}  {whose:<8} {one['promise']:<12} {one['purpose']:<10} {what}{state}"


def _happened(event: JsonObject) -> str:
    return in_one_line(f"{event['event']} by {event['actor']}: {event['reason']}")


def _whose(entry: JsonObject) -> str:
    return f"#{entry['issue']}" if entry["issue"] else "mission"


def _state(stands: bool) -> str:
    return "in force" if stands else "no longer in force"
