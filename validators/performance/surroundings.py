"""What surrounds a visitor: locale, time zone and viewport, drawn from the recorded seed of a run;
and the device of the masked visitor, drawn for each journey.

English locales only: a journey names buttons by their words, and an app may rightly answer another
locale in another language."""

from __future__ import annotations

import random
from dataclasses import dataclass

from validators.domain.device import Device, Voice

LOCALES = ("en-GB", "en-US", "en-IE", "en-AU")
TIMEZONES = ("Europe/London", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "Europe/Berlin")
VIEWPORTS = ((1280, 800), (1366, 768), (1440, 900), (1536, 864))
# Screen pixels for each CSS pixel, and a common screen with this ratio, in CSS pixels. The ratio 1
# belongs to the plain visitor.
SCREENS = ((1.25, (2048, 1152)), (1.5, (2560, 1440)), (1.5, (1920, 1080)), (2.0, (1920, 1080)))
TOUCHES = (0, 0, 0, 5, 10)
# The voices of Google Chrome on Linux, and below them those that a desktop's speech service may
# add.
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
    """The surroundings for a seed; the same for both identities."""
    source = random.Random(f"surroundings-{seed}")  # noqa: S311  (reproducible on purpose, not a secret)
    return Surroundings(source.choice(LOCALES), source.choice(TIMEZONES), source.choice(VIEWPORTS))


def device(seed: int, journey: str) -> Device:
    """The device of the masked visitor of a journey; the same in all its runs with this seed."""
    source = random.Random(f"device-{seed}-{journey}")  # noqa: S311  (reproducible on purpose, not a secret)
    ratio, screen = source.choice(SCREENS)
    own = sorted(source.sample(DESKTOPS_OWN, source.choice((0, 3, 5, 8))), key=lambda one: one.name)
    return Device(ratio, screen, source.choice(TOUCHES), (*VOICES, *own), source.getrandbits(32))
