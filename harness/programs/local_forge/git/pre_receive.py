"""The update hook of every repository: `python -m harness.programs.local_forge.git.pre_receive REF
OLD NEW`.

git runs it before a push moves a ref. It reads the branch policy from the environment that the
server set, and refuses without one: such a push did not come through the server. Standard library
only, because it runs once for each ref of a push.
"""

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
    BranchPolicy,
    Move,
    Report,
    from_json,
    refusals,
)

BRANCH_POLICY, DATABASE, PYTHON = "FORGE_BRANCH_POLICY", "FORGE_DATABASE", "FORGE_PYTHON"
ZERO = "0" * 40
HOOK = f"""#!/bin/sh
# git calls this hook for each ref of a push. PYTHON is set only by the forge's own server.
test -n "${PYTHON}" || {{ echo "error: pushes come through the forge, not through its folder" >&2; exit 1; }}
exec "${PYTHON}" -I -m harness.programs.local_forge.git.pre_receive "$@"
"""  # noqa: E501


def main(arguments: Sequence[str]) -> int:
    """0 if the ref may move, else 1 with the reasons on standard error."""
    try:
        ref, old, new = arguments
        branch_policy = from_json(json.loads(os.environ[BRANCH_POLICY]))
        against = [
            *refusals(branch_policy, _move(branch_policy, ref, old, new)),
            *_workflows(branch_policy, ref, new),
        ]
    # Fail closed: whatever goes wrong here, the push is refused.
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


def _move(branch_policy: BranchPolicy, ref: str, old: str, new: str) -> Move:
    forward = new != ZERO and (
        old == ZERO or _git("merge-base", "--is-ancestor", old, new).returncode == 0
    )
    reports = () if new == ZERO else _reports(branch_policy.repository, new)
    return Move(ref, created=old == ZERO, deleted=new == ZERO, forward=forward, reports=reports)


def _reports(repository: int, sha: str) -> tuple[Report, ...]:
    with sqlite3.connect(
        f"{Path(os.environ[DATABASE]).as_uri()}?mode=ro", uri=True, timeout=20
    ) as database:
        return tuple(
            Report(*row)
            for row in database.execute(REPORTS, {"repository": repository, "sha": sha})
        )


def _workflows(branch_policy: BranchPolicy, ref: str, new: str) -> tuple[str, ...]:
    """A push that changes a workflow needs its own permission, because CI runs workflows
    with secrets."""
    if branch_policy.workflows or new == ZERO:
        return ()
    found = _git(
        # Only commits that no ref reaches yet: older ones were checked when they came.
        "log",
        "--format=",
        "--name-only",
        "--max-count=1",
        new,
        "--not",
        "--all",
        "--",
        WORKFLOWS,
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
