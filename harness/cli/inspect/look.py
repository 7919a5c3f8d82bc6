"""Looking: status, why, logs, audit. Nothing here writes anything."""

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import printable


@click.command()
@as_json
def status(as_json: bool) -> None:
    """Where every issue stands.

    One line an issue: number, state, title, what it has cost (US dollars); above them, which brakes
    are on. Reads the ledger, without the forge and without the network, and writes nothing; works
    while a factory is at work.

    \b
    Examples:
      factory status
      FACTORY_HOME=/srv/tidebook factory status --json
    """
    from harness.factory.records.history import is_stop_requested
    from harness.factory.reporting.report import status as report
    from harness.factory.run.disk_space import disk_space
    from harness.factory.run.effects import is_flagged
    from harness.factory.run.pause import pause_in_force, paused_issues
    from harness.home.state import open_ledger
    from harness.store.clock import SystemClock

    with open_ledger(home()) as ledger:
        disk = disk_space(home())
        paused, waiting = (
            pause_in_force(ledger, now := SystemClock().now()),
            paused_issues(ledger, now),
        )
        stopped = is_flagged(home() / "STOP") is not False or is_stop_requested(ledger)
        found = report(
            ledger,
            stopped=stopped,
            full=disk.says if disk.is_short else "",
            paused=paused.says if paused else "",
        )
    if as_json:
        emit(found)
        return
    if found["stopped"]:
        click.echo("STOPPED by the owner; `factory resume` lifts it.")
    if found["frozen"]:
        click.echo(f"FROZEN: {printable(found['frozen'])}; look at it, then `factory resume`.")
    if found["paused"]:
        click.echo(
            f"PAUSED: {printable(found['paused'])}. It goes on by itself; `factory resume` lifts it"
            " now."
        )
    for number, pause in sorted(waiting.items()):
        click.echo(f"#{number} PAUSED: {printable(pause.says)}. Other issues go on.")
    if found["full"]:
        click.echo(
            f"FULL: {found['full']}; nothing new is begun. `factory gc` frees what nothing needs."
        )
    for issue in found["issues"]:
        click.echo(
            f"#{issue['number']:<4} {issue['state']:<18} {issue['title'][:56]:<56}"
            f" ${issue['cost_usd']:.4f}"
        )
    if not found["issues"]:
        click.echo("No issue is known yet; `factory tick` takes them in.")


@click.command()
@click.argument("issue", type=int)
@as_json
def why(issue: int, as_json: bool) -> None:
    """Why ISSUE stands where it does: rule, fact, quote, evidence.

    ISSUE is its number on the forge. One chain, oldest first: the mission's entry that triage cited
    and the issue's own words, what every rule said of the change and of what would land, the sealed
    verdict, the landing, and what people told the factory. Above it, where the issue goes no
    further, the links that it stands on. Each link names its entry in the ledger; rules have
    permalinks at the commit that governed. The same chain is a page under $FACTORY_HOME, which is
    named in the second line. Reads the ledger and writes nothing.

    \b
    Exit codes:
      0  told
      2  the issue is not known

    \b
    Examples:
      factory why 2
      factory why 2 --json | jq '.chain[.deciding[]].rule'
    """
    from harness.cli.output.chain_lines import show
    from harness.factory.records.chain import page_of
    from harness.factory.reporting.report import why as report
    from harness.home.state import open_ledger
    from harness.operations.daemon.digest import link_of

    with open_ledger(home()) as ledger:
        found = report(ledger, issue)
    page = home() / page_of(issue)
    shown = str(page) if page.exists() else ""
    if as_json:
        emit({**found.as_json(), "page": shown or None})
        return
    show(found, address=link_of(home()), home=home(), page=shown)


@click.command()
@click.argument("run", required=False)
@click.option(
    "--transcript",
    is_flag=True,
    help="What the models of RUN were told, said, called and got back, turn by turn.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="With --transcript: print what is said while it is said, until RUN is over.",
)
@as_json
def logs(run: str | None, transcript: bool, follow: bool, as_json: bool) -> None:
    """What happened in RUN, node by node.

    RUN is a run's name, as in implement-2-1: workflow, issue, attempt. Without it, the runs that
    there are, one a line: when it began (UTC), its name, its issue. Reads the ledger and writes
    nothing.

    With --transcript it prints the conversations as Markdown, made of what the broker wrote down
    and not of what an agent says of itself: each turn with its time, what it called, the beginning
    and the end of what came back, tokens and cents. The same is in the run's folder, as
    transcript.md. What the roles that judge said is sealed, and only where it lies is told.

    \b
    Exit codes:
      0  told
      2  the run is not known

    \b
    Examples:
      factory logs
      factory logs implement-2-1
      factory logs implement-2-1 --transcript --follow
    """
    from harness.factory.reporting.report import logs as report
    from harness.home.state import open_ledger

    if (transcript and run is None) or (follow and (not transcript or as_json)):
        raise click.UsageError(
            "--transcript wants a RUN, which `factory logs` lists, and --follow a --transcript"
            " without --json"
        )
    with open_ledger(home()) as ledger:
        found = report(ledger, run)
    if transcript:
        from harness.cli.inspect.transcript import show

        show(home(), str(run), follow=follow, as_json=as_json)
        return
    if as_json:
        emit(found)
        return
    for line in found.get("runs", ()):
        click.echo(f"{line['began'][:19]}  {line['run']:<24} #{line['issue']}")
    for line in found.get("entries", ()):
        click.echo(f"{line['at'][11:19]}  [{line['entry']:>4}] {line['says']}")


@click.command()
@as_json
@click.pass_context
def audit(ctx: click.Context, as_json: bool) -> int:
    """Verify ledger, verdicts and landed trees, offline.

    The ledger: every entry hashes the one before, the head is signed, and no commit of the
    factory's on the default branch names a place in it that is not there. The verdicts: each is
    signed by a key that is pinned in factory.toml at its base, binds what it says, and speaks of
    its own run. The evidence: the judge's program hashes every file behind each verdict again. The
    landings: the tree that landed is the tree that was judged. What could not be checked is said.
    Reads the ledger, the verdicts, the store and the trusted repository below $FACTORY_HOME, and
    changes nothing; it takes the ledger's lock there, so a home on a read-only medium is copied
    first.

    \b
    Exit codes:
      0  sound
      1  not sound; each fault is named with its ledger entry

    \b
    Examples:
      factory audit
      factory audit --json
    """
    from harness.factory.reporting.audit import audit as examine
    from harness.wiring import open_archive

    with open_archive(home()) as archive:
        found = examine(
            archive.ledger,
            archive.repository,
            archive.validator,
            home(),
            evidence=archive.evidence,
            branch=archive.branch,
        )
    if as_json:
        emit(
            {
                "ok": found.ok,
                "entries": found.entries,
                "verdicts": found.verdicts,
                "landings": found.landings,
                "unchecked": list(found.unchecked),
                "faults": [
                    {"entry": fault.entry, "subject": fault.subject, "says": fault.says}
                    for fault in found.faults
                ],
            }
        )
    else:
        for fault in found.faults:
            click.echo(f"entry {fault.entry}: {fault.subject}: {fault.says}")
        for unchecked in found.unchecked:
            click.echo(f"not checked: {unchecked}")
        click.echo(
            f"{'sound' if found.ok else 'NOT SOUND'}: {found.entries} entries, {found.verdicts}"
            f" verdicts, {found.landings} landings"
        )
    return 0 if found.ok else 1
