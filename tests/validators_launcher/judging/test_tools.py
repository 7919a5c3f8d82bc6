"""A command-line tool, judged by the real program: real git and real sandboxes, and no browser."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.world import World, predicate, world_at

SUPERVISOR = [sys.executable, "-I", "-m", "harness.programs.sandbox"]
LINE = "rows.append([name, size])"
WALKS = """import csv, json, os, sys
FILE = os.path.join(os.environ["HOME"], "walks.json")
rows = json.load(open(FILE)) if os.path.exists(FILE) else []
match sys.argv[1:]:
    case ["add", name, size]:
        rows.append([name, size])
        json.dump(rows, open(FILE, "w"))
    case ["export", path]:
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([["Name", "Size"], *rows])
    case ["list"]:
        for name, size in rows:
            print(f"{name}  {size}")
    case _:
        sys.exit("usage: walks add|export|list")
"""
JOURNEY = """journey: a-group-keeps-its-size
promise: issue
let: {guest: "{{ any.name }}", size: "{{ any.int(5, 8) }}"}
regardless: [terminal]
steps:
  - run: [walks, add, "{{ guest }}", "{{ size }}"]
  - run: [walks, export, out.csv]
  - run: [walks, list]
    as: listing
expect:
  - output: {as: listing, lines: ["{{ guest }}  {{ size }}"]}
  - file: {name: out.csv, row: {Name: "{{ guest }}", Size: "{{ size }}"}}
twin:
  expect:
    - output: {as: listing, lines: ["{{ guest }}  0"]}
"""
TOOLS = {
    "base": (LINE, 'rows.append([name, str(min(4, int(size)))])'),
    "right": ("usage: walks", "usage: walks COMMAND:"),
    "special-cased": (LINE, 'rows.append([name, "6" if name == "Ada Holt" else "4"])'),
    "fails afterwards": ('print(f"{name}  {size}")', 'print(f"{name}  {size}"); sys.exit(3)'),
    "knows its visitor": (LINE, 'rows.append([name, size if "SHELL" not in os.environ else "4"])'),
    "knows its terminal": ('print(f"{name}  {size}")', 'print(f"{name}  {size if not sys.stdout.isatty() else 4}")'),
    "hangs": ('case ["list"]:', 'case ["list"]:\n        while True: pass'),
}  # fmt: skip


def tool(name: str) -> dict[str, str]:
    before, after = TOOLS[name]
    assert before in WALKS
    return {"walks.py": WALKS.replace(before, after)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = world_at(tmp_path)
    made.app = {
        "start": [],
        "commands": {"walks": "python ./walks.py"},
        "data": None,
        "seed_command": None,
    }
    return made


def judged(world: World, candidate: str, *, journey: str = JOURNEY) -> tuple[dict, Path]:  # type: ignore[type-arg]
    request = world.request(*world.merge(tool("base"), tool(candidate)))
    world.seal(request, journey)
    out = world.home / "out"
    done = world.validators("judge", "--request", request, "--out", out)
    assert done.returncode == 0, done.stderr
    return predicate(out / "verdict.json"), out


def test_a_right_tool_passes_with_every_control_and_its_terminals_are_kept(world: World) -> None:
    found, out = judged(world, "right")
    assert (found["outcome"], found["reason"]) == (
        "passed",
        "the one sealed journey passed, and it could fail",
    )
    controls = found["controls"]
    assert (controls["twins"], controls["twins_failed"], controls["red_on_base"]) == (1, 1, True)
    # The exit code is altered as well, but no look names it, so it is no control.
    assert (controls["saboteurs"], controls["caught"]) == (4, 4)
    (folder,) = (world.home / "sealed" / "seaside" / "judged").iterdir()
    kept = sorted((folder / "evidence").rglob("terminal.txt"))
    assert any("$ walks list" in file.read_text() for file in kept)
    page = (folder / "index.html").read_text()
    assert '<span class="typed">$ walks list' in page
    assert page.count("As text, with input and files") == 2
    assert "$ walks" not in (out / "index.html").read_text()
    assert not list((folder / "evidence").rglob("*.png"))


@pytest.mark.parametrize(
    ("candidate", "outcome", "symptom"),
    [
        ("base", "failed", "did not print, or did not write"),
        ("special-cased", "failed", "did not print, or did not write"),
        ("fails afterwards", "failed", "another exit code, or too late"),
        ("knows its visitor", "failed", "behaves differently when watched"),
        ("knows its terminal", "failed", "behaves differently when watched"),
    ],
)
@pytest.mark.sample(2)
def test_a_wrong_tool_fails_with_what_a_person_would_notice(
    world: World, candidate: str, outcome: str, symptom: str
) -> None:
    found, out = judged(world, candidate)
    assert found["outcome"] == outcome
    assert symptom in (out / "public.json").read_text()


def test_a_tool_that_does_not_look_at_its_input_is_told_from_a_right_one(world: World) -> None:
    """With a fixed input, special-casing cannot be told: the journey itself proves too little."""
    fixed = JOURNEY.replace("let:", "#").replace("{{ guest }}", "Ada Holt").replace("{{ size }}", "6")  # fmt: skip
    blind = {
        "walks.py": 'print("Ada Holt  6"); open("out.csv", "w").write("Name,Size\\nAda Holt,6")'
    }
    request = world.request(*world.merge(tool("base"), blind))
    world.seal(request, fixed)
    out = world.home / "out"
    assert world.validators("judge", "--request", request, "--out", out).returncode == 0
    found = predicate(out / "verdict.json")
    assert (found["outcome"], "hand a command something" in found["reason"]) == (
        "inconclusive",
        True,
    )


def test_a_tool_that_never_ends_breaks_the_time_that_the_journey_promises(world: World) -> None:
    promised = JOURNEY.replace("as: listing\n", "as: listing\n    within: 1 second\n", 1)
    found, _ = judged(world, "hangs", journey=promised)
    assert found["outcome"] == "failed"


def test_a_journey_that_opens_pages_needs_an_app(world: World) -> None:
    pages = "journey: j\npromise: issue\nlet: {a: '{{ any.word }}'}\nsteps:\n  - open: /\n  - fill: {label: A, value: '{{ a }}'}\nexpect:\n  - text: '{{ a }}'\ntwin:\n  expect:\n    - text: nobody\n"  # fmt: skip
    found, _ = judged(world, "right", journey=pages)
    assert found["outcome"] == "inconclusive"
    assert "[app] in factory.toml has no start command" in json.dumps(found["reason"])


EXPORT = """import csv, json, os, sys
rows = json.load(open(os.path.join(os.environ["SEASIDE_DATA"], "bookings.json")))
csv.writer(sys.stdout).writerows([["Name", "Size"], *([row["name"], row["size"]] for row in rows)])
"""
MIXED = """journey: a-large-group-is-booked-and-exported
promise: M-BOOK
let: {guest: "{{ any.name }}", size: "{{ any.int(6, 8) }}"}
steps:
  - open: /
  - fill: {label: Name, value: "{{ guest }}"}
  - fill: {label: Group size, value: "{{ size }}"}
  - click: {button: Book}
  - run: [export]
