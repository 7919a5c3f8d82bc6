"""What is imported is declared. `requests` came with PyGithub, and would have gone with it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
KNOWN = {*sys.stdlib_module_names, "harness", "validators", "tests", "bench", "examples"}
LINE = re.compile(r"^\s*(?:from|import) +(\w+)", re.MULTILINE)
"""What looks like an import, one on a line as ruff's E401 and E702 have it; it spares most files
their parsing."""
OTHER_PROJECTS = (
    "tests/onboarding/apps/",
    "bench/real_fixes/app.py",
    "bench/real_fixes/enter.py",
    "harness/factory/project/pytest_run.py",
)
"""Apps that are looked at, those around packages of others, a plugin of one, and what runs in a
sandbox with a project's own pytest."""


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements}


PRODUCT = names(PROJECT["dependencies"])
EVERYTHING = PRODUCT | names(PROJECT["optional-dependencies"]["dev"])


def foreign(path: Path) -> Iterator[str]:
    """The top-level packages that are neither the standard library's nor ours."""
    text = path.read_text("utf-8")
    if KNOWN.issuperset(LINE.findall(text)):
        return
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import():
                modules = [alias.name for alias in node.names]
            case ast.ImportFrom(level=0, module=str(module)):
                modules = [module]
            case _:
                continue
        yield from {module.partition(".")[0] for module in modules} - KNOWN


@cache
def installed() -> Mapping[str, list[str]]:
    """The distributions that each package which can be imported here comes from."""
    return packages_distributions()


def is_declared(package: str, declared: set[str]) -> bool:
    return not declared.isdisjoint(canonicalize_name(name) for name in installed().get(package, ()))


@pytest.mark.parametrize(
    ("folder", "declared"),
    [
        ("harness", PRODUCT),
        ("validators", PRODUCT),
        ("tests", EVERYTHING),
        ("bench", EVERYTHING),
    ],
)
def test_what_is_imported_is_declared(folder, declared) -> None:
    files = {str(path.relative_to(ROOT)): path for path in (ROOT / folder).rglob("*.py")}
    found = {
        (package, name)
        for name, path in files.items()
        if not name.startswith(OTHER_PROJECTS)
        for package in foreign(path)
    }
    assert found
    assert {one for one in found if not is_declared(one[0], declared)} == set()
