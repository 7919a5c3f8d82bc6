"""`factory gc`: delete what nothing needs, and report what stays and why."""

from collections import Counter

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo

NAMED = 20


@click.command()
@click.option("--dry-run", is_flag=True, help="List what would be deleted, and change nothing.")
@click.option(
    "--days",
    type=click.FloatRange(min=1),
    default=30,
    show_default=True,
    metavar="N",
    help="Keep what was used in the last N days, even if it can be made again.",
)
@as_json
def gc(dry_run: bool, days: float, as_json: bool) -> None:
    """Delete what no open issue needs; never what is not merged.

    Deletes worktrees and test trees of runs that are over; dependencies, fetched packages and spare
    worktrees that nobody used for N days; unfinished files of killed processes; and old demo homes.
    Packs the trusted repository; objects that no branch and no ledger entry names are deleted after
    two weeks. Keeps for ever: the ledger, verdicts and their evidence, journeys and proofs,
    transcripts and requests. The worktree of a run that waits for a person's answer stays N days.
    Recordings for `factory replay` are deleted only if `recordings_days` in home.json sets a limit.

    Everything is renamed before it is deleted. So a kill at any moment leaves nothing half deleted
    but trash, which the next gc deletes. No factory may work on the home meanwhile; `factory up`
    cleans its own home after the day's first scheduled pass.

    \b
    Exit codes:
      0  done
      2  there is no factory at $FACTORY_HOME
      5  another factory works on this home, or the ledger's signature does not match

    \b
    Examples:
      factory gc --dry-run
      factory gc --days 7 --json
    """
    from harness.operations.maintenance.gc import collect_garbage

    found = collect_garbage(home(), days=days, dry_run=dry_run)
    total = sum(found.freed.values())
    if as_json:
        kept = [
            {"kind": one.candidate.kind.value, "path": str(one.candidate.path), "why": one.why}
            for one in found.kept
        ]
        emit(
            {
                "ok": True,
                "dry_run": dry_run,
                "freed_bytes": total,
                "kinds": found.freed,
                "things": found.things,
                "kept": kept,
                "notes": found.notes,
            }
        )
        return
    for kind, size in found.freed.items():
        things = f"{found.things[kind]} of them" if kind in found.things else ""
        echo(f"{kind:<16} {_bytes(size):>10}  {things}".rstrip())
    echo(f"{'Would free' if dry_run else 'Freed'} {_bytes(total)}.")
    # A large home keeps thousands of things for a few reasons, so they are counted.
    for (kind, why), number in Counter(
        (decision.candidate.kind.value, decision.why) for decision in found.kept
    ).most_common(NAMED):
        echo(f"Kept {number} {kind}: {why}.")
    for note in found.notes:
        echo(f"Kept: {note}.")


def _bytes(size: float) -> str:
    """A size for people, in the units of the SI."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
