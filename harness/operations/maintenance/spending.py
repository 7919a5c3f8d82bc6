"""The spending of a home, read from its meter, and the prices in its `factory.toml`."""

from contextlib import closing
from datetime import date
from pathlib import Path

from harness.domain.budget import Price
from harness.domain.errors import ConfigError, ModelError
from harness.domain.spending import SpendingLine
from harness.home.document import read_home
from harness.home.state import database_of

FILE = "broker/broker.sqlite"


def spending(home: Path, *, since: date | None = None) -> tuple[SpendingLine, ...]:
    """All spending since the beginning of that day (UTC), also of a factory that is at work. Raises
    ConfigError if there is no factory, ModelError if its meter cannot be read."""
    import sqlalchemy as sa

    from harness.programs.broker.meter import Meter
    from harness.programs.broker.prices import prices

    address = database_of(home, read_home(home))
    # Opening a meter creates its file, and looking must not write.
    if not address and not (home / FILE).exists():
        return ()
    try:
        with closing(Meter(home / FILE, prices(), database=address)) as meter:
            return meter.lines(since=since.isoformat() if since else "")
    except sa.exc.DBAPIError as error:
        # Only its first line: the error's full text contains the database's address.
        raise ModelError(
            f"the meter cannot be read: {str(error.orig).strip().partition(chr(10))[0]}",
            retryable=True,
        ) from error


def own_prices(home: Path) -> tuple[Price, ...]:
    """The prices in `factory.toml` at the tip of the default branch, as last fetched. Raises
    ConfigError, GitError."""
    from harness.factory.settings.config import read_config
    from harness.factory.settings.tables import FILE as CONFIG
    from harness.wiring import open_archive

    with open_archive(home) as archive:
        text = archive.repository.read(archive.base, CONFIG)
    if text is None:
        raise ConfigError("it is not there", file=CONFIG)
    return read_config(text.decode("utf-8")).prices
