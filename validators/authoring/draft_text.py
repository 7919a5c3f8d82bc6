"""What drafts of journeys have in common: places to be filled in, names, values, YAML texts."""

from __future__ import annotations

import json
import re
from collections.abc import Container

from validators.domain.journeys.values import slug
from validators.language.tree import FILL_IN

# The beginning of a word in a field's name, what is drawn for it, and what is plainly false.
DRAWN = (
    (r"size|number|count|age|amount|quantity|places|seats", "{{ any.int(2, 8) }}", "0"),
    (r"e-?mail", "{{ any.email }}", "nobody@example.org"),
    (r"date|day|when", "{{ any.date(+1..+30) }}", "2001-01-01"),
    (r"note|text|comment|message|description", "{{ any.text(3) }}", "nothing"),
    (r"word|tag|title|subject|search|query|q$", "{{ any.word }}", "nothing"),
    (r"", "{{ any.name }}", "nobody"),
)

OTHER_THAN_TEXT = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def drawn(name: str, *, like: str = "") -> tuple[str, str]:
    """What is drawn for a value of this name, and what is plainly false in its place. `like` is a
    value that was there: where the name says nothing, its form does."""
    known = next(one for one in DRAWN if re.search(f"(^|_)({one[0]})", name))
    if not known[0] and like:
        forms = {r"\d+": "size", r"[^@\s]+@[^@\s]+": "email", r"\d{4}-\d\d-\d\d": "date"}
        alike = next((form for shape, form in forms.items() if re.fullmatch(shape, like)), "")
        return drawn(alike) if alike else known[1:]
    return known[1:]


def missing(what: str) -> str:
    """A place that the writer of the journey has to fill in; `check` names it by these words."""
    return f"{FILL_IN}{what}>"


def plain(words: str) -> bool:
    """Whether words from outside may stand in a journey: no hole, and no place to be filled in."""
    return bool(words.strip()) and not re.search(r"\{\{|\}\}", words) and FILL_IN not in words


def value_name(label: str, *, taken: Container[str] = ()) -> str:
    """A name for the value of a field, which an expectation can mention."""
    name = slug(label) or "value"
    name = name if re.match("[a-z]", name) and name not in ("any", "filled") else f"the_{name}"
    number = 2
    own = name
    while name in taken:
        name, number = f"{own}_{number}", number + 1
    return name


def yaml_text(words: str) -> str:
    """The words as a text in YAML, in double quotes where they need them, whatever characters a
    page has put into them."""
    bare = re.fullmatch(r"/[\w/.-]*|[A-Za-z][\w-]*", words, re.ASCII)
    if bare and words.casefold() not in OTHER_THAN_TEXT:
        return words
    whole = words.encode("utf-8", "replace").decode("utf-8")
    text = json.dumps(whole, ensure_ascii=False)
    # YAML would fold or refuse what is not printable; JSON leaves it as it is.
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in text)


def printable(line: str) -> str:
    """The line for a comment: what cannot be seen is left out."""
    return "".join(one for one in line if one.isprintable()).rstrip()
