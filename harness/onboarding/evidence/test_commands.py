"""The project's own tests: their runner, and the command that writes a JUnit report."""

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile

from harness.onboarding.evidence.sources import TESTS, VENDORED, Sources, is_test, table
from harness.onboarding.evidence.starts.command_lines import scripts_run
from harness.onboarding.survey import Evidence, Suite

REPORT = "/tmp/report/junit.xml"  # noqa: S108 - a path inside the sandbox, whose /tmp is its own
_PYTEST = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={REPORT}")
_NODE = ("node", "--test", "--test-reporter=junit", f"--test-reporter-destination={REPORT}")

_REPORTS = {
    "mocha": ("--reporter", "xunit", "--reporter-option", f"output={REPORT}"),
    "vitest": ("run", "--reporter=junit", f"--outputFile={REPORT}"),
}
"""How Node's runners write a report without another package."""
_BEFORE = frozenset({"cross-env", "env", "npx", "run"})
_SHELL = frozenset({"|", "||", ";", ">", "<", "&"})
_WITHOUT = {
    "go.mod": ("go test", r"_test\.go$", ("**/*_test.go",)),
    "Cargo.toml": ("cargo test", r"(?:^|/)tests/.*\.rs$", ()),
    "pom.xml": ("mvn test", r"src/test/.*\.(?:java|kt)$", ("**/src/test/**",)),
    "build.gradle": ("gradle test", r"src/test/.*\.(?:java|kt)$", ("**/src/test/**",)),
    "build.gradle.kts": ("gradle test", r"src/test/.*\.(?:java|kt)$", ("**/src/test/**",)),
}
HINTS = {
    "go test": "gotestsum --junitfile",
    "cargo test": "cargo nextest",
    "mvn test": "a command that runs it and joins Surefire's files into one",
    "gradle test": "a command that runs it and joins its files into one",
    "rspec": "the gem rspec_junit_formatter",
    "minitest": "the gem minitest-reporters",
    "jest": "the package jest-junit",
    "ava": "the package tap-junit",
    "tap": "the package tap-junit",
    "cypress": "its reporter `junit`",
}
"""What writes a JUnit report for a runner that has none of its own."""


def suite_in(sources: Sources) -> Suite | None:
    """The project's tests, or None."""
    guesses = (_pytest, _node, _php, _ruby, _others, _bats)
    if sources.language in ("Ruby", "PHP", "Go", "Rust", "Java", "Kotlin"):
        # Scripts of package.json test what such a product's pages need.
        guesses = (_php, _ruby, _others, _pytest, _node, _bats)
    return next((suite for guess in guesses for suite in guess(sources)), None)


