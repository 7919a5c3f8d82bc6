"""What a home carries to a machine that had none of it: a hosted runner is a new machine each time.

With `FACTORY_HOME_KEY` in the environment a factory fetches it before it works, keeps it after each node, and once more
when it leaves. What is not carried is made again (layers, worktrees, the engine's and the meter's files, which are tables
now) or is the machine's own (locks, sockets, logs).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.domain.errors import ConfigError
from harness.wiring.home import FILE, POSTGRESQL, read_home
from harness.wiring.state import DATABASE, address_in, database_of, ledger_at, taken

if TYPE_CHECKING:
    from harness.engine.carried import Luggage

HOME_KEY = "FACTORY_HOME_KEY"
PLACES = (FILE, "keys", "sealed", "runs", "evidence", "facts", "digests", "record", "recordings", "repositories", "ledger.head")
LEFT_OUT = ("keys/database",)

Keep = Callable[[], None]
Action = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@contextmanager
def carried(home: Path) -> Iterator[Keep]:
    """The home as it was kept last, for as long as the block lasts, and kept again at its end. The caller holds the lease.
    Without a key in the environment nothing is carried, and the home is what it is."""
    key = taken(HOME_KEY)
    if not key:
        yield lambda: None
        return
    with closing(luggage_of(home, key)) as luggage:
        luggage.fetch()
        read_home(home)
        try:
            yield luggage.keep
        finally:
            luggage.keep(all_is_over=True)


def luggage_of(home: Path, key: str) -> "Luggage":
    """What this home carries. Raises ConfigError where its state is not in a database."""
    from harness.engine.carried import Luggage

    address = address_of(home)
    return Luggage(home, address, key, places=PLACES, left_out=LEFT_OUT, ledger=lambda: ledger_at(home, address))


def address_of(home: Path) -> str:
    """The database of a home that carries what it has, also where nothing of it is here yet. Raises ConfigError."""
    if (home / FILE).exists():
        document = read_home(home)
        if document.database != POSTGRESQL:
            raise ConfigError(f"{HOME_KEY} is set, and the state of {home} is in SQLite; `factory home move postgresql` takes it "
                              f"to a database, or unset {HOME_KEY}")
        if document.is_embedded:
            raise ConfigError(f"{home} has its forge in it, which is not carried: a home that goes from machine to machine "
                              "serves a repository on a forge elsewhere")
        return database_of(home, document)
    if named := taken(DATABASE):
        return address_in(named)
    raise ConfigError(f"{HOME_KEY} is set and {DATABASE} is not: what a home carries is fetched from its database")


def kept(action: Action, keep: Keep) -> Action:
    """The same action; what it left in the home is kept before its result is recorded. Nobody then finds a result and not
    what it stands on."""

    def act(payload: Mapping[str, Any]) -> Mapping[str, Any]:
        result = action(payload)
        keep()
        return result

    return act
