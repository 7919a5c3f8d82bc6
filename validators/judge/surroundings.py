"""What surrounds a judgement besides data: locale, time zone and viewport, drawn per run from the recorded seed.

English locales only: a journey names buttons by their words, and an app that speaks the visitor's language is right
to answer another locale in other words.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

LOCALES = ("en-GB", "en-US", "en-IE", "en-AU")
TIMEZONES = ("Europe/London", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "Europe/Berlin")
VIEWPORTS = ((1280, 800), (1366, 768), (1440, 900), (1536, 864))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`viewport` is width and height in CSS pixels."""

    locale: str
    timezone: str
    viewport: tuple[int, int]


def surroundings(seed: int) -> Surroundings:
    """The surroundings of a seed; the same for every identity of that run."""
    source = random.Random(f"surroundings-{seed}")  # noqa: S311  (reproducible on purpose, not a secret)
    return Surroundings(source.choice(LOCALES), source.choice(TIMEZONES), source.choice(VIEWPORTS))
