"""`factory plan`: a dry run of the pipeline for one issue, before anything is paid for."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.shortened import in_one_line

if TYPE_CHECKING:
    from harness.factory.pipeline.dry_run import DryRun


@click.command()
@click.argument("issue")
@click.option(
    "--cap",
    default="0.25",
    metavar="USD",
    help="The most that it may spend, in US dollars.",
    show_default=True,
)
@as_json
def plan(issue: str, cap: str, as_json: bool) -> int:
    """Do a dry run for ISSUE, and list what the issue leaves open.

    ISSUE is a number on the forge, or a Markdown file with an issue that is not filed yet. Triage
    decides as in a real run. A planner names the files that the change would touch, and the rules
    are checked on those files. A model lists what the implementer, or the author of the sealed
    journeys, would have to guess. The output also shows the context an implementer would get, and
    what similar issues have cost and how long they took. Nothing is built.

    Writes nothing to the forge, and to the ledger only its own cost. No other factory may be at
    work on the home.

    \b
    Exit codes:
      0  an implementer may start
      1  a finding: triage would not accept it, something is open, or a rule would refuse it
      2  there is no such issue
      5  another factory works on this home, or the forge does not answer

    \b
    Examples:
      factory plan 7
      factory plan idea.md --cap 0.05
      factory plan 7 --json | jq '.gaps[].asks'
    """
    from harness.cli.output.progress import Progress
    from harness.log import Log
    from harness.operations.dry_run import plan_issue

    # isdigit alone also accepts characters such as ², which int() refuses.
    asked = int(issue) if issue.isascii() and issue.isdigit() else _file(issue)
    with Progress(quiet=True) as progress:
        found = plan_issue(home(), asked, cap=_dollars(cap), log=Log(progress))
    if as_json:
        emit({"ok": found.is_clear, **found.document()})
    else:
        _print(found)
    return 0 if found.is_clear else 1


def _file(named: str) -> Path:
    path = Path(named)
    if not path.is_file():
        raise click.UsageError(f"{named} is neither the number of an issue nor a file")
    return path


def _dollars(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        # Not finite, so the next check refuses it with the same message.
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise click.UsageError(f"--cap: expected US dollars such as 0.25, found {text!r}")
    return amount


def _print(found: "DryRun") -> None:
    echo(f"#{found.issue} {in_one_line(found.title)[:80]}")
    echo(
        f"  triage    {found.event or 'no decision'}: {in_one_line(found.reason)}"
        + (f" ({', '.join(found.cites)})" if found.cites else "")
    )
    if found.asks:
        echo(f"  asks back {in_one_line(found.asks)}")
    for number, step in enumerate(found.plan.steps if found.plan else (), start=1):
        echo(f"  step {number}    {in_one_line(step.does)} [{', '.join(step.touches)}]")
    _print_findings(found)
    if found.context:
        tokens = sum(tokens for _, tokens in found.context)
        echo(f"  context   {tokens} tokens: {', '.join(name for name, _ in found.context)}")
    echo(f"  cost      {found.cost.sentence}")
    median = f"{found.minutes} minutes in the middle" if found.minutes is not None else "no history"
    echo(f"  time      {median}")
    echo(f"  spent     ${found.spent:.4f} on this")
    if found.cut:
        echo(f"  CUT SHORT {found.cut}")
    echo("An implementer may start." if found.is_clear else "Not clear yet.")


def _print_findings(found: "DryRun") -> None:
    """Print what the rules would refuse, what the issue leaves open, and what was dropped."""
    for words in found.refusals:
        echo(f"  REFUSED   {in_one_line(words)}")
    for gap in found.gaps:
        echo(
            f"  OPEN      {in_one_line(gap.asks)} ({gap.who})"
            + (f"  “{in_one_line(gap.quote)}”" if gap.quote else "  the issue is silent")
        )
        echo(f"            {in_one_line(gap.matters)}")
    for words in found.dropped:
        echo(f"  dropped   {in_one_line(words)}")
