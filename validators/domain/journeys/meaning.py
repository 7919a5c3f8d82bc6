"""What a journey says, without how it says it: two that mean the same are one, whatever their
names, lines and quotes."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass

from validators.domain.journeys.journey import Journey
from validators.domain.journeys.values import Template
from validators.domain.journeys.wording import folded

SAID_BY_STEPS_AND_LOOKS = ("seed", "let", "steps", "expect")
_BRACES = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)


def meaning(journey: Journey) -> tuple[object, ...]:
    """Its data, steps and expectations, hashable. The twin and what must never happen are how it is
    checked, not what it says."""
    return tuple(meant(getattr(journey, name)) for name in SAID_BY_STEPS_AND_LOOKS)


def meant(part: object) -> object:
    """What a part says, hashable: lines, places and spaces left out."""
    match part:
        case Template(source=source):
            return _BRACES.sub(lambda hole: "{{" + "".join(hole[1].split()) + "}}", folded(source))
        case tuple():
            return tuple(meant(item) for item in part)
        case _ if is_dataclass(part):
            said = tuple(
                meant(getattr(part, field.name)) for field in fields(part) if field.name != "line"
            )
            return (type(part).__name__, *said)
        case _:
            return part
