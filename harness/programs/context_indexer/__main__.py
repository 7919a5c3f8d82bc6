"""`python -m context_indexer`: files as JSON lines {path, text} on standard input, their outlines
as JSON lines on its output."""

import json
import sys

from .reading import outline


def main() -> int:
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        print(
            json.dumps(outline(asked["path"], asked["text"].encode("utf-8", "replace"))), flush=True
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
