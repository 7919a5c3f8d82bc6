"""What callers of a Python module lose by a change, from the syntax trees of both sides. Nothing is
imported or run.

Public is what `__all__` names, or else every name without a leading underscore, in a module whose
own path has none; of a class its methods, `__init__` with them, and what is assigned in its body. A
name that is imported is public where `__all__` names it, where it is imported `as` itself, and in
an `__init__.py`. What an `if` or `try` at the top of a module defines counts as defined. A renamed
module is gone."""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from harness.domain.facts import (
    UNKNOWN,
    ApiFacts,
    ApiLoss,
    ChangeKind,
    FileChange,
    Maybe,
)
from harness.governance.facts.syntax import syntax_tree

LARGEST = 1024 * 1024
"""Bytes of one module. A larger one is generated, and counts as one that could not be read."""

Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Signature:
    """How a function may be called. `by_place` in order; `needed` are the parameters without a
    default."""

    by_place: tuple[str, ...] = ()
    by_name: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    more_places: bool = False
    more_names: bool = False


Names = Mapping[str, Signature | None]


def api_facts(files: Maybe[Iterable[FileChange]], *, before: Read, after: Read) -> Maybe[ApiFacts]:
    """What the Python modules among `files` take from their callers; `before` and `after` give a
    path's bytes."""
    if files is UNKNOWN:
        return UNKNOWN
    lost: list[ApiLoss] = []
    unread: list[bytes] = []
    for change in files:
        if (
            not change.path.endswith(b".py")
            or change.kind is ChangeKind.ADDED
            or not _is_public(change.path)
        ):
            continue
        path = change.path.decode("utf-8", "surrogateescape")
        old, new = names_in(before(path) or b"", path), names_in(after(path) or b"", path)
        # A side that does not parse proves neither a loss nor that there is none.
        if old is None or new is None:
            unread.append(change.path)
        else:
            lost += (ApiLoss(change.path, name, loss) for name, loss in losses(old, new))
    return ApiFacts(tuple(lost), tuple(unread))


def losses(old: Names, new: Names) -> Iterator[tuple[str, str]]:
    """Each public name of `old` that `new` lacks or calls otherwise, by name, with what became of
    it."""
    for name, signature in sorted(old.items(), key=lambda item: item[0]):
        if name not in new:
            holder = name.rpartition(".")[0]
            # of a class that is gone, its methods are not listed as well
            if holder in new or holder not in old:
                yield name, "is gone"
        elif signature is not None:
            now = new[name]
            found = (
                _narrowed(signature, now)
                if now
                else ("is no function any more that can be compared",)
            )
            yield from ((name, one) for one in found)


def _narrowed(old: Signature, new: Signature) -> Iterator[str]:
    gone = [
        name
        for name in dict.fromkeys((*old.by_place, *sorted(old.by_name)))
        if name not in new.by_place and name not in new.by_name
    ]
    if gone:
        yield f"lost {', '.join(f'`{name}`' for name in gone)}"
    kept = tuple(name for name in old.by_place if name not in gone)
    # Callers that pass by place bind to the order; a name that is gone is reported already.
    if not gone and new.by_place[: len(kept)] != kept:
        yield "takes its arguments in another order, or no longer by place"
    elif unnamed := sorted(name for name in old.by_name - new.by_name if name in new.by_place):
        yield f"no longer takes {', '.join(f'`{name}`' for name in unnamed)} by name"
    if needed := sorted(new.needed - old.needed):
        yield f"now needs {', '.join(f'`{name}`' for name in needed)}"
    if (old.more_places and not new.more_places) or (old.more_names and not new.more_names):
        yield "no longer takes whatever else it is given"


@lru_cache(maxsize=32)
def names_in(source: bytes, path: str) -> Names | None:
    """The public names of a module, functions with how they are called; None where it does not
    parse, or where its `__all__` is computed."""
    # Generated code; parsing it would cost seconds for each change.
    if len(source) > LARGEST:
        return None
    tree = syntax_tree(source)
    try:
        return (
            _public(tuple(_statements(tree.body)), is_package=path.endswith("__init__.py"))
            if tree
            else None
        )
    except (ValueError, RecursionError):
        return None


def _public(statements: tuple[ast.stmt, ...], *, is_package: bool) -> Names:
    defined = {
        name: signature for statement in statements for name, signature in _defined(statement)
    }
    imports = [
        (statement, alias)
        for statement in statements
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for alias in statement.names
    ]
    stars = {
        f"* from {'.' * statement.level}{statement.module or ''}": None
        for statement, alias in imports
        if alias.name == "*" and isinstance(statement, ast.ImportFrom)
    }
    stated = _stated(statements)
    if stated is None:
        # PEP 484: `import x as x` is how a module re-exports a name.
        passed_on = {
            alias.asname or alias.name
            for _, alias in imports
            if is_package or alias.asname == alias.name
        }
        shown = {name for name in (*defined, *passed_on) if not name.startswith(("_", "*"))}
    else:
        shown = stated
    members = {
        name: signature for name, signature in defined.items() if name.partition(".")[0] in shown
    }
    return stars | dict.fromkeys(shown) | members


def _stated(statements: Iterable[ast.stmt]) -> set[str] | None:
    """What `__all__` names, where it is written out. Raises ValueError where it is computed."""
    found: set[str] | None = None
    for statement in statements:
        if isinstance(
            statement, ast.Assign | ast.AnnAssign | ast.AugAssign
        ) and "__all__" in _targets(statement):
            listed = ast.literal_eval(statement.value) if statement.value is not None else ()
            # `__all__ += [...]` adds to what was stated before, `=` replaces it.
            earlier = found if found and isinstance(statement, ast.AugAssign) else set()
            found = {str(name) for name in listed} | earlier
    return found


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement at the top, and those that stand there in an `if`, a `try` or a `with`."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.TryStar | ast.With):
            for inner in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, inner, ()))
            for handler in getattr(statement, "handlers", ()):
                yield from _statements(handler.body)


def _defined(statement: ast.stmt) -> Iterator[tuple[str, Signature | None]]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield statement.name, _signature(statement.args)
        case ast.ClassDef():
            yield statement.name, None
            for inner in _statements(statement.body):
                for name, signature in _defined(inner):
                    if not name.startswith("_") or name == "__init__":
                        yield f"{statement.name}.{name}", signature
        case ast.Assign() | ast.AnnAssign():
            for name in _targets(statement):
                yield name, None


def _targets(statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Iterator[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return (
        node.id
        for target in targets
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )


def _signature(args: ast.arguments) -> Signature:
    by_place = tuple(arg.arg for arg in (*args.posonlyargs, *args.args))
    needed = by_place[: len(by_place) - len(args.defaults)]
    named = [arg.arg for arg in args.kwonlyargs]
    without = [
        name for name, default in zip(named, args.kw_defaults, strict=True) if default is None
    ]
    return Signature(
        by_place,
        frozenset((*(arg.arg for arg in args.args), *named)),
        frozenset((*needed, *without)),
        more_places=args.vararg is not None,
        more_names=args.kwarg is not None,
    )


def _is_public(path: bytes) -> bool:
    """Whether no folder and no file of the path has a leading underscore, dunder files aside."""
    return not any(
        part.startswith(b"_") and not part.startswith(b"__") for part in path.split(b"/")
    )
