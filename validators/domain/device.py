"""What a visitor who looks like a person sits before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """One that a browser reads pages out with. `local`: it comes with the machine, and not over the
    network."""

    name: str
    language: str
    local: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """`ratio`: pixels of the screen for each CSS pixel. `screen`: width and height in CSS pixels.
    `touches`: how many fingers the screen tells apart, 0 where it feels none. `hand`: what the ways
    of the pointer are drawn from."""

    ratio: float = 1.0
    screen: tuple[int, int] = (1920, 1080)
    touches: int = 0
    voices: tuple[Voice, ...] = ()
    pointer_seed: int = 0


USUAL_DEVICE = Device()
