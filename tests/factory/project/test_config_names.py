"""A file that the base's configuration names decides what a test reports; the app's own does not."""

import pytest

from harness.factory.project.config_names import import_roots, named_by_config

THERE = """app.js server.js src/config.js src/index.js src/main.ts src/setup.php index.html tsconfig.json
support/hooks.js support/env.ts web/support/hooks.js web/lib/hooks.js plugin.py shop/__init__.py
shop/plugin.py src/plugin.py src/more/__init__.py run_tests.sh qa/run.sh web/lib/own.py app.py manage.py
spec/spec_helper.rb lib/spec_helper.rb qa/cold.rb qa/warm.rb web/lib/own.rb"""


def named(files=None, command=(), **env):
    files = files or {}
    paths = {*THERE.split(), *files}
    read = {path: text.encode() for path, text in files.items()}.get
    return sorted(paths & named_by_config(paths, read, command=command, env=env))


@pytest.mark.parametrize(
    ("path", "text", "added"),
    [
        ("pytest.ini", "[pytest]\naddopts = -p plugin\npythonpath = web", "plugin/__init__.py"),
        ("pytest.ini", "[pytest]\naddopts = -p plugin\npythonpath = web", "web/plugin.py"),
        ("conftest.py", "pytest_plugins = 'shop.plugin'", "shop/plugin.abi3.so"),
        ("jest.config.ts", "{globalSetup: '<rootDir>/support/env'}", "support/env.js"),
        (".rspec", "--require cold -I qa", "spec/cold.rb"),
    ],
)
def test_what_a_change_adds_where_the_same_name_would_be_found_first(path, text, added) -> None:
    """A package goes before a module, and one folder before another: beside the base's plugin a
    change's own was loaded in its place."""
    base = {*THERE.split(), path}
    assert added not in base
    assert added in named_by_config(base, {path: text.encode()}.get, command=(), env={})
    assert added not in named_by_config({path}, {path: text.encode()}.get, command=(), env={})


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("pytest.ini", "[pytest]\naddopts = -q -p plugin -p no:shop\n", "plugin.py"),
        ("tox.ini", "[pytest]\naddopts =\n  -pshop.plugin\n", "shop/plugin.py"),
        ("setup.cfg", "[tool:pytest]\naddopts = -p xdist -p shop", "shop/__init__.py"),
        (
            "pyproject.toml",
            'tool.pytest.ini_options.addopts = ["-p", "plugin"]\n'
            '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
            "plugin.py src/plugin.py",
        ),
        ("pytest.ini", "[pytest]\npythonpath = . src\naddopts = -p more", "src/more/__init__.py"),
        (".coveragerc", "[run]\nplugins =\n    shop.plugin\nbranch = true\n", "shop/plugin.py"),
        ("a/conftest.py", "pytest_plugins = ['shop.plugin', 'x']\n", "shop/plugin.py"),
        ("web/lib/pytest.ini", "[pytest]\naddopts = -p own", "web/lib/own.py"),
        ("conftest.py", "pytest_plugins: str = 'shop'\n", "shop/__init__.py"),
        ("pytest.ini", "[pytest]\naddopts = --cov=app\ntestpaths = app.py", ""),
        ("jest.config.js", "{setupFilesAfterEnv: ['./support/hooks.js']}", "support/hooks.js"),
        (
            "jest.config.ts",
            "export default {globalSetup: '<rootDir>/support/env'}",
            "support/env.ts",
        ),
        (
            "web/jest.config.js",
            "{setupFiles: [path.join(__dirname, 'lib/hooks'), `${here}/../support/hooks.js`]}",
            "support/hooks.js web/lib/hooks.js",
        ),
        (
            "web/vitest.config.ts",
            "{test: {setupFiles: './support/hooks.js'}}",
            "support/hooks.js web/support/hooks.js",
        ),
        (
            "package.json",
            '{"main": "app.js", "mocha": {"require": "./support/hooks"}}',
            "support/hooks.js",
        ),
        (
            "package.json",
            '{"scripts": {"test": "mocha -r ./support/hooks.js"}}',
            "support/hooks.js",
        ),
        ("package.json", '{"scripts": {"test": "node server.js & node --test app.js"}}', "app.js"),
        ("package.json", '{"scripts": {"start": "node server.js", "test": "xo src/index.js"}}', ""),
        (
            ".mocharc.yml",
            "require:\n  - ./support/hooks.js\nexclude:\n  - src/index.js\n  - app.js\n",
            "support/hooks.js",
        ),
        (
            "phpunit.xml",
            '<phpunit bootstrap="src/setup.php"><file>app.js</file></phpunit>',
            "src/setup.php",
        ),
        (
            "vite.config.ts",
            "{build: {input: 'src/main.ts'}, test: {environment: 'a', setupFiles: ['support/env.ts'],"
            " coverage: {exclude: ['src/index.js']}}, other: './app.js'}",
            "support/env.ts",
        ),
        (
            "jest.config.js",
            "{collectCoverageFrom: ['src/index.js'], roots: ['<rootDir>/src'], moduleNameMapper:"
            " {'^config$': '<rootDir>/src/config.js'}, preset: 'app', transform: {'ts': ['./tsconfig.json']}}",
            "",
        ),
        ("playwright.config.ts", "{webServer: {command: 'node server.js'}, use: {}}", ""),
        (
            "karma.conf.js",
            "{files: ['src/main.ts', 'app.js'], plugins: [require('./support/hooks')]}",
            "support/hooks.js",
        ),
        (
            ".rspec",
            "--color\n--require spec_helper\n-r ./qa/cold\n-I qa:vendor\n--require warm\n",
            "lib/spec_helper.rb qa/cold.rb qa/warm.rb spec/spec_helper.rb",
        ),
        ("web/.rspec-local", "--require=own\n--format doc", "web/lib/own.rb"),
        (".rspec", "--format documentation\n--pattern own", ""),
    ],
)
def test_what_the_bases_configuration_names(path, text, expected) -> None:
    assert named({path: text}) == expected.split()


