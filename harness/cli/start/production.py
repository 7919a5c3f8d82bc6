"""`factory demo --production`: what happens to changes after they have landed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.options import at_home, emit, fresh_home, wait_for_interrupt
from harness.cli.output.progress import Progress
from harness.domain.plain import JsonDict
from harness.domain.shortened import in_one_line
from harness.shipped import shipped

if TYPE_CHECKING:
    from harness.operations.production_demo.story import Step, Story

NEEDS_A_PERSON = 3


def run_production(folder: Path | None, *, as_json: bool) -> int:
    """Perform the story, print each step and its time, and end what was started. Returns the exit
    code of `factory demo`."""
    import time

    from harness.operations.production_demo.story import STEPS, performed

    began = time.monotonic()
    with (
        fresh_home(folder, _next_move) as home,
        Progress(quiet=as_json) as progress,
        _set_up(home, progress) as story,
    ):
        steps = []
        for step in performed(story):
            steps.append(step)
            progress.say(f"\n{len(steps):>2}. {_line(step)}\n")
        found: JsonDict = {
            "ok": len(steps) == len(STEPS) and all(step.holds for step in steps),
            "seconds": round(time.monotonic() - began, 1),
            "sandbox": story.works.services.sandbox.form(),
            "home": str(home),
            "steps": [_document(step) for step in steps],
        }
        progress.pause()
        if as_json:
            emit(found)
        else:
            _print(steps, found)
            # The places and the forge stay up while somebody looks.
            wait_for_interrupt("\n".join(f"{name}:  {url}" for name, url in story.addresses()))
    return 0 if found["ok"] else NEEDS_A_PERSON if found["sandbox"] == "unsealed" else 1


def _next_move(home: Path) -> str:
    return (
        f"its story begins anew in another folder; `{at_home(home, 'factory status')}` shows how"
        " far this one came"
    )


@contextmanager
def _set_up(home: Path, progress: Progress) -> "Iterator[Story]":
    """The demo's home, its intake for errors, and a factory that works on it. Nothing of them is
    left when the block ends."""
    from harness.home.error_intake import error_intake
    from harness.log import Log
    from harness.operations.production_demo.example import create_production_example
    from harness.operations.production_demo.story import Story, end_places
    from harness.wiring import open_factory

    log, examples = Log(progress), shipped("examples")
    with ExitStack() as stack:
        create_production_example(
            home, examples=examples, tell=lambda words: log.write("created", words)
        )
        stack.callback(end_places, home)
        stack.enter_context(error_intake(home, log=log))
        works = stack.enter_context(open_factory(home, log=log))
        production = examples / "production"
        journey = (production / "journeys" / "book-and-cancel.yaml").read_text("utf-8")
        yield Story(works, home, production / "recordings", journey)


def _document(step: "Step") -> JsonDict:
    return {
        "title": step.title,
        "seen": step.seen,
        "seconds": step.seconds,
        "holds": step.holds,
    }


def _line(step: "Step") -> str:
    return f"{'' if step.holds else 'BROKEN: '}{step.title} ({step.seconds:.1f} s): {step.seen}"


def _print(steps: "list[Step]", found: JsonDict) -> None:
    from rich.markup import escape
    from rich.table import Table

    from harness.cli.output.terminal import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("step")
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("what was seen")
    for step in steps:
        seen = in_one_line(step.seen) if step.holds else f"BROKEN: {in_one_line(step.seen)}"
        table.add_row(step.title, f"{step.seconds:.1f} s", escape(seen))
    out = console()
    out.print(table)
    out.print(
        f"\n{'As promised' if found['ok'] else 'NOT as promised'}, in {found['seconds']} s, in"
        f" sandboxes of the form {found['sandbox']}."
    )
    out.print(
        f"Look around:  FACTORY_HOME={found['home']} factory releases | errors | why 4 | audit",
        soft_wrap=True,
    )
