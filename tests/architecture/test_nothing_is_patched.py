"""Tests give things fakes, decorators (`tests.fakes.decorated`) and arguments. They patch nothing,
and a module of tests lends nothing to another: what two of them need has a home of its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OTHER_PROJECT = "tests/onboarding/apps/"
FILES = {
    name: path
    for folder in ("tests", "bench")
    for path in (ROOT / folder).rglob("*.py")
    if not (name := str(path.relative_to(ROOT))).startswith(OTHER_PROJECT)
}
PATCHERS = ("setattr", "delattr", "setitem", "delitem", "__setattr__", "__delattr__")
MOCKS = {"mock", "unittest.mock", "pytest_mock"}
OWN_PROCESS = {
    ("tests/kills/lives.py", "tempfile.tempdir"),
    ("tests/warm.py", "tempfile.tempdir"),
    ("tests/warm.py", "sys.argv"),
}
"""Settings of a process, set by children that are forked from a warm one and make themselves
new."""

LENDER = "tests.factory.policy_gate.test_ci"
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Scopes = tuple[Scope, ...]


def port_methods() -> frozenset[str]:
    classes = [
        node
        for path in (ROOT / "harness" / "ports").glob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    return frozenset(
        method.name
        for one in classes
        for method in one.body
        if isinstance(method, ast.FunctionDef) and not method.decorator_list
    )


PORT_METHODS = port_methods()


def patches(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Each change of an object or a module that is not the test's own: its line, what is done, and
    to what."""
    for node, scopes in _scoped(tree):
        match node:
            case ast.Import() | ast.ImportFrom() if MOCKS.intersection(_imported(node)):
                yield node.lineno, "imports a mock", ast.unparse(node)
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[of, *_]) if not _is_self(
                of
            ):
                yield node.lineno, "sets an attribute by its name", ast.unparse(of)
            case ast.Call(func=ast.Attribute(attr=attr, value=by), args=[of, *_]) if (
                attr in PATCHERS
            ):
                if not _is_self(of) and not _is_super(by):
                    yield node.lineno, "patches", ast.unparse(of)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Delete():
                for target in _targets(node):
                    if fault := _fault(target, node, scopes):
                        yield node.lineno, fault, ast.unparse(target)


