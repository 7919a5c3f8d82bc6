"""The brakes: stop, and resume. They work whatever else is running, or nothing is."""

import os
from pathlib import Path

import click

from harness.cli.options import as_json, emit, home
from harness.domain.errors import ConfigError


@click.command()
@click.argument("why", required=False, default="")
@as_json
def stop(why: str, as_json: bool) -> None:
    """Stop before the next side effect.

    No push, no label, no comment, no merge after this returns, whatever else is running, or when
    nothing is. What runs in boxes is ended by the factory that started it. Nothing is lost;
    `factory resume` goes on. WHY is a word for those who come after you. Writes one file, STOP in
    $FACTORY_HOME; needs neither the ledger nor the forge. Where the home's state is in a database
    it is written there as well, and holds on whichever machine the factory works.

    \b
    Exit codes:
      0  nothing more happens
      5  the file is written, and the database does not answer: a factory on another machine goes on

    \b
    Examples:
      factory stop
      factory stop "the forge is being moved"
    """
    flag = home() / "STOP"
    if not flag.parent.is_dir():
        raise ConfigError(
            f"there is no factory at {flag.parent}; set FACTORY_HOME to the one you mean"
        )
    with open(flag, "w", encoding="utf-8") as file:
        file.write(why + "\n")
        file.flush()
        os.fsync(file.fileno())
    _tell_other_machines(flag.parent)
    emit({"ok": True, "stopped": True, "flag": str(flag)}) if as_json else click.echo(
        f"Stopped. The flag is {flag}; `factory resume` lifts it."
    )


@click.command()
@as_json
def resume(as_json: bool) -> None:
    """Lift the stop, a pause, or the freeze after a landing that differed.

    A pause, because what a day or a month may cost is used up or a provider has no more to give,
    ends by itself; lifted sooner it begins again where its cause is still there. A freeze follows
    when what landed is not what was judged: look at `factory audit` first. Writes a command to the
    ledger and removes STOP from $FACTORY_HOME; the next tick goes on.

    \b
    Examples:
      factory resume
      factory resume --json
    """
    from harness.domain.events import CommandGiven
    from harness.factory.records.history import RESUME, THAW, is_frozen, is_stop_requested
    from harness.factory.run.effects import is_flagged
    from harness.factory.run.pause import pause_in_force
    from harness.home.state import open_ledger
    from harness.store.clock import SystemClock

    flag = home() / "STOP"
    with open_ledger(home()) as ledger:
        was_stopped = is_flagged(flag) is not False or is_stop_requested(ledger)
        was_frozen = is_frozen(ledger)
        was_paused = pause_in_force(ledger, SystemClock().now()) is not None
        written = len(ledger.entries(kind="command"))
        if was_stopped or was_paused:
            ledger.append(CommandGiven(RESUME), f"command/{written}/resume")
        if was_frozen:
            ledger.append(CommandGiven(THAW), f"command/{written}/thaw")
    flag.unlink(missing_ok=True)
    if as_json:
        emit(
            {
                "ok": True,
                "was_stopped": was_stopped,
                "was_frozen": was_frozen,
                "was_paused": was_paused,
            }
        )
    else:
        click.echo(
            "Lifted. The next tick goes on."
            if was_stopped or was_frozen or was_paused
            else "Nothing was stopped or frozen, and there was no pause."
        )


def _tell_other_machines(folder: Path) -> None:
    """Into the ledger, where that is one that others work on too. In a home of its own the file is
    all there is to read."""
    from harness.domain.events import CommandGiven
    from harness.factory.records.history import STOP
    from harness.factory.run.effects import is_flagged
    from harness.home.document import FILE, POSTGRESQL, read_home
    from harness.home.state import open_ledger

    if is_flagged(folder / FILE) is not False and read_home(folder).database == POSTGRESQL:
        with open_ledger(folder) as ledger:
            written = len(ledger.entries(kind="command"))
            ledger.append(CommandGiven(STOP, login="the owner"), f"command/{written}/stop")
