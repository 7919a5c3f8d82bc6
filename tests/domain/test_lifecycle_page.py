"""The pages about the lifecycles are the tables, or the build fails."""

from pathlib import Path

import pytest

from harness.domain.lifecycle import page
from harness.domain.release import release_page

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize(
    ("name", "text"), [("lifecycle.md", page), ("release-lifecycle.md", release_page)]
)
def test_the_page_is_the_table(name, text) -> None:
    assert (DOCS / name).read_text("utf-8") == text()
