from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.git_repository import Source, repository_at
from tests.validators_launcher.world import World, world_at


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return repository_at(tmp_path / "trusted.git")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


@dataclass(frozen=True)
class Judged:
    """One judgement by the real program: what it printed, and what it left in `out` and in its
    store."""

    world: World
    request: Path
    done: CompletedProcess[str]
    out: Path

    @property
    def sealed(self) -> Path:
        return self.world.home / "sealed" / "seaside" / "judged" / f"{self.out.name}-1"


Judge = Callable[[str], Judged]


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Judges a candidate of `seaside` by name with the one sealed journey, once a session; all
    share a base and a store."""
    world = world_at(tmp_path_factory.mktemp("judged"))
    known: dict[str, Judged] = {}

    def judge(name: str) -> Judged:
        if name not in known:
            world.extra = {"run": name}
            request = world.request(*world.merge(seaside.BASE, getattr(seaside, name)))
            if not known:
                world.seal(request, seaside.JOURNEY)
            kept = request.rename(world.home / f"{name}.json")
            out = world.home / "out" / name
            known[name] = Judged(
                world, kept, world.validators("judge", "--request", kept, "--out", out), out
            )
        return known[name]

    return judge
