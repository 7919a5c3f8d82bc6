"""The tables of `page.md`, made from those that read a journey
(`python -m validators.language.reference` writes them into the page)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from validators.domain.journeys.values import GENERATORS
from validators.language import looks
from validators.language.claims import COMPARISONS
from validators.language.commands import RUN_KEYS
from validators.language.looks import ACTOR, LOOKS, VANTAGES
from validators.language.nevers import NEVERS
from validators.language.reader import KEYS
from validators.language.steps import VERBS
from validators.language.targets import ELEMENTS, NARROWING
from validators.language.words import Form, one, table

PAGE = Path(__file__).with_name("page.md")
_TABLE = re.compile(r"(?<=^<!-- )([a-z ]+)( -->\n)((?:\|.*\n)*)", re.MULTILINE)
_BULLET = "- "


def tables() -> Mapping[str, str]:
    """Each table in Markdown, by the name that its place on the page has."""
    made = {
        "keys": table(KEYS.values(), heads=("key", "")),
        "elements": table(ELEMENTS.values(), heads=("", "")),
        "narrowing": table(NARROWING.values(), heads=("say more", "")),
        "steps": table((word.forms for word in VERBS.values()), heads=("step", ""),
                       bullet=_BULLET),
        "beside run": table(RUN_KEYS.values(), heads=("beside `run`", "")),
        "values": table(_holes().values(), heads=("hole", "draws")),
        "comparisons": table(COMPARISONS.values(), heads=("", "")),
        "never": table(NEVERS.values(), heads=("never", "")),
    }  # fmt: skip
    for group in (looks.TEXT, looks.THERE, looks.TABLE, looks.RAN):
        made[group] = table(_looks(group).values(), heads=(group, ""), bullet=_BULLET)
    elsewhere = {**VANTAGES, **ACTOR, **_looks(looks.APART)}
    made["from elsewhere"] = table(elsewhere.values(), heads=("from elsewhere", ""), bullet=_BULLET)
    return made


def filled(page: str) -> str:
    """The page with its tables made anew. Raises KeyError for a place whose table there is not."""
    made = tables()
    return _TABLE.sub(lambda place: f"{place[1]}{place[2]}{made[place[1]]}\n", page)


def _looks(group: str) -> dict[str, tuple[Form, ...]]:
    return {look: word.forms for look, word in LOOKS.items() if word.group == group}


def _holes() -> dict[str, tuple[Form, ...]]:
    holes = {
        kind: one(f"{{{{ {written} }}}}", sentence)
        for kind, (written, sentence) in GENERATORS.items()
        # In a table it would need a backslash, which somebody would copy.
        if "|" not in written
    }
    return holes | {
        "filled": one(
            "{{ filled.group_size }}",
            'what was put in last under the label "Group size": lower case, `_` for everything else'
            " (a ticked checkbox is `yes` or `no`)",
        ),
        "name": one("{{ guest }}", "a name from `let` or `remember`"),
    }


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")
