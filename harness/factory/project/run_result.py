"""What one run of the project's tests came to, read from the report that the tested code wrote."""

import os
import stat
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from harness.domain.plain import JsonDict
from harness.factory.project.pytest_report import verified_results
from harness.factory.project.pytest_run import PASSED, SKIPPED

LARGEST_REPORT = 16 * 1024 * 1024
"""The largest report that is read, in bytes. The tested code writes it."""

_DEEPEST = 64
_CHUNK = 64 * 1024
_KINDS = ("skipped", "failure", "error")


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run of the tests. `is_readable` means that the report could be read; `failed` are its
    cases that failed or could not be set up, and of pytest the files and classes that gave no
    tests."""

    exit_code: int
    passed: frozenset[str]
    skipped: frozenset[str]
    tail: str
    is_readable: bool = True
    failed: frozenset[str] = frozenset()

    @property
    def ended(self) -> bool:
        """Whether the runner came to its end and reported everything: with exit code 0, or with 1
        and a test that failed. Any other code means that it was interrupted or could not begin, so
        its report may lack any test."""
        return self.is_readable and (
            self.exit_code == 0 or (self.exit_code == 1 and bool(self.failed))
        )

    @property
    def seen(self) -> frozenset[str]:
        return self.passed | self.skipped

    def as_json(self) -> JsonDict:
        """The result as the home's facts keep it."""
        sets = {name: sorted(getattr(self, name)) for name in ("passed", "skipped", "failed")}
        return {"exit_code": self.exit_code, "tail": self.tail, **sets}

    @classmethod
    def of_json(cls, kept: JsonDict) -> Self:
        """What was kept of a run that ended."""
        passed, skipped, failed = (
            frozenset(kept[name]) for name in ("passed", "skipped", "failed")
        )
        return cls(kept["exit_code"], passed, skipped, kept["tail"], failed=failed)


def _unreadable(exit_code: int, tail: str) -> RunResult:
    return RunResult(
        exit_code or 1, frozenset(), frozenset(), f"no readable report; {tail}", is_readable=False
    )


def read_signed(key: bytes, exit_code: int, report: Path, tail: str) -> RunResult:
    """The results that pytest signed, if they are complete and the sandbox ended with the same exit
    code."""
    try:
        results = verified_results(key, _plain(report))
    except OSError:
        results = None
    if results is None or results[0] != exit_code:
        return _unreadable(exit_code, tail)
    ways = {
        way: frozenset(name for name, ended in results[1] if ended == way)
        for way in (PASSED, SKIPPED)
    }
    failed = frozenset(name for name, ended in results[1] if ended not in ways)
    return RunResult(exit_code, ways[PASSED], ways[SKIPPED], tail, failed=failed)


def read_report(exit_code: int, report: Path, tail: str) -> RunResult:
    """The results in a JUnit report, which are believed."""
    try:
        cases = cases_in(_plain(report))
    except (OSError, ET.ParseError):
        return _unreadable(exit_code, tail)
    return RunResult(
        exit_code,
        frozenset(cases.passed),
        frozenset(cases.skipped),
        tail,
        failed=frozenset(cases.failed),
    )


def cases_in(report: bytes) -> "Cases":
    """The test cases of a JUnit report. Raises ET.ParseError."""
    cases = Cases()
    # Expat loads no external entities, and size and depth are capped.
    parser = ET.XMLParser(target=cases)  # noqa: S314
    # Expat reads on to the end of what it is given, whatever it finds, so it is given little.
    for at in range(0, len(report), _CHUNK):
        parser.feed(report[at : at + _CHUNK])
    parser.close()
    return cases


class Cases:
    """Counts the test cases of a JUnit report while expat reads it. It builds no tree: the tree of
    16 MB of opening tags took 1.6 GB."""

    def __init__(self) -> None:
        self.passed, self.skipped, self.failed = set[str](), set[str](), set[str]()
        self._open: list[tuple[str, set[str]] | None] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element opens. A child of a test case tells its outcome."""
        if len(self._open) >= _DEEPEST:
            raise ET.ParseError("nested more deeply than any report")
        if self._open and self._open[-1] is not None and tag in _KINDS:
            self._open[-1][1].add(tag)
        is_case = tag == "testcase"
        self._open.append(
            (f"{attributes.get('classname')}::{attributes.get('name')}", set()) if is_case else None
        )

    def end(self, tag: str) -> None:
        """An element closes."""
        case = self._open.pop()
        if case is None:
            return
        name, kinds = case
        if "skipped" in kinds:
            self.skipped.add(name)
        elif kinds:
            self.failed.add(name)
        else:
            self.passed.add(name)

    def close(self) -> None:
        """The report ends."""


def _plain(report: Path) -> bytes:
    """The bytes of a regular file, and of nothing else: a pipe in its place would block for ever,
    and a link could lead out of the folder."""
    file = os.open(report, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(file, "rb") as opened:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_REPORT:
            raise OSError("no plain file of a sane size")
        return opened.read(LARGEST_REPORT)
