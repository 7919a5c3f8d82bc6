"""The kinds of argument a check takes, as the reader checks them."""

from typing import Annotated, Literal, TypeAlias

GLOB = "a glob"
NAME = "a name"
MODE = 'a git file mode such as "100644"'
PATTERN = "a regular expression"
PATH = "a path from the root of the repository"

MOMENT = "a day or a moment, such as 2026-11-24 or 2026-11-24T12:00:00Z, in quotes"

Globs: TypeAlias = Annotated[tuple[str, ...], GLOB]
Names: TypeAlias = Annotated[tuple[str, ...], NAME]
Modes: TypeAlias = Annotated[tuple[str, ...], MODE]
Patterns: TypeAlias = Annotated[tuple[str, ...], PATTERN]
Path: TypeAlias = Annotated[str, PATH]
Binary: TypeAlias = Literal["refuse", "ignore"]
Window: TypeAlias = Literal["hour", "day", "week"]
Moment: TypeAlias = Annotated[str, MOMENT]
TrustLevel: TypeAlias = Literal["earned", "shadow", "small", "full"]
