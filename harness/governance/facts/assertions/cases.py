"""Finds cases of a parametrised test, or of a fixture, that keep their names and ask with other
values.

pytest names a case by its id, or by those of its values that are plain, and the others by where
they stand: `[[1, 2]]` became `[[]]`, and no test was lost. A case that moved, or whose row has
grown, is none of these. Not seen: rows that are computed, or that come from another file."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from harness.governance.facts.assertions.claims import Function, last_name
from harness.governance.facts.assertions.strength import cut
from harness.governance.facts.syntax import UnreadableSource

MOST_CASES = 20_000
"""Of one module. Tests can share a table, so a small file can hold as many as it likes."""

Case = tuple[str, ...]
"""The values of one case, as they are written."""
Cases = Mapping[tuple[str, int], Mapping[str, Case]]
"""The cases by what pytest makes their names of, for each decorator: whose it is, and its place."""


def cases(module: ast.Module) -> Cases:
    """The cases of everything in a module that is decorated with some. Raises
    UnreadableSource."""
    given = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: dict[tuple[str, int], dict[str, Case]] = {}
    left = MOST_CASES
    for name, decorators in _decorated(module, ""):
        calls = (one for one in decorators if isinstance(one, ast.Call))
        for place, call in enumerate(calls):
            named = dict(islice(_named(call, given), left))
            if (left := left - len(named)) <= 0:
                raise UnreadableSource(f"more than {MOST_CASES} cases are not compared")
            found[name, place] = named
    return found


def other_cases(before: Cases, after: Cases) -> Iterator[tuple[str, str]]:
    """Pairs of the name of a test or fixture, and what a case of it asks with by now."""
    for key, old in before.items():
        new = after.get(key, {})
        known = frozenset(new.values())
        for name, values in old.items():
            now = new.get(name)
            if now is not None and values not in known and not {*values} <= {*now}:
                yield key[0], f"the case {_words(values)} asks with other values: {_words(now)}"


def _words(values: Case) -> str:
    return f"`{cut(', '.join(values))}`"


def _decorated(scope: ast.AST, prefix: str) -> Iterator[tuple[str, Sequence[ast.expr]]]:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, Function | ast.ClassDef):
            yield f"{prefix}{node.name}", node.decorator_list
            yield from _decorated(node, f"{prefix}{node.name}.")


def _named(call: ast.Call, given: Mapping[str, ast.expr]) -> Iterator[tuple[str, Case]]:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    match last_name(call.func), call.args:
        case "parametrize", [names, rows, *_]:
            several = "," in ast.unparse(names)
        case "parametrize", names if "argvalues" in named:
            rows = named["argvalues"]
            several = any("," in ast.unparse(one) for one in (*names, named.get("argnames")) if one)
        case "fixture", _ if "params" in named:
            rows, several = named["params"], False
        case _:
            return
    ids = _elements(named["ids"], given) if "ids" in named else ()
    for place, row in enumerate(_elements(rows, given)):
        label = ids[place] if place < len(ids) else None
        values = _elements(row, given) if several else (row,)
        if isinstance(row, ast.Call) and last_name(row.func) == "param":
            label = next((one.value for one in row.keywords if one.arg == "id"), label)
            values = tuple(row.args)
        yield (
            _name(label, values, place, computed="ids" in named and not ids),
            tuple(map(ast.unparse, values)),
        )


def _name(label: ast.expr | None, values: Sequence[ast.expr], place: int, *, computed: bool) -> str:
    if label is not None and not (isinstance(label, ast.Constant) and label.value is None):
        return ast.unparse(label)
    shown = () if computed else values
    return repr([place, *(ast.unparse(one) for one in shown if isinstance(one, ast.Constant))])


def _elements(node: ast.expr, given: Mapping[str, ast.expr]) -> tuple[ast.expr, ...]:
    """What is there, one by one, in something that is written out, or was at the module's top."""
    match node:
        case ast.Name(id=name) if name in given:
            return _elements(given[name], {})
        case ast.List(elts=elts) | ast.Tuple(elts=elts) | ast.Set(elts=elts):
            return tuple(elts)
        case ast.Dict(keys=keys):
            return tuple(key for key in keys if key)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="values" | "items" as part)):
            if isinstance(table := given.get(name), ast.Dict) and None not in table.keys:
                pairs = zip(table.keys, table.values, strict=True)
                return tuple(
                    value if part == "values" else ast.Tuple([key, value])
                    for key, value in pairs
                    if key
                )
    return ()
