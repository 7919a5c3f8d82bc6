"""The commands that journeys can run where nothing answers requests: found, drafted, and enough to
be judged by."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from harness.factory.settings.config import read_config
from harness.onboarding.gaps import gaps_of
from harness.onboarding.look import survey_of
from harness.onboarding.survey import Product
from tests.onboarding.reading import adopted

TOOL = {
    "pyproject.toml": '[project]\nname = "walks"\nversion = "1"\n[project.scripts]\nwalks = "walks.cli:main"\n'
    '"odd name" = "x:y"\nbroken = "no colon"\n',
    "walks/__init__.py": "",
    "walks/cli.py": "import sys\n\ndef main():\n    print('walked', sys.argv[1:])\n    return 3\n",
}  # fmt: skip


def lines(folder_made) -> dict[str, str]:
    return {one.name: one.line for one in survey_of(folder_made).commands}


def test_a_console_script_is_run_as_what_pip_would_install(folder) -> None:
    made = folder(TOOL)
    (line,) = lines(made).values()
    done = subprocess.run(
        [sys.executable, *shlex.split(line)[1:], "a b"], cwd=made, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (3, "walked ['a b']\n")


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"walks/__init__.py": "", "walks/__main__.py": "if __name__ == '__main__':\n    print(1)\n"}, {"walks": "python -m walks"}),
        ({"package.json": '{"name": "@a/walks", "bin": "./bin/w.js"}', "bin/w.js": ""}, {"walks": "node ./bin/w.js"}),
        ({"package.json": '{"bin": {"w": "../../etc/passwd", "v": "v.js"}}', "v.js": ""}, {"v": "node ./v.js"}),
        ({"walks/__init__.py": "def high(): return 1\n"}, {"python": "python"}),
        ({"README.md": "# Words\n"}, {}),
    ],
)  # fmt: skip
def test_what_can_be_run_is_named_and_nothing_leads_out(folder, files, found) -> None:
    assert lines(folder(files)) == found


def test_the_draft_names_them_and_lacks_no_start_command(folder) -> None:
    survey = survey_of(folder(TOOL))
    assert survey.product is Product.COMMAND
    config = read_config(adopted(survey)["factory.toml"].text)
    assert dict(config.app.commands) == {one.name: one.line for one in survey.commands}
    assert config.app.judged_by == "commands: walks"
    assert not any("no start command" in gap for gap in gaps_of(survey))
