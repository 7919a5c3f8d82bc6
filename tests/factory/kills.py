"""Worlds whose factory is killed at an effect: nothing more happens, and what is there is what the next one finds."""

from tests.factory.world import World


class Killed(BaseException):
    """What a kill looks like from inside: nothing more happens."""


EFFECTS = {"git": ("push", "land"), "forge": ("open_pull_request", "set_state_label", "upsert_comment", "close_issue"),
           "ledger": ("append",)}


def killing(world: World, at: int, *, after: bool) -> None:
    """Make the `at`-th call of any effect die, before it or right after it."""
    count = iter(range(1, 10_000))
    for port, names in EFFECTS.items():
        own = getattr(world, port)
        world.decorate(port, **{name: _deadly(getattr(own, name), count, at, after=after) for name in names})


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


def lap(world: World) -> tuple[bool, World]:
    try:
        world.tick()
    except Killed:
        return True, world
    return False, world
