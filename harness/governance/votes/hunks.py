"""Splits the change of a text into hunks of numbered lines that a reviewer can quote. Pure and
bounded in time.

Not git's patch: attributes and settings have no say here, and each line that is still there has its
number in the new file. A line ends at LF, CR LF or a lone CR, as in the facts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import TypeAlias

CONTEXT = 8
"""Unchanged lines shown on each side of a change."""

MATCHED_AT_MOST = 50_000
"""Pairs of equal lines that are matched with each other. What is more tangled is shown as gone and
as new, all of it."""

Row: TypeAlias = tuple[int | None, str, str]
"""A line's number in the new file (None where it is gone), its mark (`+`, `-`, or a blank), its
text."""


def lines_of(content: bytes) -> tuple[str, ...]:
    """The lines of a text, without their ends. Raises UnicodeDecodeError where it is not UTF-8."""
    return tuple(line.decode("utf-8") for line in content.splitlines())


def hunks(old: Sequence[str], new: Sequence[str]) -> tuple[tuple[Row, ...], ...]:
    """What changed, piece by piece, each with up to `CONTEXT` lines around it."""
    # Equal ends are cut off first: most changes of a large file are small.
    head, tail = _shared_ends(old, new)
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    changes = [
        (tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in _changes(before, after)
    ]
    return tuple(tuple(_rows(group, old=old, new=new)) for group in _grouped(changes))


def _shared_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    shortest = min(len(old), len(new))
    head = next((at for at in range(shortest) if old[at] != new[at]), shortest)
    room = shortest - head
    return head, next((at for at in range(room) if old[-1 - at] != new[-1 - at]), room)


_Change: TypeAlias = tuple[str, int, int, int, int]


def _changes(old: Sequence[str], new: Sequence[str]) -> list[_Change]:
    """The stretches that differ, in order, as `SequenceMatcher` has them."""
    times = Counter(line for line in old if line.strip())
    # SequenceMatcher takes quadratic time for many equal lines, and the text is a stranger's.
    if sum(times[line] for line in new) > MATCHED_AT_MOST:
        return [("replace", 0, len(old), 0, len(new))]
    # `autojunk` would skip lines that are frequent, and with them real changes.
    matcher = SequenceMatcher(lambda line: not line.strip(), old, new, autojunk=False)
    return [change for change in matcher.get_opcodes() if change[0] != "equal"]


def _grouped(changes: Sequence[_Change]) -> Iterator[list[_Change]]:
    """Changes whose surroundings meet, together."""
    group: list[_Change] = []
    for change in changes:
        if group and change[3] - group[-1][4] > 2 * CONTEXT:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _rows(group: Sequence[_Change], *, old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    at = max(group[0][3] - CONTEXT, 0)
    for _, gone, gone_end, fresh, fresh_end in group:
        yield from ((number + 1, " ", new[number]) for number in range(at, fresh))
        yield from ((None, "-", line) for line in old[gone:gone_end])
        yield from ((number + 1, "+", new[number]) for number in range(fresh, fresh_end))
        at = fresh_end
    yield from ((number + 1, " ", new[number]) for number in range(at, min(at + CONTEXT, len(new))))