def lent(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each import of, or from, a module of tests, and its line."""
    for node, _ in _scoped(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            inside = getattr(node, "level", 0) > 0
            yield from (
                (node.lineno, name)
                for name in _imported(node)
                if inside or name.startswith("tests.")
                if any(part.startswith("test_") for part in name.split("."))
            )


def _fault(target: ast.expr, node: ast.stmt, scopes: Scopes) -> str:
    value = getattr(node, "value", None)
    match target:
        case ast.Attribute() if _is(_root(target), scopes, (ast.Import, ast.ImportFrom)):
            return "sets an attribute of what it imported"
        case ast.Attribute(value=of, attr=attr) if attr.startswith("_") and not _is_self(of):
            return "sets a private attribute"
        case ast.Attribute(value=of) if not _is_self(of) and (
            isinstance(value, ast.Lambda)
            or _is(_root(value), scopes, (ast.FunctionDef, ast.AsyncFunctionDef))
        ):
            return "sets a method"
        case ast.Attribute(value=ast.Attribute(), attr=attr) if attr in PORT_METHODS and isinstance(
            node, ast.Assign
        ):
            return "sets a port's method"
        case ast.Subscript(value=ast.Attribute(value=of, attr=attr)) if attr.startswith(
            "__"
        ) and not _is_self(of):
            return "sets what Python keeps of an object"
        case ast.Subscript(value=ast.Call(func=ast.Name(id="vars" | "globals"))):
            return "sets what Python keeps of an object"
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id="sys"), attr="modules")):
            return "sets a module"
    return ""


def _is(name: str, scopes: Scopes, kinds: tuple[type[ast.stmt], ...]) -> bool:
    """Whether the innermost scope that binds this name binds it by a statement of these kinds."""
    for scope in reversed(scopes):
        if not isinstance(scope, ast.Module) and any(
            one.arg == name for one in ast.walk(scope.args) if isinstance(one, ast.arg)
        ):
            return False
        found = [node for node, _ in _scoped(scope, whole=False) if _binds(node, name)]
        if found:
            return all(isinstance(node, kinds) for node in found)
    return False


def _binds(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Name(id=bound, ctx=ast.Store()):
            return bound == name
        case (
            ast.FunctionDef(name=bound)
            | ast.AsyncFunctionDef(name=bound)
            | ast.ClassDef(name=bound)
        ):
            return bound == name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return any((one.asname or one.name.partition(".")[0]) == name for one in names)
    return False


def _scoped(tree: Scope, *, whole: bool = True) -> Iterator[tuple[ast.AST, Scopes]]:
    """Each node below, and the functions that it is in; without `whole`, only what is in no other
    function."""
    waiting: list[tuple[ast.AST, Scopes]] = [(tree, ())]
    while waiting:
        node, scopes = waiting.pop()
        if node is not tree:
            yield node, scopes
        if isinstance(node, Scope):
            if node is not tree and not whole:
                continue
            scopes = (*scopes, node)
        waiting += [(child, scopes) for child in ast.iter_child_nodes(node)]


def _imported(node: ast.Import | ast.ImportFrom) -> tuple[str, ...]:
    if isinstance(node, ast.Import):
        return tuple(one.name for one in node.names)
    return (node.module or "", *(f"{node.module or ''}.{one.name}" for one in node.names))


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete) -> Iterator[ast.expr]:
    for target in (
        [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else node.targets
    ):
        yield from target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _root(of: ast.expr | None) -> str:
    while isinstance(of, ast.Attribute):
        of = of.value
    return of.id if isinstance(of, ast.Name) else ""


def _is_self(of: ast.expr) -> bool:
    return isinstance(of, ast.Name) and of.id in ("self", "cls")


def _is_super(by: ast.expr) -> bool:
    return isinstance(by, ast.Call) and _root(by.func) == "super"


@pytest.mark.parametrize(
    "text",
    [
        "def test_it(monkeypatch): monkeypatch.setattr(Forge, 'merge', broken)",
        "def test_it(given): given.setitem(TABLE, 'key', 1)",
        "def test_it(monkeypatch): monkeypatch.delattr('harness.store.lease.Lease')",
        "import unittest.mock",
        "from unittest import mock",
        "from unittest.mock import patch",
        "def test_it(world): setattr(world.forge, 'merge', broken)",
        "def test_it(world): object.__setattr__(world.entry, 'kind', 'forged')",
        "from harness.store import orphans\ndef test_it(): orphans.GRACE_SECONDS = 300.0",
        "import psycopg\ndef test_it(): psycopg.Connection.close = print",
        (
            "def test_it():\n    from harness.store import orphans\n    orphans.time, other = None,"
            " None"
        ),
        "from harness.store import orphans\ndef test_it():\n    del orphans.time",
        "def test_it(luggage): luggage.ledger = lambda: None",
        "def test_it(forge):\n    def broken(): pass\n    forge.merge = broken",
        "def test_it(world): world.git.fetch = refusing(world.git.fetch)",
        "def test_it(lock): lock._session = None",
        "def test_it(reader): reader.read.__kwdefaults__['within'] = 60",
        "import sys\ndef test_it(): sys.modules['requests'] = None",
        "import harness\ndef test_it(): vars(harness)['name'] = 1",
    ],
)
def test_what_patches_is_seen(text) -> None:
    assert list(patches(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "def test_it(world): world.model = FakeModel({})",
        "def test_it(world): world.ledger.clock.at += HOUR",
        "def test_it(world): world.agent.works = [lambda worktree: None]",
        "def test_it(monkeypatch): monkeypatch.setenv('HOME', '/nowhere')",
        "from tests.forge.conftest import place\ndef test_it(place): place.number = 7",
        (
            "from tests.validators import apps\ndef test_it():\n    apps = served()\n    apps.page"
            " = ''"
        ),
        "def boxes(): pass\ndef test_it(attack, boxes): attack.sandbox = boxes",
        "class Made:\n    head = ''\ndef test_it(): Made.head = '<p>'",
        "class Fake:\n    def __init__(self, act): self._act, self.merge = act, lambda: None",
        "class Fake:\n    def give(self, name, act): setattr(self, name, act)",
        "class Fake:\n    def __setattr__(self, name, to): super().__setattr__(name, to)",
        "import os\ndef test_it(): os.environ['TZ'] = 'UTC'",
    ],
)
def test_a_tests_own_objects_are_its_own(text) -> None:
    assert list(patches(ast.parse(text))) == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (f"from {LENDER} import demanding", True),
        ("from tests.factory import test_ci", True),
        (f"import {LENDER}", True),
        ("from .test_ci import demanding", True),
        (f"def test_it():\n    from {LENDER} import demanding", True),
        ("from tests.factory.demands import demanding", False),
        ("from harness.factory.project.tests import test_command", False),
    ],
)
def test_what_a_module_of_tests_lends_is_seen(text, seen) -> None:
    assert bool(list(lent(ast.parse(text)))) is seen


@pytest.mark.parametrize("folder", sorted({str(Path(name).parent) for name in FILES}))
def test_nothing_is_patched_and_no_module_of_tests_lends_to_another(folder) -> None:
    found = []
    for name in (name for name in FILES if str(Path(name).parent) == folder):
        tree = ast.parse(FILES[name].read_text("utf-8"))
        found += [
            f"{name}:{line}: imports {of}: give what it lends a home of its own"
            for line, of in lent(tree)
        ]
        if name.startswith("tests/"):
            found += [
                f"{name}:{line}: {fault}: {of}"
                for line, fault, of in patches(tree)
                if (name, of) not in OWN_PROCESS
            ]
    assert found == []


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 400
