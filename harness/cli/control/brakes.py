"""The brakes: `stop` and `resume`. They work whether or not a factory is running."""

import os
from pathlib import Path

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.errors import ConfigError

STOP_TRIES = 5


@click.command()
@click.argument("why", required=False, default="")
@as_json
def stop(why: str, as_json: bool) -> None:
    """Stop before the next side effect.

    After this returns there is no push, no label, no comment and no merge, whether or not a factory
    is running. The factory ends what runs in its sandboxes. Nothing is lost; `factory resume`
    continues. WHY is a note for those who come after you. Writes one file, STOP in $FACTORY_HOME;
    needs neither the ledger nor the forge. If the home's state is in a database or on a branch, the
    stop is also written there and holds for a factory on any machine.

    \b
    Exit codes:
      0  nothing more is begun; a rollback that has begun is finished
      5  the file is written, but the database or the forge does not answer: a factory on another
         machine goes on

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
    # The file is written first and needs nothing else: the stop holds even if the database is down.
    with open(flag, "w", encoding="utf-8") as file:
        file.write(why + "\n")
        file.flush()
        # On the disk before the command ends, so that the stop survives a power cut.
        os.fsync(file.fileno())
    _tell_other_machines(flag.parent)
    emit({"ok": True, "stopped": True, "flag": str(flag)}) if as_json else echo(
        f"Stopped. The flag is {flag}; `factory resume` lifts it."
    )


@click.command()
@as_json
def resume(as_json: bool) -> None:
    """Lift a stop, a pause, or a freeze.

    A pause starts when the budget of a day or a month is used up, or when a provider has no more to
    give. It ends by itself. If you lift it earlier and its cause is still there, it starts again. A
    freeze starts when what landed is not what was judged, when the checks that a landing requires
    turn red or do not answer, or when a canary is red; `factory status` has the reason. This also
    lets changes of files land that the watch holds back. Writes a command to the ledger and removes
    STOP from $FACTORY_HOME; the next tick goes on.

    \b
    Examples:
      factory resume
      factory resume --json
    """
    from harness.domain.events import CommandGiven
    from harness.factory.records.brakes import RESUME, THAW, is_frozen, is_stop_requested
    from harness.factory.records.regressions import held_files
    from harness.factory.run.effects import is_flagged
    from harness.factory.run.pause import pause_in_force
    from harness.home.state_backup import command_ledger
    from harness.store.clock import SystemClock

    flag = home() / "STOP"
    with command_ledger(home(), command="factory resume") as ledger:
        # A flag that nobody can read counts as set.
        was_stopped = is_flagged(flag) is not False or is_stop_requested(ledger)
        was_frozen = is_frozen(ledger) or bool(held_files(ledger, issue=0))
        was_paused = pause_in_force(ledger, SystemClock().now()) is not None
        written = len(ledger.entries(kind="command"))
        if was_stopped or was_paused:
            ledger.append(CommandGiven(RESUME), f"command/{written}/resume")
        if was_frozen:
            ledger.append(CommandGiven(THAW), f"command/{written}/thaw")
    # Last: if the ledger cannot be written, everything stays stopped.
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
        echo(
            "Lifted. The next tick goes on."
            if was_stopped or was_frozen or was_paused
            else "Nothing was stopped or frozen, and there was no pause."
        )


def _tell_other_machines(folder: Path) -> None:
    """Write the stop into the ledger if factories on other machines share it. Otherwise the STOP
    file is enough.
    """
    from harness.domain.errors import LedgerError
    from harness.domain.events import CommandGiven
    from harness.factory.records.brakes import STOP
    from harness.factory.run.effects import is_flagged
    from harness.home.document import FILE, SQLITE, read_home
    from harness.home.state_backup import command_ledger

    if is_flagged(folder / FILE) is False or read_home(folder).database == SQLITE:
        return
    for left in reversed(range(STOP_TRIES)):
        try:
            with command_ledger(folder, command="factory stop") as ledger:
                written = len(ledger.entries(kind="command"))
                ledger.append(CommandGiven(STOP, login="the owner"), f"command/{written}/stop")
            return
        # A factory at work on a branch moves it every few seconds, and may be faster.
        except LedgerError as faster:
            if not (left and faster.retryable):
                raise
