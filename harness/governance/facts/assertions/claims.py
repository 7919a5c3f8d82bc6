"""What one test function claims, read from its syntax tree: each assertion, under what condition,
and whether it counts.

Properties: `assert a and b` is two claims; a unittest call and the operator it stands for are one
claim; what comes after a `return` is claimed never, and after a block that may return only where it
does not; what a `try`, a `suppress` or a broad `raises` catches is claimed by nobody, and neither
is what a `finally` drops. Nothing is run and nothing is imported."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from harness.governance.facts.assertions.settled import settled
from harness.governance.facts.assertions.truisms import is_truism

Function = ast.FunctionDef | ast.AsyncFunctionDef

NEVER = "a statement that ends the test before it"
_MUST_RAISE = "a block that must raise"
_BROAD = frozenset(("AssertionError", "Exception", "BaseException"))
_ENDS = frozenset(("skip", "exit", "_exit", "skipTest", "xfail"))
_LEAVES_LOOP = frozenset(("break", "continue"))
_SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
_OPERATORS = {symbol: operator for operator, symbol in _SYMBOLS.items()}
_MIRRORED = {
    "==": "==",
    "!=": "!=",
    "is": "is",
    "is not": "is not",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}
_UNITTEST = {
    "assertEqual": "==",
    "assertNotEqual": "!=",
    "assertIs": "is",
    "assertIsNot": "is not",
    "assertIn": "in",
    "assertNotIn": "not in",
    "assertLess": "<",
    "assertLessEqual": "<=",
    "assertGreater": ">",
    "assertGreaterEqual": ">=",
    "assertListEqual": "==",
    "assertDictEqual": "==",
    "assertSetEqual": "==",
    "assertTupleEqual": "==",
    "assertMultiLineEqual": "==",
    "assertSequenceEqual": "==",
}
_CATCHES = frozenset(("raises", "assertRaises", "assertRaisesRegex"))
_RAISES = frozenset((*_CATCHES, "warns", "assertWarns"))


@dataclass(frozen=True, slots=True)
class Claim:
    """One assertion. `kind` is an operator, `truth`, `not`, `raises` or the name of what is called;
    `of` what it is about, `against` what that is held to. `under` are the conditions it stands
    under; `swallowed`: its failure is caught."""

    kind: str
    of: ast.expr
    against: ast.expr | None
    text: str
    truism: bool = False
    under: tuple[str, ...] = ()
    swallowed: bool = False

    @property
    def subject(self) -> str:
        """What it is about, in one spelling."""
        return _spelled(self.of)


@lru_cache(maxsize=1024)
def _spelled(of: ast.expr) -> str:
    return ast.unparse(of)


def claims(function: Function) -> tuple[Claim, ...]:
    """Every claim of the function's own body, in its order; those of functions within it are
    theirs. What the function's own constants settle is a truism."""
    found, is_settled = tuple(_in_block(function.body, ())), settled(function)
    return tuple(
        replace(claim, truism=True) if is_settled(claim.of, claim.against) else claim
        for claim in found
    )


def last_name(node: ast.expr) -> str:
    """`raises` of `pytest.raises`; empty for what has no name."""
    return (
        node.attr
        if isinstance(node, ast.Attribute)
        else node.id
        if isinstance(node, ast.Name)
        else ""
    )


def _in_block(block: Sequence[ast.stmt], under: tuple[str, ...]) -> Iterator[Claim]:
    for statement in block:
        yield from _in_statement(statement, under)
        if _surely_ends(statement):
            # What follows is never reached, so it claims nothing.
            under = (*under, NEVER)
        elif isinstance(statement, ast.If) and _ways_out(statement):
            under = (*under, f"not {ast.unparse(statement.test)}")
        elif _ways_out(statement):
            under = (*under, _past(statement))


