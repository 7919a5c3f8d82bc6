"""Prints the next version and the changes that it has."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

changes = sorted(path.name for path in (HERE / "changes").glob("*.md"))
released = (HERE / "NOTES.md").read_text("utf-8").count("\n## ")
print(json.dumps({"version": f"{released + 1}" if changes else "", "changes": changes}))
