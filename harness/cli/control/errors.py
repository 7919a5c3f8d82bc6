"""`factory errors`: what the running app reports, and who may report."""

import secrets
import sys
from getpass import getpass

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.plain import JsonDict
from harness.domain.shortened import in_one_line


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def errors(ctx: click.Context, as_json: bool) -> None:
    """List the errors that the running app reported, by group.

    Each line: how often it was seen, the issue that was filed for it, the issue for which its last
    known release landed, when it was seen last, and what it is. Reads the home and writes nothing.

    \b
    Examples:
      factory errors
      factory errors dsn --url https://errors.example.org
      factory errors webhook sentry < client-secret.txt
    """
    if ctx.invoked_subcommand is not None:
        return
    found = _groups()
    if as_json:
        emit(found)
        return
    for one in found["groups"]:
        issue = f"#{one['issue']}" if one["issue"] else "no issue yet"
        landed = f"#{one['landed']}" if one["landed"] else "unknown"
        echo(
            f"{one['count']:>6}  {issue:<13} landing {landed:<8} {one['last_at'][:19]} UTC  "
            f"{in_one_line(one['type'])}: {in_one_line(one['message'])[:60]}"
        )
    if not found["groups"]:
        echo("No error was reported yet.")
    if waiting := found["waiting"]:
        echo(f"{waiting} without an issue; [errors] in factory.toml bounds them.")


def _groups() -> JsonDict:
    from harness.factory.records.error_groups import overview_of
    from harness.home.error_intake import spool_of
    from harness.home.state import open_ledger

    spool = spool_of(home())
    with open_ledger(home()) as ledger:
        rows = overview_of(spool.groups(), ledger.entries(kind="done"))
    groups = []
    for row in rows:
        sample = spool.sample(str(row["group"]))
        kind, message = (sample.type, sample.message) if sample else ("", "")
        groups.append({**row, "type": kind, "message": message})
    return {
        "groups": groups,
        "waiting": sum(not one["issue"] for one in groups),
        "events": spool.counts(),
    }


@errors.command()
@click.option("--listen", metavar="[HOST:]PORT", default="", help="Where the intake listens.")
@click.option("--url", metavar="URL", default="", help="Where apps reach it, behind a proxy.")
@as_json
def dsn(listen: str, url: str, as_json: bool) -> None:
    """Make a DSN: the address that an app gives to Sentry's SDK.

    `factory up` starts the intake, on port 8400 of this machine unless --listen names another. Put
    a proxy that ends TLS in front of it. Whoever has a DSN may report errors; to withdraw one,
    delete its line in $FACTORY_HOME/keys/errors. Set the SDK's `release` to the commit that runs.

    \b
    Examples:
      factory errors dsn
      factory errors dsn --listen 8400 --url https://errors.example.org
    """
    from harness.home.error_intake import new_dsn, set_intake

    set_intake(home(), listen=listen, url=url)
    made = new_dsn(home())
    if as_json:
        emit({"dsn": made})
    else:
        echo(made)


@errors.command()
@click.argument("service", type=click.Choice(["sentry", "glitchtip", "bugsink"]))
@click.option("--listen", metavar="[HOST:]PORT", default="", help="Where the intake listens.")
@click.option("--url", metavar="URL", default="", help="Where services reach it, behind a proxy.")
@as_json
def webhook(service: str, listen: str, url: str, as_json: bool) -> None:
    """Take the webhooks of SERVICE, and print the address for SERVICE to call.

    Sentry signs: standard input is the client secret of an internal integration there, with the
    resources error or issue. GlitchTip and Bugsink do not sign, so their address holds a secret
    that is made here: keep it as you would keep a password. To withdraw one, delete its line in
    $FACTORY_HOME/keys/errors.

    \b
    Examples:
      factory errors webhook sentry < client-secret.txt
      factory errors webhook bugsink --url https://errors.example.org
    """
    from harness.home.error_intake import add_service, set_intake
    from harness.programs.error_intake.keys import Service

    named = Service(service)
    secret = secrets.token_urlsafe(24) if named is not Service.SENTRY else _secret()
    set_intake(home(), listen=listen, url=url)
    address = add_service(home(), named, secret)
    if as_json:
        emit({"address": address})
    else:
        echo(address)


def _secret() -> str:
    if sys.stdin.isatty():
        return getpass("The client secret: ").strip()
    return sys.stdin.read(1_000).strip()
