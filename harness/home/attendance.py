"""The time that a factory works on a home, from its first sign of life to its last. The holder of
the home's lock opens it.

Properties:
- a factory that was killed is recorded as dead by the next one, once;
- a factory that leaves records that last, after everything that it did.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from harness.domain.errors import Interrupted, PortError, is_interruption
from harness.domain.events import FactoryLeft
from harness.domain.presence import PAGE_SECONDS, Presence
from harness.factory.run.signs import SignsOfLife
from harness.home.notifier import notices
from harness.home.state import ledger_of, presence_of
from harness.log import WARNING, Log
from harness.ports.clock import Clock
from harness.ports.ledger import Ledger
from harness.store.clock import SystemClock

IN_GOOD_ORDER = "in good order"
KILLED = "it was killed, or its machine stopped"


@contextmanager
def attendance(
    home: Path,
    *,
    command: str,
    log: Log,
    is_staying: bool,
    page_seconds: float = PAGE_SECONDS,
    clock: Clock | None = None,
    before_notice: Callable[[], None] = lambda: None,
) -> Iterator[SignsOfLife]:
    """Leave signs of life while the block lasts. A factory that does not stay makes one pass;
    one that stays writes the dashboard at least every `page_seconds`.
    `before_notice` is called before each notice, which it prevents by raising."""
    clock = clock or SystemClock()
    signs = SignsOfLife(
        presence_of(home),
        clock,
        command=command,
        is_staying=is_staying,
        page_seconds=page_seconds,
    )
    # Notices end last: the end of this factory is an event, too.
    with (
        closing(ledger_of(home, clock)) as ledger,
        ExitStack() as last,
        _leaving(ledger, signs),
    ):
        try:
            before = signs.begin()
            if before and before.left is None:
                record_death(ledger, before)
        except PortError as error:
            log.write("signs-failed", f"no sign of life could be left: {error}", level=WARNING)
        last.enter_context(notices(home, clock=clock, log=log, before=before_notice))
        with signs.beating():
            yield signs


@contextmanager
def _leaving(ledger: Ledger, signs: SignsOfLife) -> Iterator[None]:
    how = IN_GOOD_ORDER
    try:
        yield
    except Interrupted:
        raise
    except BaseException as error:
        how = (
            "it was interrupted"
            if is_interruption(error)
            else f"it was ended by an error: {type(error).__name__}"
        )
        raise
    finally:
        signs.leave(how)
        _record_end(ledger, signs)


def record_death(ledger: Ledger, before: Presence) -> None:
    """Record once that this factory died. Only the holder of the home's lock may call it: then the
    other one is not at work. Raises LedgerError."""
    ledger.append(
        FactoryLeft(before.command, before.beat.isoformat(), KILLED, died=True),
        _key(before),
    )


def _record_end(ledger: Ledger, signs: SignsOfLife) -> None:
    """Record that a factory that was to stay has left. The end of a pass is no event."""
    left = signs.presence
    if left and left.is_staying and left.left:
        with suppress(PortError):
            ledger.append(FactoryLeft(left.command, left.left.isoformat(), left.how), _key(left))


def _key(presence: Presence) -> str:
    return f"{FactoryLeft.kind}/{presence.id}"
