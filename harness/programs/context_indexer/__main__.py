"""`python -m context_indexer`: reads files as JSON lines {path, text}, prints their outlines as
JSON lines."""

import json
import sys

from .reading import outline


def main() -> int:
    for line in sys.stdin.buffer:
        request = json.loads(line)
        print(
            json.dumps(outline(request["path"], request["text"].encode("utf-8", "replace"))),
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
