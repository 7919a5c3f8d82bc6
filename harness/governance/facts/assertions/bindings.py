"""The names that a test module binds beside its functions, and where those that it imports come
from.

Properties: what stands in an `if`, a loop, a `try` or a `with` of the module's top counts as the
top does; a class has its own names, with its own before them. An import from another place of the
same package, by the same name, is a move."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from harness.governance.facts.assertions.claims import Function
from harness.governance.facts.assertions.reach import imported

Sources = Mapping[str, frozenset[str]]

_OF_TESTS = re.compile(r"tests?|conftest|test_\w+|\w+_tests?")


def bindings(module: ast.Module) -> Counter[str]:
    """How often each name is bound or deleted by other means than `def` and `import`, an attribute
    and a name within a class by their paths."""
    return Counter(_bound(module.body, ""))


def _bound(body: Iterable[ast.AST], prefix: str) -> Iterator[str]:
    for node in _own(body):
        match node:
            case ast.ClassDef(name=name, body=inner):
                yield prefix + name
                yield from _bound(inner, f"{prefix}{name}.")
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield prefix + name
            case ast.Attribute(value=ast.Name(id=name), attr=attr, ctx=ast.Store() | ast.Del()):
                yield f"{prefix}{name}.{attr}"
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                yield prefix + name


def _own(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """What a module or a class runs itself, without what its functions and classes run."""
    waiting = [*body]
    while waiting:
        node = waiting.pop()
        yield node
        match node:
            case ast.ClassDef() | ast.Lambda() | ast.AnnAssign(value=None):
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                waiting += [*node.decorator_list, *node.args.defaults]
            case ast.comprehension():
                # Its variable is its own.
                waiting += [node.iter, *node.ifs]
            case _:
                waiting += ast.iter_child_nodes(node)


def sources(module: ast.Module) -> Sources:
    """What each name that is imported at the top stands for, as paths with dots."""
    found: dict[str, set[str]] = {}
    for node in _own(module.body):
        for name, path in imported(node):
            found.setdefault(name, set()).add(path)
    return {name: frozenset(paths) for name, paths in found.items()}


def other_sources(before: Sources, after: Sources, functions: Iterable[Function]) -> Iterator[str]:
    """Names that the functions use and that are imported from somewhere else now, in words."""
    moved = {
        name: path
        for name in sorted(before.keys() & after.keys())
        for path in sorted(after[name] - before[name])
        if all(_is_another(old, path) for old in before[name])
    }
    used = {
        node.id
        for function in (functions if moved else ())
        for node in ast.walk(function)
        if isinstance(node, ast.Name)
    }
    for name in moved.keys() & used:
        yield f"`{name}` is imported from `{moved[name].lstrip('.')}` now"


def _is_another(old: str, new: str) -> bool:
    one, other = old.lstrip("."), new.lstrip(".")
    (root, _, _), (other_root, _, _) = one.partition("."), other.partition(".")
    # What tests share is theirs to move.
    if _OF_TESTS.fullmatch(root):
        return False
    if one.rpartition(".")[2] != other.rpartition(".")[2]:
        return True
    if old.startswith(".") != new.startswith("."):
        # The same module, named from here or from the top.
        return not (one.endswith(f".{other}") or other.endswith(f".{one}"))
    return not (old.startswith(".") or root == other_root or other_root in sys.stdlib_module_names)
