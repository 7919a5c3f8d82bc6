"""What pytest says in a box: whole and as it was signed, or nothing; and honest projects of every
layout still import theirs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.junitxml import mangle_test_address

from harness.domain.sandbox import SandboxSpec
from harness.factory.project import pytest_run
from harness.factory.project.pytest_report import (
    ORDER,
    PYTEST,
    REPORT,
    importable,
    name_of,
    signed_run,
    verified_results,
    write_order,
)
from harness.factory.project.pytest_run import PATHS, Protected, signing
from harness.factory.project.tests import environment_of_tests

KEY = b"k" * 32
SAID = [
    ["unit", "tests/test_c.py", "skipped"],
    ["collected", 2],
    ["test", "tests/test_a.py::test_a", "passed"],
    ["test", "tests/test_a.py::B::test_b[x/y.py]", "failed"],
    ["end", 1],
]


def signed(messages: list, key: bytes = KEY) -> list[bytes]:
    return list(map(signing(key), messages))


def test_what_was_signed_is_read_with_the_ids_of_a_junit_report() -> None:
    assert verified_results(KEY, b"".join(signed(SAID))) == (
        1,
        [
            ("::tests.test_c", "skipped"),
            ("tests.test_a::test_a", "passed"),
            ("tests.test_a.B::test_b[x/y.py]", "failed"),
        ],
    )


@pytest.mark.parametrize(
    "nodeid",
    ["a/test_b.py::test_c", "test_b.py::D::test_c[e::f/g.py]", "a/test_b.py", "a/b.txt::b.txt"],
)
def test_an_id_is_that_of_a_junit_report(nodeid: str) -> None:
    *outer, last = mangle_test_address(nodeid)
    assert name_of(nodeid) == f"{'.'.join(outer)}::{last}"


LINES = signed(SAID)
FORGED = {
    "nothing": [],
    "no end": LINES[:-1],
    "one test left out": [*LINES[:2], *LINES[3:]],
    "one test twice": [*LINES[:3], *LINES[2:]],
    "another order": [LINES[1], LINES[0], *LINES[2:]],
    "a word changed": [line.replace(b'"failed"', b'"passed"') for line in LINES],
    "more after the end": [*LINES, *LINES[-1:]],
    "another key": signed(SAID, b"x" * 32),
    "no key": [b"0 " + json.dumps(one).encode() + b"\n" for one in SAID],
    "an end that lost its line": [*LINES[:-1], LINES[-1][:-1]],
    "fewer tests than were collected, all signed": signed([*SAID[:3], SAID[4]]),
    "collected twice, all signed": signed([["collected", 2], *SAID[1:]]),
    "never collected, all signed": signed([SAID[0], *SAID[2:]]),
    "two ends, all signed": signed([*SAID, ["end", 0]]),
}


@pytest.mark.parametrize("lines", FORGED.values(), ids=FORGED)
def test_what_is_not_all_of_it_and_to_the_end_is_nothing(lines: list[bytes]) -> None:
    assert verified_results(KEY, b"".join(lines)) is None


def test_the_names_of_ones_own_are_those_that_are_imported_by_themselves() -> None:
    assert importable(
        [
            "shop.py",
            "test/__init__.py",
            "test/json.py",
            "src/code/__init__.py",
            "src/code/types/__init__.py",
            "tests/helpers.py",
            "py/go.mod",
            "README.md",
        ]
    ) == {"shop", "test", "code", "helpers"}


@pytest.mark.parametrize(
    ("name", "own", "path", "found"),
    [
        ("pygments", (), None, "layer"),
        ("pygments", ("pygments",), None, "app"),
        ("shop", (), None, ""),
        ("parts", (), None, ""),
        ("pygments", (), ["/elsewhere"], ""),
    ],
)
def test_what_is_installed_goes_before_the_tree_but_for_what_is_the_bases_own(
    tmp_path: Path, name: str, own: tuple[str, ...], path: list[str] | None, found: str
) -> None:
    for module in ("layer/pygments.py", "app/pygments.py", "app/shop.py", "layer/parts/README"):
        (tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / module).touch()
    finder = Protected([str(tmp_path / "layer")], frozenset(own), [str(tmp_path / "app")])
    spec = finder.find_spec(name, path)
    assert spec is None if not found else spec.origin == str(tmp_path / found / f"{name}.py")


TEST = "from {} import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
SHOP = "def total(prices):\n    return sum(prices)\n"
LAYOUTS = {
    "flat, with a module that is new": {
        "new.py": SHOP,
        "shop.py": "from new import total\n",
        "tests/test_shop.py": TEST.format("shop"),
    },
    "flat, tests that are a package": {
        "shop.py": SHOP,
        "tests/__init__.py": "",
        "tests/data.py": SHOP,
        "tests/test_shop.py": TEST.format("shop") + "\n\nfrom tests.data import total\n",
    },
    "src": {
        "src/shop/__init__.py": SHOP,
        "tests/test_shop.py": TEST.format("shop"),
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    },
    "a helper beside the tests, and a conftest": {
        "shop.py": SHOP,
        "tests/conftest.py": "import helper\n",
        "tests/helper.py": "from shop import total\n",
        "tests/test_shop.py": TEST.format("helper"),
    },
    "packages that the base calls as the library does": {
        "test/__init__.py": "",
        "test/shop.py": SHOP,
        "test/support/__init__.py": "",
        "colorsys.py": SHOP,
        "tests/test_shop.py": TEST.format("test.shop") + "\n\nfrom colorsys import total\n",
    },
    "a child that runs on after a test": {
        "tests/test_shop.py": (
            "import os\n\n\ndef test_total():\n    if child := os.fork():\n       "
            " os.waitpid(child, 0)\n"
        )
    },
    "a plugin of its own": {
        "shop.py": SHOP,
        "plugin.py": "",
        "pytest.ini": "[pytest]\naddopts = -p plugin\n",
        "tests/test_shop.py": TEST.format("shop"),
    },
}


def ended_as(
    folder: Path, files: dict[str, str], *, new: str, paths: str = ""
) -> tuple[int, list[tuple[str, str]]] | None:
    """What pytest tells of a tree of these files, all of which but the module `new` the base has as
    well."""
    out, app = folder / "out", folder / "app"
    for name, text in files.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(text)
    out.mkdir()
    key = write_order(out, importable(files) - {new})
    ended = subprocess.run(
        [
            sys.executable,
            "-P",
            pytest_run.__file__,
            out / ORDER,
            out / REPORT,
            "-q",
            "-p",
            "no:cacheprovider",
        ],
        cwd=app,
        env={"PATH": "/usr/bin:/bin", PATHS: paths},
        capture_output=True,
        text=True,
    )
    print(ended.stdout)
    assert not (out / ORDER).exists()
    return verified_results(key, (out / REPORT).read_bytes())


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS)
def test_an_honest_project_imports_its_own(tmp_path: Path, files: dict[str, str]) -> None:
    assert ended_as(tmp_path, files, new="new") == (0, [("tests.test_shop::test_total", "passed")])


@pytest.mark.parametrize("new", ["colorsys", ""])
def test_a_new_module_does_not_stand_in_for_an_installed_one(tmp_path: Path, new: str) -> None:
    """One that the base has already does: that is how the project is."""
    source = "from colorsys import rgb_to_hls\n\n\ndef test_total():\n    assert rgb_to_hls\n"
    outcomes = ended_as(
        tmp_path, {"colorsys.py": "rgb_to_hls = None\n", "tests/test_shop.py": source}, new=new
    )
    assert outcomes == (
        0 if new else 1,
        [("tests.test_shop::test_total", "passed" if new else "failed")],
    )


def test_what_the_project_adds_to_the_path_comes_after_all_else_and_reaches_what_tests_start(
    tmp_path: Path,
) -> None:
    source = (
        "import hmac, subprocess, sys\nfrom shop import total\n\n\ndef test_total():\n"
        "    assert hmac.digest\n"
        "    assert not subprocess.run([sys.executable, '-c', 'import shop']).returncode\n"
    )
    files = {"src/hmac.py": "", "src/shop.py": SHOP, "tests/test_shop.py": source}
    ended = (0, [("tests.test_shop::test_total", "passed")])
    assert ended_as(tmp_path, files, new="hmac", paths="src") == ended


def test_the_runner_starts_without_what_the_project_adds_to_the_path() -> None:
    """Incident: a change's `src/hmac.py` was imported with the key in reach."""
    env = environment_of_tests({"PYTHONPATH": "/layer"}, {"PYTHONPATH": "src", "SHOP": "1"})
    assert (env["PYTHONPATH"], env["SHOP"]) == ("/layer:src", "1")
    spec = SandboxSpec("tests", (*PYTEST, "-q"), "/app", env=env)
    signed_spec = signed_run(spec, "/report", paths="src")
    assert (signed_spec.env["PYTHONPATH"], signed_spec.env[PATHS]) == ("/layer", "src")
    alone = replace(spec, env={"PYTHONPATH": "src"})
    assert signed_run(alone, "/report", paths="src").env["PYTHONPATH"] == ""
