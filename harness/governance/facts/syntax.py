"""Parses Python source to a syntax tree, one text at a time.

CPython 3.11 counts the depth of the tree it hands out in a place that all threads share: with two
issues at work, `ast.parse` once ended in `SystemError: AST constructor recursion depth mismatch`.
Warning filters are shared as well."""

import ast
import threading
import warnings

_ONE_AT_A_TIME = threading.Lock()


class UnreadableSource(ValueError):
    """Not Python that this interpreter reads, or more of it than is compared, so nobody can tell
    what it asks."""


def syntax_tree(source: bytes | str) -> ast.Module | None:
    """The tree, or None where the source is not Python that can be parsed. What the parser warns of
    is no news of ours."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
