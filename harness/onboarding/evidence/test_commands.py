"""The project's own tests: their runner, and the command that writes a JUnit report."""

import re
from collections.abc import Iterator

from harness.onboarding.evidence.sources import Sources, is_test, table
from harness.onboarding.survey import Evidence, Suite

REPORT = "/tmp/report/junit.xml"  # noqa: S108 - a path inside the sandbox, whose /tmp is its own
_PYTEST = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={REPORT}")
_NODE = ("node", "--test", "--test-reporter=junit", f"--test-reporter-destination={REPORT}")


def suite_in(sources: Sources) -> Suite | None:
    """The project's tests, or None."""
    return next((suite for guess in (_pytest, _node, _others) for suite in guess(sources)), None)


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
    folders = {
        f"{name.partition('/')[0]}/**"
        for name in tests
        if "/" in name and is_test(f"{name.partition('/')[0]}/x")
    }
    apart = {name for name in tests if f"{name.partition('/')[0]}/**" not in folders}
    return tuple(sorted(folders | apart | ({"conftest.py"} & set(sources.contents.files))))


def _node(sources: Sources) -> Iterator[Suite]:
    script = table(sources.package_json, "scripts").get("test")
    # npm init writes a script that prints this and fails.
    if not isinstance(script, str) or "no test specified" in script:
        return
    tests = tuple(name for name in sources.contents.files if is_test(name))
    because = Evidence("package.json", 0, f"runs `{script[:80]}` as its tests")
    if re.search(r"\bnode\b.*--test\b", script):
        rest = tuple(word for word in script.split()[1:] if not word.startswith("--"))
        yield Suite("node", (*_NODE, *rest), _paths(tests, sources), because)
    else:
        yield Suite(
            script.split()[0] if script.split() else "npm", (), _paths(tests, sources), because
        )


def _others(sources: Sources) -> Iterator[Suite]:
    runners = {
        "go.mod": ("go test", "_test.go"),
        "Cargo.toml": ("cargo test", ".rs"),
        "Gemfile": ("rspec", "_spec.rb"),
    }
    for manifest, (runner, ending) in runners.items():
        tests = tuple(
            name
            for name in sources.contents.files
            if name.endswith(ending) and (is_test(name) or ending != ".rs")
        )
        if manifest in sources.contents.files and tests:
            yield Suite(
                runner,
                (),
                _paths(tests, sources),
                Evidence(tests[0], 0, f"is a test that `{runner}` runs"),
            )
