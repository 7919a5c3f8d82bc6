"""Made-up words, names and email addresses that no app can know in advance.

An app that recognises what the judge types could pass for the judge alone. So everything is built
of syllables: there are more values than an app could store, and none of them looks like the
judge's. Names come in several scripts, with the marks, hyphens and apostrophes of people's names.
An address has a domain of so many made-up letters that nobody owns it."""

from __future__ import annotations

import random

_ONSETS = (
    *tuple("bcdfghjklmnprstvwyz"),
    "bl",
    "br",
    "ch",
    "dr",
    "fl",
    "gr",
    "kl",
    "pr",
    "qu",
    "sh",
    "sk",
    "st",
    "tr",
)
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ie", "oa", "ou")
_CODAS = ("", "", "", "l", "m", "n", "r", "s", "t", "nd", "rk", "ll")
_MARKED = str.maketrans("aeiounczs", "áéîöüñçžš")
_ENDINGS = ("com", "net", "org", "info", "eu", "de", "fr", "nl", "se", "ca")
_GREEK = tuple("αβγδεζηθικλμνξοπρστυφχψω")
_CYRILLIC = tuple("абвгдежзиклмнопрстуфхцчшюя")
_HEBREW = tuple("אבגדהוזחטילמנסעפצקרשת")
_HAN = tuple("安白陈東方高海江李林明南平秋山石天王文小雪雨月云张中")
_SCRIPTS = ((_GREEK, 3, 9), (_CYRILLIC, 3, 10), (_HEBREW, 3, 6), (_HAN, 1, 2))
_LATIN, _WITH_MARKS, _JOINED = 0.6, 0.75, 0.85
"""Cumulative shares of all names: plain Latin letters; with marks; joined. The rest is in other
scripts."""


def word(source: random.Random) -> str:
    """Five to about twenty lower-case letters from a to z."""
    syllables = source.choice((2, 3, 3, 4))
    made = "".join(_syllable(source) for _ in range(syllables))
    return made if len(made) >= 5 else made + _syllable(source)


def name(source: random.Random) -> str:
    """A given name and a family name, with one space between them."""
    kind = source.random()
    if kind >= _JOINED:
        letters, least, most = source.choice(_SCRIPTS)
        return " ".join(_of(letters, source.randint(least, most), source) for _ in range(2))
    given, family = _latin(source), _latin(source)
    if kind >= _WITH_MARKS:
        family = source.choice((f"{family}-{_latin(source)}", f"O'{family}", f"D’{family}"))
    elif kind >= _LATIN:
        given, family = (one[0] + one[1:].translate(_MARKED) for one in (given, family))
    return f"{given} {family}"


def address(source: random.Random) -> str:
    """An email address at a domain of at least twelve made-up letters."""
    domain = ""
    while len(domain) < 12:
        domain += _syllable(source)
    own = (
        word(source)
        + source.choice(("", ".", "_", "-", "+"))
        + word(source)[: source.randint(1, 5)]
    )
    return f"{own}{source.choice(('', source.randint(1, 9999)))}@{domain}.{source.choice(_ENDINGS)}"


def _syllable(source: random.Random) -> str:
    return source.choice(_ONSETS) + source.choice(_VOWELS) + source.choice(_CODAS)


def _latin(source: random.Random) -> str:
    return "".join(_syllable(source) for _ in range(source.choice((1, 2, 2, 3, 4)))).capitalize()


def _of(letters: tuple[str, ...], length: int, source: random.Random) -> str:
    return "".join(source.choice(letters) for _ in range(length)).capitalize()
