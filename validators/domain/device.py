"""The device of the masked visitor, who looks like a person's browser."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice for speech synthesis. `local`: installed on the machine, not fetched over the
    network."""

    name: str
    language: str
    local: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """`ratio`: screen pixels for each CSS pixel. `screen`: width and height in CSS pixels.
    `touches`: how many fingers the touch screen distinguishes, 0 without one. `pointer_seed`: seed
    of the pointer's paths."""

    ratio: float = 1.0
    screen: tuple[int, int] = (1920, 1080)
    touches: int = 0
    voices: tuple[Voice, ...] = ()
    pointer_seed: int = 0


USUAL_DEVICE = Device()
