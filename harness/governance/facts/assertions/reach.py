"""Finds where a test file reaches past its own tests: into what runs all of them, into an item that
pytest made of one, or into a module that others test.

`request.node.obj = lambda **_: None` in a fixture that nobody asks for empties every test of its
folder, and so does `pytest.Function.runtest = …` at the top of a new file. The honest fix beside it
is green, and from then on so is everything.

Properties: a name is followed through imports, aliases, `type`, `vars` and `getattr`; what a test
itself undoes counts only where it is aimed at pytest, or done for every test. Not seen: what is
handed to a function, or built from text, and only then changed."""

import ast
import sys
from collections import ChainMap, Counter
from collections.abc import Iterable, Iterator, Sequence

from harness.governance.facts.assertions.claims import Function, last_name
from harness.governance.facts.assertions.stand_ins import is_patch
from harness.governance.facts.assertions.strength import cut

_RUNNERS = frozenset(("pytest", "_pytest", "pluggy", "unittest", "builtins"))
_UNDONE = ("builtins.", "sys.", "unittest.mock.")
"""What tests replace for themselves, and put back: `open`, `argv`, a mock's parts."""
_HARMLESS = ("unittest.mock.", "unittest.TestCase.maxDiff", "unittest.TestCase.longMessage")
_IMPORTS = frozenset(("modules", "meta_path", "path_hooks", "path_importer_cache", "monitoring"))
_ITEM = frozenset(("node", "function", "module", "_pyfuncitem"))
_RUN_BY = frozenset(("__code__", "runtest"))
_OF_THE_TEST = ("test", "assert", "_")
_TRACES = frozenset(("settrace", "setprofile", "settrace_all_threads", "setprofile_all_threads"))
_THROUGH = frozenset(("type", "vars", "getattr", "__import__", "import_module"))
_SETS = frozenset(("setattr", "delattr"))
_SETS_BELOW = frozenset(("__setattr__", "__delattr__"))
_FILLS = frozenset(("update", "setdefault", "insert", "append", "extend", "clear", "register"))
_FILLED = ("funcargs", "session.items", "pluginmanager")
_FOR_ALL = frozenset(("setup_module", "setUpModule", "setup_package"))
_ALIASES = 3
"""How often a name may be given on to another one, and is still followed."""

Names = ChainMap[str, str]
"""The names of a scope, and of those around it, with the path that each stands for."""


def reaches(module: ast.Module) -> Counter[str]:
    """Each place that changes for good what others are run by or ask, in words."""
    return Counter(_in_scope(module, ChainMap({"__builtins__": "builtins"}), for_all=True))


def replacements(module: ast.Module) -> Counter[str]:
    """Each patch that a fixture makes for every test, in words. Python's own are not asked."""
    names = _names(module, tuple(_own(module.body)), ChainMap())
    return Counter(
        f"`{cut(ast.unparse(call))}` replaces it for every test"
        for function in ast.walk(module)
        if isinstance(function, Function) and _is_for_all(function)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and is_patch(call.func) and _is_asked(_aim(call, names))
    )


def _in_scope(scope: ast.Module | Function, outer: Names, *, for_all: bool) -> Iterator[str]:
    own = tuple(_own(scope.body))
    names = _names(scope, own, outer)
    for node in own:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _in_scope(node, names, for_all=_is_for_all(node))
            case ast.Call() if _reaches(node, names):
                yield f"`{cut(ast.unparse(node))}` reaches into what runs the tests"
            case ast.Call() if for_all and _is_asked(_kept(node, names, top=scope)):
                yield f"`{cut(ast.unparse(node))}` replaces it for every test"
            case (
                ast.Attribute(ctx=ast.Store() | ast.Del())
                | ast.Subscript(ctx=ast.Store() | ast.Del())
            ):
                path = _path(node, names)
                if _runs_tests(path, gone=isinstance(node.ctx, ast.Del)) or _is_run_by(node):
                    yield f"`{cut(ast.unparse(node))} = …` reaches into what runs the tests"
                elif for_all and isinstance(node, ast.Attribute) and _is_asked(path):
                    yield f"`{cut(ast.unparse(node))} = …` replaces it for every test"


def _own(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """What a scope runs itself; of a function in it the name, the decorators and the defaults."""
    waiting = [*body]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += (
            (*node.decorator_list, *node.args.defaults)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            else ast.iter_child_nodes(node)
        )


def _is_for_all(function: Function) -> bool:
    """Whether it runs though no test asks for it."""
    return function.name in _FOR_ALL or any(
        keyword.arg == "autouse"
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call)
        for keyword in decorator.keywords
    )


