"""A whole lap with the real Codex as implementer: it lands what its own tools changed, and the run
is replayed."""

import base64
import json
import shutil
from pathlib import Path

import pytest

from harness.home.state import open_ledger
from harness.operations.setup.example import create_example
from tests.agents.clis import home_of_the_clis
from tests.scenarios.conftest import factory

pytestmark = pytest.mark.soak(
    "needs an agent CLI of a quarter of a gigabyte; agents/ shows how one is started"
)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PRICE = (
    '[prices."gpt-5.5"]\nas_of = 2026-11-21\ninput = 1\noutput = 5\ncache_read = 0.1\ncache_write ='
    " 1\ncache_write_1h = 1\n"
)
CODEX = (
    '\n[agents.theirs]\nkind = "codex"\n\n[models]\nimplementer = [{model = "gpt-5.5", agent ='
    ' "theirs"}]\n\n'
)
APPLY = """import json
for edit in json.loads({edits!r}):
    text = open(edit["path"]).read()
    assert edit["old"] in text
    open(edit["path"], "w").write(text.replace(edit["old"], edit["new"], 1))
"""


@pytest.fixture
def home(tmp_path) -> Path:
    """The demo's sixth issue alone; what the built-in agent edits in it, Codex does with its
    shell."""
    app, recordings, issues, home = (
        tmp_path / name for name in ("app", "recordings", "issues", "home")
    )
    shutil.copytree(
        EXAMPLES / "tidebook", app, ignore=shutil.ignore_patterns("__pycache__", "data")
    )
    (app / "factory.toml").write_text((app / "factory.toml").read_text() + CODEX + PRICE)
    shutil.copytree(EXAMPLES / "issues", issues)
    shutil.copytree(EXAMPLES / "recordings", recordings)
    recording = recordings / "issue-6" / "implementer-1.json"
    edits = [
        block["input"]
        for exchange in json.loads(recording.read_text())["exchanges"]
        for block in exchange["response"]["content"]
        if block.get("name") == "edit"
    ]
    packed = base64.b64encode(APPLY.format(edits=json.dumps(edits)).encode()).decode()
    command = f"python3 -c \"import base64; exec(base64.b64decode('{packed}'))\" && git diff --stat"
    content = (
        {"type": "tool_use", "name": "exec_command", "input": {"cmd": command}},
        {"type": "text", "text": "Done."},
    )
    recording.write_text(
        json.dumps(
            {"model": "gpt-5.5", "exchanges": [{"response": {"content": [one]}} for one in content]}
        )
    )
    create_example(home, app=app, issues=issues, recordings=recordings, tell=lambda words: None)
    (home / "agents").symlink_to(home_of_the_clis() / "agents")
    return home


def test_an_issue_is_landed_by_codex_and_replayed(home) -> None:
    assert (said := factory(home, "run", "6")).code == 0, said.out + said.err
    [issue] = [
        issue for issue in factory(home, "status", "--json").json["issues"] if issue["number"] == 6
    ]
    assert issue["outcome"] == "merged", issue
    with open_ledger(home) as ledger:
        build = ledger.find("implement-6-1/build/1")
    assert build is not None
    assert build.data["result"]["output"]["agent"].startswith("codex ")

    said = factory(home, "replay", "implement-6-1", "--json")
    assert said.code == 0, said.out
    [run] = said.json["runs"]
    assert (run["same"], run["faults"], run["differences"]) == (True, [], [])
    assert any("Chunk ID" in note for note in run["notes"]), (
        "Codex draws a name for whatever its shell says"
    )
