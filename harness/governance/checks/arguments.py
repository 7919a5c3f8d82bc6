"""The kinds of argument a check takes, as the reader checks them."""

from typing import Annotated, Literal, TypeAlias

GLOB = "a glob"
NAME = "a name"
MODE = "a git file mode such as \"100644\""

Globs: TypeAlias = Annotated[tuple[str, ...], GLOB]
Names: TypeAlias = Annotated[tuple[str, ...], NAME]
Modes: TypeAlias = Annotated[tuple[str, ...], MODE]
Binary: TypeAlias = Literal["refuse", "ignore"]
Window: TypeAlias = Literal["hour", "day", "week"]
