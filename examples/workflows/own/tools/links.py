"""Prints how many links of the pages lead nowhere, and which."""

import json
import re
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "pages"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#:]+)\)")

dead = [
    f"{page.name}: {link} leads nowhere"
    for page in sorted(PAGES.glob("*.md"))
    for link in LINK.findall(page.read_text("utf-8"))
    if not (page.parent / link).is_file()
]
print(json.dumps({"dead": len(dead), "report": "\n".join(dead)}))
