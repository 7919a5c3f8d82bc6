"""The page about the lifecycle is the table, or the build fails."""

from pathlib import Path

from harness.domain.lifecycle import page


def test_the_page_is_the_table() -> None:
    assert (Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md").read_text(
        "utf-8"
    ) == page()
