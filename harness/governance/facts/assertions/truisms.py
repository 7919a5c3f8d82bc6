"""Expressions that are true whatever the program does: `True`, `x == x`, `len(x) >= 0`, `x or
True`, a generator."""

import ast

_ALWAYS_TRUE = (ast.Lambda, ast.GeneratorExp)
_EQUAL = (ast.Eq, ast.LtE, ast.GtE, ast.Is)


def is_truism(test: ast.expr) -> bool:
    """Whether this holds by its form alone. What only a run could tell is not said."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=elts) | ast.List(elts=elts) | ast.Set(elts=elts):
            return bool(elts)
        case ast.Dict(keys=keys):
            return bool(keys)
        case ast.JoinedStr(values=values):
            return any(isinstance(value, ast.Constant) and value.value for value in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(map(is_truism, values))
        case ast.BoolOp(values=values):
            return all(map(is_truism, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return is_contradiction(operand)
        case ast.IfExp(body=body, orelse=orelse):
            return is_truism(body) and is_truism(orelse)
        case ast.NamedExpr(value=value):
            return is_truism(value)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _holds(left, op, right)
        case _:
            return isinstance(test, _ALWAYS_TRUE)


def is_contradiction(test: ast.expr) -> bool:
    """Whether this is false by its form alone."""
    match test:
        case ast.Constant(value=value):
            return not value
        case ast.Tuple(elts=[]) | ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return is_truism(operand)
        case ast.BoolOp(op=ast.And(), values=values):
            return any(map(is_contradiction, values))
        case ast.Compare(
            left=left, ops=[ast.NotEq() | ast.Lt() | ast.Gt() | ast.IsNot()], comparators=[right]
        ):
            return ast.dump(left) == ast.dump(right)
        case _:
            return False


def _holds(left: ast.expr, op: ast.cmpop, right: ast.expr) -> bool:
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        # two literals: no program has a say in it
        return True
    if _is_any(left) or _is_any(right):
        return isinstance(op, ast.Eq)
    if isinstance(op, _EQUAL) and ast.dump(left) == ast.dump(right):
        return True
    if isinstance(op, ast.In) and isinstance(right, ast.List | ast.Tuple | ast.Set):
        return any(ast.dump(one) == ast.dump(left) for one in right.elts)
    least = {ast.GtE: 0, ast.Gt: -1}.get(type(op))
    return least is not None and _is_length(left) and _number(right) == least


def _is_any(node: ast.expr) -> bool:
    """`unittest.mock.ANY`, which is equal to everything."""
    return (isinstance(node, ast.Name) and node.id == "ANY") or (
        isinstance(node, ast.Attribute) and node.attr == "ANY"
    )


def _is_length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def _number(node: ast.expr) -> int | None:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int) else None