def _in_statement(statement: ast.stmt, under: tuple[str, ...]) -> Iterator[Claim]:
    match statement:
        case ast.Assert(test=test):
            yield from _placed(_stated(test), under)
        case (
            ast.Expr(value=ast.Call() as call) | ast.Expr(value=ast.Await(value=ast.Call() as call))
        ):
            yield from _placed(_called(call), under)
        case ast.If(test=test, body=body, orelse=orelse):
            yield from _in_block(body, (*under, ast.unparse(test)))
            yield from _in_block(orelse, (*under, f"not {ast.unparse(test)}"))
        case ast.While(test=test, body=body, orelse=orelse):
            yield from _in_block(body, (*under, ast.unparse(test)))
            yield from _in_block(orelse, _after(body, under, of=statement))
        case (
            ast.For(iter=over, body=body, orelse=orelse)
            | ast.AsyncFor(iter=over, body=body, orelse=orelse)
        ):
            yield from _in_block(
                body, (*under, f"in {ast.unparse(over)}") if _is_empty(over) else under
            )
            yield from _in_block(orelse, _after(body, under, of=statement))
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            yield from _placed(
                (claim for item in items for claim in _entered(item.context_expr)), under
            )
            # Whatever raises as it must takes what stands below it along.
            must_raise = any(_called_name(item) in _CATCHES for item in items)
            inside = _in_block(body, (*under, _MUST_RAISE) if must_raise else under)
            # `suppress` around an assertion: it may fail and nobody hears of it.
            yield from _swallowed(inside) if any(map(_suppresses, items)) else inside
        case ast.Try() | ast.TryStar():
            yield from _tried(statement, under)
        case ast.Match(subject=subject, cases=cases):
            for case in cases:
                yield from _in_block(
                    case.body, (*under, f"{ast.unparse(subject)} is {ast.unparse(case.pattern)}")
                )
        case _:
            return


def _tried(statement: ast.Try | ast.TryStar, under: tuple[str, ...]) -> Iterator[Claim]:
    guarded = _guarded(statement, under)
    # A `finally` that leaves drops the failure that it was entered with.
    yield from _swallowed(guarded) if _leaves(statement.finalbody) else guarded
    yield from _in_block(statement.finalbody, under)


def _guarded(statement: ast.Try | ast.TryStar, under: tuple[str, ...]) -> Iterator[Claim]:
    body = _in_block(statement.body, under)
    yield from _swallowed(body) if any(map(_catches, statement.handlers)) else body
    for handler in statement.handlers:
        yield from _in_block(handler.body, (*under, "an exception"))
    yield from _in_block(statement.orelse, _after(statement.body, under, of=statement))


def _placed(found: Iterable[Claim], under: tuple[str, ...]) -> Iterator[Claim]:
    return (replace(claim, under=under) for claim in found)


def _swallowed(found: Iterable[Claim]) -> Iterator[Claim]:
    return (replace(claim, swallowed=True) for claim in found)


def _stated(test: ast.expr) -> Iterator[Claim]:
    match test:
        case ast.BoolOp(op=ast.And(), values=values) if not is_truism(test):
            for value in values:
                yield from _stated(value)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            for one, op, other in zip((left, *comparators), ops, comparators, strict=False):
                yield _compared(one, _SYMBOLS[type(op)], other)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield Claim("not", operand, None, ast.unparse(test), is_truism(test))
        case _:
            yield Claim("truth", test, None, ast.unparse(test), is_truism(test))


def _compared(left: ast.expr, symbol: str, right: ast.expr) -> Claim:
    """About what is looked at, whichever way it was written: `1 == x` and `"a" in x` are about
    `x`."""
    # `1 == x` is about `x`: the constant is the expectation, on whichever side it stands.
    turned = isinstance(left, ast.Constant) and not isinstance(right, ast.Constant)
    if turned and symbol in _MIRRORED:
        left, symbol, right, turned = right, _MIRRORED[symbol], left, False
    test = ast.Compare(left, [_OPERATORS[symbol]()], [right])
    return Claim(
        symbol,
        right if turned else left,
        left if turned else right,
        ast.unparse(test),
        is_truism(test),
    )


def _called(call: ast.Call) -> Iterator[Claim]:
    name, arguments = last_name(call.func), call.args
    if name in _RAISES:
        yield _raising(call)
    elif name == "assertTrue" and arguments:
        yield from _stated(arguments[0])
    elif name == "assertFalse" and arguments:
        yield from _stated(ast.UnaryOp(ast.Not(), arguments[0]))
    elif name in ("assertIsNone", "assertIsNotNone") and arguments:
        yield _compared(
            arguments[0], "is" if name == "assertIsNone" else "is not", ast.Constant(None)
        )
    elif name in _UNITTEST and len(arguments) > 1:
        yield _compared(arguments[0], _UNITTEST[name], arguments[1])
    # A helper of the project's own: taken for one claim, by its name.
    elif name.startswith("assert") or name == "fail":
        yield Claim(name, arguments[0] if arguments else call.func, call, ast.unparse(call))


def _entered(context: ast.expr) -> Iterator[Claim]:
    if isinstance(context, ast.Call) and last_name(context.func) in _RAISES:
        yield _raising(context)


