"""Worlds whose factory is killed at an effect: nothing more happens, and what is there is what the
next one finds."""

from collections.abc import Iterator

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
}


NOWHERE = -1


def killing(world: World, at: int, *, after: bool) -> Iterator[int]:
    """Make the `at`-th call of any effect die, before it or right after it. The next of what is
    returned is the number of the next call."""
    count = iter(range(1, 10_000))
    for port, names in EFFECTS.items():
        own = getattr(world, port)
        world.decorate(
            port, **{name: _deadly(getattr(own, name), count, at, after=after) for name in names}
        )
    return count


def effects(world: World) -> range:
    """The numbers of the effects of one tick that nobody disturbs."""
    count = killing(world, NOWHERE, after=False)
    world.tick()
    return range(1, next(count))


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
