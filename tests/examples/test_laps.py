"""The small apps of `examples/`: an issue of each goes in and is merged. The models are recorded;
the packages, the services, the sandboxes and the sealed judge with its browser are real.

Then the judge gets the same request about what is no fix: a change that is right for the reporter's
own words alone, and one that paints what was expected. Each lap proves that no change at all is
red."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.original import git, repository_of
from tests.scenarios.conftest import FACTORY, SECONDS, Said
from tests.validators_launcher.world import predicate, run_program

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LAPS = (
    pytest.param(
        "matinee",
        marks=pytest.mark.soak("a lap more; test_demo has one, test_services what runs beside it"),
    ),
    pytest.param("ferry", marks=pytest.mark.soak("a run more; test_tools judges a tool")),
    pytest.param(
        "larder", marks=pytest.mark.soak("a run more; test_npm has such packages from its own lock")
    ),
    pytest.param(
        "larder/api", marks=pytest.mark.soak("another run of larder; test_apis judges an API")
    ),
    pytest.param(
        "hedgerow",
        marks=pytest.mark.soak("compiles Go in each sandbox; test_vendored does it once"),
    ),
)


@dataclass(frozen=True)
class Lap:
    """One run on an example's repository: what it said, and its home."""

    example: Path
    said: Said
    home: Path

    @property
    def trusted(self) -> Path:
        """The factory's own repository of the app."""
        return Path(self.request["git_dir"])

    @property
    def request(self) -> dict:
        """What the judge was asked about the fix."""
        return json.loads((self.home / "runs/validate-1-1/judge-request.json").read_text())

    def judged(self, name: str) -> dict:
        """The verdict on a change to the base: the patch of that name."""
        request, tree = self.request, self.home / "wrong" / name
        base = request["base"]["commit"]
        git(self.trusted, "worktree", "add", "--quiet", "--detach", str(tree), base)
        git(tree, "apply", "--index", str(self.example / "wrong" / f"{name}.patch"))
        git(tree, "commit", "--quiet", "--message", name)
        head, hashed = git(tree, "rev-parse", "HEAD", "HEAD^{tree}").split()
        merge = git(tree, "commit-tree", hashed, "-p", base, "-p", head, "-m", "merge")
        request["head"] = {"commit": head, "tree": hashed}
        request["candidate"] = {"commit": merge, "tree": hashed}
        file, out = self.home / f"{name}.json", self.home / "judged" / name
        file.write_text(json.dumps({**request, "run": name}))
        done = run_program("judge", "--request", file, "--out", out, seconds=SECONDS)
        assert (out / "verdict.json").exists(), done.stderr
        return predicate(out / "verdict.json")


@pytest.fixture(scope="module", params=LAPS)
def lap(request, tmp_path_factory):
    example, folder = (
        EXAMPLES / request.param,
        tmp_path_factory.mktemp(request.param.replace("/", "-")),
    )
    # An example of its own, or a further issue of the one that it lies in.
    app = next(one / "app" for one in (example, example.parent) if (one / "app").is_dir())
    shutil.copytree(app, folder / "app")
    repository_of(folder / "app")
    command = ("try", folder / "app", "--issues", example / "issue.md")
    options = ("--replay", example / "recordings", "--home", folder / "home", "--json")
    done = subprocess.run(
        [FACTORY, *command, *options],
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
    )
    return Lap(example, Said(done.returncode, done.stdout, done.stderr), folder / "home")


def test_the_issue_is_merged_in_one_attempt(lap) -> None:
    assert lap.said.code == 0, lap.said.err + lap.said.out
    [issue] = lap.said.json["issues"]
    assert (issue["outcome"], issue["verdicts"], issue["attempts"]) == ("merged", ["passed"], 1)
    assert not {draft["path"] for draft in lap.said.json["drafted"]} & {
        "mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml"
    }  # fmt: skip


@pytest.mark.soak("two judgements; test_judging has such changes of a smaller app")
@pytest.mark.parametrize("wrong", ["special", "painted"])
def test_what_is_no_fix_is_refused(lap, wrong) -> None:
    assert lap.judged(wrong)["outcome"] == "failed"
