"""Python source as syntax trees, while several issues are at work."""

from pathlib import Path

import pytest

from harness.governance.facts.syntax import syntax_tree

HARNESS = Path(__file__).parents[3] / "harness"


def test_python_is_parsed_in_one_place_only_and_so_one_text_at_a_time() -> None:
    """Two threads in `ast.parse` at once were seen to end in a SystemError, too seldom for a test
    to wait for it."""
    parsing = [
        path.relative_to(HARNESS).as_posix()
        for path in HARNESS.rglob("*.py")
        if "ast.parse(" in path.read_text("utf-8")
    ]
    assert parsing == ["governance/facts/syntax.py"]


@pytest.mark.parametrize(
    "source", [b"def (", b"\0", b"\xff\xfe", b"x = " + b"(" * 5000 + b")" * 5000, "x = '\ud800'"]
)
def test_what_is_not_python_has_no_tree(source) -> None:
    assert syntax_tree(source) is None
