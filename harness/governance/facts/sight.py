"""Finds the files of a change that a user could see something of. A chore must touch none of them.

Out of sight are the project's tests, its papers (`docs/`, Markdown at the root), its settings for
other tools, its dependencies (rules of their own ask about those: locks, and manifests in which
nothing else changes), and Python whose texts stay the same: a text that is written, taken away or
changed is one that somebody may read. Names are texts where a reader meets them: a keyword of a
call, a field of a class, what a framework makes a command or an answer of by its decorator. So is
what documents the code, where a framework or the change itself reads it. Everything else is in
sight: templates, styles, scripts, pictures, data, and every language that is not read here. What
cannot be read is in sight, and so is a module that imports a test: nobody else reads what tests
say.

Not seen: a module that is not changed, and imports a test or reads documentation already."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from harness.domain.facts import UNKNOWN, FileChange, Maybe
from harness.governance.facts.dependencies.alone import changes_dependencies_alone
from harness.governance.facts.surface import LARGEST, Read
from harness.governance.facts.syntax import syntax_tree

# Of texts at the root only those that everybody knows: a `robots.txt` is served, and a
# `CMakeLists.txt` builds the app.
_PAPERS = re.compile(
    r"docs?/.+\.(?:md|rst|txt|adoc)|[^/]+\.(?:md|rst|adoc)|codeowners"
    r"|(?:readme|changelog|changes|history|news|contributing|contributors|credits|licen[cs]e|notice"
    r"|authors|maintainers|copying|copyright)(?:[-.][\w.]+)?\.txt"
    r"|licen[cs]e|notice|authors|copying",
    re.IGNORECASE,
)
_TOOLS = re.compile(
    r"\.[a-z]+(?:ignore|attributes)|\.editorconfig|(?:mypy|pytest)\.ini|\.?(?:ruff|taplo)\.toml",
    re.IGNORECASE,
)
_READS_DOCUMENTS = frozenset(("__doc__", "getdoc", "get_docstring", "getsource", "getcomments"))
_PYTHONS_OWN = frozenset(
    (
        "abstractmethod",
        "asynccontextmanager",
        "cache",
        "cached_property",
        "classmethod",
        "contextmanager",
        "dataclass",
        "deleter",
        "final",
        "getter",
        "lru_cache",
        "overload",
        "override",
        "property",
        "setter",
        "singledispatch",
        "singledispatchmethod",
        "staticmethod",
        "total_ordering",
        "wraps",
    )
)
"""Decorators that show nobody what they are given."""


@dataclass(frozen=True, slots=True)
class _Module:
    """What a module holds that somebody may read: its texts, and the documentation that is read
    where `reads` is true. `imports` are what it imports, as parts, with the level of each."""

    texts: Mapping[str, int]
    documents: Mapping[str, int]
    reads: bool
    imports: frozenset[tuple[int, tuple[str, ...]]]


_NO_MODULE = _Module({}, {}, reads=False, imports=frozenset())


def in_sight(
    files: Maybe[Iterable[FileChange]],
    *,
    before: Read,
    after: Read,
    is_test: Callable[[bytes], bool],
) -> Maybe[tuple[str, ...]]:
    """The paths of a change that a user could see something of, in its order. `before` and `after`
    give a path's bytes. `is_test` knows the project's tests by where they are: a name alone makes
    no test of a module that the app may find."""
    if files is UNKNOWN:
        return UNKNOWN
    seen, modules, texts, documents, reads = [], [], Counter[str](), Counter[str](), False
    for change in files:
        path = change.path.decode("utf-8", "surrogateescape")
        if (
            is_test(change.path)
            or _PAPERS.fullmatch(path)
            or _TOOLS.fullmatch(path)
            or changes_dependencies_alone(path, before=before, after=after)
        ):
            continue
        old, new = (_module(side(path)) for side in (before, after))
        if not path.endswith(".py") or old is None or new is None or _asks(path, new, is_test):
            seen.append(path)
            continue
        modules.append(path)
        texts.update(new.texts)
        texts.subtract(old.texts)
        documents.update(new.documents)
        documents.subtract(old.documents)
        reads = reads or old.reads or new.reads
    # a text that one module loses and another gains is only somewhere else
    moved = any(texts.values()) or (reads and any(documents.values()))
    return (*seen, *modules) if moved else tuple(seen)


def _asks(path: str, module: _Module, is_test: Callable[[bytes], bool]) -> bool:
    """Whether a module imports a test, from the root of the tree or relative to itself."""
    folder = PurePosixPath(path).parent.parts
    for level, parts in module.imports:
        whole = (*folder[: len(folder) - level + 1], *parts) if level else parts
        for name in ("/".join(whole[:-1]), "/".join(whole)):
            if name and any(
                is_test(f"{name}{end}".encode("utf-8", "surrogateescape"))
                for end in (".py", "/__init__.py")
            ):
                return True
    return False


# A change is looked at again at each gate, and most of its modules are as they were.
@lru_cache(maxsize=32)
def _module(source: bytes | None) -> _Module | None:
    """What is read in a module; nothing where there is none. None: not readable."""
    if source is None:
        return _NO_MODULE
    tree = syntax_tree(source) if len(source) <= LARGEST else None
    if tree is None:
        return None
    nodes = tuple(ast.walk(tree))
    shown = {
        id(part)
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and any(map(_shows, node.decorator_list))
        for part in node.body[:1]
    }
    papers = {id(node.value): id(node) in shown for node in nodes if isinstance(node, ast.Expr)}
    texts, documents = Counter[str](), Counter[str]()
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            kind = texts if papers.get(id(node), True) else documents
            kind[repr(node.value)] += 1
        texts.update(_names(node))
    reads = any(name in texts or repr(name) in texts for name in _READS_DOCUMENTS)
    return _Module(texts, documents, reads, frozenset(_imports(nodes)))


def _names(node: ast.AST) -> Iterator[str]:
    """The names in a node that somebody may read, or by which documentation is read."""
    match node:
        case ast.Call(keywords=keywords) if _shows(node):
            yield from (f"{one.arg}=" for one in keywords if one.arg)
        case ast.ClassDef(body=body):
            for one in body:
                targets = one.targets if isinstance(one, ast.Assign) else []
                fields = [each.id for each in targets if isinstance(each, ast.Name)]
                if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                    fields.append(one.target.id)
                yield from (f".{name}" for name in fields if not name.startswith("_"))
        case (
            ast.FunctionDef(name=name, args=args, decorator_list=decorators)
            | ast.AsyncFunctionDef(name=name, args=args, decorator_list=decorators)
        ) if any(map(_shows, decorators)):
            yield f"{name}()"
            yield from (f"{each.arg}=" for each in ast.walk(args) if isinstance(each, ast.arg))
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            if name in _READS_DOCUMENTS:
                yield name


def _shows(used: ast.expr) -> bool:
    """Whether a decorator, or a call, may show somebody what it is given."""
    called = used.func if isinstance(used, ast.Call) else used
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name not in _PYTHONS_OWN
    return True


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, tuple[str, ...]]]:
    for node in nodes:
        match node:
            case ast.Import(names=names):
                yield from ((0, tuple(one.name.split("."))) for one in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = tuple(module.split(".")) if module else ()
                yield from ((level, (*above, one.name)) for one in names)
