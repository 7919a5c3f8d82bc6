"""Commands that inspect: status, why, logs, audit. They write nothing."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.plain import JsonDict, JsonObject
from harness.domain.shortened import in_one_line

WATCH_SECONDS = 2.0
SHORTEST_COMMIT = 7


@click.command()
@click.option("--watch", is_flag=True, help="Print it again every two seconds, until Ctrl-C.")
@as_json
def status(watch: bool, as_json: bool) -> None:
    """Show which factory is at work, what it waits for, and the state of every issue.

    First who works here, since when, and its last and next look at the forge; a factory that was
    killed is dead after 30 seconds of silence. Then what blocks it and what it waits for. Then one
    line for each issue: number, state, title, cost in US dollars. Reads the home, without the forge
    and without the network, and writes nothing.

    \b
    Examples:
      factory status
      factory status --watch
      FACTORY_HOME=/srv/tidebook factory status --json
    """
    # Ctrl-C is how watching ends, and no failure of it.
    with suppress(KeyboardInterrupt) if watch else nullcontext():
        while True:
            _print_status(as_json=as_json, is_screen=watch and not as_json and sys.stdout.isatty())
            if not watch:
                return
            sys.stdout.flush()
            time.sleep(WATCH_SECONDS)


def _print_status(*, as_json: bool, is_screen: bool) -> None:
    from harness.factory.reporting.signs import sentence
    from harness.operations.daemon.overview import overview
    from harness.store.clock import SystemClock

    now = SystemClock().now()
    found, presence = overview(home(), now)
    if as_json:
        emit(found)
        return
    # Elsewhere than on a terminal each picture follows the one before it.
    if is_screen:
        click.clear()
    who = sentence(presence, now, down=bool(found["outages"]))
    for line in (in_one_line(who), *_status_lines(found)):
        echo(line)


def _status_lines(found: JsonDict) -> Iterator[str]:
    # What blocks the factory comes first: it explains the states below.
    if found["stopped"]:
        yield "STOPPED by the owner; `factory resume` lifts it."
    for outage in found["outages"]:
        yield f"DOWN since {outage['since'][:19]} UTC: {in_one_line(outage['message'])}"
    if found["frozen"]:
        yield f"FROZEN: {in_one_line(found['frozen'])}; look at it, then `factory resume`."
    for words in found["broken"]:
        yield f"BROKEN on the default branch: {in_one_line(words)}"
    yield from _release_lines(found["releases"])
    for run in found["workflows"]:
        yield f"Workflow {in_one_line(run['words'])}{_because(run['message'])}"
    if watched := found["watched"]:
        at = watched["at"][:16].replace("T", " ")
        yield f"Watched at {at} UTC: {in_one_line(watched['words'])}."
    if found["paused"]:
        yield (
            f"PAUSED: {in_one_line(found['paused'])}. It goes on by itself; `factory resume` lifts"
            " it now."
        )
    for number, why in sorted(found["paused_issues"].items()):
        yield f"#{number} PAUSED: {in_one_line(why)}. Other issues go on."
    for issue in found["issues"]:
        if tried := (issue["suspicion"] or {}).get("tried"):
            yield (
                f"#{issue['number']} SUSPECTED ATTACK: {in_one_line('; '.join(tried))}; `factory"
                f" why {issue['number']}` shows the words that may have asked for it."
            )
    if found["full"]:
        yield (
            f"FULL: {found['full']}; nothing new is started. `factory gc` frees what nothing needs."
        )
    if groups := found["errors"]["groups"]:
        waiting = found["errors"]["waiting"]
        yield (
            f"ERRORS of the running app: {groups}, of which {waiting} have no issue; `factory"
            " errors` lists them."
        )
    yield f"Waits for: {'; '.join(found['waits_for'])}."
    for issue in found["issues"]:
        yield issue_row(issue)
    if not found["issues"]:
        yield "There is no issue yet; `factory tick` reads them from the forge."


def issue_row(issue: JsonObject) -> str:
    """An issue's number, state, title and cost. Whoever filed it wrote the title."""
    title = in_one_line(issue["title"])[:56]
    return f"#{issue['number']:<4} {issue['shown']:<18} {title:<56} ${issue['cost_usd']:.4f}"


def _because(message: str) -> str:
    return f": {in_one_line(message)}" if message else "."


def _release_lines(releases: JsonDict) -> Iterator[str]:
    """What went wrong with releases first; then the newest, and what is served where."""
    if releases["rollback_failed"]:
        yield f"NOT ROLLED BACK: {in_one_line(releases['newest']['words'])}; look at it at once."
    if releases["held"]:
        held = in_one_line(releases["held"])
        yield f"NOTHING IS RELEASED: {held}. `factory releases resume` lifts it."
    if one := releases["newest"]:
        whose = ", ".join(f"#{issue}" for issue in one["issues"]) or "no issue"
        yield (
            f"Release {one['number']} of {one['commit'][:12]} ({whose}):"
            f" {in_one_line(one['words'])}."
        )
    for place in releases["live"]:
        yield f"{in_one_line(place['words'])}."


class IssueOrCommit(click.ParamType[int | str]):
    """An issue's number, or the beginning of a commit. Forges do not count to seven digits."""

    name = "issue or commit"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        text = str(value)
        if re.fullmatch(rf"[0-9a-fA-F]{{{SHORTEST_COMMIT},40}}", text):
            return text
        if not (text.isascii() and text.isdecimal()) or len(text) >= SHORTEST_COMMIT:
            self.fail(
                f"expected an issue's number, or {SHORTEST_COMMIT} to 40 digits of a commit; found"
                f" {text!r:.60}"
            )
        return int(text)


