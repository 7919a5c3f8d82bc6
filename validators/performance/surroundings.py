"""What surrounds a judgement besides data: locale, time zone and viewport, drawn per run from the
recorded seed; and what the visitor who looks like a person sits before, drawn per journey.

English locales only: a journey names buttons by their words, and an app that speaks the visitor's
language is right to answer another locale in other words."""

from __future__ import annotations

import random
from dataclasses import dataclass

from validators.domain.device import Device, Voice

LOCALES = ("en-GB", "en-US", "en-IE", "en-AU")
TIMEZONES = ("Europe/London", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "Europe/Berlin")
VIEWPORTS = ((1280, 800), (1366, 768), (1440, 900), (1536, 864))
# Pixels for each CSS pixel, and a common screen that has them, in CSS pixels. One for one is the
# plain visitor's.
SCREENS = ((1.25, (2048, 1152)), (1.5, (2560, 1440)), (1.5, (1920, 1080)), (2.0, (1920, 1080)))
TOUCHES = (0, 0, 0, 5, 10)
# Those of Google Chrome on Linux, and what a desktop's own speech dispatcher may add to them.
VOICES = tuple(
    Voice(f"Google {name}", language)
    for name, language in (
        ("Deutsch", "de-DE"),
        ("US English", "en-US"),
        ("UK English Female", "en-GB"),
        ("UK English Male", "en-GB"),
        ("español", "es-ES"),
        ("español de Estados Unidos", "es-US"),
        ("français", "fr-FR"),
        ("हिन्दी", "hi-IN"),
        ("Bahasa Indonesia", "id-ID"),
        ("italiano", "it-IT"),
        ("日本語", "ja-JP"),
        ("한국의", "ko-KR"),
        ("Nederlands", "nl-NL"),
        ("polski", "pl-PL"),
        ("português do Brasil", "pt-BR"),
        ("русский", "ru-RU"),
        ("普通话（中国大陆）", "zh-CN"),
        ("粤語（香港）", "zh-HK"),
        ("國語（臺灣）", "zh-TW"),
    )
)
DESKTOPS_OWN = tuple(
    Voice(f"{name} espeak-ng", language, local=True)
    for name, language in (
        ("English (America)", "en-US"),
        ("English (Great Britain)", "en-GB"),
        ("German", "de"),
        ("French (France)", "fr-FR"),
        ("Spanish (Spain)", "es"),
        ("Italian", "it"),
        ("Polish", "pl"),
        ("Swedish", "sv"),
    )
)


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


def device(seed: int, journey: str) -> Device:
    """What the masked visitor of a journey sits before; the same in each of its runs of that
    seed."""
    source = random.Random(f"device-{seed}-{journey}")  # noqa: S311  (reproducible on purpose, not a secret)
    ratio, screen = source.choice(SCREENS)
    own = sorted(source.sample(DESKTOPS_OWN, source.choice((0, 3, 5, 8))), key=lambda one: one.name)
    return Device(ratio, screen, source.choice(TOUCHES), (*VOICES, *own), source.getrandbits(32))