def _raising(call: ast.Call) -> Claim:
    return Claim("raises", call.args[0] if call.args else call.func, call, ast.unparse(call))


def _suppresses(item: ast.withitem) -> bool:
    """Whether a failed assertion ends here: by `suppress`, or as what had to be raised."""
    call = item.context_expr
    return (
        isinstance(call, ast.Call)
        and _called_name(item) in {"suppress", *_CATCHES}
        and any(map(_is_broad, (*call.args, *(keyword.value for keyword in call.keywords))))
    )


def _called_name(item: ast.withitem) -> str:
    call = item.context_expr
    return last_name(call.func) if isinstance(call, ast.Call) else ""


def _catches(handler: ast.ExceptHandler) -> bool:
    """Whether a failed assertion ends here. A handler that raises again, or fails the test itself,
    lets it through."""
    inner = [node for statement in handler.body for node in ast.walk(statement)]
    # A handler that raises or asserts lets a failure through in its own words.
    again = any(
        isinstance(node, ast.Raise | ast.Assert)
        or (isinstance(node, ast.Call) and last_name(node.func) == "fail")
        for node in inner
    )
    return not again and (handler.type is None or _is_broad(handler.type))


def _is_broad(exception: ast.expr) -> bool:
    return (
        any(map(_is_broad, exception.elts))
        if isinstance(exception, ast.Tuple)
        else last_name(exception) in _BROAD
    )


def _ends(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and last_name(statement.value.func) in _ENDS
    )


def _past(statement: ast.stmt) -> str:
    kind = type(statement).__name__.removeprefix("Async").lower()
    return f"no end within the {kind} before it"


def _after(block: Sequence[ast.stmt], under: tuple[str, ...], *, of: ast.stmt) -> tuple[str, ...]:
    """The conditions of an `else`: its block must have come to its end."""
    return (*under, _past(of)) if _leaves(block) else under


def _leaves(block: Sequence[ast.stmt]) -> bool:
    return any(map(_ways_out, block))


@lru_cache(maxsize=1024)
def _ways_out(statement: ast.stmt) -> frozenset[str]:
    """How a test may go on elsewhere than below this statement without having failed: `return`,
    `break`, `continue`, or `stop` for what is raised to end it."""
    if isinstance(statement, ast.Return | ast.Break | ast.Continue):
        return frozenset((type(statement).__name__.lower(),))
    if _ends(statement):
        return frozenset(("stop",))
    if isinstance(statement, Function):
        return frozenset()
    parts = (statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ()))
    found = frozenset[str]().union(
        *(
            _ways_out(inner)
            for part in parts
            for inner in (*getattr(part, "body", ()), *getattr(part, "finalbody", ()))
        )
    )
    match statement:
        case ast.For() | ast.AsyncFor() | ast.While():
            found -= _LEAVES_LOOP
        case ast.With(items=items) | ast.AsyncWith(items=items):
            found -= _stops_caught(items)
    return found.union(*map(_ways_out, getattr(statement, "orelse", ())))


def _stops_caught(items: Sequence[ast.withitem]) -> frozenset[str]:
    """The ways out that a `with` closes: `with pytest.raises(SystemExit): exit(1)` goes on below
    it."""
    caught = any(_called_name(item) in {"suppress", *_CATCHES} for item in items)
    return frozenset(("stop",)) if caught else frozenset()


def _surely_ends(statement: ast.stmt) -> bool:
    """Whether nothing below this statement is reached, by its form alone."""
    match statement:
        case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
            return True
        case ast.If(body=body, orelse=orelse):
            return _end(body) and _end(orelse)
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            # What is raised may be caught by what was entered.
            caught = _stops_caught(items)
            return any(_surely_ends(inner) and _ways_out(inner) - caught for inner in body)
        case ast.While(test=ast.Constant(value=value), body=body) if value:
            return not any("break" in _ways_out(inner) for inner in body)
        case ast.Try() | ast.TryStar():
            return _end(statement.finalbody) or (
                _end([*statement.body, *statement.orelse])
                and all(_end(handler.body) for handler in statement.handlers)
            )
    return _ends(statement)


def _end(block: Sequence[ast.stmt]) -> bool:
    return any(map(_surely_ends, block))


def _is_empty(over: ast.expr) -> bool:
    literal = isinstance(over, ast.List | ast.Tuple | ast.Set) and not over.elts
    return literal or ast.unparse(over) in (
        "range(0)",
        "()",
        "''",
        "{}",
        "dict()",
        "set()",
        "list()",
        "tuple()",
    )
