"""Tests that ask less than they did, reported from their syntax trees.

The base's own tests are run over every change, so that a rewritten test cannot hide a broken
promise. This is for the day after: a test that was weakened along with a good change guards nothing
from then on.

Properties: pure, nothing of the tests is run; a Python module that cannot be read on either side
gives UNKNOWN, which is no; order, names of variables and layout are nothing. Not seen: a fixture or
helper outside the tests' own files, a new fixture that takes the name of another one, an expected
value that was changed (the run sees it), an import that moved within its package, and in JavaScript
all that letters cannot say."""

import re
from collections.abc import Callable, Iterable, Iterator

from harness.domain.facts import NO_FILE, UNKNOWN, FileChange, Maybe
from harness.governance.facts.assertions.lexical import narrowed
from harness.governance.facts.assertions.suites import compared, of_others, suite
from harness.governance.facts.syntax import UnreadableSource

__all__ = ["is_test", "weakened_tests"]

LARGEST = 1_000_000
"""Bytes of a test file that is read; a larger one is nobody's tests."""

MOST = 2_000_000
"""Bytes of all of them that one change edits, as they are afterwards: some twenty seconds for each
million at the worst."""

_PYTHON = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py\Z", re.IGNORECASE)
_SCRIPT = re.compile(
    r"(?:\.(?:test|spec)\.|(?:^|/)(?:tests?|__tests__|e2e|specs?)/(?:.*/)?[^/]*\.)[cm]?[jt]sx?\Z",
    re.IGNORECASE,
)

Reading = Callable[[str], bytes | None]


def is_test(path: bytes) -> bool:
    """Whether this is, by its name, a test module of Python or a test file of JavaScript or
    TypeScript."""
    name = path.decode("utf-8", "replace")
    return _PYTHON.search(name) is not None or _SCRIPT.search(name) is not None


def weakened_tests(
    files: Iterable[FileChange],
    before: Reading,
    after: Reading,
    *,
    also: Callable[[bytes], bool] = lambda _: False,
) -> Maybe[tuple[str, ...]]:
    """What became weaker in the test files that a change edits ("tests/test_a.py::test_x: `==`
    became `in`"; `*` stands for all of a file), in the order of its paths. `before` and `after`
    read a path's bytes on either side; `also` names more files that hold tests.

    A new file weakens nothing, unless it steers others: a `conftest.py`, a module that reaches into
    their run, or a script that runs itself alone. A file that is gone takes its tests with it,
    which the run sees."""
    said: list[str] = []
    left = MOST
    for change in files:
        if change.new_mode == NO_FILE or not (is_test(change.path) or also(change.path)):
            continue
        try:
            path = change.path.decode("utf-8")
            old, new = (
                None if change.old_mode == NO_FILE else _text(before(path)),
                _text(after(path)),
            )
            # Large test files take seconds to compare: a change must not stall the gate.
            if (left := left - len(new)) < 0:
                return UNKNOWN
            said += (
                f"{path}::{place or '*'}: {words}"
                for place, words in _weaknesses(path.casefold(), old, new)
            )
        except (ValueError, RecursionError):
            # Not text, not Python, or an expression that Python itself cannot write down again.
            return UNKNOWN
    return tuple(said)


def _text(content: bytes | None) -> bytes:
    if content is None or len(content) > LARGEST:
        raise UnreadableSource("no plain file, or a very large one")
    return content


def _weaknesses(path: str, old: bytes | None, new: bytes) -> Iterator[tuple[str, str]]:
    if path.endswith(".py"):
        # A new conftest.py steers the tests beside it; another new file only what it reaches.
        if old is not None or path.rpartition("/")[2] == "conftest.py":
            yield from compared(suite(old or b""), suite(new))
        else:
            yield from of_others(suite(new))
    elif _SCRIPT.search(path):
        before = None if old is None else old.decode("utf-8", "replace")
        yield from (("", words) for words in narrowed(before, new.decode("utf-8", "replace")))
