"""Worlds in which what worked is broken on the default branch."""

from datetime import timedelta

from tests.factory.world import World, fixes

BROKEN, JOURNEY, STORE = b"BROKEN = True", "sha256:j", "tidebook/store.py"


def regressing(folder, kind: str) -> World:
    """A factory whose next tick finds that what worked is broken: by a landing that is worked on
    again (`fix`) or taken back (`revert`), or by a person's push."""
    world = World(folder)

    def text(commit):
        return world.git.trees[world.git.tree_of(commit)].get(STORE, b"")

    def breaks(worktree) -> None:
        (worktree / STORE).write_bytes((worktree / STORE).read_bytes() + b"\n" + BROKEN)

    def mends(worktree) -> None:
        path = worktree / STORE
        path.write_bytes(path.read_bytes().replace(BROKEN, b"WHOLE = True"))

    if kind == "revert":
        toml = world.git.trees[world.git.tree_of(world.base)]["factory.toml"]
        world.push_to_main(**{"factory.toml": toml + b'\n[watch]\nanswer = "revert"\n'})
    world.agent.works = [breaks if kind != "push" else fixes, mends]
    world.file()
    world.tick()
    world.agent.works = [mends]
    if kind == "push":
        world.push_to_main(**{STORE: text(world.remote["main"]) + BROKEN})
        world.model.answers = {"": {**world.model.answers[""], "quote": "This worked before"}}
    world.validator.guard(JOURNEY, lambda commit: "red" if BROKEN in text(commit) else "green")
    world.ledger.clock.at += timedelta(days=1)
    return world
