"""The recorded edits, and the changes that are no fix, fit the files of the examples to the letter.
Who changes such a file learns it here, and not from a whole lap."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.programs.agent_loop.files import created, replaced

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
TIDEBOOK = EXAMPLES / "tidebook"
APPS = {
    "": (TIDEBOOK,),
    "production": (TIDEBOOK, EXAMPLES / "production/app"),
    "matinee": (EXAMPLES / "matinee/app",),
    "ferry": (EXAMPLES / "ferry/app",),
    "larder": (EXAMPLES / "larder/app",),
    "larder/api": (EXAMPLES / "larder/app",),
    "hedgerow": (EXAMPLES / "hedgerow/app",),
    "ourselves": (ROOT,),
}
WRITES = "cat > "
"""How a recorded command begins that writes a file; all others only look."""


@pytest.mark.parametrize("example", APPS)
def test_each_recorded_edit_fits_what_those_before_it_left(example, tmp_path) -> None:
    recordings = (EXAMPLES / example / "recordings").glob("*/implementer-*.json")
    # An error is found in what has landed, so its mend comes after the issues.
    in_turn = sorted(recordings, key=lambda file: (file.parent.name == "error", file))
    uses = [use for recording in in_turn for use in uses_of_tools(recording)]
    paths = {use["path"] for name, use in uses if name == "edit"}
    for app in APPS[example]:
        for path in filter(lambda path: (app / path).exists(), paths):
            (copy := tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(app / path, copy)
    for name, use in uses:
        if name == "run" and use["command"].startswith(WRITES):
            subprocess.run(use["command"], shell=True, cwd=tmp_path, check=True)
        elif name == "edit" and "old" in use:
            replaced(tmp_path / use["path"], use["old"], use["new"], path=use["path"])
        elif name == "edit":
            created(tmp_path / use["path"], use["new"], path=use["path"])
    assert paths


def test_every_example_is_among_them() -> None:
    found = {file.parents[1].relative_to(EXAMPLES) for file in EXAMPLES.rglob("implementer-*.json")}
    assert found == {Path(example) / "recordings" for example in APPS}


@pytest.mark.parametrize(
    "patch", sorted(EXAMPLES.rglob("wrong/*.patch")), ids=lambda file: str(file.relative_to(EXAMPLES))
)
def test_each_change_that_is_no_fix_fits_too(patch) -> None:
    app = next(one / "app" for one in patch.parents if (one / "app").is_dir())
    # In a folder of a repository git skips, without a word, what a patch says of other folders.
    command = ["git", "apply", "--check", f"--directory={app.relative_to(ROOT)}", patch]
    subprocess.run(command, cwd=ROOT, check=True)


def uses_of_tools(recording: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for exchange in json.loads(recording.read_text("utf-8"))["exchanges"]:
        for block in exchange["response"]["content"]:
            if block["type"] == "tool_use":
                yield block["name"], block["input"]
