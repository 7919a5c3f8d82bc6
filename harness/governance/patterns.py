"""Regular expressions that a rule may state about one line of text.

Properties: searching takes time linear in the line for every expression that is read, because the
line is written by whoever is being refused. The engine is Rust's `regex` (in pydantic-core, which
we depend on anyway): it never tries a second way, knows neither look-around nor references
backwards, and refuses what would grow large when it is compiled."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

LONGEST = 500
"""Characters of one expression."""


def pattern_fault(pattern: str) -> str | None:
    """Why this is not an expression that is searched for in a line, or None."""
    from pydantic_core import SchemaError

    if len(pattern) > LONGEST:
        return f"an expression has at most {LONGEST} characters, this one {len(pattern)}"
    if not pattern.isprintable() or r"\n" in pattern or r"\r" in pattern:
        return (
            "an expression is searched for within one line; it names no line ends and no invisible"
            " characters"
        )
    try:
        empty = found_in(pattern, "")
    except SchemaError as error:
        return f"not an expression that is searched in linear time: {_reason(str(error))}"
    return "an expression that an empty line matches would refuse every line" if empty else None


def found_in(pattern: str, line: str) -> bool:
    """Whether the expression matches anywhere in the line. `pattern` is one without a fault."""
    return _compiled(pattern).isinstance_python(line)


def _reason(said: str) -> str:
    """The last line of the engine's error: the ones before it draw the expression."""
    return (
        said.strip().splitlines()[-1].strip().removeprefix("SchemaError: ").removeprefix("error: ")
    )


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> "SchemaValidator":
    from pydantic_core import SchemaValidator, core_schema

    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
