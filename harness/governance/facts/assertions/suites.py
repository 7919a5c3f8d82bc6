"""One Python test module before and after: its functions by name, and what decides whether they run
at all."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.governance.facts.assertions.bindings import (
    Sources,
    bindings,
    other_sources,
    sources,
)
from harness.governance.facts.assertions.cases import Cases, cases, other_cases
from harness.governance.facts.assertions.claims import Claim, Function, claims, last_name
from harness.governance.facts.assertions.classes import TestClasses, classes_of_tests
from harness.governance.facts.assertions.reach import reaches, replacements
from harness.governance.facts.assertions.stand_ins import comparisons, stand_ins
from harness.governance.facts.assertions.strength import weaker
from harness.governance.facts.syntax import UnreadableSource, syntax_tree

_SKIPS = frozenset(
    (
        "skip",
        "skipif",
        "skipIf",
        "skipUnless",
        "skipTest",
        "SkipTest",
        "xfail",
        "importorskip",
        "expectedFailure",
        "__test__",
        "collect_ignore",
        "collect_ignore_glob",
        "pytest_plugins",
        # a case without a name of its own takes a fixture's place unseen
        "HIDDEN_PARAM",
    )
)
_HARMLESS = frozenset(
    (
        "mark",
        "fixture",
        "given",
        "settings",
        "example",
        "seed",
        "reproduce_failure",
        "patch",
        "parameterized",
        "staticmethod",
        "classmethod",
        "property",
        "contextmanager",
        "asynccontextmanager",
        "cache",
        "lru_cache",
        "dataclass",
        "override",
        "overload",
        "composite",
        "rule",
        "invariant",
        "initialize",
    )
)


MOST_CLAIMS = 200
"""Of one function. Each is held against each: five thousand of them took minutes."""
MOST_NESTED = 8
"""Functions within functions. What stands in the innermost is read once for each around it."""


@dataclass(frozen=True, slots=True)
class TestSource:
    """A module's functions by qualified name (the last of a name is the one that counts), what
    skips outside them, and the names that it binds at its top by other means than `def`, those that
    it imports, with what they stand for, those that it makes itself, and what in it defines what is
    equal. `reaches` are its hands on what runs other tests, `replacements` what its fixtures
    replace for every test, `cases` those of its parametrised tests, and `classes` what its classes
    of tests keep from asking."""

    functions: Mapping[str, Function]
    skips: Counter[str]
    bound: Counter[str]
    imported: Sources
    made: frozenset[str]
    comparisons: Counter[str]
    reaches: Counter[str]
    replacements: Counter[str]
    cases: Cases
    classes: TestClasses


def suite(content: bytes) -> TestSource:
    """Raises UnreadableSource."""
    module = syntax_tree(content)
    if module is None:
        raise UnreadableSource("not Python that can be read")
    functions, outside = dict(_functions(module, "")), list(_outside(module))
    skips = sum((_skips(node) for node in outside), Counter[str]())
    names, bound = sources(module), bindings(module)
    # An import that takes the name of one of its own functions stands for it from then on.
    bound.update(functions.keys() & names.keys())
    made = {name for name in (*functions, *bindings(module)) if "." not in name}
    return TestSource(
        functions,
        skips,
        bound,
        names,
        frozenset(made),
        comparisons(module),
        reaches(module),
        replacements(module),
        cases(module),
        classes_of_tests(module, names, (*functions, *bound)),
    )


def _few(claims: Sequence[Claim]) -> Sequence[Claim]:
    if len(claims) > MOST_CLAIMS:
        raise UnreadableSource(
            f"one function makes {len(claims)} claims, and at most {MOST_CLAIMS} are compared"
        )
    return claims


def of_others(after: TestSource) -> Iterator[tuple[str, str]]:
    """Pairs as `compared` gives them, of a new file: what it does to the tests of others."""
    for said in sorted(after.reaches):
        yield "", said
    for said in sorted(after.skips):
        if said.startswith("pytest_plugins"):
            yield "", f"`{said}` was added"


def compared(before: TestSource, after: TestSource) -> Iterator[tuple[str, str]]:
    """Pairs of a function's name (empty for the module itself) and what became weaker there."""
    for found in (after.reaches - before.reaches, after.replacements - before.replacements):
        yield from (("", said) for said in sorted(found))
    yield from other_cases(before.cases, after.cases)
    for said in sorted((after.skips - before.skips).elements()):
        yield "", f"`{said}` was added"
    # A test may shadow what it tests: the import stays, and a stand-in is asked.
    for name in sorted(before.imported.keys() & (after.made - before.made)):
        yield "", f"`{name}`, which was imported, is one of its own now"
    for said in other_sources(before.imported, after.imported, after.functions.values()):
        yield "", said
    for said in sorted((after.comparisons - before.comparisons).elements()):
        yield "", f"`{said.splitlines()[0]}` defines anew what is equal"
    for name in sorted(before.classes.replaced.keys() & after.classes.replaced.keys()):
        for own in sorted(after.classes.replaced[name] - before.classes.replaced[name]):
            yield name, f"it defines `{own}` itself now, by which its tests are run or ask"
    for name in sorted(after.classes.unawaited - before.classes.unawaited):
        if name in before.functions:
            yield name, "it is `async` in a class whose tests nobody awaits, so it does not run"
    for name, function in after.functions.items():
        # pytest calls hooks by name, for every test of the folder.
        if name.rpartition(".")[2].startswith("pytest_") and _text(function) != _text(
            before.functions.get(name)
        ):
            yield name, "this hook can rewrite what tests say, and it is new or has changed"
    for name, old in before.functions.items():
        new = after.functions.get(name)
        # `test_x = None` below a test takes it away without touching it.
        if _is_bound_anew(name, before, after):
            yield name, "its name is bound to something else afterwards"
        if new is not None and _text(old) != _text(new):
            yield from ((name, said) for said in _weaknesses(old, new))


