"""`factory forge`: the local forge by itself, without a factory: its repositories, its accounts,
and backups."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home

if TYPE_CHECKING:
    from harness.programs.local_forge.seed import Administrator

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
folder = click.option(
    "--home",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The forge's home; the default is the folder forge in $FACTORY_HOME.",
)
login_argument = click.argument("login")
role_argument = click.argument("role", type=click.Choice(ROLES))


@click.group()
def forge() -> None:
    """The local forge: serve it, import into it, back it up, restore it.

    A small server on this machine. It speaks the part of GitHub's API that a factory and a browser
    need, over real git. `factory demo` and `factory try` start their own; these commands are for a
    forge that people work with.

    \b
    Examples:
      factory forge serve --port 8300
      factory forge users add ana --role write
      factory forge import https://github.com/tidehouse/tidebook ana/tidebook
      factory forge backup tides.tar.gz
    """


@forge.command()
@folder
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="The port on 127.0.0.1; 0 is the previous port, or any free one.",
)
@click.option(
    "--open", "open_door", is_flag=True, help="Let visitors file issues under a name they choose."
)
@click.option(
    "--pick",
    is_flag=True,
    help="Let any visitor sign in as any person, without a token: for your own machine.",
)
@click.option(
    "--people-write-checks",
    is_flag=True,
    help="Let people's tokens write check runs; normally only apps and bots may.",
)
def serve(
    folder: Path | None, port: int, open_door: bool, pick: bool, people_write_checks: bool
) -> int:
    """Serve the forge until stopped.

    Listens on this machine only. Creates the home if it is missing, with the administrator's token
    in admin.token, which only its owner can read. Upgrades the database of an earlier version.
    The forge of a factory's home serves the evidence of that home, too. Ctrl-C or SIGTERM ends it
    in good order.

    \b
    Exit codes:
      0  stopped
      5  it cannot start: the port is taken, or another process serves this home

    \b
    Examples:
      factory forge serve
      factory forge serve --home ~/forge --port 8300 --open
    """
    from harness.programs.local_forge.serve import Unavailable
    from harness.programs.local_forge.serve import serve as serve_it
    from harness.programs.local_forge.settings import Settings
    from harness.programs.local_forge.storage.database import UnknownSchema

    place = _place(folder)
    settings = Settings(
        place,
        open_door=open_door,
        pick=pick,
        people_write_checks=people_write_checks,
        evidence=_evidence_beside(place),
    )
    click.echo(
        f"The forge's home is {place}; its address is in {settings.ready.name} there, and in the"
        " next line."
    )
    try:
        # A lifeline would end it with standard input, which a service does not have.
        serve_it(settings, port=port, ready=None, lifeline=False, tell=click.echo)
    except (Unavailable, UnknownSchema) as error:
        click.echo(f"factory: {error}", err=True)
        return 5
    return 0


def _evidence_beside(place: Path) -> Path | None:
    """The evidence of the factory whose forge this is: comments link to it below this address."""
    from harness.home.document import FILE

    return place.parent / "evidence" if (place.parent / FILE).is_file() else None


@forge.command("import")
@click.argument("source")
@click.argument("repository", metavar="OWNER/NAME")
@folder
@as_json
def import_(source: str, repository: str, folder: Path | None, as_json: bool) -> None:
    """Import a repository from any git address or folder.

    Fetches every branch and tag of SOURCE, with their history, into the new repository OWNER/NAME.
    SOURCE is a folder, or an https, ssh, git or file address; nothing is written there. Its hooks
    and settings are not copied, and submodules and LFS objects are not followed. Every object is
    checked. The limits are half an hour and 4 GB. OWNER must have an account.

    \b
    Exit codes:
      0  done
      2  SOURCE is not a repository or is too large, or OWNER/NAME is not available
      5  SOURCE cannot be reached now

    \b
    Examples:
      factory forge import ~/src/tidebook ana/tidebook
      factory forge import git@github.com:tidehouse/tidebook.git ana/tidebook
    """
    from harness.operations.setup.import_repository import import_repository

    with _administrator(folder) as admin:
        taken = import_repository(
            source, repository, admin=admin, home=_place(folder), here=Path.cwd()
        )
    if as_json:
        emit(
            {
                "ok": True,
                "repository": taken.full_name,
                "default_branch": taken.branch,
                "refs": taken.refs,
                "page": taken.page,
            }
        )
        return
    click.echo(
        f"Imported as {taken.full_name}: {taken.refs} branches and tags, the default branch is"
        f" {taken.branch}."
    )


@forge.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@folder
@as_json
def backup(file: Path, folder: Path | None, as_json: bool) -> None:
    """Write everything in the forge to one FILE.

    This also works while the forge serves. FILE is a consistent snapshot and contains a digest of
    its content. It includes accounts, the digests of their tokens and the secrets of webhooks, so
    only its owner should read it. The administrator's token is not in it. An existing file is not
    overwritten.

    \b
    Exit codes:
      0  done
      2  there is no forge, or FILE exists

    \b
    Examples:
      factory forge backup tides.tar.gz
      factory forge backup --home ~/forge /backup/forge-$(date +%F).tar.gz
    """
    from harness.programs.local_forge.backup import back_up

    kept = back_up(_place(folder), file.absolute())
    if as_json:
        emit(
            {
                "ok": True,
                "file": str(file),
                "repositories": kept.repositories,
                "files": kept.files,
                "bytes": kept.bytes,
            }
        )
        return
    click.echo(
        f"{file}: {kept.repositories} repositories, {kept.bytes:,} bytes before compression."
    )


@forge.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@folder
@as_json
def restore(file: Path, folder: Path | None, as_json: bool) -> None:
    """Restore a forge from a backup, into an empty folder.

    Every digest in FILE is compared, and the database and every repository are checked, before
    anything is put in place. The forge gets a new administrator's token; accounts keep theirs.
    Start it with `factory forge serve`.

    \b
    Exit codes:
      0  done
      2  the folder is not empty, or FILE is damaged

    \b
    Examples:
      factory forge restore tides.tar.gz --home ~/forge-again
    """
    from harness.programs.local_forge.backup import restore as put_back

    place = _place(folder)
    kept = put_back(file, place)
    if as_json:
        emit(
            {
                "ok": True,
                "home": str(place),
                "repositories": kept.repositories,
                "files": kept.files,
                "bytes": kept.bytes,
            }
        )
        return
    click.echo(f"{kept.repositories} repositories are restored in {place}.")


@forge.group()
def users() -> None:
    """Manage the accounts of the forge and their roles.

    \b
    Examples:
      factory forge users list
      factory forge users add ana --role write
      factory forge users token ana --revoke
    """


@users.command("list")
@folder
@as_json
def users_list(folder: Path | None, as_json: bool) -> None:
    """List every account with its role.

    \b
    Exit codes:
      0  done

    \b
    Examples:
      factory forge users list --json
    """
    with _administrator(folder) as admin:
        found = admin.users()
    if as_json:
        emit({"ok": True, "users": found})
        return
    for one in found:
        click.echo(f"{one['login']:<40} {one['role']:<8} {one['kind']}")


@users.command("add")
@login_argument
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="read",
    show_default=True,
    help="What it may do on every repository.",
)
@click.option(
    "--bot",
    is_flag=True,
    help="An account of a program, such as an app: it may write check runs.",
)
@folder
@as_json
def users_add(login: str, role: str, bot: bool, folder: Path | None, as_json: bool) -> None:
    """Create an account, and show its token once.

    \b
    Exit codes:
      0  done
      2  LOGIN is taken, or not valid as a name

    \b
    Examples:
      factory forge users add ana --role write
      factory forge users add "factory[bot]" --bot --role write --json
    """
    with _administrator(folder) as admin:
        made = admin.create_user(login, role=role, kind="Bot" if bot else "User")
    _show_token(made.login, made.token, as_json=as_json)


@users.command("role")
@login_argument
@role_argument
@folder
@as_json
def users_role(login: str, role: str, folder: Path | None, as_json: bool) -> None:
    """Give an account another role on every repository.

    A role that it has on a single repository, through the API, stays as it is.

    \b
    Exit codes:
      0  done
      2  there is no account LOGIN

    \b
    Examples:
      factory forge users role ana triage
    """
    with _administrator(folder) as admin:
        admin.set_role(login, role)
    if as_json:
        emit({"ok": True, "login": login, "role": role})
        return
    click.echo(f"{login} has the role {role} on every repository.")


@users.command("token")
@login_argument
@click.option(
    "--revoke",
    is_flag=True,
    help="First revoke every token and session of the account.",
)
@folder
@as_json
def users_token(login: str, revoke: bool, folder: Path | None, as_json: bool) -> None:
    """Create another token for an account, and show it once.

    \b
    Exit codes:
      0  done
      2  there is no account LOGIN

    \b
    Examples:
      factory forge users token ana
      factory forge users token ana --revoke
    """
    with _administrator(folder) as admin:
        if revoke:
            # Before the new one is made, which would be revoked as well.
            admin.revoke_tokens(login)
        made = admin.create_token(login)
    _show_token(made.login, made.token, as_json=as_json)


def _show_token(login: str, token: str, *, as_json: bool) -> None:
    if as_json:
        emit({"ok": True, "login": login, "token": token})
        return
    click.echo(f"{login} signs in with this token, which is not shown again: {token}")


def _place(folder: Path | None) -> Path:
    return home() / "forge" if folder is None else folder.expanduser().absolute()


@contextmanager
def _administrator(folder: Path | None) -> "Iterator[Administrator]":
    """An administrator's client: of the forge that serves, or of one that is started for this
    command."""
    from harness.domain.errors import ConfigError, ForgeError
    from harness.programs.local_forge.seed import Administrator
    from harness.programs.local_forge.start import running, start

    place = _place(folder)
    if not place.is_dir():
        raise ConfigError(
            f"there is no forge in {place}; `factory forge serve` makes one, and --home names"
            " another"
        )
    there = running(place)
    # A forge that serves is used: two processes must not write to one home.
    found = there or start(place)
    try:
        yield Administrator(found)
    except ForgeError as error:
        # What will not pass is the user's to correct: a name that is taken, an unknown account.
        if error.retryable:
            raise
        raise ConfigError(str(error)) from error
    finally:
        if there is None:
            found.stop()
