"""`factory revert`: undo a landing, as a pull request or, at a terminal, at once."""

import sys

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo


@click.command()
@click.argument("issue", type=int)
@click.option(
    "--land",
    is_flag=True,
    help="Put the revert on the default branch at once; this asks first, and needs a terminal.",
)
@as_json
def revert(issue: int, land: bool, as_json: bool) -> None:
    """Revert what landed for ISSUE.

    Every landing has a revert ready, made from the commit that landed. Without --land it is
    proposed as a pull request; nothing changes until somebody merges it. With --land it lands at
    once, by compare-and-swap and without a verdict, and the issue waits for a person. Later work
    on top of the landing stays. If the revert conflicts with it, nothing is done, and the command
    to revert by hand is printed.

    Reads the ledger and the trusted repository. Writes the ledger, and a branch and a pull request
    on the forge, or its default branch. Exit code 1 if it conflicts or the forge refuses, 2 if
    nothing of ISSUE has landed.

    \b
    Examples:
      factory revert 7
      factory revert 7 --land
    """
    from harness.cli.output.progress import Progress
    from harness.domain.errors import ConfigError
    from harness.factory.pipeline.tick import current_policy
    from harness.factory.stages import revert as reverting
    from harness.log import Log
    from harness.wiring import open_factory

    # An agent or a script must not land a revert, so a terminal is required.
    if land and not sys.stdin.isatty():
        raise ConfigError(
            "--land is for a maintainer at a terminal; without it the revert is proposed as a pull"
            " request"
        )
    with Progress(quiet=True) as progress, open_factory(home(), log=Log(progress)) as works:
        if not land:
            opened = reverting.propose(works.services, issue)
            document = {"ok": True, "pull_request": opened.number, "head": opened.head}
            words = (
                f"Pull request #{opened.number} takes back what landed for #{issue}; nothing"
                " changes until it is merged."
            )
        else:
            # On standard error, because standard output carries the answer alone.
            click.confirm(
                f"Take back what landed for #{issue}, on the default branch, now?",
                abort=True,
                err=True,
            )
            done = reverting.land(
                works.services,
                issue,
                rules=current_policy(works.services).digest,
                reason="taken back by a maintainer at a terminal",
            )
            document = {"ok": True, "commit": done.commit, "of": done.of}
            words = (
                f"Taken back by {done.commit:.12} on {done.branch}; #{issue} waits for a person."
            )
    emit(document) if as_json else echo(words)
