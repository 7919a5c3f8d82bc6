"""Everything that the commands and routes of a repository are guessed from, read once."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.onboarding.evidence.folder import FolderContents
from harness.onboarding.evidence.python_source import PythonFile, python_file

MOST_PARSED = 400
"""Python files that are parsed, the least deep first: what makes and starts an app is near the
root."""

TESTS = ("tests", "test", "spec", "specs", "__tests__")
NOT_THE_PRODUCT = (
    *TESTS,
    "docs",
    "doc",
    "examples",
    "example",
    "bench",
    "benchmarks",
    "scripts",
    "tools",
    "migrations",
)


@dataclass(frozen=True, slots=True)
class Sources:
    """A holding with its Python files and manifests parsed."""

    contents: FolderContents
    python: tuple[PythonFile, ...]
    package_json: Mapping[str, Any]
    pyproject: Mapping[str, Any]

    @property
    def product(self) -> tuple[PythonFile, ...]:
        """The Python files that are neither tests nor beside the product."""
        return tuple(file for file in self.python if not is_beside(file.path))

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """The file's lines with their numbers, stripped."""
        for number, line in enumerate(self.contents.text(name).splitlines(), 1):
            yield number, line.strip()


def is_test(name: str) -> bool:
    """Whether this file belongs to the tests."""
    *folders, last = name.split("/")
    return (
        bool(set(folders) & set(TESTS))
        or last == "conftest.py"
        or last.startswith("test_")
        or last.endswith("_test.py")
        or ".test." in last
        or ".spec." in last
    )


def is_beside(name: str) -> bool:
    """Whether this file is beside the product: a test, a document, an example, a tool."""
    return is_test(name) or bool(set(name.split("/")[:-1]) & set(NOT_THE_PRODUCT))


def sources_in(contents: FolderContents) -> Sources:
    """The holding, parsed."""
    names = sorted(
        (name for name in contents.files if name.endswith(".py")),
        key=lambda name: (name.count("/"), name),
    )
    parsed = (python_file(name, contents.text(name)) for name in names[:MOST_PARSED])
    return Sources(
        contents,
        python=tuple(filter(None, parsed)),
        package_json=json_object(contents.text("package.json")),
        pyproject=toml_document(contents.text("pyproject.toml")),
    )


def table(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """A table of a document, step by step; empty where a step is missing or is no table."""
    for key in keys:
        found = document.get(key)
        if not isinstance(found, Mapping):
            return {}
        document = found
    return document


def json_object(text: str) -> Mapping[str, Any]:
    """The JSON object that the text is; empty where it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def toml_document(text: str) -> Mapping[str, Any]:
    """The TOML document that the text is; empty where it is none."""
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
