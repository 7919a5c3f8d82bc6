"""Which files configure a project's test runner, beside the tests themselves.

Property: where the base's tests run over a change, none of that configuration is the change's. A
conftest of ten lines turned every failure into a pass; so did `addopts = -k nothing`, a `pytest.py`
beside the app, and a plugin that an `egg-info` folder announced. In a shared file
(`pyproject.toml`, `package.json`) the change keeps what is not the runner's.

What compiles a test decides what it asks, so that is the base's too, although it builds the app as
well (`vite.config.ts`, `.babelrc`); the packages are the base's anyway. So is what the base's
configuration names (`config_names.py`), which the caller's `is_test` knows. What the app's own
modules are found by stays the change's, because tests and app find them alike (`tsconfig.json`,
`pom.xml`, `build.gradle`)."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from filecmp import cmp
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

_PYTHON = (
    "conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "tox.ini",
    "tox.toml",
    "setup.cfg",
    "noxfile.py",
    "nose2.cfg",
    "unittest.cfg",
    "behave.ini",
    ".behaverc",
    # its plugins are imported by whoever measures
    ".coveragerc*",
    "sitecustomize.py",
    "usercustomize.py",
    "*.pth",
    "*.egg-info",
    "*.dist-info",
)
_TASKS = (
    "Makefile",
    "makefile",
    "GNUmakefile",
    "*.mk",
    "Rakefile",
    "rakefile",
    "Rakefile.rb",
    "rakefile.rb",
    "justfile",
    "Justfile",
    ".justfile",
    "Taskfile.y*ml",
    "Taskfile.dist.y*ml",
    "taskfile.y*ml",
    "taskfile.dist.y*ml",
)
_JAVASCRIPT = (
    "jest*.config.*",
    "jest.preset.*",
    "jest[.-]setup.*",
    "jest-*.json",
    "setupTests.*",
    # Vitest takes its `test` from `vite.config` where it has none of its own.
    "vite*.config.*",
    "vitest.workspace.*",
    "vitest[.-]setup.*",
    "babel.config.*",
    ".babelrc*",
    ".swcrc",
    "playwright*.config.*",
    "cypress.config.*",
    "cypress.json",
    "karma.conf.*",
    "wdio*.conf.*",
    "nightwatch.conf.*",
    "web-test-runner.config.*",
    "jasmine.json",
    "jasmine.js",
    "jasmine.mjs",
    "cucumber.json",
    "cucumber.y*ml",
    "cucumber.*js",
    "ava.config.*",
    ".mocharc*",
    ".taprc",
    ".nycrc*",
    "nyc.config.*",
    ".c8rc*",
    "bunfig.toml",
)
_OTHERS = (
    "dart_test.yaml",
    ".rspec*",
    ".simplecov",
    "phpunit*.xml*",
    "phpspec.y*ml*",
    "behat.*",
    "codeception*.yml",
    ".config/nextest.toml",
    "*.runsettings",
)
RUNNERS = (*_JAVASCRIPT, *_OTHERS)
"""Patterns of the files in which a runner other than Python's has its settings."""
_LOADED = (
    # by Jest, in the place of the package of that name
    "__mocks__/",
    # by Node, before the package of that name in a folder above
    "node_modules",
    # its `runner` starts the tests
    ".cargo/config",
    ".cargo/config.toml",
)
TEST_CONFIG_FILES = GitIgnoreSpec.from_lines((*_PYTHON, *_TASKS, *RUNNERS, *_LOADED))
_DENO = (("tasks",), ("test",), ("scopes",), ("importMap",), ("links",), ("patch",))
SHARED = {
    "pyproject.toml": (
        ("tool", "pytest"),
        ("tool", "coverage"),
        ("tool", "tox"),
        ("tool", "poe"),
        ("tool", "taskipy"),
        ("tool", "pdm", "scripts"),
        ("tool", "hatch", "envs"),
    ),
    "package.json": (
        ("scripts",),
        ("jest",),
        ("mocha",),
        ("ava",),
        ("tap",),
        ("vitest",),
        ("babel",),
        ("nyc",),
        ("c8",),
    ),
    "composer.json": (("scripts",),),
    "deno.json": _DENO,
    "deno.jsonc": _DENO,
    "Cargo.toml": (
        ("test",),
        ("lib", "test"),
        ("lib", "harness"),
        ("package", "autotests"),
        ("profile", "test"),
    ),
}
"""What is the runner's in a file that others have settings in, too."""
MOST_READ = 128 * 1024
"""Bytes of changed files of these names that are read, in all: a reader that keeps the layout takes
20 microseconds for each."""
_SHADOWS = frozenset(
    (*sys.stdlib_module_names, "pytest", "_pytest", "pluggy", "iniconfig", "coverage", "xdist")
)


def is_test_config(path: str, *, roots: Iterable[str] = ()) -> bool:
    """Whether a change of this path may change how tests run or what they report. `roots` are the
    folders, beside the tree's own, where Python looks for modules."""
    return (
        TEST_CONFIG_FILES.match_file(path)
        or path.rpartition("/")[2] in SHARED
        or _shadows_a_library(path.partition("/")[0])
        or any(
            path.startswith(f"{root}/")
            and _shadows_a_library(path.removeprefix(f"{root}/").partition("/")[0])
            for root in roots
        )
    )


