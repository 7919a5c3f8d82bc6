"""`factory drill`: trip every brake on purpose, on a scratch copy of the user's configuration."""

from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home
from harness.domain.plain import JsonDict

if TYPE_CHECKING:
    from harness.cli.output.printable_console import PrintableConsole
    from harness.operations.drill.attack import Attack
    from harness.operations.drill.policy_files import PolicyFiles
    from harness.operations.drill.run import AttackResult


@click.command()
@click.argument("source", metavar="[PATH|URL]", required=False)
@click.option("--example", is_flag=True, help="Drill the policy of the example project instead.")
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
    """Trip every brake on purpose, and report which ones held.

    The drill starts a factory on a temporary forge of its own and attacks it. The factory is
    governed by the three governance files and factory.toml of the repository at PATH|URL. Without
    one, the drill takes them from the repository that $FACTORY_HOME serves, or else from the one
    around the current folder. Agents and models are scripted and obey everything they read. Git,
    the sandboxes, the forge, signatures, the browser and the sealed judge are real. No model and no
    network is needed.

    "Held" means that the brake's own effect was observed. If something went wrong, or the result is
    unclear, the brake did not hold. If a rule is missing, the drill names the rule to add. It
    writes only to the temporary folder.

    \b
    Exit codes:
      0  every brake held
      1  a brake did not hold, or the result is unclear
      2  the repository or its policy cannot be used; nothing was run
      5  no forge or no sandbox could be started

    \b
    Examples:
      factory drill
      factory drill ~/src/shop --only "git tricks"
      factory drill --example --json
    """
    from pathlib import Path

    from harness.operations.drill.policy_files import example_policy_files, policy_files_of
    from harness.operations.drill.run import drill_environment, run_attacks, select_attacks

    # First, so that a misspelt name is refused before any repository is fetched.
    attacks = select_attacks(only)
    if listed:
        return _list(attacks, as_json=as_json)
    if example and source is not None:
        raise click.UsageError(
            "--example and a repository exclude each other: one policy is drilled at a time"
        )
    policy = (
        example_policy_files() if example else policy_files_of(source, home=home(), here=Path.cwd())
    )
    with (
        Lines(policy, len(attacks), as_json=as_json) as lines,
        drill_environment(policy) as environment,
    ):
        results = run_attacks(environment, attacks, report=lines.report)
        lines.end(results, environment.sandbox.form())
    return 0 if all(one.outcome.held for one in results) else 1


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
        # The table would read a `[` as the beginning of a style.
        table.add_row(one.subject, one.name, one.brake.replace("[", "\\["), one.trip)
    console().print(table)
    return 0


def _attack(one: "Attack") -> JsonDict:
    return {
        "subject": one.subject,
        "name": one.name,
        "rows": list(one.rows),
        "brake": one.brake,
        "trip": one.trip,
    }


class Lines:
    """Prints one line for each attack when it ends, and a summary at the end; with `--json`, one
    document.
    """

    def __init__(self, policy: "PolicyFiles", count: int, *, as_json: bool) -> None:
        from harness.cli.output.terminal import console

        self._policy, self._count, self._as_json = policy, count, as_json
        self._out: PrintableConsole = console(quiet=as_json)
        self._status = self._out.status("", spinner="dots")
        self._over = 0

    def __enter__(self) -> "Lines":
        import time

        self._began = time.monotonic()
        self._out.print(
            f"The policy of {self._policy.origin}; {self._count} attacks.\n", markup=False
        )
        if self._out.is_interactive:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def report(self, result: "AttackResult") -> None:
        """Print held or not, the seconds, the subject, the attack, the brake, and what was
        observed.
        """
        from rich.markup import escape

        self._over += 1
        word, colour = ("held", "green") if result.outcome.held else ("NOT HELD", "red")
        one = result.attack
        self._out.print(
            f"[{colour}]{word:<8}[/] [dim]{result.seconds:5.1f}s[/]  {escape(one.subject):<24} "
            f"[bold]{escape(one.name):<32}[/] {escape(one.brake)}:"
            f" {_plain(result.outcome.observation)}"
        )
        if result.outcome.fix:
            self._out.print(f"{'':18}→ {_plain(result.outcome.fix)}")
        self._status.update(f"{self._over} of {self._count}")

    def end(self, results: "tuple[AttackResult, ...]", form: str) -> None:
        """Print the summary."""
        import time

        seconds = round(time.monotonic() - self._began, 1)
        broken = [one for one in results if not one.outcome.held]
        if self._as_json:
            emit(
                {
                    "ok": not broken,
                    "law": self._policy.origin,
                    "box": form,
                    "seconds": seconds,
                    "attacks": [
                        {
                            **_attack(one.attack),
                            "held": one.outcome.held,
                            "message": one.outcome.observation,
                            "fix": one.outcome.fix,
                            "seconds": round(one.seconds, 2),
                        }
                        for one in results
                    ],
                }
            )
            return
        self._out.print(
            f"\n{len(results) - len(broken)} of {len(results)} held, in {seconds} s, in sandboxes"
            f" of the form {form}.",
            markup=False,
        )


def _plain(text: str) -> str:
    """What an attack observed, which may contain anything, without markup."""
    from rich.markup import escape

    return escape(text)
