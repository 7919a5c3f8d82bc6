"""The change with the base's tests: what is taken from where, whatever lies in the way."""

import json
import os
import tomllib

import pytest

from harness.factory.project.test_config import apply_tests, is_test_config
from harness.governance.built_in import PROTECTED
from harness.governance.paths import resembles


def is_test(path):
    return path.startswith("tests/")


@pytest.fixture
def sides(tmp_path):
    """Two folders: the change's files, and the base's."""
    for name in ("head", "base"):
        (tmp_path / name).mkdir()
    return tmp_path / "head", tmp_path / "base"


def fill(folder, **files) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def found(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_tests_and_what_steers_them_come_from_base_and_the_rest_stays(sides) -> None:
    head, base = sides
    fill(
        base,
        app_dot_py="old",
        tests__a_dot_py="old",
        tests__gone_dot_py="old",
        conftest_dot_py="old",
    )
    fill(
        head,
        app_dot_py="new",
        tests__a_dot_py="new",
        tests__added_dot_py="new",
        pytest_dot_ini="new",
        deep__conftest_dot_py="new",
        lib__new_dot_py="new",
        sitecustomize_dot_py="new",
        Makefile="new",
    )
    fill(head, **{"liar.egg-info__entry_points_dot_txt": "new"})
    apply_tests(head, base, is_test)
    assert found(head) == {
        "app.py": "new",
        "tests/a.py": "old",
        "tests/gone.py": "old",
        "conftest.py": "old",
        "lib/new.py": "new",
    }


@pytest.mark.parametrize("name", ["pytest.py", "json.py", "xml", "_pytest"])
def test_a_module_that_goes_before_the_librarys_is_taken_out_unless_the_base_has_it(
    sides, name
) -> None:
    head, base = sides
    for folder in sides:
        (folder / "code").mkdir()
        (folder / "code" / "app.py").write_text(
            folder.name
        )  # a name of the library's too, but the app's own
    if "." in name:
        (head / name).write_text("evil")
    else:
        (head / name).mkdir()
        (head / name / "__init__.py").write_text("evil")
    apply_tests(head, base, is_test)
    assert found(head) == {"code/app.py": "head"}


def test_a_package_beside_the_code_that_goes_before_the_layers_is_taken_out(sides) -> None:
    """Node looks beside the test first, and a `chai` there agrees with everything."""
    head, base = sides
    (head / "src" / "node_modules" / "chai").mkdir(parents=True)
    (head / "src" / "node_modules" / "chai" / "index.js").write_text("exports.equal = () => {}")
    (head / "src" / "sum.js").write_text("exports.sum = () => 99")
    apply_tests(head, base, is_test)
    assert found(head) == {"src/sum.js": "exports.sum = () => 99"}


def test_folders_files_and_links_in_the_way_are_moved_out_of_it(sides) -> None:
    head, base = sides
    fill(base, tests__a_dot_py="old", tests__deep__b_dot_py="old", tests__c_dot_py="old")
    fill(head, tests__a_dot_py__x="new", elsewhere__kept="new")
    (head / "tests" / "deep").symlink_to("../elsewhere")
    (head / "tests" / "c.py").symlink_to("../elsewhere/kept")
    apply_tests(head, base, is_test)
    assert found(head) == {
        "tests/a.py": "old",
        "tests/deep/b.py": "old",
        "tests/c.py": "old",
        "elsewhere/kept": "new",
    }
    assert found(head / "elsewhere") == {"kept": "new"}


def test_modes_and_links_of_the_bases_tests_come_along(sides) -> None:
    head, base = sides
    fill(base, tests__run_dot_sh="#!/bin/sh\n")
    os.chmod(base / "tests" / "run.sh", 0o755)
    (base / "tests" / "data").symlink_to("../data")
    apply_tests(head, base, is_test)
    assert os.access(head / "tests" / "run.sh", os.X_OK)
    assert os.readlink(head / "tests" / "data") == "../data"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "[tool.pytest.ini_options]\naddopts = '-q'",
            "[project]\nname = 'new'\n[tool.pytest.ini_options]\naddopts = '-k nothing'",
            {"project": {"name": "new"}, "tool": {"pytest": {"ini_options": {"addopts": "-q"}}}},
        ),
        (
            "[project]\nname = 'old'",
            "[tool.pytest.ini_options]\naddopts = '-k nothing'\n[tool.x]\ny = 1",
            {"tool": {"x": {"y": 1}}},
        ),
        (
            "[tool.pytest]\naddopts = ['-q']",
            "[project]\nname = 'new'",
            {"project": {"name": "new"}, "tool": {"pytest": {"addopts": ["-q"]}}},
        ),
        (
            "[tool.coverage.run]\nbranch = true",
            "[tool.coverage.run]\nplugins = ['liar']\n[tool.hatch.envs.x]\nscripts.test = 'true'",
            {"tool": {"coverage": {"run": {"branch": True}}}},
        ),
        (
            "[tool.pdm.scripts]\ntest = 'pytest'\n[tool.poe]\nx = 1\n[tool.tox]\nx = 1",
            "[tool.pdm]\ny = 2\n[tool.taskipy.tasks]\ntest = 'true'\n[tool.tox]\nx = 2",
            {
                "tool": {
                    "pdm": {"y": 2, "scripts": {"test": "pytest"}},
                    "poe": {"x": 1},
                    "tox": {"x": 1},
                }
            },
        ),
        ("[project]\nname = 'old'", "[project]\nname = 'new'", {"project": {"name": "new"}}),
        ("[project]\nname = 'old'", "not toml [", {"project": {"name": "old"}}),
        ("[project]\nname = 'old'", "tool = 1", {"project": {"name": "old"}}),
        (
            "[tool.pytest.ini_options]\naddopts = '-q'",
            None,
            {"tool": {"pytest": {"ini_options": {"addopts": "-q"}}}},
        ),
    ],
)
def test_of_a_shared_file_only_the_runners_part_is_the_bases(
    sides, before, after, expected
) -> None:
    head, base = sides
    (base / "pyproject.toml").write_text(before)
    if after is not None:
        (head / "pyproject.toml").write_text(after)
    apply_tests(head, base, is_test)
    assert tomllib.loads((head / "pyproject.toml").read_text()) == expected


