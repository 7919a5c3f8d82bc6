"""Where a home keeps what must last, and what it takes from one machine to the next."""

import os
from contextlib import closing

import click

from harness.cli.options import as_json, emit
from harness.cli.options import home as here
from harness.domain.errors import ConfigError


@click.group()
def home() -> None:
    """Move a home's state, or keep it and fetch it elsewhere.

    A home's state is in SQLite, in the home, until it is moved to a PostgreSQL. From there a hosted
    runner, which is a new machine each time, can fetch all the rest: FACTORY_DATABASE says where it
    is, FACTORY_HOME_KEY opens it.

    \b
    Examples:
      factory home move postgresql
      FACTORY_HOME=/srv/look factory home fetch
    """


@home.command()
@click.argument("to", type=click.Choice(["postgresql", "sqlite"]))
@as_json
def move(to: str, as_json: bool) -> None:
    """Take ledger and meter to PostgreSQL, or back to SQLite.

    The database is the one that FACTORY_DATABASE names, such as
    postgresql://NAME:PASSWORD@HOST/DATABASE, and has no ledger in it yet. Nobody may be at work.
    Every entry is compared where it arrives, with the signed head; until that holds, everything
    stays as it was. What is left in the home gets the ending .moved; what is left in a database
    stays there.

    \b
    Exit codes:
      0  it was moved
      2  there is nothing to move, or nowhere to go
      5  a factory is at work, the database does not answer, or the ledger is not sound

    \b
    Examples:
      factory home move postgresql
      factory home move sqlite --json
    """
    from harness.operations.maintenance.move_state import moved

    found = moved(here(), to)
    if as_json:
        emit({"ok": True, "entries": found.entries, "calls": found.calls, "where": found.where})
    else:
        click.echo(f"{found.entries} entries and {found.calls} calls are in {found.where} now.")


@home.command()
def key() -> None:
    """Print a new key for FACTORY_HOME_KEY.

    What a home carries is encrypted with it. Keep it where only the factory's own job reads it, and
    a copy where you keep such things: without it nothing that was kept can be opened.

    \b
    Examples:
      factory home key
    """
    from harness.store.state_backup import made_key

    click.echo(made_key())


@home.command()
@as_json
def keep(as_json: bool) -> None:
    """Keep what the home carries in its database, encrypted.

    Journeys, keys, runs, evidence and the repository, as far as they changed. A factory does the
    same by itself after each step where FACTORY_HOME_KEY is set; this is for the first time, and
    for what you changed in the home by hand.

    \b
    Examples:
      factory home keep
      factory home keep --json
    """
    from harness.home.state import sole_factory
    from harness.home.state_backup import backup_of

    secret = _key()
    with (
        sole_factory(here(), command="factory home keep"),
        closing(backup_of(here(), secret)) as backup,
    ):
        backup.keep(all_is_over=True)
    emit({"ok": True, "kept": True}) if as_json else click.echo("Kept.")


@home.command()
@as_json
def fetch(as_json: bool) -> int:
    """Fetch what the home carries from its database.

    For looking at a factory that works elsewhere, and for a machine that takes its place. Makes the
    home where there is none; what was changed here since the last time is replaced by what was
    kept.

    \b
    Exit codes:
      0  the home is as it was kept last
      1  nothing was ever kept there
      5  a factory is at work, or the database does not answer

    \b
    Examples:
      FACTORY_HOME=/srv/look factory home fetch
    """
    from harness.home.state import sole_factory
    from harness.home.state_backup import backup_of

    secret = _key()
    with (
        sole_factory(here(), command="factory home fetch"),
        closing(backup_of(here(), secret)) as backup,
    ):
        found = backup.fetch()
    words = (
        f"{here()} is as it was kept last."
        if found
        else "Nothing was kept there yet; `factory home keep` does, at the home."
    )
    emit({"ok": found, "fetched": found}) if as_json else click.echo(words)
    return 0 if found else 1


@home.command()
def rekey() -> None:
    """Encrypt what the home carries with a new key.

    Prints the new key first, then fetches with the old one, in FACTORY_HOME_KEY, and keeps all of
    it anew. When this ends well the old key opens nothing any more: put the new one wherever the
    old one was.

    \b
    Examples:
      factory home rekey
    """
    from harness.home.state import sole_factory
    from harness.home.state_backup import backup_of
    from harness.store.state_backup import made_key

    old, new = _key(), made_key()
    with sole_factory(here(), command="factory home rekey"):
        with closing(backup_of(here(), old)) as backup:
            backup.fetch()
        click.echo(new)
        with closing(backup_of(here(), new)) as backup:
            backup.keep(all_is_over=True)


def _key() -> str:
    from harness.home.state import HOME_KEY, taken

    os.umask(0o077)
    if secret := taken(HOME_KEY):
        return secret
    raise ConfigError(
        f"set {HOME_KEY} to the key of this home; `factory home key` makes a new one for a home"
        " that has none"
    )
