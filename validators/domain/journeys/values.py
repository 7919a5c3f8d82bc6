"""Values in a journey: literal text, and `{{ … }}` drawn from a recorded seed.

The language inside the braces is closed and total: seven generators, `filled.<field>` and names. It
has no operators, no calls and no loops, so a journey cannot compute, wait or reach anything."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from validators.domain.errors import ExpressionInvalid
from validators.domain.journeys import made_up
from validators.domain.journeys.command_result import CommandResult
from validators.domain.journeys.files import File

if TYPE_CHECKING:
    from validators.domain.journeys.calls import Answer

# How each is written, and what it draws.
GENERATORS = {
    "int": ("any.int(2, 8)", "a whole number, both ends included"),
    "word": ("any.word", "a word"),
    "name": ("any.name", "a person's name, of any length and in one of several scripts"),
    "email": ("any.email", "an address at a domain that nobody has"),
    "text": ("any.text(5)", "so many words"),
    "choice": ("any.choice(red|green|blue)", "one of what is written"),
    "date": ("any.date(+1..+30)", "a day from tomorrow on, as `2026-11-21`"),
}

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_CALL = re.compile(r"any\.([a-z_]+)\s*(?:\((.*)\))?", re.DOTALL)
_FILLED = re.compile(r"filled\.([a-z0-9_]+)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Generated:
    """A value to draw: `any.<kind>(arguments)`."""

    kind: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """The value that was last put into the field whose label has this slug (`Group size` →
    `group_size`)."""

    field: str


@dataclass(frozen=True, slots=True)
class Named:
    """A name that `let:` or a `remember` step has set."""

    name: str


Part = str | Generated | Filled | Named


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes. `place` is unique in its journey and seeds the draws, so that equal seeds
    give equal data."""

    source: str
    parts: tuple[Part, ...]
    place: str

    @property
    def literal(self) -> str:
        """The text outside the holes."""
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def holes(self) -> tuple[Generated | Filled | Named, ...]:
        return tuple(part for part in self.parts if not isinstance(part, str))

    @property
    def generates(self) -> bool:
        return any(isinstance(part, Generated) for part in self.parts)


TRIES = 20
# Words of a text.
MOST_AVOIDED = 2000


def words_of(text: str) -> frozenset[str]:
    """The words and numbers of a text, of which a draw is none."""
    words = dict.fromkeys(found.group().casefold() for found in re.finditer(r"\w{1,40}", text))
    return frozenset(list(words)[:MOST_AVOIDED])


@dataclass(frozen=True, slots=True)
class Draw:
    """The source of a run's random data. The same facts always give the same data.

    What is drawn is none of `avoided`, where another value is left: a change that is right for the
    issue's own example alone would pass whenever that example is drawn."""

    seed: int
    journey: str
    today: date
    avoided: frozenset[str] = frozenset()

    def value(self, generated: Generated, place: str) -> str:
        """The value of one generator at one place. The same in every process and for both
        identities."""
        # Each place has a source of its own: one more generator must not change the other values.
        key = f"{self.seed}\0{self.journey}\0{place}".encode()
        source = random.Random(int.from_bytes(sha256(key).digest()[:8], "big"))  # noqa: S311
        value = _drawn(generated, source, self.today)
        for _ in range(TRIES):
            if value.lstrip("+-").casefold() not in self.avoided:
                break
            value = _drawn(generated, source, self.today)
        return value