def _is_bound_anew(name: str, before: TestSource, after: TestSource) -> bool:
    """Whether this function, or the class that it is in, is another one afterwards."""
    parts = name.split(".")
    paths = (".".join(parts[: end + 1]) for end in range(len(parts)))
    taken = name.startswith("test") and name not in before.imported and name in after.imported
    return taken or any(after.bound[path] > before.bound[path] for path in paths)


def _weaknesses(old: Function, new: Function) -> Iterator[str]:
    yield from (f"`{said}` was added" for said in sorted((_skips(new) - _skips(old)).elements()))
    known = {ast.dump(decorator) for decorator in old.decorator_list}
    for decorator in new.decorator_list:
        if (
            ast.dump(decorator) not in known
            and not _names(decorator) & _HARMLESS
            and not _skips(decorator)
        ):
            yield f"it is wrapped in `{ast.unparse(decorator)}`"
    # pytest collects a generator and runs nothing of it.
    if _yields(new) and not _yields(old):
        yield "it became a generator, whose body does not run"
    if _is_empty(new) and not _is_empty(old):
        yield "its body was emptied"
    else:
        yield from weaker(_few(claims(old)), _few(claims(new)))
        yield from stand_ins(old, new)


def _text(function: Function | None) -> str:
    return ast.dump(function) if function else ""


def _functions(scope: ast.AST, prefix: str, depth: int = 0) -> Iterator[tuple[str, Function]]:
    if depth > MOST_NESTED:
        raise UnreadableSource(f"functions are nested more than {MOST_NESTED} deep")
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", node
            yield from _functions(node, f"{prefix}{node.name}.", depth + 1)
        else:
            inner = f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix
            yield from _functions(node, inner, depth)


def _outside(scope: ast.AST) -> Iterator[ast.AST]:
    """What stands in a module or class beside its functions, decorators of classes among it."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.ClassDef):
            yield from node.decorator_list
            yield from _outside(node)
        elif not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom
        ):
            yield node


def _skips(node: ast.AST) -> Counter[str]:
    """Every call or name that skips, ignores or expects failure, with its arguments, once each."""
    found: Counter[str] = Counter()
    # By hand: `ast.walk` would count the name inside of a call that was counted already.
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        named = inner.func if isinstance(inner, ast.Call) else inner
        if isinstance(named, ast.Name | ast.Attribute) and last_name(named) in _SKIPS:
            found[ast.unparse(inner)] += 1
        else:
            waiting += ast.iter_child_nodes(inner)
    return found


def _names(node: ast.AST) -> set[str]:
    return {
        last_name(inner) for inner in ast.walk(node) if isinstance(inner, ast.Name | ast.Attribute)
    }


def _yields(function: Function) -> bool:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return False


def _is_empty(function: Function) -> bool:
    return all(
        isinstance(one, ast.Pass)
        or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        or (
            isinstance(one, ast.Return)
            and (one.value is None or isinstance(one.value, ast.Constant))
        )
        for one in function.body
    )
