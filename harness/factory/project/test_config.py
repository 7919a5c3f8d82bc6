"""What decides which of a project's tests run and how they are told, beside the tests: the
configuration of the runner.

Properties: where the base's tests are run over a change, none of it is the change's. A conftest of
ten lines turned every failure into a pass; so did `addopts = -k nothing`, a `pytest.py` beside the
app and a plugin that was announced by an `egg-info` folder. What is not the runner's in a shared
file (`pyproject.toml`, `package.json`) stays the change's."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

TEST_CONFIG_FILES = GitIgnoreSpec.from_lines(
    (
        "conftest.py",
        "pytest.ini",
        ".pytest.ini",
        "pytest.toml",
        ".pytest.toml",
        "tox.ini",
        "setup.cfg",
        "noxfile.py",
        "sitecustomize.py",
        "usercustomize.py",
        "*.pth",
        "*.egg-info",
        "*.dist-info",
        "Makefile",
        "makefile",
        "GNUmakefile",
        "justfile",
        "Justfile",
        "Taskfile.yml",
        "Taskfile.yaml",
        "jest.config.*",
        "vitest.config.*",
        "vitest.workspace.*",
        "playwright.config.*",
        "cypress.config.*",
        "karma.conf.*",
        "ava.config.*",
        ".mocharc*",
        ".taprc",
    )
)
_SHARED = {
    "pyproject.toml": (("tool", "pytest"),),
    "package.json": (("scripts",), ("jest",), ("mocha",), ("ava",), ("tap",), ("vitest",)),
}
_SHADOWS = frozenset(
    (*sys.stdlib_module_names, "pytest", "_pytest", "pluggy", "iniconfig", "coverage", "xdist")
)


def is_test_config(path: str) -> bool:
    """Whether a change of this path may change how tests run or what they say."""
    first = path.partition("/")[0]
    return (
        TEST_CONFIG_FILES.match_file(path) or path.rpartition("/")[2] in _SHARED or _shadow(first)
    )


def _shadow(name: str) -> bool:
    """A module at the root goes before the library's: `python -m` looks there first."""
    return name.partition(".")[0] in _SHADOWS


def apply_base_tests(folder: Path, base: Path, is_test: Callable[[str], bool]) -> None:
    """Make `folder` the change with the base's tests: those, and what steers them, come from
    `base`, which is used up."""
    for path in list(_files(folder)):
        if is_test(path) or TEST_CONFIG_FILES.match_file(path):
            (folder / path).unlink()
    there = set(os.listdir(base))
    for name in os.listdir(folder):
        if _shadow(name) and name not in there:
            _clear(folder / name)
    for path in list(_files(base)):
        if is_test(path) or TEST_CONFIG_FILES.match_file(path):
            _take(base / path, folder, path)
    for path in {*_files(folder), *_files(base)}:
        if path.rpartition("/")[2] in _SHARED and not is_test(path):
            _share(folder / path, base / path)


def _files(folder: Path) -> Iterator[str]:
    """Everything below that is no folder, links among it, by its path from there."""
    for inner, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(inner, name))]
        yield from (os.path.relpath(os.path.join(inner, name), folder) for name in (*names, *links))


def _take(source: Path, folder: Path, path: str) -> None:
    """Put a file where it belongs, whatever is in its way."""
    parent = folder
    for part in Path(path).parts[:-1]:
        parent = parent / part
        if parent.is_symlink() or not parent.is_dir():
            _clear(parent)
            parent.mkdir()
    _clear(folder / path)
    source.rename(folder / path)


def _clear(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


def _share(ours: Path, base: Path) -> None:
    """The change's file with the base's settings of the runner; the base's whole file where the
    change's cannot be read."""
    read, written = _FORMS[ours.suffix]
    try:
        kept = read(_text(base))
        document = read(_text(ours))
        for keys in _SHARED[ours.name]:
            _set(document, keys, _at(kept, keys))
        text = written(document)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        text = _text(base)
    if ours.is_symlink() or not ours.parent.is_dir():
        return
    ours.write_text(text, encoding="utf-8")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() and not path.is_symlink() else ""


def _at(document: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        document = document.get(key, {})
    return document


def _set(document: Any, keys: tuple[str, ...], value: Any) -> None:
    *outer, last = keys
    for key in outer:
        document = document.setdefault(key, {})
    if value:
        document[last] = value
    elif last in document:
        del document[last]


def _json(text: str) -> Any:
    return json.loads(text) if text else {}


def _toml(text: str) -> MutableMapping[str, Any]:
    import tomlkit  # 30 ms, for a file that few changes touch

    return tomlkit.parse(text)


def _toml_text(document: Any) -> str:
    import tomlkit

    return tomlkit.dumps(document)


_FORMS: dict[str, tuple[Callable[[str], Any], Callable[[Any], str]]] = {
    ".toml": (_toml, _toml_text),
    ".json": (_json, json.dumps),
}
