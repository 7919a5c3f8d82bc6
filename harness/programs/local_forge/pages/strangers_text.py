"""Text and links of strangers, before anything is made of them."""

import unicodedata
from urllib.parse import urlsplit

_SCHEMES = frozenset({"http", "https", "mailto", ""})
# Zero-width joiner: it joins emoji.
_JOINER = "\u200d"


def revealed(text: str) -> str:
    """The text with invisible characters, and those that change its direction, replaced
    by their code points."""
    return "".join(f"⟨U+{ord(letter):04X}⟩" if _is_unseen(letter) else letter for letter in text)


def is_safe_link(url: str) -> bool:
    """Whether a link has an allowed scheme, or is a path that no browser takes for a scheme."""
    try:
        scheme = urlsplit(url.strip()).scheme.lower()
    except ValueError:
        return False
    if any(ord(letter) < 33 for letter in url) or (
        not scheme and ":" in url.partition("/")[0].partition("#")[0]
    ):
        return False
    return scheme in _SCHEMES


def _is_unseen(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cf", "Cc") and letter not in (
        "\n",
        "\r",
        "\t",
        _JOINER,
    )
