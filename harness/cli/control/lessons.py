"""`factory lessons`: what runs noted for later runs, how it served them, and a maintainer's
decisions on it.
"""

from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.plain import JsonDict
from harness.domain.shortened import in_one_line

if TYPE_CHECKING:
    from harness.lessons.lesson import Lesson

why = click.option(
    "--reason", required=True, metavar="WORDS", help="Why, in a sentence; it is kept in the ledger."
)
which = click.argument("lesson")


@click.group()
def lessons() -> None:
    """Read, pin and retire lessons that runs noted for later runs.

    A lesson is one sentence that a model wrote about how things are done in this repository, with
    the line of a file that supports it. Code checks it before it is kept. Agents see the few
    lessons that bear on their issue, after the code and below the rules. A lesson whose runs did
    worse than the others is demoted and no longer shown. Nothing is ever deleted.

    \b
    Examples:
      factory lessons list
      factory lessons retire 3f0a9c --reason "the store keeps its own clock now"
    """


@lessons.command("list")
@click.option("--all", "everything", is_flag=True, help="Also list what is demoted or retired.")
@as_json
def list_(everything: bool, as_json: bool) -> None:
    """List the lessons that are shown to agents.

    One line for each lesson: the first letters of its id, its status, in how many of the runs that
    had it the change passed its first validation, and its text. Reads the ledger and writes
    nothing.

    \b
    Examples:
      factory lessons list
      factory lessons list --all --json
    """
    from harness.factory.models.learning import known_lessons
    from harness.home.state import open_ledger
    from harness.lessons.lesson import LessonStatus

    with open_ledger(home()) as ledger:
        found = [
            one
            for one in known_lessons(ledger)
            if everything or one.status in (LessonStatus.PINNED, LessonStatus.ACTIVE)
        ]
    if as_json:
        emit({"lessons": [_document(one) for one in found]})
        return
    for one in found:
        had = f"{one.had.sound}/{one.had.runs}"
        echo(f"{one.id[:6]}  {one.status:<8} {had}  {in_one_line(one.sentence)}")
    if not found:
        echo("No lesson is shown to agents.")


@lessons.command()
@which
@as_json
def show(lesson: str, as_json: bool) -> None:
    """Show one lesson: its origin, its support, and how it has served.

    LESSON is its id, or at least the first four letters of it. Reads the ledger and writes nothing.

    \b
    Examples:
      factory lessons show 3f0a9c
    """
    from harness.factory.models.learning import lesson_by_id
    from harness.home.state import open_ledger

    with open_ledger(home()) as ledger:
        found = lesson_by_id(ledger, lesson)
    if as_json:
        emit(_document(found))
        return
    for line in _description(found):
        echo(line)


@lessons.command()
@which
@why
@as_json
def pin(lesson: str, reason: str, as_json: bool) -> None:
    """Show LESSON before all others, whatever the results of its runs.

    Writes one entry to the ledger.

    \b
    Examples:
      factory lessons pin 3f0a9c --reason "everybody trips over this"
    """
    _decide("pin", lesson, reason, as_json=as_json)


@lessons.command()
@which
@why
@as_json
def retire(lesson: str, reason: str, as_json: bool) -> None:
    """Show LESSON to nobody any more.

    It stays in the ledger. Noting it again does not bring it back; `factory lessons restore` does.
    Writes one entry to the ledger.

    \b
    Examples:
      factory lessons retire 3f0a9c --reason "the store keeps its own clock now"
    """
    _decide("retire", lesson, reason, as_json=as_json)


@lessons.command()
@which
@why
@as_json
def restore(lesson: str, reason: str, as_json: bool) -> None:
    """Undo the pin or the retirement of LESSON: its runs decide again.

    Writes one entry to the ledger.

    \b
    Examples:
      factory lessons restore 3f0a9c --reason "it holds again since the store was moved back"
    """
    _decide("restore", lesson, reason, as_json=as_json)


def _decide(word: str, lesson: str, reason: str, *, as_json: bool) -> None:
    from harness.factory.models.learning import say_of
    from harness.home.state_backup import command_ledger
    from harness.lessons.lesson import Word

    with command_ledger(home(), command="factory lessons") as ledger:
        found = say_of(ledger, lesson, Word(word), why=reason)
    emit(_document(found)) if as_json else echo(
        f"{found.id[:6]} is {found.status}: {in_one_line(found.sentence)}"
    )


def _document(one: "Lesson") -> JsonDict:
    return {
        "id": one.id,
        "standing": one.status.value,
        "sentence": one.sentence,
        "file": one.file,
        "quote": one.quote,
        "base": one.base,
        "issue": one.issue,
        "run": one.run,
        "role": one.role,
        "at": one.at,
        "entry": one.entry,
        "sightings": one.sightings,
        "had": {"runs": one.had.runs, "sound": one.had.sound},
        "others": {"runs": one.others.runs, "sound": one.others.sound},
        "score": round(one.score, 3),
        "word": one.word.value if one.word else None,
        "why": one.why,
    }


def _description(one: "Lesson") -> list[str]:
    times = "once" if one.sightings == 1 else f"{one.sightings} times"
    return [
        f"{one.id}: {one.status}",
        one.sentence,
        "",
        f"noted {times}, first by the {one.role} of {one.run} for issue {one.issue}, at"
        f" {one.at[:19]}, entry {one.entry}",
        f"rests on {one.file} at {one.base[:7]}: {one.quote}",
        f"sound at the first judgement: {one.had.sound} of {one.had.runs} runs that had it, "
        f"{one.others.sound} of {one.others.runs} that had not",
        *([f"a person said {one.word}: {one.why}"] if one.word else []),
    ]
