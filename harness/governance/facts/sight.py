"""Finds the files of a change that a user could see something of. A chore must touch none of them.

Out of sight are tests, a project's papers (`docs/`, Markdown beside the root), its settings for
other tools, locks and manifests (rules of their own ask about those), and Python whose texts stay
the same: a text that is written, taken away or changed is one that somebody may read. Everything
else is in sight: templates, styles, scripts, pictures, data, and every language that is not read
here. What cannot be read is in sight."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from harness.domain.facts import UNKNOWN, FileChange, Maybe
from harness.governance.facts.dependencies import is_manifest
from harness.governance.facts.surface import LARGEST, Read
from harness.governance.facts.syntax import syntax_tree

_PAPERS = re.compile(
    r"(?:docs?/.+|[^/]+)\.(?:md|rst|txt|adoc)|(?:licen[cs]e|notice|authors|codeowners)",
    re.IGNORECASE,
)
_TOOLS = re.compile(
    r"\.[a-z]+(?:ignore|attributes)|\.editorconfig|(?:mypy|pytest)\.ini|\.?(?:ruff|taplo)\.toml",
    re.IGNORECASE,
)


def in_sight(
    files: Maybe[Iterable[FileChange]],
    *,
    before: Read,
    after: Read,
    is_test: Callable[[bytes], bool],
) -> Maybe[tuple[str, ...]]:
    """The paths of a change that a user could see something of, in its order. `before` and `after`
    give a path's bytes."""
    if files is UNKNOWN:
        return UNKNOWN
    seen, modules, texts = [], [], Counter[str]()
    for change in files:
        path = change.path.decode("utf-8", "surrogateescape")
        if (
            is_test(change.path)
            or _PAPERS.fullmatch(path)
            or _TOOLS.fullmatch(path)
            or is_manifest(change.path)
        ):
            continue
        old, new = (_texts(side(path)) for side in (before, after))
        if not path.endswith(".py") or old is None or new is None:
            seen.append(path)
            continue
        modules.append(path)
        texts.update(new)
        texts.subtract(old)
    # a text that one module loses and another gains is only somewhere else
    moved = any(texts.values())
    return (*seen, *modules) if moved else tuple(seen)


# A change is looked at again at each gate, and most of its modules are as they were.
@lru_cache(maxsize=32)
def _texts(source: bytes | None) -> Mapping[str, int] | None:
    """The texts that a module holds, without what only documents it; none where there is no module.
    None: not readable."""
    if source is None:
        return Counter()
    tree = syntax_tree(source) if len(source) <= LARGEST else None
    if tree is None:
        return None
    papers = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return Counter(
        repr(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str | bytes)
        and id(node) not in papers
    )
