"""Which lessons bear on a question, by the same words that files are found by."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing

from harness.context.words import counted, query
from harness.domain.repository_context import Passage

PINNED = "pinned"
# Words of a lesson that count.
_LONGEST = 200


def relevant(
    lessons: Sequence[Passage], heading: str, question: str, *, most: int
) -> tuple[Passage, ...]:
    """The pinned lessons, then those that share the most words with the question; at most `most` of
    them.

    With the same score, the earlier one comes first.
    """
    pinned = [one for one in lessons if one.kind == PINNED]
    order = _order([one for one in lessons if one.kind != PINNED], query(heading, question))
    return (*pinned, *order)[:most]


def _order(lessons: Sequence[Passage], asked: str) -> Iterable[Passage]:
    if not lessons or not asked:
        return ()
    with closing(sqlite3.connect(":memory:")) as rows:
        rows.execute("CREATE VIRTUAL TABLE texts USING fts5 (body, tokenize = 'porter unicode61')")
        rows.executemany(
            "INSERT INTO texts (rowid, body) VALUES (?, ?)",
            ((place, counted(one.text, most=_LONGEST)) for place, one in enumerate(lessons)),
        )
        found = rows.execute(
            "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY ROUND(BM25(texts), 6), rowid",
            (asked,),
        )
        return [lessons[place] for (place,) in found]
