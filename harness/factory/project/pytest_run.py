"""`python -P pytest_run.py ORDER REPORT …`: pytest in a box, and what it says of each test, signed
line by line.

Properties: what the runner imports comes from where the interpreter and the layer are, whatever
lies in the tree that is tested, but for names that the base itself has; the tree is importable,
after everything else; the key is in no argument, no variable and no file once anything of the tree
can run; a line that is changed, left out or put in between breaks all that follow; the number of
collected tests is told before the first of them, and the end after the last.

It does not hold against code under test that looks through this process's memory or changes pytest
while it runs. Of the harness it imports nothing: in the box there is only this file. `signing` is
also what the factory reads with."""

import fcntl
import hmac
import json
import os
import resource
import secrets
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from itertools import count
from types import ModuleType
from typing import Any

COLLECTED, TEST, UNIT, END = "collected", "test", "unit", "end"
"""The kinds of a message: the number of tests; a test's id and how it ended; the same of a file
that gave none; the exit code."""
PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"
_MOST_DESCRIPTORS = 4096


def signing(key: bytes) -> Callable[[Sequence[object]], bytes]:
    """Makes lines of messages, each signed with its place."""
    encode, digest, places = json.JSONEncoder().encode, hmac.digest, count()

    def line(message: Sequence[object]) -> bytes:
        text = encode(message).encode()
        return b"%s %s\n" % (
            digest(key, b"%d %s" % (next(places), text), "sha256").hex().encode(),
            text,
        )

    return line


class Protected:
    """Finds top-level modules in these folders before any other; those that are a tree's `own`, at
    its root."""

    def __init__(self, folders: Sequence[str], own: frozenset[str], root: str) -> None:
        self._folders, self._own, self._root = list(folders), own, root

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None:
            return None
        found = PathFinder.find_spec(name, [self._root] if name in self._own else self._folders)
        return (
            None if found is None or found.loader is None else found
        )  # parts of a namespace may lie anywhere


def main() -> int:
    """Run pytest on the tree in the working directory; its exit code."""
    order, report, *arguments = sys.argv[1:]
    with open(order, encoding="utf-8") as file:
        given = json.load(file)
    os.unlink(order)
    import pytest

    tell = _telling(bytes.fromhex(given.pop("key")), report)
    sys.argv = ["pytest", *arguments]
    sys.meta_path.insert(0, Protected(sys.path, frozenset(given["own"]), os.getcwd()))
    sys.path.append(os.getcwd())
    code = int(pytest.main(arguments, plugins=[_plugin(tell, pytest)]))
    tell([END, code])
    return code


def _telling(key: bytes, report: str) -> Callable[[Sequence[object]], None]:
    """Writes messages to a file that is open on a descriptor of no known number and in no child."""
    line, write, process, owner = signing(key), os.write, os.getpid, os.getpid()
    opened = os.open(
        report,
        os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_APPEND | os.O_CLOEXEC,
        0o644,
    )
    limit = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], _MOST_DESCRIPTORS)
    drawn = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, limit // 4 + secrets.randbelow(limit // 2))
    os.close(opened)

    def tell(message: Sequence[object]) -> None:
        if process() == owner:
            write(drawn, line(message))

    return tell


def _plugin(tell: Callable[[Sequence[object]], None], pytest: Any) -> object:
    """Tells of collection once, and of a test when all of it is over."""
    so_far: dict[str, set[str]] = {}
    collected: list[int] = []

    def told_once(number: int) -> None:
        if not collected:
            collected.append(number)
            tell([COLLECTED, number])

    class Teller:
        def pytest_collection_finish(self, session: Any) -> None:
            told_once(len(session.items))

        @pytest.hookimpl(optionalhook=True)  # type: ignore[untyped-decorator]
        def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
            told_once(len(ids))

        def pytest_collectreport(self, report: Any) -> None:
            if not report.passed:
                tell([UNIT, report.nodeid, report.outcome])

        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.when == "call" or not report.passed:
                so_far.setdefault(report.nodeid, set()).add(report.outcome)

        def pytest_runtest_logfinish(self, nodeid: str) -> None:
            seen = so_far.pop(nodeid, set())
            tell(
                [
                    TEST,
                    nodeid,
                    next((one for one in (FAILED, SKIPPED, PASSED) if one in seen), FAILED),
                ]
            )

    return Teller()


if __name__ == "__main__":
    sys.exit(main())
