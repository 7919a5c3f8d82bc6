"""What the tables of the language hold: each word with its reader, and how the page explains it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from validators.language.tree import Node

T = TypeVar("T")


class Form(NamedTuple):
    """One way to write a word: a sentence about it, and examples that may be copied."""

    sentence: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Word(Generic[T]):
    """A verb or a look: how it is read from its line, its value and its place, and its forms.

    `group` is the table of the page that has it."""

    read: Callable[[int, Node, str], T]
    forms: tuple[Form, ...]
    group: str = ""


def one(example: str, sentence: str) -> tuple[Form, ...]:
    """The forms of a word that has one."""
    return (Form(sentence, (example,)),)


def table(words: Iterable[tuple[Form, ...]], *, heads: tuple[str, str], bullet: str = "") -> str:
    """The forms of these words as a table in Markdown; `bullet` before each example."""
    rows = [
        f"| {', '.join(f'`{bullet}{one}`' for one in form.examples)} | {form.sentence} |"
        for forms in words
        for form in forms
    ]
    return "\n".join((f"| {heads[0]} | {heads[1]} |".replace("|  |", "| |"), "|---|---|", *rows))
