"""Manifests and locks, before and after: what moved, from where, and when nobody can tell."""

import json

import pytest

from harness.domain.facts import UNKNOWN, DependencyMove, Origin
from harness.governance import dependency_changes, is_manifest
from tests.governance.law import change

ADDED, CHANGED, REMOVED, SWAPPED = (DependencyMove.ADDED, DependencyMove.CHANGED, DependencyMove.REMOVED,
                                    DependencyMove.SWAPPED)


def moved(path: str, before: str | None, after: str | None):
    modes = {"old_mode": "000000" if before is None else "100644", "new_mode": "000000" if after is None else "100644"}
    changes = dependency_changes([change(path, **modes)], lambda _: before.encode(), lambda _: after.encode())
    return changes if changes is UNKNOWN else [(found.name, found.move, found.origin) for found in changes]


def lock(**packages: str) -> str:
    tables = {f"node_modules/{name}": {"version": spec.split()[0], "resolved": spec.split()[1], "integrity": spec.split()[2]}
              for name, spec in packages.items()}
    return json.dumps({"lockfileVersion": 3, "packages": {"": {"name": "app"}, **tables}})


AT = "https://registry.example/a/-/a-1.tgz"
REG = Origin.REGISTRY


@pytest.mark.parametrize(("path", "before", "after", "expected"), [
    ("requirements.txt", "flask==3.0\n", "flask==3.0\n# hi\n", []),
    ("requirements.txt", "flask==3.0", "flask==3.0\nReqeusts==1", [("reqeusts", ADDED, REG)]),
    ("requirements.txt", "flask==3.0", "Flask==3.1", [("flask", CHANGED, REG)]),
    ("requirements.txt", "flask==3.0", "flask[async]==3.0", [("flask", CHANGED, REG)]),
    ("requirements.txt", "flask==3.0\n", "", [("flask", REMOVED, REG)]),
    ("requirements.txt", None, "flask==3.0", [("flask", ADDED, REG)]),
    ("requirements.txt", "flask==3.0", None, [("flask", REMOVED, REG)]),
    ("requirements.txt", "a==1 \\\n  --hash=sha256:aa", "a==1 \\\n  --hash=sha256:bb", [("a", SWAPPED, REG)]),
    ("requirements.txt", "a==1 --hash=sha256:aa --hash=sha256:bb", "a==1 --hash=sha256:bb --hash=sha256:aa", []),
    ("requirements.txt", "", "a @ git+https://x.example/a.git@main", [("a", ADDED, Origin.GIT)]),
    ("requirements.txt", "a==1", "a @ https://x.example/a-1.whl", [("a", CHANGED, Origin.URL)]),
    ("requirements.txt", "", "./vendored", [("./vendored", ADDED, Origin.PATH)]),
    ("requirements.txt", "", "-e git+https://x.example/a", [("git+https://x.example/a", ADDED, Origin.GIT)]),
    ("requirements.txt", "", "--extra-index-url https://x.example", [("--extra-index-url", ADDED, Origin.OPTION)]),
    ("requirements.txt", "-r a.txt", "-r b.txt", [("-r", CHANGED, Origin.OPTION)]),
    ("deep/requirements-dev.in", "", "pytest", [("pytest", ADDED, REG)]),
    ("requirements/base.txt", "", "pytest", [("pytest", ADDED, REG)]),
    ("constraints.txt", "a<2", "a<3", [("a", CHANGED, REG)]),
    ("pyproject.toml", '[project]\ndependencies = ["a>=1"]', '[project]\ndependencies = ["a>=1", "b"]', [("b", ADDED, REG)]),
    ("pyproject.toml", "", '[project.optional-dependencies]\ndev = ["b"]', [("b", ADDED, REG)]),
    ("pyproject.toml", "", '[dependency-groups]\ndev = ["b", {include-group = "x"}]', [("b", ADDED, REG)]),
    ("pyproject.toml", "", '[build-system]\nrequires = ["evil"]', [("evil", ADDED, REG)]),
    ("pyproject.toml", "", '[build-system]\nbuild-backend = "hook"\nbackend-path = ["."]',
     [("backend-path", ADDED, REG), ("build-backend", ADDED, REG)]),
    ("pyproject.toml", "", '[tool.poetry.dependencies]\nb = {git = "https://x.example/b"}', [("b", ADDED, Origin.GIT)]),
    ("pyproject.toml", "", '[tool.poetry.group.dev.dependencies]\nb = "^1"', [("b", ADDED, REG)]),
    ("pyproject.toml", "", '[tool.uv.sources]\nb = {path = "."}', [("tool.uv.sources", ADDED, Origin.OPTION)]),
    ("pyproject.toml", "[tool.ruff]\nline-length = 100", "[tool.ruff]\nline-length = 120", []),
    ("uv.lock", '[[package]]\nname = "a"\nversion = "1"\nsdist = {hash = "x"}',
     '[[package]]\nname = "a"\nversion = "1"\nsdist = {hash = "y"}', [("a", SWAPPED, REG)]),
    ("uv.lock", "", '[[package]]\nname = "a"\nversion = "1"\nsource = {git = "https://x.example"}', [("a", ADDED, Origin.GIT)]),
    ("uv.lock", "", '[[package]]\nname = "a"\nversion = "1"\nsource = {registry = "https://evil.example"}',
     [("a", ADDED, REG), ("index https://evil.example", ADDED, Origin.OPTION)]),
    ("poetry.lock", '[[package]]\nname = "a"\nversion = "1"', '[[package]]\nname = "a"\nversion = "2"', [("a", CHANGED, REG)]),
    ("package.json", '{"dependencies": {"a": "1"}}', '{"dependencies": {"a": "2"}}', [("a", CHANGED, REG)]),
    ("package.json", "{}", '{"devDependencies": {"a": "owner/a#main"}}', [("a", ADDED, Origin.GIT)]),
    ("package.json", "{}", '{"dependencies": {"a": "https://x.example/a.tgz"}}', [("a", ADDED, Origin.URL)]),
    ("package.json", "{}", '{"dependencies": {"a": "file:../a"}}', [("a", ADDED, Origin.PATH)]),
    ("package.json", "{}", '{"scripts": {"postinstall": "node x.js"}}', [("script postinstall", ADDED, Origin.OPTION)]),
    ("package.json", "{}", '{"scripts": {"test": "node x.js"}}', []),
    ("package-lock.json", lock(a=f"1 {AT} sha512-x"), lock(a=f"1 {AT} sha512-y"), [("a", SWAPPED, REG)]),
    ("package-lock.json", lock(a=f"1 {AT} x"), lock(a=f"1 {AT.replace('registry', 'evil')} x"),
     [("a", SWAPPED, REG), ("registry https://evil.example/", ADDED, Origin.OPTION),
      ("registry https://registry.example/", REMOVED, Origin.OPTION)]),
    ("package-lock.json", lock(a=f"1 {AT} x"), lock(a=f"1 {AT} x", b="1 git+ssh://x.example/b.git x"),
     [("b", ADDED, Origin.GIT)]),
    ("package.json", "{}", "not json", None),
    ("package.json", "{}", "[]", None),
    ("package.json", "{}", '{"dependencies": []}', None),
    ("package-lock.json", "{}", '{"lockfileVersion": 1, "dependencies": {}}', None),
    ("pyproject.toml", "", "[project", None),
    ("pyproject.toml", "", '[project]\ndependencies = ["???"]', None),
    ("requirements.txt", "", "???", None),
    ("Cargo.toml", "", "[dependencies]", None),
    ("yarn.lock", "", "a@1:", None),
    ("setup.py", "", "import os", None),
    ("a/b/go.mod", "", "module x", None),
    ("src/flask.py", "a", "b", []),
])
def test_what_a_change_does_to_dependencies(path, before, after, expected):
    found = moved(path, before, after)
    assert found is UNKNOWN if expected is None else sorted(found) == sorted(expected)


@pytest.mark.parametrize(("path", "expected"), [
    (b"requirements.txt", True), (b"x/Requirements-Dev.TXT", True), (b"PYPROJECT.toml", True), (b"requirements.lock", True),
    (b"package.json", True), (b"Gemfile", True), (b"requirements.py", False), (b"docs/dependencies.md", False),
])
def test_a_manifest_is_known_by_its_name(path, expected):
    assert is_manifest(path) is expected


def test_one_manifest_that_cannot_be_read_leaves_the_whole_unknown():
    changes = dependency_changes([change("requirements.txt", old_mode="100644"), change("yarn.lock")],
                                 lambda _: b"a==1", lambda _: b"a==2")
    assert changes is UNKNOWN


def test_a_manifest_that_is_not_text_is_unknown():
    assert dependency_changes([change("package.json")], lambda _: None, lambda _: b"\xff\xfe") is UNKNOWN


def test_a_package_named_twice_in_a_lock_is_compared_twice():
    one = '[[package]]\nname = "a"\nversion = "1"\n'
    assert moved("uv.lock", one, one + one.replace('"1"', '"2"')) == [("a", ADDED, REG)]
