"""Always on: `factory up` works until it is told to stop, `factory digest` says in the morning what
it did."""

from datetime import datetime, timedelta

import click

from harness.cli.options import as_json, emit, home

SHORTEST, USUAL, GRACE = 1.0, 30.0, 60.0


@click.command()
@click.option(
    "--interval",
    type=click.FloatRange(min=SHORTEST),
    default=USUAL,
    show_default=True,
    metavar="SECONDS",
    help="How long between two looks at the forge.",
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=GRACE,
    show_default=True,
    metavar="SECONDS",
    help="How long what runs may take to finish once the factory was told to go.",
)
@click.option(
    "--webhooks",
    metavar="[HOST:]PORT",
    help="Take the forge's webhooks here, on this machine alone unless a host is named.",
)
@click.option(
    "--json", "json_lines", is_flag=True, help="One JSON object a line for each thing that happens."
)
def up(interval: float, grace: float, webhooks: str | None, json_lines: bool) -> int:
    """Work by the workflows' own schedule until told to stop.

    A workflow that names a `schedule:` and no `event:` works at its hour, in the zone of TZ or of
    this machine; an hour that was missed is made up for at once. All others work as soon as
    something happens on the forge, which is looked at every --interval seconds. After a scheduled
    pass the day's digest is written below $FACTORY_HOME.

    With --webhooks it also looks as soon as the forge tells of something, at `POST /webhook`. A
    delivery is believed when it is signed with the secret in keys/webhook.secret, where two hold
    while one is exchanged: one a line, the newest first. Put a proxy that ends TLS before it.
    Nothing is missed without webhooks, or where one is lost.

    Reads and writes what `factory tick` does. Only one works on a home: a second one stands by, and
    takes over within a second of the first one's death. What is down is said once and waited for;
    `factory stop` pauses it, `factory resume` goes on. Under systemd it says that it is ready,
    alive and leaving (sd_notify).

    SIGTERM or Ctrl-C: nothing more is started, what runs may finish within --grace, and what could
    not is made again by the next one. A second Ctrl-C ends it at once.

    \b
    Exit codes:
      0    told to go by SIGTERM
      2    there is no factory here, or it lacks its token or its model
      130  told to go by Ctrl-C

    \b
    Examples:
      factory up
      factory up --interval 300 --json
      factory up --interval 300 --webhooks 8321
      TZ=Europe/Berlin FACTORY_HOME=/srv/tidebook factory up
    """
    from harness.cli.output.journal import Journal
    from harness.home.webhooks import address_in
    from harness.operations.daemon.context import DaemonContext
    from harness.operations.daemon.daemon import Daemon
    from harness.operations.daemon.shutdown import Shutdown
    from harness.store.cron import local_zone
    from harness.store.systemd import Notifier

    zone = local_zone()
    journal = Journal(zone, as_json=json_lines)
    with Shutdown(grace) as shutdown:
        Daemon(
            DaemonContext(
                home(),
                interval,
                journal.say,
                journal.tell,
                shutdown,
                Notifier(),
                zone,
                webhooks=address_in(webhooks) if webhooks else None,
            )
        ).run()
        return shutdown.leave(shutdown.exit_code)


@click.command()
@click.option(
    "--since",
    metavar="WHEN",
    help=(
        "A moment (2030-05-04, 2030-05-04T18:00), or how long ago (36h, 7d). Without it: since the"
        " last digest that `factory up` wrote, or 24h."
    ),
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Markdown, as for a mail or a chat.")
@as_json
def digest(since: str | None, as_markdown: bool, as_json: bool) -> None:
    """What was done, and what needs a person.

    What is wrong comes first, then each issue that waits for somebody with the next thing to do,
    what was merged and rejected, what is under way, and what it cost. Reads the ledger alone: the
    forge need not run, nothing is written.

    \b
    Examples:
      factory digest
      factory digest --since 7d --markdown
      factory digest --since 2030-05-04T18:00 --json
    """
    from harness.factory.reporting.digest_page import markdown, text
    from harness.home.state import open_ledger
    from harness.operations.daemon.digest import digest_of, link_of
    from harness.store.cron import local_zone

    now = datetime.now(local_zone())
    began = moment_of(since, now) if since else None
    with open_ledger(home()) as ledger:
        found = digest_of(home(), ledger, at=now, since=began)
    if as_json:
        emit(found.as_json())
        return
    click.echo((markdown if as_markdown else text)(found, link_of(home())), nl=False)


def moment_of(said: str, now: datetime) -> datetime:
    """The moment that `--since` names: `36h`, `7d`, or ISO 8601, in the local zone where it names
    none."""
    try:
        if said[-1:] in ("h", "d") and said[:-1].isdigit():
            return now - timedelta(hours=int(said[:-1]) * (24 if said.endswith("d") else 1))
        found = datetime.fromisoformat(said)
    except (ValueError, OverflowError):
        expected = "2030-05-04T18:00, 36h or 7d"
        raise click.BadParameter(
            f"{said!r} is no moment; expected such as {expected}", param_hint="--since"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
