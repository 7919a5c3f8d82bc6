"""An exploration: what an actor did as a persona, and the journey that it comes to.

Nothing an actor says counts. What it did is compiled into a journey of the journey language, whose
expectations come from the persona alone; performed again without any model, that journey is
evidence like every other. Here all is pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import Trouble
from validators.domain.exploring.acts import Act, ActKind, Aspect, typeable
from validators.domain.exploring.persona import Persona
from validators.domain.journeys.spot import Spot
from validators.domain.journeys.values import slug
from validators.domain.shapes import Shape, shape

STEPS = frozenset(ActKind) - {ActKind.LOOK, ActKind.DONE, ActKind.GIVE_UP}
NAMED_BY_KEY = (
    "button",
    "link",
    "checkbox",
    "radio",
    "tab",
    "menuitem",
    "textbox",
    "combobox",
    "searchbox",
    "switch",
)
WORDED = ("row", "listitem", "article")
DEEPEST = 4
NOBODY = "Nobody of that name"


class Ending(StrEnum):
    """Why an exploration ended."""

    DONE = "done"  # the actor says that the goal is reached
    GAVE_UP = "gave-up"  # the actor says that it cannot be
    OUT_OF_ACTS = "out-of-acts"
    OUT_OF_TIME = "out-of-time"
    OUT_OF_TOKENS = "out-of-tokens"
    ACTOR_SILENT = "actor-silent"
    APP_SILENT = "app-silent"


@dataclass(frozen=True, slots=True)
class Made:
    """One act and what became of it: the element that it named, and the trouble (None: it was
    done)."""

    act: Act
    spot: Spot | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What happened. `shown` are those labels of the persona whose text was on the page at the end;
    `refused` counts lines of the actor that were no act at all; `tokens` is about what it was
    shown."""

    persona: str
    acts: tuple[Made, ...]
    ending: Ending
    shown: tuple[str, ...] = ()
    refused: int = 0
    tokens: int = 0


class NotAJourney(Exception):
    """Why a transcript cannot be compiled, in a sentence for the maintainer."""


def compiled(persona: Persona, transcript: Transcript) -> str:
    """The journey, as YAML, that repeats what was done and expects what the persona demands. Raises
    NotAJourney."""
    steps = tuple(_steps(transcript.acts))
    filled = put_in(transcript.acts)
    if missing := [label for label in persona.shown if not filled.get(slug(label))]:
        raise NotAJourney(
            f"nothing was put in under {missing[0]!r}, which the persona demands to see again"
        )
    looks = [{"text": f"{{{{ filled.{slug(label)} }}}}"} for label in persona.shown]
    expect: list[Mapping[str, Any]] = [*looks]
    if persona.kept_at:
        expect.append({"other_session": {"open": persona.kept_at, "expect": "same"}})
    return _yaml(
        journey=journey_name(persona),
        promise=persona.promise,
        steps=[{"open": persona.starts_at}, *steps],
        expect=expect,
        never=[{"http_status": ">=500"}, {"text": "Traceback (most recent call last)"}],
        twin={"expect": [{"text": NOBODY} for _ in looks[:1]]},
    )


def journey_name(persona: Persona) -> str:
    """How the compiled journey of a persona is called."""
    return f"persona-{persona.name}"[:60]


def put_in(acts: Iterable[Made]) -> dict[str, str]:
    """What was last typed or picked, by the slug of the field's name, as `filled.<slug>` of a
    journey holds it."""
    return {
        slug(made.spot.label or made.spot.name or ""): made.act.text
        for made in acts
        if made.act.kind in (ActKind.FILL, ActKind.SELECT) and made.spot and made.trouble is None
    }


def _steps(acts: Iterable[Made]) -> Iterator[Mapping[str, Any] | str]:
    for made in acts:
        if made.act.kind in STEPS and made.trouble is None:
            yield _step(made.act, made.spot)


