"""`python -m agent_loop`: reads an assignment as JSON from standard input, prints progress and a
report as JSON lines.

It works in the current folder. The broker behind `base_url` holds the key, so there is none here.
"""

import ctypes
import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from .agent import Assignment, work
from .shell import Shell
from .tools import Tools

# PR_SET_CHILD_SUBREAPER of prctl(2): a process that leaves its group and its parent becomes our
# child, and is killed.
_ADOPT_ORPHANS = 36


def main() -> int:
    # The SDK makes a thousand classes, none of them garbage. Collecting took an eighth of the
    # 0.75 s of its import.
    gc.disable()
    from anthropic import Anthropic, DefaultHttpxClient

    gc.freeze()
    gc.enable()
    assignment = Assignment(**json.load(sys.stdin))
    # The broker speaks plain HTTP: no certificate is looked at, and none need be loaded.
    plain = DefaultHttpxClient(verify=False)
    client = Anthropic(
        base_url=assignment.base_url, api_key="unused", max_retries=0, http_client=plain
    )
    # Commands see the project's packages in place of the agent's own, and leave no caches in the
    # worktree.
    environment = {name: value for name, value in os.environ.items() if name != "TOOL_PYTHONPATH"}
    environment |= {
        "PYTHONPATH": os.environ.get("TOOL_PYTHONPATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)
    shell = Shell(
        Path.cwd(),
        environment,
        outputs=Path(tempfile.gettempdir(), "outputs"),
        seconds=assignment.run_seconds,
    )
    tools = Tools(
        shell,
        output=assignment.output_characters,
        given_text="\n".join([*assignment.system, assignment.task]),
    )
    print_json(work(assignment, client, tools, print_json))
    return 0


def print_json(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
