"""The gaps of an issue: what its text leaves open, as a model names it and as code checks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.domain.plain import JsonDict, JsonObject
from harness.domain.schema import closed_object
from harness.workflow import rendered

MOST_GAPS = 8
_PROMPT = "gaps.md.j2"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that somebody would have to guess.

    `quote` holds the issue's own words, empty where it is silent; `asks` is the question, `matters`
    why it matters, and `who` would guess: the author of the `code` or of the `browser` journey."""

    quote: str
    asks: str
    matters: str
    who: str


def gaps_question(spec_card: str, plan: str) -> str:
    """The question to the model, about an issue and, where there is one, its plan."""
    values = {"spec_card": spec_card, "plan": plan, "most": MOST_GAPS}
    return rendered(_PROMPT, values, prompts=_prompts())


def gaps_schema() -> JsonDict:
    """The JSON schema of the one answer."""
    text = {"type": "string", "maxLength": 500}
    properties = {
        "quote": text,
        "asks": {**text, "minLength": 1},
        "matters": text,
        "who": {"enum": ["code", "browser"]},
    }
    gaps = {"type": "array", "maxItems": MOST_GAPS, "items": closed_object(properties)}
    return closed_object({"gaps": gaps})


def gaps_in(answer: JsonObject, *, text: str) -> tuple[tuple[Gap, ...], tuple[str, ...]]:
    """The gaps whose quotes are in the issue's `text`, and a sentence for each that was dropped."""
    found = tuple(
        Gap(one["quote"].strip(), one["asks"].strip(), one["matters"].strip(), one["who"])
        for one in answer["gaps"]
    )
    # An empty quote is in every text: it marks a point on which the issue is silent.
    kept = tuple(gap for gap in found if gap.quote in text)
    dropped = tuple(
        f"a gap quotes {gap.quote[:80]!r}, which is not in the issue"
        for gap in found
        if gap.quote not in text
    )
    return kept, dropped


@cache
def _prompts() -> Mapping[str, str]:
    return {_PROMPT: Path(__file__).with_name(_PROMPT).read_text("utf-8")}
