"""`factory try` on this very repository: a real issue about the local forge's pages, replayed,
merged on the copy.

The sealed journey files an issue and looks for it in another case of letters; the forge is the app,
and its own rules hold."""

import os
import subprocess

import pytest

from tests.fakes.original import repository_of
from tests.scenarios.conftest import (
    FACTORY,
    ROOT,
    SECONDS,
    Said,
    copy_of_ourselves,
    factory,
)

pytestmark = pytest.mark.soak(
    "a run on our own repository; scenarios/test_demo has one on the example"
)

OURSELVES = ROOT / "examples" / "ourselves"


def repository_of_ourselves(folder) -> None:
    """What is committed or would be, as a repository of its own."""
    copy_of_ourselves(folder)
    # On a copy there is no CI whose checks could be green; everything else of our law is enforced.
    rules, rule = folder / "factory_rules.md", "id: F-CHECKS\napplies: merge\nlevel: enforced\n"
    rules.write_text(rules.read_text("utf-8").replace(rule, f"{rule}status: shadow\n"), "utf-8")
    repository_of(folder)


def test_an_issue_of_our_own_is_merged_on_the_copy(tmp_path) -> None:
    folder, home = tmp_path / "ourselves", tmp_path / "home"
    repository_of_ourselves(folder)
    done = subprocess.run(
        [
            FACTORY,
            "try",
            str(folder),
            "--issues",
            str(OURSELVES / "issue.md"),
            "--replay",
            str(OURSELVES / "recordings"),
            "--home",
            str(home),
            "--json",
        ],
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    said = Said(done.returncode, done.stdout, done.stderr)
    assert said.code == 0, said.err + said.out
    [issue] = said.json["issues"]
    assert (issue["outcome"], issue["verdict"], issue["attempts"]) == ("merged", "passed", 1)
    assert {draft["path"] for draft in said.json["drafted"]}.isdisjoint(
        {"mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml"}
    )
    assert factory(home, "audit").code == 0
