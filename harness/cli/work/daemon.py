"""`factory up` works until it is stopped; `factory digest` summarises what it did."""

from datetime import datetime

import click

from harness.cli.options import as_json, emit, home, since_option
from harness.cli.output.terminal import echo_file

SHORTEST_INTERVAL, DEFAULT_INTERVAL, SHUTDOWN_SECONDS = 1.0, 30.0, 60.0


@click.command()
@click.option(
    "--interval",
    type=click.FloatRange(min=SHORTEST_INTERVAL),
    default=DEFAULT_INTERVAL,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait between two polls of the forge.",
)
@click.option(
    "--shutdown-seconds",
    "shutdown_seconds",
    type=click.FloatRange(min=0),
    default=SHUTDOWN_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long running work may take to finish after a stop was requested.",
)
@click.option(
    "--webhooks",
    metavar="[HOST:]PORT",
    help="Receive the forge's webhooks here, on this machine alone unless a host is named.",
)
@click.option(
    "--health",
    metavar="[HOST:]PORT",
    help="Answer GET /healthz here, on this machine alone unless a host is named.",
)
@click.option("--json", "json_lines", is_flag=True, help="One JSON object a line for each event.")
def up(
    interval: float,
    shutdown_seconds: float,
    webhooks: str | None,
    health: str | None,
    json_lines: bool,
) -> int:
    """Run continuously, on the workflows' own schedules, until stopped.

    A workflow that names a `schedule:` and no `event:` runs at its hour, in the zone of TZ or of
    this machine. An hour that was missed is made up for at once. All other workflows run as soon as
    something happens on the forge, which is polled every --interval seconds. After a scheduled pass
    the day's digest is written below $FACTORY_HOME.

    With --webhooks the factory also polls as soon as the forge sends a webhook to `POST /webhook`.
    A delivery is accepted when it is signed with the secret in keys/webhook.secret. That file holds
    one secret a line, the newest first, and two while you exchange one. Put a proxy that ends TLS
    in front of it. Without webhooks, or when one is lost, the next poll finds the same news.

    With --health it answers `GET /healthz` with JSON: 200 while a factory is at work here, also
    where people have paused or stopped it; 503 where it is down, stuck, dead or gone.

    Reads and writes what `factory tick` does. Only one factory works on a home: a second one stands
    by and takes over within a second of the first one's death. An outage is reported once and
    waited for. `factory stop` pauses the daemon, `factory resume` continues. Under systemd it
    reports that it is ready, alive and stopping (sd_notify).

    On SIGTERM or Ctrl-C nothing more is started. What is running may finish within
    --shutdown-seconds; the next factory repeats what did not. A second Ctrl-C ends it at once.

    \b
    Exit codes:
      0    stopped by SIGTERM
      2    there is no factory here, or it lacks its token or its model
      130  stopped by Ctrl-C

    \b
    Examples:
      factory up
      factory up --interval 300 --json
      factory up --interval 300 --webhooks 8321
      TZ=Europe/Berlin FACTORY_HOME=/srv/tidebook factory up
    """
    from harness.cli.output.journal import Journal
    from harness.home.webhooks import address_in
    from harness.log import Log
    from harness.operations.daemon.context import DaemonContext
    from harness.operations.daemon.daemon import Daemon
    from harness.operations.daemon.shutdown import Shutdown
    from harness.store.systemd import Notifier
    from harness.workflow.cron import local_zone

    zone = local_zone()
    with Shutdown(shutdown_seconds) as shutdown:
        Daemon(
            DaemonContext(
                home(),
                interval,
                Log(Journal(zone, as_json=json_lines)),
                shutdown,
                Notifier(),
                zone,
                webhooks=address_in(webhooks) if webhooks else None,
                health=address_in(health, option="--health") if health else None,
            )
        ).run()
        return shutdown.leave(shutdown.exit_code)


@click.command()
@since_option("Since when; by default since the last digest that `factory up` wrote, or else 24h")
@click.option(
    "--markdown", "as_markdown", is_flag=True, help="Print Markdown, for a mail or a chat."
)
@as_json
def digest(since: datetime | None, as_markdown: bool, as_json: bool) -> None:
    """Show what was done, and what needs a person.

    Problems come first. Then follow the issues that wait for somebody, each with its next step;
    what was merged and rejected; what is in progress; and what it cost. Reads the ledger alone and
    writes nothing; the forge need not run.

    \b
    Examples:
      factory digest
      factory digest --since 7d --markdown
      factory digest --since 2030-05-04T18:00 --json
    """
    from harness.factory.reporting.digest_page import markdown, text
    from harness.home.state import open_ledger
    from harness.operations.daemon.digest import digest_of, link_of
    from harness.workflow.cron import local_zone

    now = datetime.now(local_zone())
    with open_ledger(home()) as ledger:
        found = digest_of(home(), ledger, at=now, since=since)
    if as_json:
        emit(found.as_json())
        return
    echo_file((markdown if as_markdown else text)(found, link_of(home())))
