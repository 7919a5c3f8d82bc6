"""Worlds whose factory is killed at an effect, or at an entry: nothing more happens, and what is
there is what the next one finds."""

from collections.abc import Callable, Iterator

from harness.domain.events import LedgerEvent
from tests.factory.world import World


class Killed(BaseException):
    """What a kill looks like from inside: nothing more happens."""


EFFECTS = {
    "git": ("push", "land"),
    "forge": (
        "open_pull_request",
        "set_state_label",
        "upsert_comment",
        "close_issue",
        "reopen_issue",
        "upsert_issue",
    ),
    "ledger": ("append",),
    "validator": ("observe",),
    "deployer": ("prepare", "switch", "retire"),
}


NOWHERE = -1


def killing(world: World, at: int, *, after: bool) -> Iterator[int]:
    """Make the `at`-th call of any effect die, before it or right after it. The next of what is
    returned is the number of the next call."""
    count = iter(range(1, 10_000))
    for port, names in EFFECTS.items():
        own = getattr(world, port)
        # Most worlds deploy nothing.
        if own is not None:
            world.decorate(
                port,
                **{name: _deadly(getattr(own, name), count, at, after=after) for name in names},
            )
    return count


def effects(world: World, act: Callable[[], object] | None = None) -> range:
    """The numbers of the effects of one tick, or of `act`, that nobody disturbs."""
    count = killing(world, NOWHERE, after=False)
    (act or world.tick)()
    return range(1, next(count))


def dies_at(
    world: World,
    *kinds: str,
    after: bool = True,
    where: Callable[[LedgerEvent], bool] = lambda event: True,
) -> None:
    """The factory is killed once: before or after it records the first entry of these kinds."""
    append, killed = world.ledger.append, []

    def killing(event, key, **more):
        if killed or event.kind not in kinds or not where(event):
            return append(event, key, **more)
        killed.append(key)
        if after:
            append(event, key, **more)
        raise Killed

    world.decorate("ledger", append=killing)


def _deadly(act, count, at, *, after):
    def call(*args, **kwargs):
        now = next(count)
        if now == at and not after:
            raise Killed
        result = act(*args, **kwargs)
        if now == at:
            raise Killed
        return result

    return call


def tick_until_killed(world: World) -> tuple[bool, World]:
    try:
        world.tick()
    except Killed:
        return True, world
    return False, world


class Storage:
    """What is stored elsewhere of a world's factory: its ledger, and its engine's results."""

    def __init__(self, world: World) -> None:
        self._world, self.stores = world, 0
        world.before_effect = self.store
        self.store()

    def store(self) -> None:
        self.stores += 1
        self.entries, self._done = list(self._world.ledger.written), dict(self._world.done)

    def take_machine_away(self) -> None:
        self._world.ledger.written[:] = self.entries
        self._world.done = self._done

    def checks_each_effect(self) -> list[str]:
        """From now on each effect fails where the ledger was not stored right before it. Returns
        the names of those that were made, as they come."""
        done: list[str] = []
        more = {"git": ("remove",), "forge": ("set_check",)}

        def watched(name, act):
            def call(*args, **kwargs):
                assert self.entries == self._world.ledger.written, name
                done.append(name)
                return act(*args, **kwargs)

            return call

        for port, names in more.items():
            own = getattr(self._world, port)
            acts = {one: watched(one, getattr(own, one)) for one in (*EFFECTS[port], *names)}
            self._world.decorate(port, **acts)
        return done
