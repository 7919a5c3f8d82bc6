"""What a function's own constants settle: `total = 5` and `assert total == 5` ask nothing.

Properties: a name counts where the function binds it once, to an expression of constants; one that
anything else may change (`nonlocal`, a loop, a list that is handed on) does not. A call, an
attribute, a parameter and a name from outside are never settled."""

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

_GIVEN = (
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.expr_context,
)
_CHANGEABLE = (ast.List, ast.Set, ast.Dict)


class IsSettled(Protocol):
    def __call__(self, of: ast.expr, against: ast.expr | None) -> bool:
        """Whether what is asked is a name of the function's own, or held to one, and no program has
        a say in either side."""
        ...


def settled(function: ast.FunctionDef | ast.AsyncFunctionDef) -> IsSettled:
    """What to ask about each claim of the function's."""
    bound = Counter(name for node in ast.walk(function) for name in _bound(node))
    read = Counter(
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )
    known: set[str] = set()

    def is_given(value: ast.expr) -> bool:
        return all(
            node.id in known if isinstance(node, ast.Name) else isinstance(node, _GIVEN)
            for node in ast.walk(value)
        )

    # In the order of the lines, so that a constant that is given on is one.
    for name, value in sorted(_given(function), key=lambda pair: pair[1].lineno):
        changes = any(isinstance(node, _CHANGEABLE) for node in ast.walk(value))
        if bound[name] == 1 and (not changes or read[name] == 1) and is_given(value):
            known.add(name)

    def is_settled(of: ast.expr, against: ast.expr | None) -> bool:
        sides = (of,) if against is None else (of, against)
        named = any(isinstance(node, ast.Name) for side in sides for node in ast.walk(side))
        # Without a name it is a truism by its form, or `assert False`.
        return bool(known) and named and all(map(is_given, sides))

    return is_settled


def _given(function: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _pairs(target, value)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
            ):
                yield from _pairs(target, value)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target, value:
        case ast.Name(id=name), _:
            yield name, value
        case ast.Tuple(elts=targets) | ast.List(elts=targets), ast.Tuple(elts=values) | ast.List(
            elts=values
        ) if len(targets) == len(values):
            for one, other in zip(targets, values, strict=True):
                yield from _pairs(one, other)


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a node gives another value, or lets somebody else give one."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0]
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            # Twice: whoever else knows the name may give it a value.
            yield from (*names, *names)
        case (
            ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
            | ast.ClassDef(name=name)
            | ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
        ):
            yield name