def test_shared_files_are_read_up_to_a_bound_and_what_did_not_change_counts_for_nothing(
    sides,
) -> None:
    """Whoever writes a change may fill as many of them as a snapshot takes, and a byte costs 20
    microseconds."""
    head, base = sides
    same = {f"lib{number}__pyproject_dot_toml": "# " + "x" * 80 for number in range(3)}
    fill(base, **same, a__pyproject_dot_toml="a = 1", z__pyproject_dot_toml="z = 1")
    large = f'x = "{"x" * 40}"\n[tool.pytest]\nown = 1\n'
    fill(head, **same)
    for name in "abz":
        fill(head, **{f"{name}__pyproject_dot_toml": large})
    apply_tests(head, base, is_test, most=90)
    left = found(head)
    kept = tomllib.loads(left["a/pyproject.toml"])
    assert (kept["x"], kept.get("tool", {}).get("pytest")) == ("x" * 40, None)
    # Past the bound: the base's whole file, which is none for the second.
    assert (left["b/pyproject.toml"], left["z/pyproject.toml"]) == ("", "z = 1")
    assert all(left[f"lib{number}/pyproject.toml"] == "# " + "x" * 80 for number in range(3))


def test_the_scripts_of_a_package_json_are_the_bases(sides) -> None:
    head, base = sides
    (base / "package.json").write_text('{"scripts": {"test": "jest"}}')
    (head / "package.json").write_text(
        '{"type": "module", "scripts": {"test": "true"}, "jest": {"testMatch": []}}'
    )
    apply_tests(head, base, is_test)
    assert json.loads((head / "package.json").read_text()) == {
        "type": "module",
        "scripts": {"test": "jest"},
    }


def test_of_a_composer_json_the_scripts_are_the_bases_and_of_a_package_json_what_compiles(
    sides,
) -> None:
    head, base = sides
    (base / "composer.json").write_text('{"scripts": {"test": "phpunit"}}')
    (head / "composer.json").write_text('{"name": "new", "scripts": {"test": "true"}}')
    (base / "package.json").write_text('{"nyc": {"all": true}}')
    (head / "package.json").write_text('{"name": "new", "babel": {}, "nyc": {}, "c8": {}}')
    apply_tests(head, base, is_test)
    assert json.loads((head / "composer.json").read_text()) == {
        "name": "new",
        "scripts": {"test": "phpunit"},
    }
    assert json.loads((head / "package.json").read_text()) == {"name": "new", "nyc": {"all": True}}


def test_of_a_cargo_toml_what_is_tested_is_the_bases(sides) -> None:
    """`autotests = false` made a crate's tests none, and the run green."""
    head, base = sides
    (base / "Cargo.toml").write_text(
        '[package]\nname = "a"\n[lib]\ntest = false\n[[test]]\nname = "old"\n'
    )
    (head / "Cargo.toml").write_text(
        '[package]\nname = "b"\nautotests = false\n[[test]]\nname = "new"\n'
        '[profile.test]\nopt-level = 3\n[dependencies]\nc = "1"\n'
    )
    apply_tests(head, base, is_test)
    assert tomllib.loads((head / "Cargo.toml").read_text()) == {
        "package": {"name": "b"},
        "lib": {"test": False},
        "test": [{"name": "old"}],
        "dependencies": {"c": "1"},
    }


