"""`factory releases`: what is released where, and a person's hold on it."""

import sys
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import console, echo, speaks_unicode
from harness.domain.errors import ConfigError
from harness.domain.plain import JsonDict
from harness.domain.shortened import in_one_line

if TYPE_CHECKING:
    from harness.cli.output.printable_console import PrintableConsole
    from harness.factory.records.releases import Release
    from harness.factory.reporting.releases import ReleaseSummary


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def releases(ctx: click.Context, as_json: bool) -> None:
    """List the releases of what has landed; hold and resume them.

    The newest is first: its number, its commit, the issues that it carries, where it stands, and
    why it turned red. Then what each environment serves, and last what holds the next release.
    Reads the ledger and writes nothing.

    \b
    Examples:
      factory releases
      factory releases hold "the database is being moved"
      factory releases resume
    """
    if ctx.invoked_subcommand is not None:
        return
    from harness.factory.records.releases import ReleaseIndex, live_words
    from harness.factory.reporting.releases import live_document, release_summary
    from harness.home.state import open_ledger

    with open_ledger(home()) as ledger:
        index = ReleaseIndex(ledger)
        found, live, held = index.all()[::-1], index.live(), index.why_frozen()
    if as_json:
        rows = [{**release_summary(one).document(), "switches": _switches(one)} for one in found]
        emit({"releases": rows, "live": [live_document(one) for one in live], "held": held})
        return
    out = console()
    for one in found:
        _show(out, release_summary(one))
    for place in live:
        echo(f"{in_one_line(live_words(place))}.")
    if not found:
        echo("Nothing was released yet. `[[environments]]` in factory.toml names where to.")
    if held:
        echo(f"Nothing is released now: {in_one_line(held)}. `factory releases resume` lifts it.")


@releases.command()
@click.argument("why", required=False, default="")
@as_json
def hold(why: str, as_json: bool) -> None:
    """Begin no deployment until `factory releases resume`.

    The release under way stays where it is; one that turns red is still taken back. WHY is a note
    for those who come after you. Writes a command to the ledger.

    \b
    Examples:
      factory releases hold
      factory releases hold "the database is being moved"
    """
    from harness.factory.records.releases import HOLD_RELEASES

    _command(HOLD_RELEASES, why)
    emit({"ok": True, "held": True}) if as_json else echo(
        "Held: no deployment begins. `factory releases resume` lifts it."
    )


@releases.command()
@as_json
def resume(as_json: bool) -> None:
    """Release again: after `hold`, or after a release that was red.

    A red release whose commit is still what landed last is tried once more. Writes a command to the
    ledger; the next tick goes on.

    \b
    Examples:
      factory releases resume
    """
    from harness.factory.records.releases import RESUME_RELEASES

    was_held = _command(RESUME_RELEASES)
    if as_json:
        emit({"ok": True, "was_held": was_held})
        return
    echo("Resumed. The next tick goes on." if was_held else "Nothing was held.")


@releases.command()
@as_json
def environments(as_json: bool) -> None:
    """List the environments on this machine, and the commit that each serves now.

    They are those that `deploy = "local"` has made, each a process of its own. Looks at the
    processes, and writes nothing.

    \b
    Examples:
      factory releases environments
    """
    from harness.domain.facts import UNKNOWN
    from harness.home.places import local_places

    found = local_places(home())
    if as_json:
        rows = [
            {"name": name, "commit": one.commit if one is not UNKNOWN and one else None}
            | {"answers": one is not UNKNOWN}
            for name, one in found.items()
        ]
        emit({"environments": rows})
        return
    for name, one in found.items():
        serves = "does not answer" if one is UNKNOWN else f"serves {one.commit:.12}" if one else ""
        echo(f"{name} {serves or 'is stopped'}")
    if not found:
        echo("No environment was deployed to this machine with `local`.")


@releases.command()
@click.argument("name")
@as_json
def stop(name: str, as_json: bool) -> None:
    """Stop the environment NAME on this machine, and all that runs in it.

    Its data stay, and the next deployment serves it again. Refused while a release is under way,
    as that would turn red, unless `factory stop` is set. Writes nothing to the ledger.

    \b
    Examples:
      factory releases stop staging
    """
    from harness.factory.records.brakes import is_stop_requested
    from harness.factory.records.releases import ReleaseIndex
    from harness.home.places import stop_place
    from harness.home.state import open_ledger

    with open_ledger(home()) as ledger:
        current, is_stopped = ReleaseIndex(ledger).current(), is_stop_requested(ledger)
    if current and not is_stopped:
        raise ConfigError(
            f"release {current.number} is under way, and a stopped environment would turn it red:"
            " wait for its end, or `factory stop` first"
        )
    ran = stop_place(home(), name)
    emit({"ok": True, "ran": ran}) if as_json else echo(
        f"{name} is stopped; its data stay." if ran else f"{name} was stopped already."
    )


def _command(command: str, why: str = "") -> bool:
    """Record a person's command. Returns whether something was held before."""
    from harness.domain.events import CommandGiven
    from harness.factory.records.releases import ReleaseIndex
    from harness.home.state_backup import command_ledger

    if len(why) > 500:
        raise ConfigError("WHY is longer than 500 characters; say it in a sentence")
    with command_ledger(home(), command="factory releases") as ledger:
        was_held = bool(ReleaseIndex(ledger).why_frozen())
        written = len(ledger.entries(kind="command"))
        ledger.append(CommandGiven(command, why=why), f"command/{written}/{command}")
    return was_held


def _show(out: "PrintableConsole", one: "ReleaseSummary") -> None:
    """One release: a line, and why it turned red below it."""
    from rich.text import Text

    dot = "●" if speaks_unicode(sys.stdout) else "*"
    out.print(
        Text.assemble(
            f"{one.number:>4}  {one.commit:.12}  {one.whose:<8} ",
            (dot, f"#{one.color}"),
            f" {in_one_line(one.words)}, since {one.at:%Y-%m-%d %H:%M} UTC",
        ),
        soft_wrap=True,
    )
    if one.fault:
        filed = f" (#{one.filed})" if one.filed else ""
        out.print(Text(f"      {in_one_line(one.fault)}{filed}"), soft_wrap=True)


def _switches(one: "Release") -> list[JsonDict]:
    return [
        {
            "environment": at.event.environment,
            "commit": at.event.commit,
            "seconds": at.event.seconds,
            "is_rollback": at.event.is_rollback,
        }
        for at in one.switches
    ]
