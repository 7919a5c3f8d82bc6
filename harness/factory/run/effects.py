"""Every effect on the world passes here, and the owner's stop is read before each.

Properties: the intent is in the ledger before the act, the confirmation after it. A factory that
was killed between the two acts again, so each act looks before it creates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.domain.errors import Stopped
from harness.domain.events import EffectDone, EffectIntended
from harness.domain.ledger import as_of
from harness.factory.records.brakes import is_stop_requested

if TYPE_CHECKING:
    from harness.factory.run.services import Services

E = TypeVar("E", bound=EffectDone)


def raise_if_stopped(services: Services) -> None:
    """Raise Stopped where the owner's stop is set. A flag that cannot be read counts as set."""
    if is_stopped(services) is not False:
        raise Stopped(
            f"the owner's stop is set ({services.places.stop_flag}); `factory resume` lifts it"
        )


def is_stopped(services: Services) -> bool | None:
    """Whether the owner's stop is set, by the flag in the home or by the ledger. None where either
    cannot be read."""
    try:
        flagged = is_flagged(services.places.stop_flag)
        # The ledger is asked only where no flag is set: a flag works even where the ledger cannot
        # be read.
        return is_stop_requested(services.ledger) if flagged is False else flagged
    except OSError:
        return None


def is_flagged(flag: Path) -> bool | None:
    """Whether anything is at the path `flag`, also a link that leads nowhere. None where nobody can
    say.

    `Path.exists` is no help: it answers False to many errors, on newer Pythons to all of them."""
    try:
        flag.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return True


def effect(
    services: Services,
    kind: type[E],
    key: str,
    act: Callable[[], E],
    *,
    issue: int | None = None,
    run: str | None = None,
    finishes: bool = False,
) -> E:
    """Do `act` once under `key`, and return its confirmed result, now and ever after. `issue` and
    `run` are what it is for. One that `finishes` and was begun is finished after the owner's stop,
    too: half of it would be worse.

    The order is: read the stop, record the intent, act, record the result. If the home's state is
    kept elsewhere, it is kept there before the act."""
    # Done by this process before, or by one that was killed since.
    if done := services.ledger.find(f"{key}/done"):
        return as_of(done, kind).event
    if not (finishes and services.ledger.find(key)):
        raise_if_stopped(services)
    services.ledger.append(EffectIntended(kind.effect), key, issue=issue, run=run)
    services.before_effect()
    result = act()
    services.ledger.append(result, f"{key}/done", issue=issue, run=run)
    return result


def write_projection(services: Services, act: Callable[[], None]) -> None:
    """Write something derived to the forge (a label, a comment, a check), never after the owner's
    stop. Projections may be repeated, so the ledger does not record them."""
    raise_if_stopped(services)
    services.before_effect()
    act()
