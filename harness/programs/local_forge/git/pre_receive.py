"""The hook that git runs before a push moves a ref: `python -m
harness.programs.local_forge.git.pre_receive REF OLD NEW`.

It asks what the server told it in the environment, and says no where it was told nothing: a push
that came by another way than the server was checked by nobody. Standard library only: it runs once
for each ref of a push."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.programs.local_forge.git.protection import (
    REPORTS,
    WORKFLOWS,
    Move,
    Report,
    Standing,
    from_json,
    refusals,
)

STANDING, DATABASE, PYTHON = "FORGE_STANDING", "FORGE_DATABASE", "FORGE_PYTHON"
ZERO = "0" * 40
HOOK = f"""#!/bin/sh
# Every ref of a push is asked about one by one. Outside of the forge's own server nobody is there to ask.
test -n "${PYTHON}" || {{ echo "error: pushes come through the forge, not through its folder" >&2; exit 1; }}
exec "${PYTHON}" -I -m harness.programs.local_forge.git.pre_receive "$@"
"""  # noqa: E501


def main(arguments: Sequence[str]) -> int:
    """0 where the ref may move, else 1, with the reasons on standard error."""
    try:
        ref, old, new = arguments
        standing = from_json(json.loads(os.environ[STANDING]))
        against = [
            *refusals(standing, _move(standing, ref, old, new)),
            *_workflows(standing, ref, new),
        ]
    except (
        KeyError,
        TypeError,
        ValueError,
        OSError,
        sqlite3.Error,
        subprocess.SubprocessError,
    ) as error:
        against = [
            f"the forge could not look at this push ({type(error).__name__}): nothing was changed"
        ]
    for line in against:
        print(f"error: {line}", file=sys.stderr)
    return 1 if against else 0


def _move(standing: Standing, ref: str, old: str, new: str) -> Move:
    forward = new != ZERO and (
        old == ZERO or _git("merge-base", "--is-ancestor", old, new).returncode == 0
    )
    reports = () if new == ZERO else _reports(standing.repository, new)
    return Move(ref, created=old == ZERO, deleted=new == ZERO, forward=forward, reports=reports)


def _reports(repository: int, sha: str) -> tuple[Report, ...]:
    with sqlite3.connect(
        f"{Path(os.environ[DATABASE]).as_uri()}?mode=ro", uri=True, timeout=20
    ) as database:
        return tuple(
            Report(*row)
            for row in database.execute(REPORTS, {"repository": repository, "sha": sha})
        )


def _workflows(standing: Standing, ref: str, new: str) -> tuple[str, ...]:
    """A commit that is new here and touches a workflow needs its own permission: CI runs what it
    says, with secrets."""
    if standing.workflows or new == ZERO:
        return ()
    found = _git(
        "log", "--format=", "--name-only", "--max-count=1", new, "--not", "--all", "--", WORKFLOWS
    )
    if found.returncode != 0:
        return (f"the forge could not read what {ref} brings",)
    return tuple(
        f"refusing to allow a GitHub App to create or update workflow `{path}` without `workflows`"
        " permission"
        for path in found.stdout.decode(errors="replace").split("\n")
        if path
    )[:1]


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["git", *arguments], capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=60
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
