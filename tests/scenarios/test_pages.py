"""What a page marks `sh run` runs, in the order of the page, in a home after the demo. Then it says
what is true."""

import os
import subprocess

import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.scenarios.conftest import FACTORY, SECONDS, copied, copy_of_ourselves

MARKED = [page for page in PAGES if "sh run" in (ROOT / page).read_text("utf-8")]
"""Every worker collects; the test parses its page."""


def marked(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.is_run]


@pytest.fixture
def workshop(demo, tmp_path):
    """A folder with this repository's files to stand in, a home to look at, and an account of its
    own."""
    home, folder = copied(demo.home, tmp_path / "home"), tmp_path / "repository"
    copy_of_ourselves(folder)
    (tmp_path / "account").mkdir()
    env = {
        "PATH": f"{FACTORY.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "account"),
        "LANG": "C.UTF-8",
        "FACTORY_HOME": str(home),
        "NO_COLOR": "1",
    }
    return folder, env


@pytest.mark.parametrize("page", MARKED)
def test_every_block_that_is_marked_runs(page, workshop) -> None:
    folder, env = workshop
    assert marked(page)
    for block in marked(page):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, (
            f"{page}:{block.line}:\n{block.text}\n{done.stdout}{done.stderr}"
        )


def test_the_seal_page_runs_its_proofs() -> None:
    assert len(marked("docs/seal.md")) >= 5
