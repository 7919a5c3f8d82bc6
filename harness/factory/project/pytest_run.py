"""`python -P pytest_run.py ORDER REPORT …` runs pytest in a sandbox and signs each result, line by
line.

Properties:
- what the runner imports comes from the interpreter and the layer, whatever is in the tested tree,
  except for names that the base itself has; the tree is importable after everything else;
- the key is in no argument, variable or file once anything of the tree can run;
- a line that is changed, left out or inserted breaks all that follow;
- the number of collected tests comes before the first result, and the end after the last.

It does not hold against code under test that searches this process's memory or changes pytest while
it runs. It imports nothing of the harness: in the sandbox there is only this file. The factory uses
`signing` too, to read the report."""

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
"""The kinds of a message: the number of tests; a test's id and outcome; the same for a file that
failed to give tests; the exit code."""
PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"
PATHS = "TESTS_PYTHONPATH"
"""The variable with the project's own PYTHONPATH. Python would look there for what the runner
imports, while it has the key."""
_MOST_DESCRIPTORS = 4096


def signing(key: bytes) -> Callable[[Sequence[object]], bytes]:
    """A function that makes lines of messages, each signed together with its place."""
    encode, digest, places = json.JSONEncoder().encode, hmac.digest, count()

    def line(message: Sequence[object]) -> bytes:
        text = encode(message).encode()
        return b"%s %s\n" % (
            digest(key, b"%d %s" % (next(places), text), "sha256").hex().encode(),
            text,
        )

    return line


class Protected:
    """Finds top-level modules in `folders` before anywhere else; those that are a tree's `own`, in
    its `roots`."""

    def __init__(self, folders: Sequence[str], own: frozenset[str], roots: Sequence[str]) -> None:
        self._folders, self._own, self._roots = list(folders), own, list(roots)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None:
            return None
        found = PathFinder.find_spec(name, self._roots if name in self._own else self._folders)
        # A namespace package has no loader, and its parts may be in any folder.
        return None if found is None or found.loader is None else found


def main() -> int:
    """Run pytest on the tree in the working directory. Return its exit code."""
    order, report, *arguments = sys.argv[1:]
    with open(order, encoding="utf-8") as file:
        given = json.load(file)
    # The key must be gone before any code of the tree can run.
    os.unlink(order)
    # The tree is not importable yet, so this pytest is the layer's.
    import pytest

    send = _signed_writer(bytes.fromhex(given.pop("key")), report)
    sys.argv = ["pytest", *arguments]
    theirs = os.environ.pop(PATHS, "")
    roots = [os.path.abspath(one) for one in ("", *filter(None, theirs.split(os.pathsep)))]
    sys.meta_path.insert(0, Protected(sys.path, frozenset(given["own"]), roots))
    sys.path += roots
    if theirs:  # for what the tests start
        known = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (theirs, known)))
    code = int(pytest.main(arguments, plugins=[_plugin(send, pytest)]))
    send([END, code])
    return code


def _signed_writer(key: bytes, report: str) -> Callable[[Sequence[object]], None]:
    """A function that writes messages to the report. The file is open on a descriptor whose number
    nobody can guess, and in no child process."""
    line, write, process, owner = signing(key), os.write, os.getpid, os.getpid()
    opened = os.open(
        report,
        os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_APPEND | os.O_CLOEXEC,
        0o644,
    )
    limit = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], _MOST_DESCRIPTORS)
    # A number drawn at random: code under test would have to try thousands of descriptors.
    drawn = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, limit // 4 + secrets.randbelow(limit // 2))
    os.close(opened)

    def send(message: Sequence[object]) -> None:
        # A forked child has a copy of this function.
        if process() == owner:
            write(drawn, line(message))

    return send


def _plugin(send: Callable[[Sequence[object]], None], pytest: Any) -> object:
    """A plugin that reports the collection once, and each test when all of it is over."""
    so_far: dict[str, set[str]] = {}
    collected: list[int] = []

    def send_once(number: int) -> None:
        if not collected:
            collected.append(number)
            send([COLLECTED, number])

    class Reporter:
        def pytest_collection_finish(self, session: Any) -> None:
            send_once(len(session.items))

        @pytest.hookimpl(optionalhook=True)  # type: ignore[untyped-decorator]
        def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
            send_once(len(ids))

        def pytest_collectreport(self, report: Any) -> None:
            if not report.passed:
                send([UNIT, report.nodeid, report.outcome])

        def pytest_runtest_logreport(self, report: Any) -> None:
            # A passed setup or teardown proves nothing; one that failed fails the test.
            if report.when == "call" or not report.passed:
                so_far.setdefault(report.nodeid, set()).add(report.outcome)

        def pytest_runtest_logfinish(self, nodeid: str) -> None:
            outcomes = so_far.pop(nodeid, set())
            worst = next((one for one in (FAILED, SKIPPED, PASSED) if one in outcomes), FAILED)
            send([TEST, nodeid, worst])

    return Reporter()


if __name__ == "__main__":
    sys.exit(main())
