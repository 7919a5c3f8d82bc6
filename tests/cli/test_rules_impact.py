"""`factory rules impact`, on a real repository: who flips when the cap is edited, and what is
refused by name."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError
from harness.repository.original.clone import snapshot_at
from tests import warm

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "public-factory"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", folder, "-c", "user.name=n", "-c", "user.email=n@example.org", *arguments],
        check=True,
        capture_output=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A repository with the example in a folder of it, and a monitor that a careless git would
    run."""
    top = tmp_path_factory.mktemp("clone")
    shutil.copytree(EXAMPLE, top / "examples" / "public-factory")
    git(top, "init", "--quiet")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message", "as it is")
    git(top, "config", "core.fsmonitor", f"touch {top / 'ran'}")
    return top


def factory(*arguments: str | Path):
    return warm.run(("rules", *arguments), env=os.environ, timeout=600)


def test_the_command_tells_who_flips_when_the_cap_is_edited(clone) -> None:
    folder = clone / "examples" / "public-factory"
    said = ["impact", folder, "--base", "HEAD", "--history", folder / "history.json"]
    rules = folder / "factory_rules.md"
    text = rules.read_text("utf-8")
    codes, flipped = [], []
    for cap in (500, 400, 600):
        rules.write_text(
            text.replace("500 lines", f"{cap} lines").replace("max: 500", f"max: {cap}"), "utf-8"
        )
        done = factory(*said, "--json")
        codes.append(done.returncode)
        flipped.append([flip["change"] for flip in json.loads(done.stdout)["flips"]])
    shown = factory(*said).stdout
    rules.write_text(text, "utf-8")
    assert codes == [0, 1, 1]
    assert flipped == [[], [63, 134, 180], [100, 102]]
    assert "  #100  F-SIZE  refuses → holds: 574 changed lines, at most 600\n" in shown
    assert "\x1b" not in shown
    assert not (clone / "ran").exists()


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("--upload-pack=x", "is not a ref"),
        ("", "is not a ref"),
        ("HEAD\n", "is not a ref"),
        ("nowhere", "names no commit"),
        ("HEAD:examples", "names no commit"),
    ],
)
def test_a_ref_that_is_none_is_refused(clone, ref, message) -> None:
    with pytest.raises(ConfigError, match=message):
        snapshot_at(clone, ref)


def test_what_a_commit_does_not_have_is_refused_by_name(clone, tmp_path) -> None:
    (clone / "new").mkdir()
    with pytest.raises(ConfigError, match="new is not there at `HEAD`"):
        snapshot_at(clone / "new", "HEAD")
    with pytest.raises(ConfigError, match="is in no git repository"):
        snapshot_at(tmp_path, "HEAD")
    with pytest.raises(ConfigError, match="not a file of at most"):
        snapshot_at(clone, "HEAD").read("absent")


def test_what_lies_in_the_working_copy_is_not_what_the_commit_has(clone) -> None:
    (clone / "examples" / "public-factory" / "more.md").write_text("new", "utf-8")
    there = snapshot_at(clone / "examples" / "public-factory", "HEAD")
    (clone / "examples" / "public-factory" / "more.md").unlink()
    assert set(there.paths) == {
        b"mission.md",
        b"factory_rules.md",
        b"CLAUDE.md",
        b"README.md",
        b"history.json",
    }
    assert there.read("mission.md") == (EXAMPLE / "mission.md").read_bytes()


def test_bad_input_is_named_and_ends_with_two(clone, tmp_path) -> None:
    folder, broken = clone / "examples" / "public-factory", tmp_path / "h.json"
    broken.write_bytes(b'{"pull_requests": [{"pr": 1}, {"pr": "\xff"}]}')
    done = factory("impact", folder, "--history", broken)
    assert (done.returncode, "is not UTF-8" in done.stderr) == (2, True)
    broken.write_text('{"pull_requests": [{"pr": 1, "merged_at": "yesterday"}]}')
    done = factory("impact", folder, "--history", broken, "--since", "90d")
    assert (done.returncode, "yesterday" in done.stderr) == (2, True)
    assert factory("impact", folder, "--history", broken, "--since", "soon").returncode == 2


def test_the_cases_of_recorded_pull_requests_are_asked_from_the_file_beside_the_rules(
    clone,
) -> None:
    folder = clone / "examples" / "public-factory"
    done = factory("test", folder)
    assert (done.returncode, done.stdout) == (0, "13 of 13 cases hold\n")
    assert factory("lint", folder).stdout == "clean\n"
    assert not (clone / "ran").exists()


def test_the_history_that_is_checked_out_is_tried_without_a_factory(clone) -> None:
    folder = clone / "examples" / "public-factory"
    (folder / "big.txt").write_text("line\n" * 5_000)
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "Add a big file")
    (clone / "ran").unlink(missing_ok=True)
    shown = factory("impact", folder, "--from-git")
    assert shown.returncode == 0
    assert "1 recorded change," in shown.stdout
    assert "Add a big file: " in shown.stdout
    two = factory("impact", folder, "--from-git", "--history", folder / "history.json")
    assert (two.returncode, "name two pasts" in two.stderr) == (2, True)
    assert not (clone / "ran").exists()
