"""`factory forge`: the local forge by itself, without a factory: its repositories, its accounts,
and backups."""

from pathlib import Path

import click

from harness.cli.maintain.forge_users import administrator, folder, place_of, users
from harness.cli.options import as_json, emit
from harness.cli.output.terminal import echo


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

    place = place_of(folder)
    settings = Settings(
        place,
        open_door=open_door,
        pick=pick,
        people_write_checks=people_write_checks,
        evidence=_evidence_beside(place),
    )
    echo(
        f"The forge's home is {place}; its address is in {settings.ready.name} there, and in the"
        " next line."
    )
    try:
        # A lifeline would end it with standard input, which a service does not have.
        serve_it(settings, port=port, ready=None, lifeline=False, tell=echo)
    except (Unavailable, UnknownSchema) as error:
        echo(f"factory: {error}", err=True)
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

    with administrator(folder) as admin:
        taken = import_repository(
            source, repository, admin=admin, home=place_of(folder), here=Path.cwd()
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
    echo(
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

    kept = back_up(place_of(folder), file.absolute())
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
    echo(f"{file}: {kept.repositories} repositories, {kept.bytes:,} bytes before compression.")


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

    place = place_of(folder)
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
    echo(f"{kept.repositories} repositories are restored in {place}.")


forge.add_command(users)
