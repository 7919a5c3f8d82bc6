"""Adds the notes of a release to NOTES.md, and prints them. A person may have sent them back."""

import json
import os
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

changes = [path.read_text("utf-8").strip() for path in sorted((HERE / "changes").glob("*.md"))]
wish = os.environ["REVISION"]
first = [wish] if wish else []
text = "\n".join([f"## {os.environ['VERSION']}", *first, *(f"- {one}" for one in changes)])
notes = HERE / "NOTES.md"
notes.write_text(f"{notes.read_text('utf-8')}\n{text}\n", "utf-8")
print(json.dumps({"text": text}))
