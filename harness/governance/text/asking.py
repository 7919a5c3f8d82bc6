"""The one thing a model may say to a stranger: a question. Code looks at it before anybody reads
it.

Properties: it is one sentence on one line that ends with a question mark; it holds no address,
mention, markup or command, asks for no secret, and does not repeat what the issue dictated."""

import re
from collections.abc import Iterator

from harness.governance.text.normalise import normalise

LONGEST = 300
"""Characters of a question."""

MOST = 2
"""Questions asked about one issue; then a person reads it."""

_ECHO = 6
_ADDRESS = re.compile(
    r"://|www\.|@[A-Za-z0-9]|\b[A-Za-z0-9-]+\.(?:com|net|org|io|dev|app|co|xyz|ru|cn|sh)\b",
    re.IGNORECASE,
)
_MARKUP = frozenset("`*_[]<>|#\\~{}")
_SECRET = re.compile(
    r"\b(?:pass(?:word|phrase|code)s?|secrets?|credentials?|(?:api|access|private|ssh)["
    r" -]?keys?|tokens?|"
    r"credit[ -]?cards?|cvc|cvv|iban|pin)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


def faults_of_question(ask: str, *, issue: str) -> Iterator[str]:
    """Everything that speaks against putting `ask` to the person who wrote `issue`."""
    said = ask.strip()
    if not said:
        yield "nothing is asked of the filer"
        return
    if not said.endswith("?") or said.count("?") != 1:
        yield "what is asked is not one question, which ends with its only question mark"
    if len(said) > LONGEST or "\n" in said:
        yield f"the question is longer than {LONGEST} characters, or than one line"
    if _ADDRESS.search(said) or _MARKUP & set(said) or normalise(said).text != said:
        yield "the question holds an address, a mention or markup"
    if said.startswith("/"):
        yield "the question is a command"
    if _SECRET.search(said):
        yield "the question asks for a secret"
    if _echoes(said, issue):
        yield "the question repeats the issue, which may have dictated it"


def _echoes(said: str, issue: str) -> bool:
    """Whether so many words in a row stand in the issue that they were copied from there."""
    words, known = _WORD.findall(said.casefold()), f" {' '.join(_WORD.findall(issue.casefold()))} "
    runs = range(max(len(words) - _ECHO + 1, 0))
    return any(f" {' '.join(words[at : at + _ECHO])} " in known for at in runs)
