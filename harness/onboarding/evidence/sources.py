"""The parsed files that commands and routes are guessed from."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.domain.plain import JsonObject
from harness.onboarding.evidence.folder import FolderContents
from harness.onboarding.evidence.languages import PAGES, PROSE, language_of
from harness.onboarding.evidence.python_source import PythonFile, python_file

MOST_PARSED = 400
"""The number of Python files that are parsed, the least nested first: an app starts
near the root."""

_MOST_DOTS = 300
"""In a line of TOML that is read."""

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
VENDORED = ("vendor", "third_party", "node_modules")
_PYTHON = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "requirements.txt"})
_OTHERS = frozenset(
    {
        "package.json",
        "go.mod",
        "Cargo.toml",
        "Gemfile",
        "composer.json",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
    }
)
"""Manifests at the root that make a few Python files the helpers of another ecosystem."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The contents of a folder with its Python files and manifests parsed."""

    contents: FolderContents
    python: tuple[PythonFile, ...]
    package_json: JsonObject
    pyproject: JsonObject
    # The language that most of the product's programs are written in; empty if there are none.
    language: str = ""

    @property
    def product(self) -> tuple[PythonFile, ...]:
        """The Python files of the product itself."""
        return tuple(file for file in self.python if not is_beside(file.path))

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """The file's lines, stripped, with their numbers."""
        for number, line in enumerate(self.contents.text(name).splitlines(), 1):
            yield number, line.strip()

    def line_of(self, name: str, words: str) -> int:
        """The first line of a file with these words; 0 where none has them."""
        return next((number for number, line in self.lines(name) if words in line), 0)


def is_test(name: str) -> bool:
    """Whether this file belongs to the tests."""
    *folders, last = name.split("/")
    return (
        bool(set(folders) & set(TESTS))
        or last == "conftest.py"
        or last.startswith("test_")
        or "_test." in last
        or "_spec." in last
        or ".test." in last
        or ".spec." in last
    )


def is_beside(name: str) -> bool:
    """Whether this file is not the product: a test, a document, an example, a tool."""
    return is_test(name) or bool(set(name.split("/")[:-1]) & set(NOT_THE_PRODUCT))


def sources_in(contents: FolderContents) -> Sources:
    """Parse the contents of a folder."""
    language = _main_language(contents.files)
    names = sorted(
        (name for name in contents.files if name.endswith(".py")),
        key=lambda name: (name.count("/"), name),
    )
    at_root = frozenset(contents.files)
    # Scripts in a repository of another ecosystem are no evidence about its product.
    is_python = language == "Python" or at_root & _PYTHON or not at_root & _OTHERS
    parsed = (python_file(name, contents.text(name)) for name in names[:MOST_PARSED])
    return Sources(
        contents,
        python=tuple(filter(None, parsed)) if is_python else (),
        package_json=json_object(contents.text("package.json")),
        pyproject=toml_document(contents.text("pyproject.toml")),
        language=language,
    )


def _main_language(files: tuple[str, ...]) -> str:
    counted = Counter(
        language_of(name)
        for name in files
        if not is_beside(name) and name.partition("/")[0] not in VENDORED
    )
    for other in ("", "Shell", "SQL", *PROSE, *PAGES):
        del counted[other]
    return next((name for name, _ in counted.most_common(1)), "")


def table(document: JsonObject, *keys: str) -> JsonObject:
    """A nested table of a document; empty if a step is missing or not a table."""
    for key in keys:
        found = document.get(key)
        if not isinstance(found, Mapping):
            return {}
        document = found
    return document


def json_object(text: str) -> JsonObject:
    """The JSON object in a text; empty for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def toml_document(text: str) -> JsonObject:
    """The TOML document in a text; empty for anything else."""
    import tomllib

    # The parser looks up each part of a key from the top again, and a key lies in one line.
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        return {}
    try:
        return tomllib.loads(text)
    # Of a number with thousands of digits Python's own error comes through.
    except (ValueError, RecursionError):
        return {}