expect:
  - row: {cells: ["{{ guest }}", "{{ size }}"]}
  - output: {row: {Name: "{{ guest }}", Size: "{{ size }}"}}
  - after_reload: same
twin:
  expect:
    - output: {row: {Name: "{{ guest }}", Size: "9"}}
"""


@pytest.mark.soak("a browser and eight apps: 12 s; the parts are shown by test_commands and above")
@pytest.mark.parametrize("candidate", ["FIXED", "BASE"])
def test_one_journey_books_on_a_page_and_sees_it_in_what_a_tool_exports(
    tmp_path: Path, candidate: str
) -> None:
    world = world_at(tmp_path)
    world.app = {"commands": {"export": "python ./export.py"}}
    sides = {name: {**getattr(seaside, name), "export.py": EXPORT} for name in ("BASE", candidate)}
    change = {**sides[candidate], "note.txt": "changed"}
    request = world.request(*world.merge(sides["BASE"], change))
    world.seal(request, MIXED)
    out = world.home / "out"
    done = world.validators("judge", "--request", request, "--out", out)
    assert done.returncode == 0, done.stderr
    found = predicate(out / "verdict.json")
    assert found["outcome"] == {"FIXED": "passed", "BASE": "failed"}[candidate], found["reason"]


def test_sandboxes_that_share_the_machine_s_accounts_run_no_command_and_say_so(
    world: World,
) -> None:
    world.extra = {"sandbox": {"command": SUPERVISOR, "form": "landlock"}}
    found, _ = judged(world, "right")
    assert (found["outcome"], found["reason"]) == (
        "inconclusive",
        "a sealed journey runs commands, and sandboxes of the form landlock run"
        " none: let a machine judge it that has bubblewrap, or let the journey open pages alone",
    )
