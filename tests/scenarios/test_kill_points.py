"""A factory that dies by SIGKILL before every side effect of a whole run, and is started again each
time until it rests.

The points are not written down anywhere: a life tells each effect as it comes to it, and dies
before the first one before which none has died yet. So also what only a recovery does is died
before. What is counted is printed (`pytest -s`)."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.programs.local_forge.start import start
from tests import warm
from tests.kills.standing import left_behind, standing, troubles
from tests.kills.world import (
    FAILS,
    LANDS,
    REFUSED,
    Story,
    World,
    founded,
)
from tests.scenarios.waiting import LONG

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 5400
LEAST = {LANDS: 150, FAILS: 12, REFUSED: 2}
"""How many points of its own each story has at least, after those before it: a killer gone deaf
would find nothing wrong."""
SAMPLE = 3
"""Before so many effects of a run that lands `make test` dies. factory/test_kill_everywhere dies
before those of the other stories, and of a recovery, on fakes; `make soak` does it with
processes."""
SEEN = (
    "rows entries ",
    "rows workflow_input",
    "rows workflow_output",
    "forge POST",
    "forge PATCH",
    "git push",
    "git fetch",
    "rename worktrees/",
    "process python judge.py",
    "process true box",
    "rename ledger.head",
)
"""What has to be among the points of a run that lands: the ledger's rows and head, the engine's,
the forge at the wire, refs, files, the judge's processes and boxes."""


@dataclass(frozen=True)
class WorldReport:
    """What the killer says of a world that has come to rest."""

    code: int
    lives: int
    effects: list[str]
    deaths: list[str]
    seconds: float
    errors: str


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    running = start(tmp_path_factory.mktemp("forge"), seconds=LONG, popen=warm.Server)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def undisturbed(forge, tmp_path_factory):
    """How a story ends when nobody dies, and its effects: told once for each."""
    known = {}

    def report_of(story: Story):
        if story not in known:
            world = founded(
                tmp_path_factory.mktemp("world"), forge, story, name=f"calm-{len(known)}"
            )
            ended = lived(world, "--nowhere")
            assert ended.code == 0, ended.errors
            known[story] = standing(world), tuple(dict.fromkeys(ended.effects))
            assert (known[story][0]["state"], left_behind(world)) == (story.ends, [])
        return known[story]

    return report_of


def lived(world: World, *how: str) -> WorldReport:
    done = subprocess.run(
        [sys.executable, "-m", "tests.kills.lives", str(world.folder), *how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return WorldReport(**json.loads(done.stdout.splitlines()[-1]), errors=done.stderr)


def test_killed_before_every_side_effect_it_ends_as_if_nothing_had_happened(
    forge, undisturbed, tmp_path, draw
) -> None:
    deaths: list[str] = []
    for story in LEAST if draw.whole else (LANDS,):
        calm, effects = undisturbed(story)
        world = founded(tmp_path / story.name, forge, story, name=f"killed-{len(deaths)}")
        world.deaths.write_text("".join(f"{name}\n" for name in deaths))
        chosen = [] if draw.whole else ["--before", "\n".join(draw.of(effects, SAMPLE))]
        ended = lived(world, *chosen)
        new = ended.deaths[len(deaths) :]
        print(
            f"\n{story.name}: died before {len(new)} more effects, {ended.lives} lives,"
            f" {ended.seconds:.0f} s"
        )
        assert ended.code == 0, (story.name, ended.deaths[-1:], ended.errors)
        assert list(troubles(world, calm)) == [], story.name
        assert len(new) >= (LEAST[story] if draw.whole else 1), story.name
        deaths = ended.deaths
    assert len(deaths) == len(set(deaths))
    met = deaths if draw.whole else effects
    assert [kind for kind in SEEN if not any(name.startswith(kind) for name in met)] == []


SLOPPY = {
    "a label that is not taken off": "issue: ",
    "an intent without its confirmation": "1 intended, 0 confirmed",
}


def test_what_is_left_undone_is_found_without_any_death(forge, undisturbed, tmp_path) -> None:
    world = founded(tmp_path, forge, LANDS, name="sloppy")
    assert lived(world, "--nowhere", "--broken", " and ".join(SLOPPY)).deaths == []
    (world.temporary / "factory-request-1-forgotten.json").write_text("{}")
    found = "\n".join(
        troubles(world, undisturbed(LANDS)[0], patience=0)
    )  # nobody takes away what is forgotten
    assert [brake for brake, message in SLOPPY.items() if message not in found] == []
    assert "left behind: tmp/factory-request-1-forgotten.json" in found


@pytest.mark.soak(
    "two stories more; the test above shows that the same eyes see what was left undone"
)
@pytest.mark.parametrize(
    ("broken", "story", "before", "found"),
    [
        ("a comment without a look", REFUSED, "rows entries projected projected/1/1", "comments: "),
        (
            "a landing without a look",
            LANDS,
            "rows entries done merge-1-1/land/done",
            "transitions: ",
        ),
    ],
    ids=["a comment without a look", "a landing without a look"],
)
def test_what_is_not_looked_for_is_found_when_it_dies_there(
    forge, undisturbed, tmp_path, broken, story, before, found
) -> None:
    world = founded(tmp_path, forge, story, name=broken.replace(" ", "-")[:24])
    ended = lived(world, "--broken", broken, "--before", before)
    assert ended.deaths == [before]
    assert any(trouble.startswith(found) for trouble in troubles(world, undisturbed(story)[0])), (
        ended.errors
    )