def test_what_a_deno_json_takes_from_elsewhere_stays_what_it_is_on_base(sides) -> None:
    head, base = sides
    (base / "deno.jsonc").write_text(
        '{"tasks": {"test": "deno test"}, // of "all"\n'
        '"imports": {"assert": "jsr:@std/assert", "@/": "./", },}'
    )
    (head / "deno.jsonc").write_text(
        '{"name": "//b", "tasks": {"test": "true"}, "test": {"exclude": ["."]}, /* "x" */ "imports":'
        ' {"assert": "./mine.ts", "jsr:@std/assert": "./mine.ts", "@/": "./src/", "oak": "jsr:oak"}}'
    )
    apply_tests(head, base, is_test)
    assert json.loads((head / "deno.jsonc").read_text()) == {
        "name": "//b",
        "tasks": {"test": "deno test"},
        "imports": {"assert": "jsr:@std/assert", "@/": "./src/", "oak": "jsr:oak"},
    }


@pytest.mark.parametrize("text", ['"' + '\\"' * 60_000, "/* " * 40_000, '{"a": "' + "\\" * 120_001])
def test_a_deno_json_that_nothing_closes_is_read_at_once(sides, text) -> None:
    head, base = sides
    (base / "deno.json").write_text("{}")
    (head / "deno.json").write_text(text)
    apply_tests(head, base, is_test)
    assert (head / "deno.json").read_text() == "{}"


def test_a_module_goes_before_the_librarys_in_each_folder_that_pythonpath_names(sides) -> None:
    """`src/unittest.py` said that all is well, and only the root was looked at."""
    head, base = sides
    fill(base, src__queue_dot_py="old")
    fill(head, src__queue_dot_py="new", src__unittest_dot_py="new", lib__unittest_dot_py="new")
    (head / "out").symlink_to(base.parent)
    apply_tests(head, base, is_test, roots=("src", "out", "nowhere"))
    assert found(head) == {"src/queue.py": "new", "lib/unittest.py": "new"}
    assert is_test_config("src/unittest.py", roots=("src",))
    assert not is_test_config("src/unittest.py")


def test_the_configuration_that_vitest_and_babel_find_is_the_bases(sides) -> None:
    """`test: { include: [] }` stands in Vite's file, and a plugin of Babel's can take every
    `expect` out."""
    head, base = sides
    fill(base, **{"vite.config_dot_ts": "old"})
    fill(head, **{"vite.config_dot_ts": "new", "_dot_babelrc": "new", "tsconfig_dot_json": "new"})
    apply_tests(head, base, is_test)
    assert found(head) == {"vite.config.ts": "old", "tsconfig.json": "new"}


TASKS = ["Makefile", "more.mk", "Rakefile", "justfile", ".justfile", "Taskfile.dist.yaml"]
TASKS += ["noxfile.py", "tox.ini", "tox.toml", "sitecustomize.py", "bunfig.toml"]


@pytest.mark.parametrize("path", TASKS)
def test_what_starts_the_tests_is_protected_and_the_bases(path) -> None:
    assert is_test_config(path)
    assert resembles(PROTECTED, path.encode())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("conftest.py", True),
        ("a/b/conftest.py", True),
        ("pytest.ini", True),
        ("x/setup.cfg", True),
        ("pyproject.toml", True),
        ("package.json", True),
        ("pytest.py", True),
        ("json/__init__.py", True),
        ("a.egg-info/entry_points.txt", True),
        ("vitest.config.ts", True),
        ("Makefile", True),
        ("web/vite.config.mts", True),
        ("vitest.e2e.config.ts", True),
        ("vitest-setup.ts", True),
        ("jest.e2e.config.js", True),
        ("jest.setup.js", True),
        ("test/jest-e2e.json", True),
        ("src/setupTests.ts", True),
        ("babel.config.cjs", True),
        (".babelrc.json", True),
        (".swcrc", True),
        (".nycrc.json", True),
        ("nyc.config.mjs", True),
        (".c8rc.json", True),
        ("wdio.conf.ts", True),
        ("cucumber.mjs", True),
        ("config/cucumber.yml", True),
        ("spec/support/jasmine.json", True),
        ("bunfig.toml", True),
        (".coveragerc", True),
        (".coveragerc.toml", True),
        ("nose2.cfg", True),
        ("behave.ini", True),
        ("tox.toml", True),
        (".rspec", True),
        (".rspec-local", True),
        (".simplecov", True),
        ("Rakefile", True),
        ("phpunit.xml", True),
        ("phpunit.xml.dist", True),
        ("phpunit.dist.xml", True),
        ("behat.dist.php", True),
        ("composer.json", True),
        (".config/nextest.toml", True),
        ("ci.runsettings", True),
        ("src/__mocks__/axios.js", True),
        ("src/node_modules/chai/index.js", True),
        ("src/node_modules", True),
        ("dart_test.yaml", True),
        ("deno.json", True),
        ("deno.jsonc", True),
        ("crates/a/Cargo.toml", True),
        (".cargo/config.toml", True),
        # the app is built by these, and finds its modules by them
        ("tsconfig.json", False),
        ("pom.xml", False),
        ("build.gradle", False),
        ("src/jest.ts", False),
        ("src/vite-env.d.ts", False),
        ("src/cucumber.py", False),
        ("shop.py", False),
        ("a/json.py", False),
        ("README.md", False),
    ],
)
def test_what_steers_is_known_by_its_path(path, expected) -> None:
    assert is_test_config(path) is expected
