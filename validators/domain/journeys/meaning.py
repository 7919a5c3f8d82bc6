"""The meaning of a journey without its form: two journeys that mean the same are one, whatever
their names, lines and quotes."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass

from validators.domain.journeys.journey import Journey
from validators.domain.journeys.values import Template
from validators.domain.journeys.wording import folded

MEANINGFUL = ("seed", "let", "steps", "expect")
_BRACES = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)


def meaning(journey: Journey) -> tuple[object, ...]:
    """Its data, steps and expectations, hashable. The negative control and what must never happen
    only check it, so they are left out."""
    return tuple(meant(getattr(journey, name)) for name in MEANINGFUL)


def meant(part: object) -> object:
    """The meaning of a part, hashable, without lines, places and spaces."""
    match part:
        case Template(source=source):
            return _BRACES.sub(lambda hole: "{{" + "".join(hole[1].split()) + "}}", folded(source))
        case tuple():
            return tuple(meant(item) for item in part)
        case _ if is_dataclass(part):
            held = tuple(
                meant(getattr(part, field.name)) for field in fields(part) if field.name != "line"
            )
            return (type(part).__name__, *held)
        case _:
            return part
