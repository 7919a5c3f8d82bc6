"""`factory home`: where a home keeps its state, and how the state moves between machines."""

import os
from contextlib import closing

import click

from harness.cli.options import as_json, emit
from harness.cli.options import home as here
from harness.cli.output.terminal import echo
from harness.domain.errors import ConfigError


@click.group()
def home() -> None:
    """Move a home's state, or back it up and fetch it elsewhere.

    A home's state is in SQLite, in the home, until it is moved: to the branch `factory-state` of
    its repository, or to a PostgreSQL. From there a hosted runner, which is a new machine each
    time, fetches all of the home. FACTORY_HOME_KEY decrypts it. Where there is no home yet,
    FACTORY_STATE names the repository (https://github.com/OWNER/NAME; FACTORY_STATE_TOKEN may read
    it), or FACTORY_DATABASE the database.

    \b
    Examples:
      factory home move branch
      FACTORY_HOME=/srv/look factory home fetch
    """


@home.command()
@click.argument("to", type=click.Choice(["branch", "postgresql", "sqlite"]))
@as_json
def move(to: str, as_json: bool) -> None:
    """Move the state to a branch or PostgreSQL, or back to SQLite.

    `branch` stores all of the home, encrypted, on the branch `factory-state` of its repository; the
    way back deletes that branch. Both need FACTORY_HOME_KEY.

    For `postgresql` FACTORY_DATABASE names the database, such as
    postgresql://NAME:PASSWORD@HOST/DATABASE; it must have no ledger yet. No factory may be at work.
    Every entry is compared with the original after the copy, and with the signed head. Until that
    succeeds, nothing changes. The old files in the home get the suffix .moved; an old database is
    left as it is.

    \b
    Exit codes:
      0  it was moved
      2  there is nothing to move, or no valid target
      5  a factory is at work, database or forge do not answer, or the ledger is not sound

    \b
    Examples:
      factory home move branch
      factory home move sqlite --json
    """
    from harness.operations.maintenance.move_state import move_state

    found = move_state(here(), to)
    if as_json:
        emit({"ok": True, "entries": found.entries, "calls": found.calls, "where": found.where})
    else:
        echo(f"{found.entries} entries and {found.calls} calls are in {found.where} now.")


@home.command()
def key() -> None:
    """Print a new key for FACTORY_HOME_KEY, an age identity.

    The backup of a home is encrypted with this key. Store it where only the factory's own job can
    read it, and keep a copy: without the key no backup can be opened.

    \b
    Examples:
      factory home key
    """
    from harness.store.state_key import made_key

    echo(made_key())


@home.command()
@as_json
def backup(as_json: bool) -> None:
    """Back up the home to its branch or database, encrypted.

    Journeys, keys, runs, evidence and the repository, as far as they changed; on a branch, all of
    it as one file. If FACTORY_HOME_KEY is set, a factory does this by itself. Use this command for
    the first time, and after you changed the home by hand.

    \b
    Examples:
      factory home backup
      factory home backup --json
    """
    from harness.home.state import sole_factory
    from harness.home.state_backup import backup_of

    secret = _key()
    with (
        sole_factory(here(), command="factory home backup"),
        closing(backup_of(here(), secret)) as stored,
    ):
        stored.keep(all_is_over=True)
    emit({"ok": True, "kept": True}) if as_json else echo("The backup is complete.")


@home.command()
@as_json
def fetch(as_json: bool) -> int:
    """Fetch the home's backup from its branch or database.

    Use it to look at a factory that works elsewhere, or on a machine that replaces another. Creates
    the home if there is none. Changes made here since the last backup are overwritten.

    \b
    Exit codes:
      0  the home equals the last backup
      1  there is no backup
      5  a factory is at work, database or forge do not answer, or the backup is an older one

    \b
    Examples:
      FACTORY_HOME=/srv/look factory home fetch
    """
    from harness.home.state import sole_factory
    from harness.home.state_backup import backup_of

    secret = _key()
    with (
        sole_factory(here(), command="factory home fetch"),
        closing(backup_of(here(), secret)) as stored,
    ):
        found = stored.fetch()
    words = (
        f"{here()} equals the last backup."
        if found
        else "There is no backup yet; run `factory home backup` at the home."
    )
    emit({"ok": found, "fetched": found}) if as_json else echo(words)
    return 0 if found else 1


@home.command()
def rekey() -> None:
    """Encrypt the home's backup with a new key.

    Prints the new key first. Then it fetches the backup with the old key, in FACTORY_HOME_KEY, and
    writes all of it again with the new one. After success the old key opens nothing that is there:
    replace it wherever it was. Whoever copied the file from a branch before can still open that
    copy with the old key, so replace the keys in the home as well if it was stolen.

    \b
    Examples:
      factory home rekey
    """
    from harness.home.state import sole_factory
    from harness.home.state_backup import backup_of
    from harness.store.state_key import made_key

    old, new = _key(), made_key()
    # The new key is printed before anything is encrypted with it, so that it cannot be lost.
    with sole_factory(here(), command="factory home rekey"):
        with closing(backup_of(here(), old)) as stored:
            stored.fetch()
        echo(new)
        with closing(backup_of(here(), new)) as stored:
            stored.keep(all_is_over=True)


def _key() -> str:
    from harness.home.state import HOME_KEY, secret_in_environment

    # What is fetched contains keys, so no file of it may be readable by others.
    os.umask(0o077)
    if secret := secret_in_environment(HOME_KEY):
        return secret
    raise ConfigError(
        f"set {HOME_KEY} to the key of this home; `factory home key` makes a new one for a home"
        " that has none"
    )
