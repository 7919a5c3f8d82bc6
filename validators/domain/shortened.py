"""Texts for people: cut to a length, and numbers with their nouns."""


def cut(text: str, most: int) -> str:
    """The text in at most `most` characters; a longer one ends with an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def count(number: int, what: str) -> str:
    """A number with its noun: `1 way`, `2 ways`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
