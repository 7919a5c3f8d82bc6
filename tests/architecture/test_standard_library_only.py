"""`domain` and `ports` import the standard library and themselves. A list of forbidden names let
`requests` through."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = {
    "harness/domain": {"harness.domain"},
    "harness/ports": {"harness.domain", "harness.ports"},
    "validators/domain": {"validators.domain"},
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_there_is_something_to_look_at() -> None:
    assert all(len(list((ROOT / folder).rglob("*.py"))) > 10 for folder in PURE)


@pytest.mark.parametrize("folder", PURE)
def test_only_the_standard_library_and_itself(folder) -> None:
    foreign = {
        (path.name, name)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == own or name.startswith(f"{own}.") for own in PURE[folder])
    }
    assert not foreign