def _names(scope: ast.Module | Function, own: Sequence[ast.AST], outer: Names) -> Names:
    bound = {
        node.id for node in own if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    known = dict(pair for node in own for pair in imported(node))
    if not isinstance(scope, ast.Module):
        parameters = {node.arg for node in ast.walk(scope.args) if isinstance(node, ast.arg)}
        bound |= parameters
        known |= {name: name for name in parameters & {"request"}}
    # A name of the scope's own hides the outer one, also where nobody can tell what it stands for.
    names = outer.new_child(dict.fromkeys(bound, "") | known)
    given = [pair for node in own for pair in _given(node)]
    for _ in range(_ALIASES):
        names.update({name: path for name, value in given if (path := _path(value, names))})
    return names


def imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that an import gives, each with the path that it stands for."""
    match node:
        case ast.Import(names=names):
            for one in names:
                top = one.name.partition(".")[0]
                yield (one.asname, one.name) if one.asname else (top, top)
        case ast.ImportFrom(module=module, names=names, level=level):
            for one in names:
                yield one.asname or one.name, f"{'.' * level}{module or ''}.{one.name}"


def _given(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement gives a value, each with it, or with what it is one of."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((one.id, value) for one in targets if isinstance(one, ast.Name))
        case (
            ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            | ast.NamedExpr(target=ast.Name(id=name), value=value)
            | ast.For(target=ast.Name(id=name), iter=value)
        ):
            yield name, value


def _path(node: ast.expr, names: Names) -> str:
    """What an expression stands for, as a path with dots; empty where nobody can tell."""
    match node:
        case ast.Name(id=name):
            return names.get(name, "")
        case ast.Attribute(value=value, attr="__dict__"):
            return _path(value, names)
        case ast.Attribute(value=value, attr=attr):
            return _below(value, attr, names)
        case ast.Subscript(value=value, slice=key):
            return _below(value, _word(key), names)
        case ast.Call(func=called, args=[first, *rest]) if last_name(called) in _THROUGH:
            if isinstance(first, ast.Constant):
                return str(first.value)
            return _below(first, _word(rest[0]), names) if rest else _path(first, names)
    return ""


def _below(value: ast.expr, name: str, names: Names) -> str:
    path = _path(value, names)
    return path and f"{path}.{name}"


def _word(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "[]"


def _aim(call: ast.Call, names: Names) -> str:
    """What a call that sets or patches something is aimed at."""
    match call:
        case ast.Call(func=ast.Attribute(value=value, attr=attr), args=[first, *_]) if (
            attr in _SETS_BELOW and isinstance(first, ast.Constant)
        ):
            return _below(value, _word(first), names)
        case ast.Call(args=[ast.Constant(value=str(path)), *_]):
            return path
        case ast.Call(args=[target, name, *_]):
            return _below(target, _word(name), names)
    return ""


def _kept(call: ast.Call, names: Names, *, top: ast.AST) -> str:
    """What a call replaces and nothing puts back; empty for any other call. At a module's top there
    is no test at whose end a `monkeypatch` undoes what it did."""
    match call.func:
        case ast.Attribute(value=ast.Call() as patch, attr="start") if is_patch(patch.func):
            return _aim(patch, names)
        case ast.Name() | ast.Attribute() as called if last_name(called) in _SETS:
            for_good = isinstance(called, ast.Name) or isinstance(top, ast.Module)
            return _aim(call, names) if for_good else ""
    return ""


def _reaches(call: ast.Call, names: Names) -> bool:
    name, path = last_name(call.func), _path(call.func, names)
    if name in _SETS_BELOW or (name in _SETS and isinstance(call.func, ast.Name)):
        return _runs_tests(_aim(call, names))
    if is_patch(call.func):
        aim = _aim(call, names)
        return aim == "builtins.AssertionError" or (
            _runs_tests(aim) and not aim.startswith(_UNDONE)
        )
    if name in _FILLS and isinstance(call.func, ast.Attribute):
        filled = _path(call.func.value, names)
        return filled in ("request.node", "request.module") or (
            filled.endswith(_FILLED) if filled.startswith("request.") else _runs_tests(f"{filled}.")
        )
    return name in _TRACES and path.startswith(("sys.", "threading."))


def _runs_tests(path: str, *, gone: bool = False) -> bool:
    """Whether what has this path takes part in running tests. A module that is `gone` is only
    imported anew."""
    root, _, below = path.partition(".")
    first, _, rest = below.partition(".")
    match root:
        case "sys":
            return first in _IMPORTS and not (gone and first == "modules")
        case "request":
            return bool(rest) and (
                first in _ITEM
                or below.startswith("session.items")
                or (first in ("cls", "instance") and rest.startswith(_OF_THE_TEST))
            )
    return bool(below) and root in _RUNNERS and not path.startswith(_HARMLESS)


def _is_run_by(node: ast.expr) -> bool:
    """Whether it is an attribute by which a test is run or asks, whosever it is."""
    return isinstance(node, ast.Attribute) and (
        node.attr in _RUN_BY or node.attr.startswith("assert")
    )


def _is_asked(path: str) -> bool:
    """Whether it is part of a module that is not Python's, so that a test may be about it."""
    root, _, below = path.partition(".")
    return bool(below) and root != "request" and root not in sys.stdlib_module_names