def _shadows_a_library(name: str) -> bool:
    """Whether a module at a root has the name of a library's: `python -m` looks there first."""
    return name.partition(".")[0] in _SHADOWS


def apply_tests(
    folder: Path,
    base: Path,
    is_test: Callable[[str], bool],
    *,
    roots: Iterable[str] = (),
    most: int = MOST_READ,
) -> None:
    """Make `folder` the change with the base's tests: the tests, and what configures them, come
    from the folder `base`, which is used up. Called the other way round, it makes the base with the
    change's tests. Python looks for modules in `roots` beside the tree's own. Of changed files that
    both share, `most` bytes are read in all."""
    for path in list(_files(folder)):
        if is_test(path) or TEST_CONFIG_FILES.match_file(path):
            (folder / path).unlink()
    for root in ("", *roots):
        for name in _names(folder, root) - _names(base, root):
            if _shadows_a_library(name):
                _clear(folder / root / name)
    for path in list(_files(base)):
        if is_test(path) or TEST_CONFIG_FILES.match_file(path):
            _take(base / path, folder, path)
    left = most
    for path in sorted({*_files(folder), *_files(base)}):
        if path.rpartition("/")[2] in SHARED and not is_test(path):
            left -= _share(folder / path, base / path, most=left)


def _files(folder: Path) -> Iterator[str]:
    """Every path below `folder` that is no folder itself, symbolic links included, relative to
    `folder`."""
    for inner, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(inner, name))]
        yield from (os.path.relpath(os.path.join(inner, name), folder) for name in (*names, *links))


def _names(tree: Path, inner: str) -> set[str]:
    """What is in a folder of a tree; nothing where a link leads out of it."""
    folder = tree / inner
    is_there = folder.is_dir() and folder.resolve().is_relative_to(tree.resolve())
    return set(os.listdir(folder)) if is_there else set()


def _take(source: Path, folder: Path, path: str) -> None:
    """Move a file to its place in `folder`, whatever is in its way."""
    parent = folder
    for part in Path(path).parts[:-1]:
        parent = parent / part
        # A link in the change's tree must not lead the base's file out of the folder.
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


def _share(ours: Path, base: Path, *, most: int) -> int:
    """The change's file with the base's settings of the runner; the base's whole file where the
    change's cannot be read, or has more than `most` bytes. Returns how many were read."""
    if _is_plain(ours) and _is_plain(base) and cmp(ours, base, shallow=False):
        return 0
    size = ours.stat().st_size if _is_plain(ours) else 0
    read, written = _FORMS[ours.suffix]
    try:
        if size > most:
            raise ValueError("too large to be read here")
        trusted = read(_text(base))
        document = read(_text(ours))
        for keys in SHARED[ours.name]:
            _set(document, keys, _at(trusted, keys))
        if SHARED[ours.name] is _DENO:
            _keep_packages(document, trusted)
        text = written(document)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        text = _text(base)
    if not ours.is_symlink() and ours.parent.is_dir():
        ours.write_text(text, encoding="utf-8")
    return min(size, most)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if _is_plain(path) else ""


def _at(document: Any, keys: tuple[str, ...]) -> Any:
    *outer, last = keys
    for key in outer:
        document = document.get(key, {})
    return document.get(last)


def _set(document: Any, keys: tuple[str, ...], value: Any) -> None:
    *outer, last = keys
    for key in outer:
        if value is None and key not in document:
            return
        document = document.setdefault(key, {})
    if value is not None:
        document[last] = value
    elif last in document:
        del document[last]


def _keep_packages(document: Any, trusted: Any) -> None:
    """A name that the base has for a package of others stays one. The app's own modules are where
    the change has them."""
    theirs, imports = trusted.get("imports", {}), document.get("imports", {})
    packages = {name: at for name, at in theirs.items() if not at.startswith((".", "/"))}
    # `"jsr:@std/assert": "./mine.ts"` would take the place of what a test asks for by its address.
    own = {name: at for name, at in imports.items() if ":" not in name}
    if packages or imports:
        document["imports"] = {**own, **packages}


# What is not closed goes to the end: to try again at each of its characters would take minutes.
_STRING = r'("(?:\\.|[^"\\])*(?:"|\\?\Z))'


def _json(text: str) -> Any:
    """Deno's may have comments, and commas before a closing bracket."""
    bare = re.sub(rf"{_STRING}|//[^\n]*|/\*.*?(?:\*/|\Z)", _string, text, flags=re.DOTALL)
    bare = re.sub(rf"{_STRING}|,(?=\s*[}}\]])", _string, bare, flags=re.DOTALL)
    return json.loads(bare) if bare.strip() else {}


def _string(found: re.Match[str]) -> str:
    return found[1] or ""


def _toml(text: str) -> MutableMapping[str, Any]:
    # Imported here, because it takes 30 ms and few changes touch such a file.
    import tomlkit

    return tomlkit.parse(text)


def _toml_text(document: Any) -> str:
    import tomlkit

    return tomlkit.dumps(document)


_FORMS: dict[str, tuple[Callable[[str], Any], Callable[[Any], str]]] = {
    ".toml": (_toml, _toml_text),
    ".json": (_json, json.dumps),
    ".jsonc": (_json, json.dumps),
}