@dataclass(slots=True)
class Values:
    """What a run knows so far: drawn names, filled fields, remembered texts, files taken, results
    of commands (by their names, the last one also as "", and all as `ended`), answers to calls
    (by name, the latest also as ""), and which names are numbers. Mutable."""

    draw: Draw
    names: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    commands: dict[str, CommandResult] = field(default_factory=dict)
    ended: list[CommandResult] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)

    def is_number(self, template: Template) -> bool:
        """Whether a template is nothing but a number that was drawn or remembered."""
        match template.parts:
            case (Generated(kind="int"),):
                return True
            case (Named(name=name),):
                return name in self.numbers
            case _:
                return False

    def text(self, template: Template) -> str:
        """The template with every hole filled. Raises ExpressionInvalid for a name that nothing has
        set yet."""
        return "".join(
            self._part(part, f"{template.place}#{index}")
            for index, part in enumerate(template.parts)
        )

    def _part(self, part: Part, place: str) -> str:
        match part:
            case str():
                return part
            case Generated():
                return self.draw.value(part, place)
            case Filled(field=name):
                return _known(self.fields, name, f"filled.{name}")
            case Named(name=name):
                return _known(self.names, name, name)


def template(source: str, *, place: str) -> Template:
    """The template that a text denotes. Raises ExpressionInvalid for a hole that is not in the
    language."""
    parts: list[Part] = []
    position = 0
    for found in _BRACES.finditer(source):
        parts.append(source[position : found.start()])
        parts.append(_expression(found.group(1).strip()))
        position = found.end()
    parts.append(source[position:])
    if any("{{" in part or "}}" in part for part in parts if isinstance(part, str)):
        raise ExpressionInvalid(f"unbalanced {{{{ }}}} in {source!r}")
    return Template(source, tuple(part for part in parts if part != ""), place)


def slug(label: str) -> str:
    """The name of a field in `filled.<slug>`: lower case, with one underscore for each run of other
    characters."""
    return re.sub(r"[^a-z0-9]+", "_", label.casefold()).strip("_")


def _known(known: Mapping[str, str], key: str, shown: str) -> str:
    if key not in known:
        raise ExpressionInvalid(f"{{{{ {shown} }}}} has no value at this point of the journey")
    return known[key]


def _expression(text: str) -> Generated | Filled | Named:
    if found := _CALL.fullmatch(text):
        return _generator(found.group(1), found.group(2))
    if found := _FILLED.fullmatch(text):
        return Filled(found.group(1))
    if _NAME.fullmatch(text) and text not in ("any", "filled"):
        return Named(text)
    known = f"any.{'|'.join(GENERATORS)}, filled.<field>, or a name from let or remember"
    raise ExpressionInvalid(f"{{{{ {text} }}}} is not a value: use {known}")


def _generator(kind: str, inside: str | None) -> Generated:
    arguments = _arguments(kind, inside or "")
    match kind, arguments:
        case "int", (low, high) if _whole(low) and _whole(high) and int(low) <= int(high):
            pass
        case "word" | "name" | "email", ():
            pass
        case "text", (length,) if length.isascii() and length.isdigit() and 1 <= int(length) <= 200:
            pass
        case "choice", (_, _, *_) if all(arguments):
            pass
        case "date", (low, high) if _whole(low) and _whole(high) and int(low) <= int(high):
            pass
        case _:
            raise ExpressionInvalid(f"any.{kind}({inside or ''}) is not a generator: {_FORMS}")
    return Generated(kind, arguments)


_FORMS = (
    "use any.int(2, 8), any.word, any.name, any.email, any.text(5), any.choice(red|green) or"
    " any.date(+1..+30)"
)


def _arguments(kind: str, inside: str) -> tuple[str, ...]:
    separator = {"choice": "|", "date": ".."}.get(kind, ",")
    return tuple(piece.strip() for piece in inside.split(separator)) if inside.strip() else ()


def _whole(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]{1,9}", text) is not None


def _drawn(generated: Generated, source: random.Random, today: date) -> str:
    match generated.kind:
        case "int":
            low, high = generated.arguments
            return str(source.randint(int(low), int(high)))
        case "word":
            return made_up.word(source)
        case "name":
            return made_up.name(source)
        case "email":
            return made_up.address(source)
        case "text":
            return " ".join(made_up.word(source) for _ in range(int(generated.arguments[0])))
        case "choice":
            return source.choice(generated.arguments)
        case _:
            low, high = generated.arguments
            return (today + timedelta(days=source.randint(int(low), int(high)))).isoformat()
