"""Every link of every page leads to a page, and to a heading where it names one. Exit code 1 where one does not."""

import re
import sys
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "pages"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    titles = HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def dead_links(page: Path) -> list[str]:
    dead = []
    for link in LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            dead.append(f"{page.relative_to(PAGES.parent)}: {link} leads nowhere")
    return dead


if __name__ == "__main__":
    found = [says for page in sorted(PAGES.rglob("*.md")) for says in dead_links(page)]
    print("\n".join(found) or "every link leads somewhere")
    sys.exit(1 if found else 0)
