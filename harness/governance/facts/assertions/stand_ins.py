"""Finds what a test asks replaced: a shadowing local, a patch, another call, an object that equals
everything.

Properties: compared are two readings of one test; nothing is reported that was there before; a
variable counts as what was assigned to it, so a new name for it is nothing."""

import ast
import builtins
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy

from harness.governance.facts.assertions.claims import NEVER, Function, claims, last_name
from harness.governance.facts.assertions.strength import cut

_COMPARING = frozenset(
    f"__{name}__" for name in ("eq", "ne", "lt", "le", "gt", "ge", "contains", "bool", "len")
)
_PATCHES = frozenset(("setattr", "delattr", "patch", "patch_object", "create_autospec"))
_BELOW_PATCH = frozenset(("object", "dict", "multiple"))
_OF_NO_SUBJECT = frozenset((*dir(builtins), "isclose", "allclose", "approx"))
_OPERATORS = frozenset(
    ("==", "!=", "is", "is not", "in", "not in", "<", "<=", ">", ">=", "truth", "not")
)
# characters of a value that is put in a variable's place
_LONGEST = 80


def stand_ins(old: Function, new: Function) -> Iterator[str]:
    """What of a test's own stands for what it asked before, in words."""
    shadows = _used(old) & (_bound(new) - _bound(old))
    yield from (f"its `{name}` is one of its own now" for name in sorted(shadows))
    if _gets_fixtures(new):
        # pytest looks for no fixture where a parameter has a default.
        given = (_parameters(old) - _defaults(old)) & _defaults(new)
        yield from (f"its `{name}` has a value of its own now" for name in sorted(given))
    yield from (
        f"`{cut(said)}` was added, which can replace what is asked"
        for said in sorted(_patches(new) - _patches(old))
    )
    yield from _other_questions(old, new)


def _gets_fixtures(function: Function) -> bool:
    named = (node for one in function.decorator_list for node in ast.walk(one))
    return function.name.startswith("test") or any(
        isinstance(node, ast.expr) and last_name(node) == "fixture" for node in named
    )


def _parameters(function: Function) -> set[str]:
    return {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}


def _defaults(function: Function) -> set[str]:
    """Its parameters that have a default."""
    args = function.args
    by_place = [*args.posonlyargs, *args.args]
    named = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return {
        *(one.arg for one in by_place[len(by_place) - len(args.defaults) :]),
        *(one.arg for one, default in named if default),
    }


def comparisons(module: ast.Module) -> Counter[str]:
    """Every place that defines what is equal, true or within, as its text."""
    return Counter(ast.unparse(node) for node in ast.walk(module) if _defines_equality(node))


def _defines_equality(node: ast.AST) -> bool:
    match node:
        case (
            ast.FunctionDef(name=name)
            | ast.Name(id=name, ctx=ast.Store())
            | ast.Attribute(attr=name, ctx=ast.Store())
        ):
            return name in _COMPARING
        case ast.Constant(value=str(name)):
            return name in _COMPARING
    return False


def _used(function: Function) -> set[str]:
    """The names that it calls, or reaches into."""
    found = (
        node.func if isinstance(node, ast.Call) else node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Call | ast.Attribute)
    )
    return {one.id for one in found if isinstance(one, ast.Name)}


def _bound(function: Function) -> set[str]:
    """Every name that the function binds itself, its parameters among them."""
    found = set()
    for node in ast.walk(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                found.add(name)
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ) if node is not function:
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name.partition(".")[0])
    return found


def _patches(function: Function) -> set[str]:
    """Calls and assignments that put something in another's place. An attribute of what the test
    made itself is its own."""
    # What the test made itself it may change; only what it was given is a stand-in.
    own, found = _bound(function), set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and is_patch(node.func):
            found.add(ast.unparse(node))
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and _root(node) not in {*own, "self", ""}
        ):
            found.add(f"{ast.unparse(node)} = …")
    return found


def is_patch(called: ast.expr) -> bool:
    """Whether what is called puts something in another's place."""
    below = (
        isinstance(called, ast.Attribute)
        and called.attr in _BELOW_PATCH
        and last_name(called.value) == "patch"
    )
    return below or last_name(called) in _PATCHES


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _other_questions(old: Function, new: Function) -> Iterator[str]:
    """Calls that were looked at, and in whose place others are: with other arguments, or of another
    function."""
    before, after = _questions(old), _questions(new)
    # A question that was there before cannot have replaced one.
    fresh = {names: text for text, names in after.items() if text not in before}
    called = frozenset[str]().union(*fresh)
    for text, names in before.items():
        if text in after or not fresh:
            continue
        # The same functions in another call: only the arguments differ.
        if names in fresh:
            yield f"`{cut(text)}` is asked with other arguments: `{cut(fresh[names])}`"
        elif not names <= called:
            yield f"`{cut(text)}` is asked no more, and `{cut(next(iter(fresh.values())))}` is"


def _questions(function: Function) -> dict[str, frozenset[str]]:
    """What the claims that are reached look at, with variables as what was assigned, and the names
    of what is called."""
    values = _assigned(function)
    found = {}
    for claim in claims(function):
        if claim.kind in _OPERATORS and NEVER not in claim.under:
            whole = _resolved(claim.of, values)
            names = (
                frozenset(
                    last_name(node.func) for node in ast.walk(whole) if isinstance(node, ast.Call)
                )
                - _OF_NO_SUBJECT
            )
            if names:
                found[_written(whole)] = names
    return found


def _written(whole: ast.expr) -> str:
    try:
        return ast.unparse(whole)
    except ValueError:
        # A value with a backslash, put within an f-string: Python 3.11 has no words for it.
        return ast.dump(whole)


def _assigned(function: Function) -> dict[str, ast.expr]:
    """What each variable was given, of those that are given something short, once."""
    given = [
        (target.id, node.value)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    # A variable that is given two values stands for neither.
    times = Counter(name for name, _ in given)
    return {
        name: value
        for name, value in given
        if times[name] == 1 and len(ast.unparse(value)) <= _LONGEST
    }


class _Values(ast.NodeTransformer):
    """Puts in a name's place what the name was given; not in what it was given again, so that
    nothing grows."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, name: ast.Name) -> ast.expr:
        return self._values.get(name.id, name)


def _resolved(node: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    if not values:
        return node
    put_in: ast.expr = _Values(values).visit(deepcopy(node))
    return put_in
