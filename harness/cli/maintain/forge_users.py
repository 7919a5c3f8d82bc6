"""Accounts of the local forge: `factory forge users`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo

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
    with administrator(folder) as admin:
        found = admin.users()
    if as_json:
        emit({"ok": True, "users": found})
        return
    for one in found:
        echo(f"{one['login']:<40} {one['role']:<8} {one['kind']}")


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
    with administrator(folder) as admin:
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
    with administrator(folder) as admin:
        admin.set_role(login, role)
    if as_json:
        emit({"ok": True, "login": login, "role": role})
        return
    echo(f"{login} has the role {role} on every repository.")


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
    with administrator(folder) as admin:
        if revoke:
            # Before the new one is made, which would be revoked as well.
            admin.revoke_tokens(login)
        made = admin.create_token(login)
    _show_token(made.login, made.token, as_json=as_json)


def _show_token(login: str, token: str, *, as_json: bool) -> None:
    if as_json:
        emit({"ok": True, "login": login, "token": token})
        return
    echo(f"{login} signs in with this token, which is not shown again: {token}")


def place_of(folder: Path | None) -> Path:
    return home() / "forge" if folder is None else folder.expanduser().absolute()


@contextmanager
def administrator(folder: Path | None) -> "Iterator[Administrator]":
    """An administrator's client: of the forge that serves, or of one that is started for this
    command."""
    from harness.domain.errors import ConfigError, ForgeError
    from harness.programs.local_forge.seed import Administrator
    from harness.programs.local_forge.start import running, start

    place = place_of(folder)
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