def _step(act: Act, where: Spot | None) -> Mapping[str, Any] | str:
    element = _element(where) if where else {}
    match act.kind:
        case ActKind.RELOAD | ActKind.BACK:
            return str(act.kind)
        case ActKind.OPEN | ActKind.PRESS:
            return {str(act.kind): _literal(act.text)}
        case ActKind.FILL if not act.text:
            return {"clear": element}
        case ActKind.FILL:
            return {"fill": {**element, "value": _literal(act.text)}}
        case ActKind.SELECT:
            return {"select": {**element, "option": _literal(act.text)}}
        case _:
            return {str(act.kind): element}


def _element(where: Spot) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if where.label is not None:
        told["label"] = _literal(where.label)
    elif where.role in NAMED_BY_KEY and where.name is not None:
        told[where.role] = _literal(where.name)
    elif where.role in WORDED and where.words is not None:
        told[where.role] = _literal(where.words)
    else:
        told["role"] = where.role
        told |= {"name": _literal(where.name)} if where.name is not None else {}
        told |= {"with": _literal(where.words)} if where.words is not None else {}
    return told | ({"in": _element(where.within)} if where.within else {})


def _literal(text: str) -> str:
    """The text as a value of the language, which has no way to write two braces or what no keyboard
    has."""
    if "{{" in text or "}}" in text:
        raise NotAJourney(
            "a text of the page or the actor holds {{ or }}, which the journey language cannot say"
        )
    if not typeable(text):
        raise NotAJourney(
            "a text of the page or the actor holds characters that cannot be written in a journey"
        )
    return text


def _yaml(**parts: Any) -> str:
    """The document, lists one entry a line. JSON values are YAML's flow style, and quote every
    text."""
    lines = []
    for key, value in parts.items():
        if isinstance(value, list):
            lines += [f"{key}:", *(f"  - {json.dumps(item, ensure_ascii=False)}" for item in value)]
        else:
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def transcript_json(transcript: Transcript) -> str:
    """The transcript as one JSON document, as `read_transcript` reads it."""
    acts = [
        {"act": asdict(made.act), "spot": _spot_document(made.spot), "trouble": made.trouble}
        for made in transcript.acts
    ]
    return json.dumps({**asdict(transcript), "acts": acts}, indent=1, ensure_ascii=False)


def read_transcript(text: str) -> Transcript:
    """The transcript in a document. Strict: a box wrote it that looked at an untrusted page. Raises
    DocumentInvalid."""
    root = shape(text, "transcript")
    transcript = Transcript(
        persona=root.at("persona").text(),
        acts=tuple(_made(item) for item in root.list("acts")),
        ending=root.at("ending").one_of(Ending),
        shown=tuple(item.text() for item in root.list("shown")),
        refused=root.at("refused").whole(),
        tokens=root.at("tokens").whole(),
    )
    root.done()
    return transcript


def _made(item: Shape) -> Made:
    told, spot, trouble = item.at("act"), item.at("spot"), item.at("trouble")
    act = Act(
        told.at("kind").one_of(ActKind),
        told.at("ref").text(),
        told.at("text").text(),
        told.at("aspect").one_of(Aspect),
        told.at("part").whole(),
    )
    told.done()
    made = Made(
        act,
        None if spot.is_null() else _spot(spot),
        None if trouble.is_null() else trouble.one_of(Trouble),
    )
    item.done()
    return made


def _spot_document(spot: Spot | None) -> dict[str, Any] | None:
    if spot is None:
        return None
    own = {"role": spot.role, "name": spot.name, "label": spot.label, "words": spot.words}
    return {**own, "within": _spot_document(spot.within)}


def _spot(item: Shape, depth: int = 0) -> Spot:
    if depth > DEEPEST:
        raise DocumentInvalid(f"{item.path}: an element in more than {DEEPEST} others")

    def maybe(key: str) -> str | None:
        held = item.at(key)
        return None if held.is_null() else held.text()

    within = item.at("within")
    spot = Spot(
        role=item.at("role").text(),
        name=maybe("name"),
        label=maybe("label"),
        words=maybe("words"),
        within=None if within.is_null() else _spot(within, depth + 1),
    )
    item.done()
    return spot
