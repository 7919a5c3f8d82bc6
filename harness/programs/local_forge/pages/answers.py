"""The answers to an issue form: validation, and the Markdown that GitHub makes of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.programs.local_forge.pages.forms import (
    Checkboxes,
    Dropdown,
    FormField,
    Input,
    IssueForm,
    TextArea,
)

NOTHING = "_No response_"
Posted = Callable[[str], tuple[str, ...]]
"""Returns the values sent under a name, in order."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The values of each question by its id, the errors by id, and the issue's body."""

    values: Mapping[str, tuple[str, ...]]
    wrong: Mapping[str, str]
    body: str


def name_of(field: FormField) -> str:
    """The form field's name for a question. The prefix avoids the page's own names."""
    return f"answer-{field.id}"


def at_first(form: IssueForm, asked: Posted) -> Mapping[str, tuple[str, ...]]:
    """A form's first values: those in the link's query (as on GitHub), else the form's defaults."""
    fields = [one for one in form.elements if isinstance(one, FormField)]
    return {field.id: _known(field, asked(field.id)) or _default(field) for field in fields}


def answered(form: IssueForm, posted: Posted) -> Answers:
    """The answers in a posted form. Values that the form does not offer are ignored."""
    fields = [one for one in form.elements if isinstance(one, FormField)]
    values = {field.id: _known(field, posted(name_of(field))) for field in fields}
    wrong = {field.id: problem for field in fields if (problem := _wrong(field, values[field.id]))}
    parts = (
        f"### {' '.join(field.label.split())}\n\n{_as_markdown(field, values[field.id])}"
        for field in fields
    )
    return Answers(values, wrong, "\n\n".join(parts))


def _default(field: FormField) -> tuple[str, ...]:
    match field:
        case Input() | TextArea():
            return (field.value,)
        case Dropdown():
            return () if field.default is None else (field.options[field.default],)
        case _:
            return ()


def _known(field: FormField, values: tuple[str, ...]) -> tuple[str, ...]:
    match field:
        case Input():
            return tuple(" ".join(value.split()) for value in values[:1])
        case Dropdown():
            chosen = tuple(one for one in field.options if one in values)
            return chosen if field.multiple else chosen[:1]
        case Checkboxes():
            return tuple(str(place) for place in range(len(field.ticks)) if str(place) in values)
        case _:
            return values[:1]


def _wrong(field: FormField, values: tuple[str, ...]) -> str:
    if isinstance(field, Checkboxes):
        needed = [
            tick.label
            for place, tick in enumerate(field.ticks)
            # Only the first missing checkbox is named: one message for each question.
            if tick.required and str(place) not in values
        ]
        return f"Tick “{needed[0]}” to file this." if needed else ""
    if field.required and not any(value.strip() for value in values):
        return "Choose an answer." if isinstance(field, Dropdown) else "Write an answer."
    return ""


def _as_markdown(field: FormField, values: tuple[str, ...]) -> str:
    match field:
        case Checkboxes():
            return "\n".join(
                f"- [{'x' if str(place) in values else ' '}] {' '.join(tick.label.split())}"
                for place, tick in enumerate(field.ticks)
            )
        case Dropdown():
            return ", ".join(values) or NOTHING
        case TextArea() if field.render and "".join(values).strip():
            return _fenced(values[0], field.render)
        case _:
            return "".join(values).strip() or NOTHING


def _fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence, word = "`" * max(3, longest + 1), re.sub(r"[^\w+#.-]", "", language)
    return f"{fence}{word}\n{text.rstrip()}\n{fence}"