def _pytest(sources: Sources) -> Iterator[Suite]:
    tests = [
        file
        for file in sources.python
        if is_test(file.path) and not file.path.endswith("conftest.py")
    ]
    tests = [
        file for file in tests if re.search(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$", file.path)
    ]
    if not tests:
        return
    kind = "unittest" if all("unittest" in file.imports for file in tests) else "pytest"
    detail = (
        "is written for unittest, which pytest runs too"
        if kind == "unittest"
        else "is a test for pytest"
    )
    yield Suite(
        "pytest",
        (*_PYTEST, *_source_path(sources)),
        _paths(tuple(file.path for file in tests), sources),
        Evidence(tests[0].path, 0, detail),
        needs="pytest",
    )


def _source_path(sources: Sources) -> tuple[str, ...]:
    """The option that adds `src/` to pytest's path if no configuration does: sandboxes
    do not install the project."""
    is_set = table(sources.pyproject, "tool", "pytest", "ini_options").get("pythonpath") or any(
        "pythonpath" in sources.contents.text(name)
        for name in ("pytest.ini", "setup.cfg", "tox.ini")
    )
    in_src = any(file.path.startswith("src/") for file in sources.python)
    return ("-o", "pythonpath=src") if in_src and not is_set else ()


def _paths(tests: tuple[str, ...], sources: Sources) -> tuple[str, ...]:
    """Globs of the folders with tests, and the test files elsewhere."""
    folders = {folder for name in tests if (folder := _tests_folder(name))}
    apart = {name for name in tests if not _tests_folder(name)}
    return tuple(sorted(folders | apart | ({"conftest.py"} & set(sources.contents.files))))


def _tests_folder(name: str) -> str:
    """The outermost folder of tests that a file is in, as a glob; empty for none."""
    folders = name.split("/")[:-1]
    at = next((at for at, folder in enumerate(folders) if folder in TESTS), None)
    return "" if at is None else f"{'/'.join(folders[: at + 1])}/**"


def _node(sources: Sources) -> Iterator[Suite]:
    script = table(sources.package_json, "scripts").get("test")
    # npm init writes a script that prints this and fails.
    if not isinstance(script, str) or "no test specified" in script:
        return
    tests = tuple(name for name in sources.contents.files if is_test(name))
    line = sources.line_of("package.json", '"test"')
    because = Evidence("package.json", line, f"runs `{script[:80]}` as its tests")
    commands = scripts_run(sources, script)
    for one in commands:
        if command := _with_report(one):
            yield Suite(_runner(one), command, _paths(tests, sources), because)
    named = next(
        (one for one in commands if _runner(one) in HINTS), commands[0] if commands else ""
    )
    yield Suite(_runner(named) or "npm", (), _paths(tests, sources), because)


def _runner(command: str) -> str:
    words = [word for word in command.split() if "=" not in word and word not in _BEFORE]
    return words[0].rpartition("/")[2] if words else ""


def _with_report(command: str) -> tuple[str, ...]:
    """The same run of the tests, with a JUnit report; empty where its runner writes none alone."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ()
    env = list(takewhile(lambda word: "=" in word or word in _BEFORE, words))
    name, *rest = words[len(env) :] or [""]
    assigned = [word for word in env if "=" in word]
    before = ("env", *assigned) if assigned else ()
    if not _SHELL.isdisjoint(rest):
        return ()
    if name == "node" and "--test" in rest:
        return (*before, *_NODE, *(word for word in rest if not word.startswith("--")))
    if name in _REPORTS:
        reported = [one for one in rest if not one.startswith(("--reporter", "-R"))]
        reported = [one for one in reported if one not in ("--watch", "-w", "watch", "run")]
        return (*before, f"node_modules/.bin/{name}", *_REPORTS[name], *reported)
    return ()


def _php(sources: Sources) -> Iterator[Suite]:
    files = sources.contents.files
    config = next((name for name in ("phpunit.xml", "phpunit.xml.dist") if name in files), "")
    tests = tuple(name for name in files if name.endswith("Test.php"))
    if config and tests:
        command = ("php", "vendor/bin/phpunit", "--log-junit", REPORT)
        yield Suite("phpunit", command, _paths(tests, sources), Evidence(config, 0, "is PHPUnit's"))


def _ruby(sources: Sources) -> Iterator[Suite]:
    for folder, ending, runner in (("test", "_test.rb", "minitest"), ("spec", "_spec.rb", "rspec")):
        tests = tuple(
            name
            for name in sources.contents.files
            if name.startswith(f"{folder}/") and name.endswith(ending)
        )
        if tests:
            gem = sources.line_of("Gemfile", "rspec_junit_formatter")
            out = ("--format", "RspecJunitFormatter", "--out", REPORT)
            command = ("bundle", "exec", "rspec", *out) if gem and runner == "rspec" else ()
            because = Evidence(tests[0], 0, f"is a test that `{runner}` runs")
            yield Suite(runner, command, (f"{folder}/**",), because)


def _bats(sources: Sources) -> Iterator[Suite]:
    tests = tuple(name for name in sources.contents.files if name.endswith(".bats"))
    if tests:
        folder = _tests_folder(tests[0]).removesuffix("/**") or "."
        command = (
            "sh",
            "-c",
            f"exec bats --recursive --formatter junit {shlex.quote(folder)} > {REPORT}",
        )
        because = Evidence(tests[0], 0, "is a test that `bats` runs")
        yield Suite("bats", command, _paths(tests, sources), because)


def _others(sources: Sources) -> Iterator[Suite]:
    """Runners that write no report for the whole run by themselves."""
    for manifest, (runner, ending, paths) in _WITHOUT.items():
        tests = tuple(
            name
            for name in sources.contents.files
            if re.search(ending, name) and not name.startswith(VENDORED)
        )
        if manifest in sources.contents.files and tests:
            because = Evidence(tests[0], 0, f"is a test that `{runner}` runs")
            yield Suite(runner, (), paths or _paths(tests, sources), because)
