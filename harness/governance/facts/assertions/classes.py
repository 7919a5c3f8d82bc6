"""Finds classes that keep their tests, and in which nothing is asked any more.

unittest runs and asks by methods that a class may replace for itself: a `run` or an `assertEqual`
of its own, in the class or in a mixin, and each of its tests passes. And it calls an `async` test
without awaiting it, so that one passes as well.

Properties: a class without a base from elsewhere is pytest's, and may have a `run`; what a class
has from those of the same module, it has itself. Not seen: a base or a mixin in another file, a
metaclass."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from unittest import TestCase

from harness.governance.facts.assertions.bindings import Sources
from harness.governance.facts.assertions.claims import Function

_ANSWERS = "__getattribute__"
_RUNS = frozenset(
    name
    for name in dir(TestCase)
    if name in ("run", "debug", "subTest", "__call__", _ANSWERS)
    or (name.startswith(("assert", "fail", "_")) and not name.startswith("__"))
)
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TestClasses:
    """Of each class that has tests, what it replaces of what runs them or asks; and the tests that
    nobody awaits, by their paths."""

    replaced: Mapping[str, frozenset[str]]
    unawaited: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Class:
    replaced: frozenset[str] = _NONE
    has_tests: bool = False
    from_elsewhere: bool = False
    never_awaits: bool = False


def classes_of_tests(module: ast.Module, sources: Sources, names: Iterable[str]) -> TestClasses:
    """Those of a module. `sources` are what it imports, `names` the paths that it binds or
    defines."""
    own: dict[str, set[str]] = {}
    for path in names:
        holder, _, name = path.rpartition(".")
        if name in _RUNS:
            own.setdefault(holder, set()).add(name)
    known: dict[str, _Class] = {}
    unawaited: set[str] = set()
    nodes = [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    # A class stands below those that it is made of, so once through them is enough.
    for node in sorted(nodes, key=lambda node: node.lineno):
        found = _made_of(node, known, sources, frozenset(own.get(node.name, ())))
        known[node.name] = found
        if found.never_awaits:
            tests = [one for one in _tests(node) if isinstance(one, ast.AsyncFunctionDef)]
            unawaited.update(f"{node.name}.{one.name}" for one in tests)
    replaced = {
        name: one.replaced if one.from_elsewhere else one.replaced & {_ANSWERS}
        for name, one in known.items()
        if one.has_tests
    }
    return TestClasses(replaced, frozenset(unawaited))


def _made_of(
    node: ast.ClassDef, known: Mapping[str, _Class], sources: Sources, own: frozenset[str]
) -> _Class:
    bases = [ast.unparse(base) for base in node.bases if ast.unparse(base) != "object"]
    here = [known[base] for base in bases if base in known]
    return _Class(
        own.union(*(base.replaced for base in here)),
        bool(_tests(node)) or any(base.has_tests for base in here),
        len(here) < len(bases) or any(base.from_elsewhere for base in here),
        any(base.never_awaits for base in here)
        or (any(_is_unittests(base, sources) for base in bases) and "Async" not in "".join(bases)),
    )


def _tests(node: ast.ClassDef) -> list[Function]:
    return [one for one in node.body if isinstance(one, Function) and one.name.startswith("test")]


def _is_unittests(base: str, sources: Sources) -> bool:
    first, dot, rest = base.partition(".")
    return any(f"{path}{dot}{rest}" == "unittest.TestCase" for path in sources.get(first, ()))