def test_a_plugin_names_others() -> None:
    files = {
        "conftest.py": "pytest_plugins = 'plugin'",
        "plugin.py": "pytest_plugins = ['shop.plugin']",
    }
    assert named(files) == ["plugin.py", "shop/plugin.py"]


@pytest.mark.parametrize(
    ("command", "env", "expected"),
    [
        (["python", "-m", "pytest", "-p", "shop.plugin"], {}, "shop/plugin.py"),
        (
            ["pytest"],
            {"PYTEST_ADDOPTS": "-p plugin", "PYTHONPATH": "src"},
            "plugin.py src/plugin.py",
        ),
        (["pytest"], {"PYTEST_PLUGINS": "shop.plugin,shop"}, "shop/__init__.py shop/plugin.py"),
        (["npm", "test"], {"NODE_OPTIONS": "--require ./support/hooks.js"}, "support/hooks.js"),
        (["sh", "-c", "python app.py & cd qa && ./run.sh > log 2>&1"], {}, "qa/run.sh"),
        (["sh", "-c", "./run_tests.sh 'and"], {}, "run_tests.sh"),
        (["pytest"], {"FLASK_APP": "app.py"}, ""),
        (["bundle", "exec", "rspec", "-rwarm", "-Iqa"], {}, "qa/warm.rb"),
        (
            ["rake"],
            {"SPEC_OPTS": "--require spec_helper"},
            "lib/spec_helper.rb spec/spec_helper.rb",
        ),
    ],
)
def test_what_the_command_and_its_environment_name(command, env, expected) -> None:
    assert named(command=command, **env) == expected.split()


def test_a_large_configuration_is_not_read_and_takes_nothing_from_the_others() -> None:
    ini = "[pytest]\naddopts = -p plugin\n"
    assert named({"pytest.ini": ini + "#" * (1 << 20), "a/pytest.ini": ini}) == ["plugin.py"]
    assert named({"pytest.ini": ini + "#" * (1 << 20)}) == []


def test_the_folders_of_pythonpath_are_those_of_the_tree() -> None:
    paths = "src:/app/lib/:/app:.:/usr/lib:../x::./web"
    assert import_roots({"PYTHONPATH": paths}) == ("src", "lib", "web")
    assert import_roots({}) == ()
