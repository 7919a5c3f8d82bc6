"""Characters that show nothing: controls, formats, bidi, zero width, tags, variation selectors,
blank letters."""

import json
import re
import unicodedata

from harness.governance.text.hidden import Hidden, HiddenKind

_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_TAGS = range(0xE0000, 0xE1000)
_SELECTORS = range(0xFE00, 0xFE10)
_NOT_ORDINARY = re.compile(r"[^\n\t\x20-\x7e]")
_EMOJI_SPELLING = frozenset({"\ufe0f", "\ufe0e", "\u200d", "\ufe0f\u200d"})


def is_invisible(char: str) -> bool:
    """Whether this character shows nothing. Newline and tab do show."""
    if char in "\n\t":
        return False
    code = ord(char)
    return (
        unicodedata.category(char) in _CATEGORIES
        or char in _BLANK
        or code in _TAGS
        or code in _SELECTORS
    )


def visible(text: str) -> str:
    """The text, or the JSON document, with JSON's escape for each invisible character: what a
    person cannot see, no model reads and no reviewer judges."""
    # Bidirectional controls and the like would show a reviewer another text than git stores.
    unseen = "".join(char for char in set(text) if is_invisible(char))
    return (
        re.sub(f"[{re.escape(unseen)}]", lambda char: json.dumps(char[0])[1:-1], text)
        if unseen
        else text
    )


def without_invisible(text: str) -> tuple[str, list[Hidden]]:
    """The text without them, and each run of them. A joiner or variation selector after a symbol is
    how emoji are spelt: it is dropped too, but not worth a record."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        # of ASCII, only controls show nothing, and none of them is printable
        return text, []
    found = "".join(char for char in set(_NOT_ORDINARY.findall(text)) if is_invisible(char))
    if not found:
        return text, []
    runs = re.compile(f"[{re.escape(found)}]+")
    hidden = [_hidden(run[0]) for run in runs.finditer(text) if not _spells_an_emoji(text, run)]
    return runs.sub("", text), hidden


def _spells_an_emoji(text: str, run: re.Match[str]) -> bool:
    return run[0] in _EMOJI_SPELLING and run.start() > 0 and not text[run.start() - 1].isascii()


def _hidden(run: str) -> Hidden:
    """Unicode tags spell ASCII that nobody sees: they are recorded as what they spell."""
    spelt = "".join(chr(ord(char) - 0xE0000) for char in run if 0xE0020 <= ord(char) <= 0xE007E)
    if spelt:
        return Hidden(HiddenKind.TAG_CHARACTERS, spelt)
    return Hidden(HiddenKind.CHARACTERS, " ".join(f"U+{ord(char):04X}" for char in run[:50]))