@click.command()
@click.argument("issue", metavar="ISSUE|COMMIT", type=IssueOrCommit())
@as_json
def why(issue: int | str, as_json: bool) -> None:
    """Explain the state of ISSUE, or why COMMIT is served.

    ISSUE is its number on the forge, COMMIT a landed commit or the first 7 digits of one. The
    output is one chain, oldest link first: the entry of the
    mission that triage cited with the issue's own words, the answer of every rule for the change
    and for the merge candidate, the sealed verdict, the landing, and people's commands. If the
    issue is stuck, the links that decide this come first. For a commit, first comes the way back
    from the environments that serve it: release, landing, verdict, how far it was trusted (the
    number, its facts), and what let its issue in. Each link names its entry in the ledger.
    Each rule has a permalink at the commit that governed. The same chain is a page under
    $FACTORY_HOME, named in the second line. Reads the ledger and writes nothing.

    \b
    Exit codes:
      0  printed
      2  there is no such issue, or no such landing

    \b
    Examples:
      factory why 2
      factory why 2 --json | jq '.chain[.deciding[]].rule'
      factory why 4f1c09a2be
    """
    from harness.cli.output.chain_lines import show
    from harness.factory.records.chain import page_of
    from harness.factory.reporting.report import chain_of_commit, chain_of_issue
    from harness.home.state import open_ledger
    from harness.operations.daemon.digest import link_of

    with open_ledger(home()) as ledger:
        found = (
            chain_of_issue(ledger, issue)
            if isinstance(issue, int)
            else chain_of_commit(ledger, issue)
        )
    page = home() / page_of(found.issue)
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
    help="Print the prompts, answers, tool calls and results of RUN, turn by turn.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="With --transcript: print new turns as they come, until RUN is over.",
)
@as_json
def logs(run: str | None, transcript: bool, follow: bool, as_json: bool) -> None:
    """Show what happened in RUN, node by node.

    RUN is a run's name, as in implement-2-1: workflow, issue, attempt. Without it, the command
    lists all runs, one a line: start (UTC), name, issue. Reads the ledger and writes nothing.

    With --transcript it prints the conversations as Markdown. They are made from the broker's
    record, not from an agent's own account. Each turn shows its time, its calls, the beginning and
    the end of each result, tokens and cents. The same text is in the run's folder, as
    transcript.md. What the judging roles wrote is sealed; only its place is printed.

    \b
    Exit codes:
      0  printed
      2  there is no such run

    \b
    Examples:
      factory logs
      factory logs implement-2-1
      factory logs implement-2-1 --transcript --follow
    """
    from harness.factory.reporting.report import logs as report
    from harness.home.state import open_ledger

    # JSON is one document, which cannot grow while a run goes on.
    if (transcript and run is None) or (follow and (not transcript or as_json)):
        raise click.UsageError(
            "--transcript needs a RUN, which `factory logs` lists; --follow needs --transcript"
            " and no --json"
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
        echo(f"{line['began'][:19]}  {line['run']:<24} #{line['issue']}")
    for line in found.get("entries", ()):
        echo(f"{line['at'][11:19]}  [{line['entry']:>4}] {in_one_line(line['message'])}")


@click.command()
@as_json
def audit(as_json: bool) -> int:
    """Verify ledger, verdicts and landed trees, offline.

    \b
    Ledger     Every entry hashes the one before, and the head is signed. No commit of the
               factory on the default branch names a missing place in the ledger.
    Verdicts   Each is signed by a key that factory.toml pins at its base, covers its own
               content, and belongs to its own run.
    Evidence   The judge's program hashes every file behind each verdict again.
    Landings   The tree that landed is the tree that was validated.
    Releases   Each brings what landed, once, one at a time, by the steps of its table, with its
               switch, its smoke and its whole soak; a rollback goes to what was served before.

    What could not be checked is listed. Reads the ledger, the verdicts, the store and the trusted
    repository below $FACTORY_HOME, and changes nothing. It takes the ledger's lock there, so copy a
    home that is on a read-only medium first.

    \b
    Exit codes:
      0  sound
      1  not sound; each fault is named with its ledger entry

    \b
    Examples:
      factory audit
      factory audit --json
    """
    from harness.domain.shortened import count
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
        faults = [
            {"entry": fault.entry, "subject": fault.subject, "message": fault.message}
            for fault in found.faults
        ]
        counts = {
            name: getattr(found, name) for name in ("entries", "verdicts", "landings", "releases")
        }
        rest = {"unchecked": list(found.unchecked), "faults": faults}
        emit({"ok": found.ok, **counts, **rest})
    else:
        for fault in found.faults:
            echo(in_one_line(f"entry {fault.entry}: {fault.subject}: {fault.message}"))
        for unchecked in found.unchecked:
            echo(in_one_line(f"not checked: {unchecked}"))
        words = ("entry", "verdict", "landing", "release")
        numbers = (found.entries, found.verdicts, found.landings, found.releases)
        echo(f"{'sound' if found.ok else 'NOT SOUND'}: {', '.join(map(count, numbers, words))}")
    return 0 if found.ok else 1
