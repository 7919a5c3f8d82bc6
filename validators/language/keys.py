"""Reads the keys of the step `press`: one key, or a chord like Control+A."""

from __future__ import annotations

import re
import string

from validators.language.tree import Node, nearest, refusal, text

PRESSABLE = (
    "Enter", "Tab", "Escape", "Space", "Backspace", "Delete", "Home", "End", "PageUp", "PageDown",
    "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight",
)  # fmt: skip
MODIFIERS = ("Control", "Shift", "Alt", "Meta")
CHARACTERS = string.ascii_letters + string.digits + "/?.,"


def key(node: Node) -> str:
    """The key or chord in a scalar, as the browser takes it. Raises JourneyInvalid for a key that
    is not in the list."""
    chord = text(node, "key")
    *held, last = re.split(r"\s*\+\s*", chord)
    for word in held:
        if word not in MODIFIERS:
            raise refusal(node.line, f"no modifier {word!r} in {chord!r}{nearest(word, MODIFIERS)}")
    if len(set(held)) != len(held):
        raise refusal(node.line, f"{chord!r} holds one key twice")
    if last not in PRESSABLE and not (len(last) == 1 and last in CHARACTERS):
        raise refusal(
            node.line,
            f"no key {last!r}{nearest(last, PRESSABLE)} (or one letter or digit, or"
            f" {' '.join('/?.,')})",
        )
    # In a chord a letter stands for its key: Control+A and Control+a are the same.
    return "+".join((*held, last.lower() if held and len(last) == 1 else last))
