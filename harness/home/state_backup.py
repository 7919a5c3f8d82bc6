"""What a home carries to a machine that had none of it: a hosted runner is a new machine each time.

With `FACTORY_HOME_KEY` in the environment a factory fetches it before it works, keeps it after each
node, and once more when it leaves. What is not carried is made again (layers, worktrees, the
engine's and the meter's files, which are tables now) or is the machine's own (locks, sockets,
logs)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.home.document import FILE, read_home
from harness.home.state import HOME_KEY, address_of, ledger_at, taken

if TYPE_CHECKING:
    from harness.store.state_backup import StateBackup

PLACES = (
    FILE,
    "keys",
    "sealed",
    "runs",
    "evidence",
    "facts",
    "digests",
    "record",
    "recordings",
    "repositories",
    "ledger.head",
)
LEFT_OUT = ("keys/database",)

Keep = Callable[[], None]
Action = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@contextmanager
def carried(home: Path) -> Iterator[Keep]:
    """The home as it was kept last, for as long as the block lasts, and kept again at its end. The
    caller holds the lease. Without a key in the environment nothing is carried, and the home is
    what it is."""
    key = taken(HOME_KEY)
    if not key:
        yield lambda: None
        return
    with closing(backup_of(home, key)) as backup:
        backup.fetch()
        read_home(home)
        try:
            yield backup.keep
        finally:
            backup.keep(all_is_over=True)


def backup_of(home: Path, key: str) -> "StateBackup":
    """What this home carries. Raises ConfigError where its state is not in a database."""
    from harness.store.state_backup import StateBackup

    address = address_of(home)
    return StateBackup(
        home,
        address,
        key,
        places=PLACES,
        left_out=LEFT_OUT,
        ledger=lambda: ledger_at(home, address),
    )


def kept(action: Action, keep: Keep) -> Action:
    """The same action; what it left in the home is kept before its result is recorded. Nobody then
    finds a result and not what it stands on."""

    def act(payload: Mapping[str, Any]) -> Mapping[str, Any]:
        result = action(payload)
        keep()
        return result

    return act
