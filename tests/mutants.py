"""`make mutants`: how many small faults the tests notice in the rooms that decide.

mutmut makes the mutants and runs them, each room in an empty work folder under `build/`, so that no
file of the tree is touched. A survivor has to be listed in `mutants.toml` with why it may live; a
line of that list which speaks of no survivor fails as well.
"""

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
import tomllib
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_name("mutants.toml")
WORK = ROOT / "build" / "mutants"
SOURCES = ("harness", "validators")
COPIED = tuple(
    path.name
    for path in sorted(ROOT.iterdir())
    if not path.name.startswith(".") and path.name not in {*SOURCES, "build", "dist"}
)
SETTINGS = """\
[mutmut]
use_setproctitle = false
track_dependencies = false
use_git_change_detection = false
process_isolation = forkserver
timeout_constant = 5
timeout_multiplier = 4
"""
"""A mutant is met in a process that ran no test before: what a test has cached would hide it. Its
time is up after (the seconds of its tests + timeout_constant) * timeout_multiplier."""
ROOMS_OF_A_SAMPLE = 3
"""Of all, others each time."""
FAILED, TIMED_OUT = {1, 2, 3}, {-24, 24, 36, 152, 255}
"""How pytest ends where a mutant is noticed: a test, the collection or pytest fails, or its time is
up."""


@dataclass(frozen=True, slots=True)
class Room:
    """Files that decide something, as patterns below the root, and the tests that are to notice."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return WORK / self.name

    @property
    def paths(self) -> list[Path]:
        found = (path for pattern in self.files for path in ROOT.glob(pattern))
        return sorted(path.relative_to(ROOT) for path in found)


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test noticed: where it is, what the line says, and what it would say."""

    function: str
    line: str
    mutant: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the mutants of a room that were run. Those whose time was up died as well."""

    room: Room
    died: int
    timed_out: int
    survivors: tuple[Survivor, ...]

    @property
    def score(self) -> float:
        """How many of a hundred died."""
        return 100 * self.died / max(1, self.died + len(self.survivors))


def main() -> int:
    """Run the rooms, or a sample of their mutants; 1 where something has to be done about it."""
    rules = tomllib.loads(LIST.read_text("utf-8"))
    options = _options(rules["rooms"])
    rooms = [
        Room(name, tuple(room["files"]), tuple(room["tests"]))
        for name, room in rules["rooms"].items()
        if name in options.rooms or not options.rooms
    ]
    for room in rooms:
        prepare(room)
    drawn: Mapping[Room, Iterable[str]] = dict.fromkeys(rooms, ())
    if options.sample:
        print(f"a sample of {options.sample} mutants; seed {options.seed}", flush=True)
        drawn = sample(rooms, options.sample, seed=options.seed)
    found: list[str] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for room, seconds in pool.map(lambda room: (room, run(room, drawn[room])), drawn):
            outcome, listed = outcome_of(room), explained(rules, room)
            print(*lines(outcome, listed, seconds), sep="\n", flush=True)
            found += faults(outcome, listed, least=None if options.sample else rules["least"])
    spent = os.times()
    print(f"{spent.children_user + spent.children_system:.0f} processor seconds", *found, sep="\n")
    return bool(found)


def _options(rooms: Iterable[str]) -> Any:
    asked = ArgumentParser(prog="python -m tests.mutants")
    asked.add_argument("rooms", nargs="*", help=f"of {', '.join(rooms)}; all when none is named")
    asked.add_argument("--sample", type=int, help="how many mutants to draw, instead of all")
    asked.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the sample")
    return asked.parse_args()


def prepare(room: Room) -> None:
    """An empty work folder: links to what there is, and mutmut's settings."""
    shutil.rmtree(room.folder, ignore_errors=True)
    room.folder.mkdir(parents=True)
    for name in (*SOURCES, *COPIED):
        (room.folder / name).symlink_to(ROOT / name)
    settings = {
        "source_paths": SOURCES,
        "also_copy": COPIED,
        "only_mutate": map(str, room.paths),  # in a pattern, its * would cross folders
        "pytest_add_cli_args_test_selection": room.tests,
        # What noticed the mutant before notices this one, too, more often than not.
        "pytest_add_cli_args": ("--ff",),
    }
    lists = ("\n    ".join([f"{key} =", *values]) for key, values in settings.items())
    (room.folder / "setup.cfg").write_text(SETTINGS + "\n".join(lists))


