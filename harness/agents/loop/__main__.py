"""`python -m loop`: an assignment as JSON on standard input; progress, then the report, as JSON lines on its output.

It works in the current folder. The broker behind `base_url` holds the key, so there is none here.
"""

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

from .agent import Assignment, work
from .tools import Tools


def main() -> int:
    gc.disable()        # the SDK makes a thousand classes, none of them garbage: looking for some took an eighth of 0.75 s
    from anthropic import Anthropic

    gc.enable()
    assignment = Assignment(**json.load(sys.stdin))
    client = Anthropic(base_url=assignment.base_url, api_key="unused", max_retries=0)
    # Commands see the project's packages in place of the agent's own, and leave no caches in the worktree.
    environment = {name: value for name, value in os.environ.items() if name != "TOOL_PYTHONPATH"}
    environment |= {"PYTHONPATH": os.environ.get("TOOL_PYTHONPATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
    tools = Tools(Path.cwd(), environment, seconds=assignment.run_seconds, output=assignment.output_bytes)
    say(work(assignment, client, tools, say))
    return 0


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
