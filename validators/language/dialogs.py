"""Reads the step `dialog`: what a page asks in a window of the browser's own, and the answer."""

from __future__ import annotations

from validators.domain.journeys.steps import Dialog, DialogKind
from validators.language.targets import template_in
from validators.language.tree import (
    Fields,
    Node,
    Scalar,
    mapping,
    nearest,
    refusal,
    text,
)

ANSWERS = ("accept", "dismiss")


def dialog(line: int, node: Node, place: str) -> Dialog:
    """`{"says": "Delete Ada?", answer: accept}`. Raises JourneyInvalid."""
    if isinstance(node, Scalar):
        raise refusal(line, 'a dialog is a mapping, like {"says": "Delete Ada?", answer: accept}')
    fields = mapping(node, "dialog")
    words, kind = fields.maybe("says"), _kind(fields.maybe("kind"))
    how, answer = _answer(fields)
    fields.done()
    # Without words any dialog would fit, even one that the step did not mean.
    if words is None and kind is not DialogKind.LEAVING:
        raise refusal(
            line,
            f"dialog needs its words in `says` (only one of kind {DialogKind.LEAVING} has no words"
            " of the app's)",
        )
    if words and kind is DialogKind.LEAVING:
        raise refusal(
            words.line,
            f"the words of a dialog of kind {kind} are the browser's own: leave `says` out",
        )
    if how == "type" and kind not in (None, DialogKind.PROMPT):
        raise refusal(line, f"only a prompt can be typed into, not {kind}")
    return Dialog(
        line,
        template_in(words, f"{place}.says") if words else None,
        accept=how == "type" or answer.text == "accept",
        kind=DialogKind.PROMPT if how == "type" else kind,
        text=template_in(answer, f"{place}.type") if how == "type" else None,
    )


def _answer(fields: Fields) -> tuple[str, Scalar]:
    chosen = fields.one(("answer", "type"))
    if chosen is None:
        raise refusal(
            fields.line,
            f"dialog needs an `answer` ({' or '.join(ANSWERS)}), or what to `type` into a prompt",
        )
    how, node = chosen
    answer = Scalar(node.line, text(node, how))
    if how == "answer" and answer.text not in ANSWERS:
        raise refusal(node.line, f"no answer {answer.text!r}{nearest(answer.text, ANSWERS)}")
    return how, answer


def _kind(node: Node | None) -> DialogKind | None:
    if node is None:
        return None
    word = text(node, "kind")
    if word not in tuple(DialogKind):
        raise refusal(node.line, f"no kind of dialog {word!r}{nearest(word, DialogKind)}")
    return DialogKind(word)
