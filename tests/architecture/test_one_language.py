"""Nobody has to learn a private language: identifiers, docstrings, comments, help texts and messages
use the field's words. `docs/glossary.md` has the few that are ours."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BANNED = re.compile(
    r"\b(?:told|says|laps?|lawbook|laws?|box|boxes|boxed|luggage|nursery|plant|steering|crew|rota"
    r"|lookout|twins?|casting|wounds?|saboteurs?|turnstile|courier|tellings?|outings?|desk|shelf"
    r"|grace|duty|departure)\b",
    re.IGNORECASE,
)
OTHER_MEANINGS = re.compile(
    r"\bLAW-[A-Z*]+|\bin-the-box\b|box-sizing|bounding[_ ]box|check ?box|text ?box|search ?box"
    r"|([\"'`])[a-z-]+\1|\b(?:twin|says):"
)
"""Ids of rules, which people write in their own files; the words of CSS and of pages; a quoted word,
which is a key of stored or public data; and two keys of the journey language."""


def words_in(text: str) -> Iterator[tuple[int, str]]:
    """Each banned word of a Python file and its line. A text without a space is a key or a value of
    stored or public data, and may stay."""
    if not BANNED.search(text.replace("_", " ")):
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        # The library that draws tables calls their borders so.
        if token.string == "box" and "Table(box=" in token.line:
            continue
        if token.type in (tokenize.COMMENT, tokenize.NAME) or (
            token.type == tokenize.STRING and " " in token.string
        ):
            plain = OTHER_MEANINGS.sub("", token.string.replace("_", " "))
            for found in BANNED.finditer(plain):
                yield token.start[0] + plain.count("\n", 0, found.start()), found[0]


@pytest.mark.parametrize("folder", ["harness", "validators"])
def test_no_file_speaks_a_private_language(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, word in words_in(path.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "def told() -> None: ...\n",
        "history_told = 1\n",
        '"""What the law says."""\n',
        "x = 1  # the plant\n",
        'raise ValueError("no box held")\n',
    ],
)
def test_a_private_word_is_noticed(text: str) -> None:
    assert list(words_in(text))


@pytest.mark.parametrize(
    "text",
    [
        'data["told"]\n',
        'RULE = "LAW-PROTECTED refuses it"\n',
        "toldest = boxing = 1\n",
        'css = "box-sizing: inherit; x: y"\n',
    ],
)
def test_a_stored_key_a_rule_and_a_longer_word_are_not(text: str) -> None:
    assert list(words_in(text)) == []