def sample(rooms: Sequence[Room], number: int, *, seed: int) -> Mapping[Room, Iterable[str]]:
    """The names of so many mutants of a few rooms, the same for the same seed. Before the first
    mutant of a room all its tests are run, so a sample of every room is mostly that."""
    chance = random.Random(seed)
    few = chance.sample(rooms, min(ROOMS_OF_A_SAMPLE, len(rooms)))
    every = [(room, name) for room in few for name in _names(room)]
    drawn: dict[Room, list[str]] = {}
    for room, name in chance.sample(every, min(number, len(every))):
        drawn.setdefault(room, []).append(name)
    return drawn


def _names(room: Room) -> list[str]:
    # Not at the top: each worker of the suite collects the test of this module, and one runs it.
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    with contextlib.chdir(room.folder):
        return [
            get_mutant_name(path, name)
            for path in room.paths
            for name in mutate_file_contents(str(path), path.read_text("utf-8")).mutant_names
        ]


def run(room: Room, names: Iterable[str]) -> float:
    """Let the room's tests meet each mutant, or only those that are named. Returns the seconds that
    it took; exits where mutmut cannot do it."""
    log, began = room.folder / "mutmut.log", time.monotonic()
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    with log.open("w") as output:
        ended = subprocess.run(
            [mutmut, "run", "--max-children", "1", *names],
            cwd=room.folder,
            env=os.environ | {"TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if ended.returncode:
        raise SystemExit(
            f"{room.name}: mutmut ended with {ended.returncode}. {log} ends:\n"
            f"{log.read_text()[-3000:]}"
        )
    return time.monotonic() - began


def outcome_of(room: Room) -> Outcome:
    """What mutmut wrote down of the mutants that it ran."""
    with contextlib.chdir(room.folder):
        codes = [(path, name, code) for path in room.paths for name, code in _exit_codes(path)]
        survivors = tuple(
            _survivor(path, name) for path, name, code in codes if code not in FAILED | TIMED_OUT
        )
    timed_out = sum(code in TIMED_OUT for _, _, code in codes)
    return Outcome(room, len(codes) - len(survivors), timed_out, survivors)


def _exit_codes(path: Path) -> list[tuple[str, int]]:
    known = json.loads(Path("mutants", f"{path}.meta").read_text("utf-8"))["exit_code_by_key"]
    return [(name, code) for name, code in known.items() if code is not None]


def _survivor(path: Path, name: str) -> Survivor:
    """By its words, not by its number: numbers move with every edit."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    difference = get_diff_for_mutant(name, path=path).splitlines()[2:]
    line, mutant = (
        " ".join(told[1:].strip() for told in difference if told.startswith(sign)) for sign in "-+"
    )
    mangled = name.rpartition("__mutmut_")[0].rpartition(".")[2]
    function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return Survivor(f"{_module(path)}.{function}", line, mutant)


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def explained(rules: Mapping[str, Any], room: Room) -> dict[Survivor, str]:
    """The listed survivors of a room, and why they may live."""
    modules = tuple(f"{_module(path)}." for path in room.paths)
    return {
        Survivor(entry["in"], line, mutant): entry["why"]
        for entry in rules.get("survivors", ())
        if entry["in"].startswith(modules)
        for line, mutant in entry["mutants"]
    }


def lines(outcome: Outcome, listed: Mapping[Survivor, str], seconds: float) -> Iterator[str]:
    """A room's score, and the survivors of which nobody has said why, as they would be listed."""
    unlisted = [survivor for survivor in outcome.survivors if survivor not in listed]
    total, known = outcome.died + len(outcome.survivors), len(outcome.survivors) - len(unlisted)
    yield (
        f"{outcome.room.name:<12}{outcome.score:6.1f} %: {outcome.died} of {total} died,"
        f" {outcome.timed_out} of them by time; {known} survivors are listed, {len(unlisted)}"
        f" are not; {seconds:.0f} s"
    )
    for survivor in unlisted:
        told = json.dumps([survivor.line, survivor.mutant], ensure_ascii=False)
        yield f"    {survivor.function}\n        {told},"


def faults(outcome: Outcome, listed: Iterable[Survivor], *, least: float | None) -> Iterator[str]:
    """What has to be done about a room; of a sample, which has no least, only about survivors."""
    name = outcome.room.name
    alive, known = set(outcome.survivors), set(listed)
    if alive - known:
        yield f"{name}: a test has to notice each survivor, or {LIST.name} to list it with why"
    if least is None:
        return
    if outcome.score < least:
        yield f"{name}: {outcome.score:.1f} % of its mutants died, and {least} % have to"
    for gone in sorted(known - alive, key=str):
        yield f"{name}: {LIST.name} lists what does not survive: {gone.function} {gone.mutant}"


if __name__ == "__main__":
    sys.exit(main())
