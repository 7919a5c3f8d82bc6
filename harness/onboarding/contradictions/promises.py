"""Promises about every part, such as "every node has a budget", that some parts do not keep.

A part keeps a promise if it, or a part around it, sets anything of that name. The value is not
judged.
"""

import re
from collections.abc import Iterator

from harness.onboarding.contradictions.flows import Flow, FlowPart
from harness.onboarding.contradictions.found import Contradiction, ContradictionKind, FoundPlace
from harness.onboarding.contradictions.prose import ProsePassage, sentences_in

_PROMISE = re.compile(
    r"(?<!not )\b(?:every|each|all)(?: \w+)?? (?P<part>node|step|job|workflow)s?(?: (?:in|of)"
    r" [^.;,]{1,60}?)? "
    r"(?:must |shall |will |always |should )*(?:has|have|carr(?:y|ies)|declares?|sets?|runs?"
    r" (?:with|under)|gets?|defines?|"
    r"states?|(?:is|are) given|(?:is|are) (?:bounded|limited|capped) by|comes?"
    r" with|needs?|requires?|names?) "
    r"(?:(?:an?|its|their|the)(?: own)? )?(?:\w+ ){0,2}?(?P<what>budget|cost cap|spending"
    r" (?:cap|limit)|timeout|time[- ]?limit|"
    r"retry|retries|turn limit|max(?:imum)? turns|model|permissions|concurrency(?: group)?)s?\b",
    re.IGNORECASE,
)
_SETS = {
    "budget": ("budget", "cost", "usd", "spend"),
    "cost": ("budget", "cost", "usd", "spend"),
    "spend": ("budget", "cost", "usd", "spend"),
    "timeout": ("timeout", "time_limit", "deadline"),
    "time": ("timeout", "time_limit", "deadline"),
    "retr": ("retry", "retries", "attempts"),
    "turn": ("turns",),
    "max": ("turns",),
    "model": ("model",),
    "permission": ("permission",),
    "concurrency": ("concurrency",),
}
_SHOWN = 3


def broken_promises(
    documents: tuple[ProsePassage, ...], flows: tuple[Flow, ...]
) -> Iterator[Contradiction]:
    """Every sentence that claims something of all parts of a kind, where some parts lack it."""
    for sentence in sentences_in(documents):
        for promise in _PROMISE.finditer(sentence.text):
            kind, what = promise["part"].casefold(), promise["what"].casefold()
            parts = [part for flow in flows for part in flow.parts if part.kind == kind]
            without = [part for part in parts if not _keeps(part, what)]
            # A promise that every part keeps is no finding; neither is one about a kind that no
            # file has.
            if without:
                message = _message(without, len(parts), kind, what)
                yield Contradiction(
                    ContradictionKind.PROMISE,
                    sentence.at(promise.start()),
                    message,
                    FoundPlace(without[0].file, without[0].line, without[0].name),
                )


def _keeps(part: FlowPart, what: str) -> bool:
    names = next(names for stem, names in _SETS.items() if what.startswith(stem))
    return any(name in key for name in names for key in part.sets)


def _message(without: list[FlowPart], count: int, kind: str, what: str) -> str:
    shown = ", ".join(f"{part.name} ({part.file}:{part.line})" for part in without[:_SHOWN])
    more = f" and {len(without) - _SHOWN} more" if len(without) > _SHOWN else ""
    number = (
        f"none of the {count} {kind}s sets one"
        if len(without) == count
        else f"{len(without)} of {count} {kind}s set none"
    )
    return f"{number} ({what}): {shown}{more}"
