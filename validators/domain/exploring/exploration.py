"""An exploration: the acts of an actor as a persona, and the journey that they are compiled into.

What an actor claims does not count. Its acts become the steps of a journey; the expectations come
from the persona alone. Performed again without a model, that journey is evidence like any other.
Everything here is pure."""

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

    # The actor claims that the goal is reached.
    DONE = "done"
    # The actor claims that the goal cannot be reached.
    GAVE_UP = "gave-up"
    OUT_OF_ACTS = "out-of-acts"
    OUT_OF_TIME = "out-of-time"
    OUT_OF_TOKENS = "out-of-tokens"
    ACTOR_SILENT = "actor-silent"
    APP_SILENT = "app-silent"


@dataclass(frozen=True, slots=True)
class Made:
    """One act and its outcome: the element that it named, and the trouble (None: it was done)."""

    act: Act
    spot: Spot | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What happened in an exploration.

    `shown` are the persona's labels whose text was on the page at the end. `refused` counts the
    actor's lines that were not acts. `tokens` is about how many tokens the actor was shown."""

    persona: str
    acts: tuple[Made, ...]
    ending: Ending
    shown: tuple[str, ...] = ()
    refused: int = 0
    tokens: int = 0


class NotAJourney(Exception):
    """A transcript cannot be compiled. The message is a sentence for the maintainer."""


def compiled(persona: Persona, transcript: Transcript) -> str:
    """The journey, as YAML, that repeats the acts and expects what the persona demands. Raises
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
        {
            "journey": journey_name(persona),
            "promise": persona.promise,
            "steps": [{"open": persona.starts_at}, *steps],
            "expect": expect,
            "never": [{"http_status": ">=500"}, {"text": "Traceback (most recent call last)"}],
            "twin": {"expect": [{"text": NOBODY} for _ in looks[:1]]},
        }
    )


def journey_name(persona: Persona) -> str:
    """The name of the compiled journey of a persona."""
    return f"persona-{persona.name}"[:60]


def put_in(acts: Iterable[Made]) -> dict[str, str]:
    """The text that was last typed or picked in each field, by the slug of its name, like
    `filled.<slug>` in a journey."""
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
    keys: dict[str, Any] = {}
    if where.label is not None:
        keys["label"] = _literal(where.label)
    elif where.role in NAMED_BY_KEY and where.name is not None:
        keys[where.role] = _literal(where.name)
    elif where.role in WORDED and where.words is not None:
        keys[where.role] = _literal(where.words)
    else:
        keys["role"] = where.role
        keys |= {"name": _literal(where.name)} if where.name is not None else {}
        keys |= {"with": _literal(where.words)} if where.words is not None else {}
    return keys | ({"in": _element(where.within)} if where.within else {})


def _literal(text: str) -> str:
    """The text as a value of the journey language. Raises NotAJourney for a text that the language
    cannot write."""
    # Braces would be read as a hole: a page could make the journey draw or compute something.
    if "{{" in text or "}}" in text:
        raise NotAJourney(
            "a text of the page or the actor holds {{ or }}, which the journey language cannot say"
        )
    if not typeable(text):
        raise NotAJourney(
            "a text of the page or the actor holds characters that cannot be written in a journey"
        )
    return text


def _yaml(parts: Mapping[str, Any]) -> str:
    """The document, with one list entry a line. JSON values are YAML in flow style, and every text
    in them is quoted."""
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
    """The transcript in a document. Raises DocumentInvalid.

    Strict, because the sandbox that wrote it had looked at an untrusted page."""
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
    fields, spot, trouble = item.at("act"), item.at("spot"), item.at("trouble")
    act = Act(
        fields.at("kind").one_of(ActKind),
        fields.at("ref").text(),
        fields.at("text").text(),
        fields.at("aspect").one_of(Aspect),
        fields.at("part").whole(),
    )
    fields.done()
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
    # Else a hostile document could exhaust the stack.
    if depth > DEEPEST:
        raise DocumentInvalid(f"{item.path}: an element in more than {DEEPEST} others")

    def maybe(key: str) -> str | None:
        value = item.at(key)
        return None if value.is_null() else value.text()

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
