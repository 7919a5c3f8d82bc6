"""`factory drill`: every brake tripped on purpose, on a scratch copy of what steers the user's own
factory."""

from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import as_json, emit, home

if TYPE_CHECKING:
    from rich.console import Console

    from harness.operations.drill.attack import Attack
    from harness.operations.drill.policy_files import PolicyFiles
    from harness.operations.drill.run import AttackResult


@click.command()
@click.argument("source", metavar="[PATH|URL]", required=False)
@click.option("--example", is_flag=True, help="Drill the law of the example project instead.")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Only the attack or the subject of this name; may be repeated.",
)
@click.option("--list", "listed", is_flag=True, help="Name the attacks and run none.")
@as_json
def drill(
    source: str | None, example: bool, only: tuple[str, ...], listed: bool, as_json: bool
) -> int:
    """Trip every brake on purpose, and say which held.

    Attacks are run against a factory on a forge of its own in the temporary folder, under the three
    governance files and factory.toml of the repository at PATH|URL; without one, of what
    $FACTORY_HOME serves, or of the repository that the current folder is in. Agents and models are
    scripted and obey everything that they read; git, the boxes, the forge, signatures, the browser
    and the sealed judge are real. Needs no model and no network.

    Held means that the brake's own effect was seen. Whatever went wrong or could not be told is not
    held. Where a rule is missing, the rule to add is named. Nothing but the temporary folder is
    written.

    \b
    Exit codes:
      0  every brake held
      1  one did not, or it could not be told
      2  the repository or its law cannot be used; nothing was run
      5  no forge or no box could be started

    \b
    Examples:
      factory drill
      factory drill ~/src/shop --only "git tricks"
      factory drill --example --json
    """
    from pathlib import Path

    from harness.operations.drill.policy_files import example_policy_files, policy_files_of
    from harness.operations.drill.run import drill_environment, run_attacks, select_attacks

    attacks = select_attacks(only)
    if listed:
        return _list(attacks, as_json=as_json)
    if example and source is not None:
        raise click.UsageError(
            "--example and a repository exclude each other: one law is drilled at a time"
        )
    law = (
        example_policy_files() if example else policy_files_of(source, home=home(), here=Path.cwd())
    )
    with Lines(law, len(attacks), as_json=as_json) as lines, drill_environment(law) as drill:
        told = run_attacks(drill, attacks, report=lines.tell)
        lines.end(told, drill.sandbox.form())
    return 0 if all(one.outcome.held for one in told) else 1


def _list(attacks: "tuple[Attack, ...]", *, as_json: bool) -> int:
    from rich.table import Table

    from harness.cli.output.terminal import console

    if as_json:
        emit({"ok": True, "attacks": [_attack(one) for one in attacks]})
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("subject", "attack", "brake", "how it is tripped"):
        table.add_column(title)
    for one in attacks:
        table.add_row(one.subject, one.name, one.brake.replace("[", "\\["), one.trip)
    console().print(table)
    return 0


def _attack(one: "Attack") -> dict[str, Any]:
    return {
        "subject": one.subject,
        "name": one.name,
        "rows": list(one.rows),
        "brake": one.brake,
        "trip": one.trip,
    }


class Lines:
    """A line for each attack as it ends, and the sum at the end; one document for machines."""

    def __init__(self, law: "PolicyFiles", count: int, *, as_json: bool) -> None:
        from harness.cli.output.terminal import console

        self._law, self._count, self._as_json = law, count, as_json
        self._out: Console = console(quiet=as_json)
        self._status = self._out.status("", spinner="dots")
        self._over = 0

    def __enter__(self) -> "Lines":
        import time

        self._began = time.monotonic()
        self._out.print(f"The law of {self._law.origin}; {self._count} attacks.\n", markup=False)
        if self._out.is_interactive:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def tell(self, told: "AttackResult") -> None:
        """One line: held or not, the seconds, the subject, the attack, the brake, what was seen."""
        from rich.markup import escape

        self._over += 1
        word, colour = ("held", "green") if told.outcome.held else ("NOT HELD", "red")
        one = told.attack
        self._out.print(
            f"[{colour}]{word:<8}[/] [dim]{told.seconds:5.1f}s[/]  {escape(one.subject):<24} "
            f"[bold]{escape(one.name):<32}[/] {escape(one.brake)}: {_plain(told.outcome.observation)}"
        )
        if told.outcome.fix:
            self._out.print(f"{'':18}→ {_plain(told.outcome.fix)}")
        self._status.update(f"{self._over} of {self._count}")

    def end(self, told: "tuple[AttackResult, ...]", form: str) -> None:
        """The sum."""
        import time

        seconds, broken = (
            round(time.monotonic() - self._began, 1),
            [one for one in told if not one.outcome.held],
        )
        if self._as_json:
            emit(
                {
                    "ok": not broken,
                    "law": self._law.origin,
                    "box": form,
                    "seconds": seconds,
                    "attacks": [
                        {
                            **_attack(one.attack),
                            "held": one.outcome.held,
                            "says": one.outcome.observation,
                            "fix": one.outcome.fix,
                            "seconds": round(one.seconds, 2),
                        }
                        for one in told
                    ],
                }
            )
            return
        self._out.print(
            f"\n{len(told) - len(broken)} of {len(told)} held, in {seconds} s, in boxes of the form"
            f" {form}.",
            markup=False,
        )


def _plain(text: str) -> str:
    """What an attack saw, which may hold anything, for a terminal."""
    from rich.markup import escape

    from harness.cli.output.terminal import printable

    return escape(printable(text))
