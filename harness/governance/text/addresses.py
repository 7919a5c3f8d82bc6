"""Addresses of links: where one ends, and whether it is one at all, or a text that nobody sees."""

import html
import re

_CARRIERS = frozenset({"data", "javascript", "vbscript"})
# characters, spelt with an entity for each of its letters
_LONGEST_SCHEME = 120
_ESCAPED = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
_MARK = re.compile(r"\\[!-/:-@\[-`{-~]|[ \t\n()]")


def adds_information(target: str) -> bool:
    """Whether an address is none: words in angle brackets, or a text that is its own address."""
    return re.search(r"[ \t]", target) is not None or carries_content(target.lstrip("<"))


def carries_content(target: str) -> bool:
    """Whether this begins with a scheme whose address holds the content itself, however it is
    spelt."""
    target = target[:_LONGEST_SCHEME]
    if ":" not in target and "&" not in target:
        return False
    scheme, colon, _ = html.unescape(_ESCAPED.sub("", target)).partition(":")
    return bool(colon) and scheme.casefold() in _CARRIERS


def address_end(text: str, at: int) -> int:
    """Where the address ends that begins at `at`: before white space, or a parenthesis that nothing
    in it opened."""
    depth = 0
    for found in _MARK.finditer(text, at):
        if found[0].isspace() or (found[0] == ")" and not depth):
            return found.start()
        depth += {"(": 1, ")": -1}.get(found[0], 0)
    return len(text)
