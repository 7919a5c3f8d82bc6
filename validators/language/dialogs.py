"""What a page may ask in a window of the browser's own, and how it is answered."""

from __future__ import annotations

from validators.domain.journeys.steps import Dialog, DialogKind
from validators.language.targets import held
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
    """`{says: "Delete Ada?", answer: accept}`. Raises JourneyInvalid."""
    if isinstance(node, Scalar):
        raise refusal(line, 'a dialog is a mapping, like {says: "Delete Ada?", answer: accept}')
    fields = mapping(node, "dialog")
    says, kind = fields.maybe("says"), _kind(fields.maybe("kind"))
    how, answer = _answer(fields)
    fields.done()
    if says is None and kind is not DialogKind.LEAVING:
        raise refusal(
            line,
            f"dialog needs what it `says` (only one of kind {DialogKind.LEAVING} has no words of"
            " the app's)",
        )
    if says and kind is DialogKind.LEAVING:
        raise refusal(
            says.line, f"what a dialog of kind {kind} says is the browser's own: leave `says` out"
        )
    if how == "type" and kind not in (None, DialogKind.PROMPT):
        raise refusal(line, f"only a prompt can be typed into, not {kind}")
    return Dialog(
        line,
        held(says, f"{place}.says") if says else None,
        accept=how == "type" or answer.text == "accept",
        kind=DialogKind.PROMPT if how == "type" else kind,
        text=held(answer, f"{place}.type") if how == "type" else None,
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
    told = text(node, "kind")
    if told not in tuple(DialogKind):
        raise refusal(node.line, f"no kind of dialog {told!r}{nearest(told, DialogKind)}")
    return DialogKind(told)
