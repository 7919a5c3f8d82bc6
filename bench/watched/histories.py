"""Histories with known culprits: honest landings, and those that break one thing each.

A landing is a merge commit, as the factory makes them. Which landing does what is drawn by the
history's number, so a history is always the same."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LANDINGS = 30
Work = Callable[[Path], None]
"""Changes the files of a working copy."""

# For each journey, in the order of their files, what breaks it: one way for each history.
BUGS: tuple[tuple[tuple[str, str], ...], ...] = (
    (
        ("self._json(200, found) if found", 'self._json(200, {**found, "size": 0}) if found'),
        (
            "self._json(200, found) if found",
            'self._json(200, {"name": found["name"], "note": found["note"]}) if found',
        ),
        (
            "self._json(200, found) if found",
            'self._json(200, {**found, "size": found["size"] + 1}) if found',
        ),
    ),
    (
        ('return sum(one["size"] for one in bookings().values())', "return len(bookings())"),
        (
            'return sum(one["size"] for one in bookings().values())',
            'return 1 + sum(one["size"] for one in bookings().values())',
        ),
        (
            'return sum(one["size"] for one in bookings().values())',
            "return LARGEST * len(bookings())",
        ),
    ),
    (
        ('if part.lower() in one["name"].lower()]', "if part]"),
        ('if part.lower() in one["name"].lower()]', 'if part.lower() not in one["name"].lower()]'),
        ('if part.lower() in one["name"].lower()]', 'if part.lower() in one["note"].lower()]'),
    ),
    (
        ('sorted(bookings().values(), key=lambda one: one["size"])', "list(bookings().values())"),
        ('key=lambda one: one["size"])', 'key=lambda one: -one["size"])'),
        ('key=lambda one: one["size"])', 'key=lambda one: one["size"] % 6)'),
    ),
    (
        ("return size > LARGEST", "return size > LARGEST + 3"),
        ("return size > LARGEST", "return size > 10 * LARGEST"),
        ("return size > LARGEST", "return not size"),
    ),
    (
        (
            'is_there = cancel(self.path.rpartition("/")[2])',
            'is_there = self.path.rpartition("/")[2] in bookings()',
        ),
        ('is_there = cancel(self.path.rpartition("/")[2])', 'is_there = cancel("1")'),
        ('is_there = cancel(self.path.rpartition("/")[2])', "is_there = cancel(self.path)"),
    ),
    (
        ('found[number]["note"] = text', 'found[number]["note"] = text[:1]'),
        ('found[number]["note"] = text\n        keep(found)', 'found[number]["note"] = text'),
        ('found[number]["note"] = text', 'found[number]["notes"] = text'),
    ),
    (
        ('book(form["name"][0], int(form["size"][0]))', 'book(form["name"][0], 1)'),
        (
            'book(form["name"][0], int(form["size"][0]))',
            'book(form["size"][0], int(form["size"][0]))',
        ),
        ('book(form["name"][0], int(form["size"][0]))', 'is_too_large(int(form["size"][0]))'),
    ),
    (
        ('        if find.lower() in one["name"].lower()\n', ""),
        ('asked.get("find", [""])', 'asked.get("search", [""])'),
        ("<input name=find>", "<input name=found>"),
    ),
    (
        ('cancel(form["which"][0])', 'cancel(form["which"][0] + "0")'),
        ("action=/cancel", "action=/remove?cancel"),
        ("name=which value={number}", "name=which value=0{number}"),
    ),
)
HONEST: tuple[tuple[str, str], ...] = (
    ("LARGEST = 12", "LARGEST = 12  # people"),
    ("def bookings()", "NAMES = 200\n\n\ndef bookings()"),
    ("<h1>Bookings</h1>", "<h1>Bookings</h1><p>Welcome to the club.</p>"),
    ("def total() -> int:", 'def total() -> int:\n    """How many people come."""'),
    (
        "def named(part: str)",
        'def names() -> list[str]:\n    return sorted(one["name"] for one in bookings().values())\n\n\ndef named(part: str)',
    ),
    ("def row(number: str, one: dict)", "def row(number: str, one: dict[str, object])"),
    ("<title>Bookings</title>", "<title>The club's bookings</title>"),
    ('{"error": "no such booking"}', '{"error": "no such booking", "help": "/"}'),
    (
        "def by_size()",
        'def largest() -> int:\n    return max((one["size"] for one in bookings().values()), default=0)\n\n\ndef by_size()',
    ),
    (
        "def cancel(number: str) -> bool:",
        'def cancel(number: str) -> bool:\n    """Whether it was there."""',
    ),
    ("def keep(found", "def is_empty() -> bool:\n    return not bookings()\n\n\ndef keep(found"),
    ('"error": "that group is too large"', '"error": "that group is too large", "most": LARGEST'),
)
DEAD = ("if __name__ ==", "import clubhouse\n\nif __name__ ==")
"""After this landing the app does not start; the next one mends that."""


@dataclass(frozen=True, slots=True)
class Landing:
    """What one landing does; `breaks` is the number of the journey that is red from then on."""

    work: Work
    breaks: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """A repository, its tip, and by the journey's number the commit that broke it. `landings` are
    all of them, oldest first."""

    origin: Path
    tip: str
    landings: tuple[str, ...]
    culprits: dict[int, str]


def replaced(file: str, old: str, new: str) -> Work:
    """One text for another, once, in a file that has it."""

    def work(folder: Path) -> None:
        text = (folder / file).read_text()
        if old not in text:
            raise SystemExit(f"{file} has no {old!r}: the history cannot be planted")
        (folder / file).write_text(text.replace(old, new, 1))

    return work


def added(file: str, text: str) -> Work:
    """A text at the end of a file, new or not."""

    def work(folder: Path) -> None:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        with (folder / file).open("a") as opened:
            opened.write(text)

    return work


def club(number: int) -> tuple[Landing, ...]:
    """The landings of history `number` (1, 2 or 3): ten culprits, one after which the app does not
    start, one that mends that, and honest ones."""
    drawn = random.Random(f"history {number}")
    culprits = [
        Landing(replaced("club.py", *ways[number - 1]), breaks=at) for at, ways in enumerate(BUGS)
    ]
    honest = [Landing(replaced("club.py", *one)) for one in HONEST]
    honest += [
        Landing(added(f"notes/{at}.md", f"Note {at}.\n"))
        for at in range(LANDINGS - len(culprits) - len(honest) - 2)
    ]
    found = [*culprits, *honest]
    drawn.shuffle(found)
    at = drawn.randrange(len(found))
    dead = Landing(replaced("club.py", *DEAD)), Landing(replaced("club.py", *reversed(DEAD)))
    return (*found[:at], *dead, *found[at:])


def planted(folder: Path, files: Path, landings: Sequence[Landing]) -> History:
    """A bare repository at `folder`: the files, and the landings one after another on `main`."""
    work = folder.with_name(f"{folder.name}-work")
    _git(work.parent, "init", "--quiet", "--initial-branch=main", str(work))
    subprocess.run(["cp", "-a", f"{files}/.", str(work)], check=True)
    tip = _commit(work, "The first commit")
    made: list[str] = []
    culprits: dict[int, str] = {}
    for number, landing in enumerate(landings, start=1):
        landing.work(work)
        head = _commit(work, f"Change {number}", tip)
        tip = _commit(work, f"Land change {number}", tip, head)
        made.append(tip)
        if landing.breaks is not None:
            culprits[landing.breaks] = tip
    _git(work, "update-ref", "refs/heads/main", tip)
    _git(work.parent, "clone", "--quiet", "--bare", "--no-hardlinks", str(work), str(folder))
    return History(folder, tip, tuple(made), culprits)


def _commit(work: Path, message: str, *parents: str) -> str:
    _git(work, "add", "--all", "--force")
    tree = _git(work, "write-tree")
    given = [word for parent in parents for word in ("-p", parent)]
    return _git(work, "commit-tree", tree, *given, "-m", message)


def _git(folder: Path, *arguments: str) -> str:
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (
            ("NAME", "Club"),
            ("EMAIL", "club@example.org"),
            ("DATE", "2026-01-05T09:00:00Z"),
        )
    }
    safe = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **who, **safe},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
