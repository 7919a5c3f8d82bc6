"""The outing: the one document that the exploring driver is told, from the launcher by its standard
input."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from validators.domain.bounds import Bounds
from validators.domain.exploring.persona import Allowance, Persona
from validators.domain.shapes import Shape, shape
from validators.performance.plan import read_bounds


@dataclass(frozen=True, slots=True)
class ExplorationPlan:
    """A persona, the port of a fresh app, and the port and the word of the line to the actor, all
    of the driver's box.

    `viewport` is width and height in CSS pixels."""

    persona: Persona
    app_port: int
    line_port: int
    word: str
    hostname: str
    locale: str
    timezone: str
    viewport: tuple[int, int]
    bounds: Bounds


def exploration_plan_json(outing: ExplorationPlan) -> str:
    """The outing as one line of JSON, as `read_outing` reads it."""
    return json.dumps(asdict(outing))


def read_exploration_plan(text: str) -> ExplorationPlan:
    """The outing in a document. Raises DocumentInvalid for anything missing, extra or of another
    type."""
    root = shape(text, "outing")
    width, height = (item.whole() for item in root.list("viewport", exactly=2))
    outing = ExplorationPlan(
        persona=_persona(root.at("persona")),
        app_port=root.at("app_port").whole(),
        line_port=root.at("line_port").whole(),
        word=root.at("word").text(),
        hostname=root.at("hostname").text(),
        locale=root.at("locale").text(),
        timezone=root.at("timezone").text(),
        viewport=(width, height),
        bounds=read_bounds(root.at("bounds")),
    )
    root.done()
    return outing


def _persona(item: Shape) -> Persona:
    allowance = item.at("allowance")
    persona = Persona(
        name=item.at("name").text(),
        who=item.at("who").text(),
        goal=item.at("goal").text(),
        promise=item.at("promise").text(),
        shown=tuple(label.text() for label in item.list("shown")),
        kept_at=item.at("kept_at").text(),
        starts_at=item.at("starts_at").text(),
        allowance=Allowance(
            allowance.at("acts").whole(),
            allowance.at("seconds").whole(),
            allowance.at("tokens").whole(),
        ),
        claims=tuple(claim.text() for claim in item.list("claims")),
    )
    allowance.done()
    item.done()
    return persona
