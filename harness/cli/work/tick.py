"""Commands that advance issues: tick, triage, run, validate. One factory works on a home at a
time."""

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.outcomes import outcome_line
from harness.cli.output.terminal import echo
from harness.domain.errors import BudgetExhausted, ModelsPaused
from harness.domain.lifecycle import State
from harness.domain.shortened import in_one_line


def _work(
    only: int | None, *, states: frozenset[State] | None, as_json: bool, patience: float = 0.0
) -> int:
    from harness.cli.output.progress import Progress
    from harness.factory.pipeline.tick import tick as one_tick
    from harness.factory.records.history import history_of
    from harness.factory.reporting.report import issue_line
    from harness.factory.run.pause import BY_MONEY, pause_in_force
    from harness.log import Log
    from harness.wiring import open_factory

    with (
        Progress(quiet=as_json) as progress,
        open_factory(home(), log=Log(progress), patience=patience) as works,
    ):
        moved = one_tick(
            works.services,
            works.dispatch,
            only=None if only is None else (only,),
            states=states,
            # A limited pass has not seen everything that the dashboard shows.
            shows=only is None and states is None,
        )
        lines = [issue_line(history_of(works.services.ledger, issue)) for issue in moved]
        paused = pause_in_force(works.services.ledger, works.services.clock.now())
    if as_json:
        emit({"ok": True, "moved": lines, "paused": paused.summary if paused else ""})
    else:
        for line in lines:
            echo(outcome_line(line))
        if not lines:
            echo("Nothing to do.")
        if paused:
            echo(f"Paused: {in_one_line(paused.summary)}. The first tick after that goes on.")
    if paused:
        # The pause first: it is why the other issues did not move.
        return (BudgetExhausted if paused.cause in BY_MONEY else ModelsPaused).exit_code
    return 3 if any(line["outcome"] == "needs-human" for line in lines) else 0


@click.command()
@click.option(
    "--wait",
    "patience",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait while another factory works on this home; the default is not to wait.",
)
@as_json
def tick(patience: float, as_json: bool) -> int:
    """Run one pass: read the forge, then advance every issue as far as possible.

    For cron and CI; `factory up` does the same by itself. The pass reads issues, comments, labels
    and pushes from the forge. It then triages, implements, validates and merges until every issue
    waits for somebody else. It continues what a killed tick left unfinished, and does nothing
    twice.

    Reads the three governance files, factory.toml and the workflows at the tip of the default
    branch. Writes the ledger and the runs below $FACTORY_HOME, and branches, pull requests, labels
    and comments on the forge.

    \b
    Exit codes:
      0  done, or there was nothing to do
      3  an issue that moved now needs a person, or the owner's stop is set
      4  the budget of a day or a month is used up: the factory pauses, and prints until when
      5  another factory works on this home, or the forge or a model's provider does not answer

    \b
    Examples:
      factory tick
      factory tick --wait 600
      FACTORY_HOME=/srv/tidebook factory tick --json
    """
    return _work(None, states=None, as_json=as_json, patience=patience)


@click.command()
@as_json
def triage(as_json: bool) -> int:
    """Triage every issue that waits for triage.

    Accepts, rejects, asks back or hands over to a person, by the rules and the mission's own words.
    Nothing is implemented. Reads the forge and the governance files at base; writes the ledger,
    labels and comments. Exit codes are those of `factory tick`.

    \b
    Examples:
      factory triage
      factory triage --json
    """
    return _work(None, states=frozenset({State.UNTRIAGED}), as_json=as_json)


@click.command()
@click.argument("issue", type=int)
@as_json
def run(issue: int, as_json: bool) -> int:
    """Advance ISSUE as far as possible.

    ISSUE is its number on the forge. Other issues keep their state, but what people did to them is
    recorded. Reads and writes what `factory tick` does, with the same exit codes; 2 when there is
    no such issue.

    \b
    Examples:
      factory run 7
      factory run 7 --json
    """
    return _work(issue, states=None, as_json=as_json)


@click.command()
@click.argument("pr", type=int)
@as_json
def validate(pr: int, as_json: bool) -> int:
    """Validate pull request PR again, on the current base.

    PR is the number of a pull request that this factory opened and whose issue waits for a verdict.
    The candidate is a new merge of the current base and the pull request's head. The sealed judge
    gets fresh sandboxes and writes a new verdict. Nothing is merged. Reads and writes what `factory
    tick` does, with the same exit codes; 2 when the pull request is not the factory's.

    \b
    Examples:
      factory validate 12
      factory validate 12 --json
    """
    from harness.domain.errors import ConfigError
    from harness.factory.records.history import histories
    from harness.home.state import open_ledger

    with open_ledger(home()) as ledger:
        found = [
            history
            for history in histories(ledger.entries())
            if history.proposal and history.proposal.number == pr
        ]
    if not found:
        raise ConfigError(f"pull request #{pr} is not one that this factory opened")
    # Only this state may move, so the pass ends with the verdict and merges nothing.
    return _work(found[-1].issue, states=frozenset({State.VALIDATING}), as_json=as_json)
