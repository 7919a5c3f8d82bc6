"""The results of pytest in a sandbox, as `pytest_run` signed them: all of them, or none.

It does not read what the code under test writes into the report's folder, such as a JUnit file. So
a report can be forged only from within the process that runs the tests; the drill and
`docs/seal.md` show how far that goes."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.domain.sandbox import Bind, SandboxSpec
from harness.factory.project import pytest_run
from harness.factory.project.pytest_run import COLLECTED, END, PATHS, TEST, signing

PYTEST = ("python", "-m", "pytest")
"""The beginning of a command that runs this way. Any other runs as it is, and its report is
believed."""
ORDER, REPORT = "order.json", "report.signed"
_PROGRAM = "/run-pytest.py"


def write_order(out: Path, own: Iterable[str]) -> bytes:
    """Write what the runner starts with into the report's folder `out`. Return the key that signs
    the report's lines."""
    key = secrets.token_bytes(32)
    (out / ORDER).write_text(json.dumps({"key": key.hex(), "own": sorted(own)}), "utf-8")
    return key


def signed_run(spec: SandboxSpec, folder: str, *, paths: str) -> SandboxSpec:
    """The same tests, run so that their results are signed. `folder` is the report's in the
    sandbox; `paths`, the project's own part of PYTHONPATH, comes last in it."""
    env = dict(spec.env)
    if paths:
        env["PYTHONPATH"] = env["PYTHONPATH"].removesuffix(paths).rstrip(":")
        env[PATHS] = paths
    argv = (
        "python",
        "-P",
        _PROGRAM,
        f"{folder}/{ORDER}",
        f"{folder}/{REPORT}",
        *spec.argv[len(PYTEST) :],
    )
    return replace(
        spec,
        argv=argv,
        env=env,
        binds=(*spec.binds, Bind(str(Path(pytest_run.__file__)), _PROGRAM)),
    )


def importable(paths: Iterable[str]) -> frozenset[str]:
    """The names by which a tree's own modules and packages are imported: those in a folder that is
    no package."""
    files = [PurePosixPath(path) for path in paths if path.endswith(".py")]
    packages = {file.parent for file in files if file.name == "__init__.py"}
    modules = {file.stem for file in files if file.parent not in packages}
    return frozenset(
        modules | {folder.name for folder in packages if folder.parent not in packages}
    )


def verified_results(key: bytes, content: bytes) -> tuple[int, list[tuple[str, str]]] | None:
    """The exit code, and the outcome of each test and of each file that failed to give any. None
    where a line of the report is missing or not the runner's."""
    # The signature of a line covers its place, so lines cannot be moved or dropped unseen.
    line, messages = signing(key), []
    for each in content.splitlines(keepends=True):
        try:
            message = json.loads(each[64:])
        except ValueError:
            return None
        if line(message) != each:
            return None
        messages.append(message)
    # A report that was cut, or that another process wrote on, fails one of these counts.
    ends = [at for at, (kind, *_) in enumerate(messages) if kind == END]
    tests = [rest for kind, *rest in messages if kind == TEST]
    if ends != [len(messages) - 1] or [rest for kind, *rest in messages if kind == COLLECTED] != [
        [len(tests)]
    ]:
        return None
    return int(messages[-1][1]), [
        (name_of(rest[0]), rest[1]) for kind, *rest in messages if kind not in (COLLECTED, END)
    ]


def name_of(nodeid: str) -> str:
    """A test's id as a JUnit report writes it: its module and classes, and its own name."""
    path, bracket, values = nodeid.partition("[")
    module, *names = path.split("::")
    *outer, last = (module.replace("/", ".").removesuffix(".py"), *names)
    return f"{'.'.join(outer)}::{last}{bracket}{values}"
