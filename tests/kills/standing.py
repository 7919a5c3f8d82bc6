"""How a world stands: what everybody can see of it, without what is another in each world; and what
is wrong with it."""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from harness.domain.ledger import Entry
from harness.factory.records.history import history_of
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from tests.kills.world import REPOSITORY_ID, World

LONG = 600.0
_SHA = re.compile(r"\b[0-9a-f]{7,64}\b")
_ENTRY = re.compile(r"\bentry \d+")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|\+00:00| UTC)?")


def standing(world: World) -> dict[str, Any]:
    """Decisions in the ledger; issue, comments, labels, pull requests, checks and branches on the
    forge; the tree of main."""
    ledger = SqliteLedger(world.home, SystemClock())
    try:
        entries = ledger.entries()
        history = history_of(ledger, world.issue)
        decided = {
            "state": history.state.value,
            "fault": ledger.fault(),
            "transitions": [
                [one.data[part] for part in ("event", "from", "to")] for one in history.transitions
            ],
            "effects": sorted(_effects(entries)),
            "runs without an end": sorted(_open_runs(entries)),
        }
    finally:
        ledger.close()
    return {**decided, **_on_the_forge(world)}


def troubles(world: World, undisturbed: dict[str, Any], *, patience: float = LONG) -> Iterator[str]:
    """What is not as it is after an undisturbed life, what is there twice, and what is left behind
    after `patience` seconds."""
    found = standing(world)
    for name, right in undisturbed.items():
        if found[name] != right:
            yield f"{name}: {_difference(found[name], right)}"
    yield from (f"left behind: {path}" for path in left_behind(world, patience=patience))


def _difference(found: object, right: object) -> str:
    """What of two things is in one alone, where they are lists; else both."""
    if isinstance(found, list) and isinstance(right, list):
        lines = [[json.dumps(one, default=str) for one in side] for side in (found, right)]
        more, less = (
            list((Counter(lines[side]) - Counter(lines[1 - side])).elements()) for side in (0, 1)
        )
        return (
            f"{more or 'nothing'} too much, {less or 'nothing'} is missing"
            if more or less
            else f"in another order: {found}"
        )
    return f"{found!r} instead of {right!r}"


def left_behind(world: World, *, patience: float = LONG) -> list[str]:
    """Files nobody needs any more, and processes at work for nobody. Trash is deleted in the
    background, by a process that stands back for all others, so it gets as long as it takes."""
    until = time.monotonic() + patience
    while (found := sorted((*_leavings(world), *_processes(world)))) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _effects(entries: tuple[Entry, ...]) -> Iterator[str]:
    """Intents and confirmations, as they pair: an intent that was never confirmed shows."""
    intents = Counter(one.key for one in entries if one.kind == "intent")
    done = Counter(one.key.removesuffix("/done") for one in entries if one.kind == "done")
    for key in {*intents, *done}:
        yield f"{key}: {intents[key]} intended, {done[key]} confirmed"


def _open_runs(entries: tuple[Entry, ...]) -> set[str]:
    """Runs that were begun and not ended: what they have is kept for whoever goes on with them, for
    ever."""
    return {str(one.run) for one in entries if one.kind == "run"} - {
        str(one.run) for one in entries if one.kind == "run-ended"
    }


def _on_the_forge(world: World) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {world.owner_token}"}
    with httpx.Client(
        base_url=f"{world.api}/repos/{world.repository}",
        headers=headers,
        trust_env=False,
        verify=False,
        timeout=LONG,
    ) as http:
        issue = http.get(f"/issues/{world.issue}").json()
        pulls = http.get("/pulls", params={"state": "all"}).json()
        branches = {one["name"]: one["commit"]["sha"] for one in http.get("/branches").json()}
        checks = [
            run["name"]
            for sha in sorted(set(branches.values()))
            for run in http.get(f"/commits/{sha}/check-runs", params={"filter": "latest"}).json()[
                "check_runs"
            ]
        ]
        return {
            "issue": [
                issue["state"],
                issue["state_reason"],
                sorted(label["name"] for label in issue["labels"]),
            ],
            "comments": [
                [one["user"]["id"] == world.factory_id, _plain(world, one["body"])]
                for number in (world.issue, *(pull["number"] for pull in pulls))
                for one in http.get(f"/issues/{number}/comments").json()
            ],
            "pull requests": [
                [one["state"], one["merged_at"] is not None, _plain(world, one["body"])]
                for one in pulls
            ],
            "labels put on and taken off": sorted(
                f"{one['event']} {one['label']['name']}"
                for one in http.get(f"/issues/{world.issue}/events").json()
                if one["event"] in ("labeled", "unlabeled")
            ),
            "branches": sorted(branches),
            "checks": sorted(checks),
            "commits on main": len(
                http.get("/commits", params={"sha": "main", "per_page": 100}).json()
            ),
            "files on main": sorted(
                one["path"] + one["sha"]
                for one in http.get(
                    f"/git/trees/{branches['main']}", params={"recursive": "1"}
                ).json()["tree"]
                if "toml" not in one["path"]
            ),
        }


def _plain(world: World, text: str) -> str:
    """A text without addresses of this world, shas, moments, and places in its ledger, where a
    restart is an entry as well."""
    text = _ENTRY.sub(
        "entry <n>", text.replace(world.web, "").replace(world.repository, "<repository>")
    )
    return _MOMENT.sub("<moment>", _SHA.sub("<sha>", text))


def _leavings(world: World) -> Iterator[str]:
    for folder in (world.home / "worktrees", world.temporary):
        yield from (str(path.relative_to(world.folder)) for path in _inside(folder))
    trusted = world.home / "repositories" / f"{REPOSITORY_ID}.git"
    for folder, _, names in os.walk(trusted):
        yield from (
            str(Path(folder, name).relative_to(world.folder))
            for name in names
            if name.endswith(".lock")
        )
    yield from (
        str(path.relative_to(world.folder))
        for path in (world.home / "repositories").glob("*.making*")
    )


def _inside(folder: Path) -> Iterator[Path]:
    """Everything in a folder; of its trash, what is in it. What vanishes meanwhile is not there."""
    for path in (folder / name for name in _names(folder)):
        yield from (path / name for name in _names(path)) if path.name == ".trash" else (path,)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _processes(world: World) -> Iterator[str]:
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(str(world.home).encode() in word for word in words):
            yield f"process {place.name}: {b' '.join(words).decode(errors='replace')[:200]}"
