"""How many lines a change adds and deletes, counted from raw bytes.

Git's own count obeys attributes (`*.py binary` makes it print `- -`), and gives up at the first NUL
byte. This one obeys nothing: a line ends at LF, CR LF or a lone CR, as it does for the Python
tokenizer; a NUL is a byte like others. And it is a measure of reading: a line of five megabytes is
not one line, but one for each thousand bytes that it begins."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

# The lines that are neither shared ends nor unique; beyond, all of them are counted rather than
# matched. At the limit
# the masks take some 25 MB and the matching a few tens of milliseconds.
MATCHED_AT_MOST = 20_000
LINE_BYTES = 1_000
"""Bytes of a line that count as one."""


@dataclass(frozen=True, slots=True)
class LineChange:
    """Lines added and deleted, and the bytes of what is new, in the order of the new file."""

    added: int
    deleted: int
    fresh: bytes


def line_change(old: bytes, new: bytes) -> LineChange:
    """The smallest number of whole lines to add and to delete that turns `old` into `new`.

    Never more than git's own count, unless lines are longer than `LINE_BYTES`, or more than
    `MATCHED_AT_MOST` lines are a tangle: they all count as changed. `fresh` holds each line that
    `new` has more often than `old` has, so a line that only moved is not in it."""
    before, after = _without_shared_ends(
        old.splitlines(keepends=True), new.splitlines(keepends=True)
    )
    kept = _lines_in_common(before, after)
    fresh, gone = _only_in(after, before), _only_in(before, after)
    return LineChange(
        len(after) - kept + _overlong(fresh), len(before) - kept + _overlong(gone), b"".join(fresh)
    )


def _overlong(lines: Sequence[bytes]) -> int:
    """By how many lines more they count, being long."""
    return sum((len(line) - 1) // LINE_BYTES for line in lines)


def _without_shared_ends(
    old: Sequence[bytes], new: Sequence[bytes]
) -> tuple[Sequence[bytes], Sequence[bytes]]:
    shortest = min(len(old), len(new))
    head = next((at for at in range(shortest) if old[at] != new[at]), shortest)
    room = shortest - head
    tail = next((at for at in range(room) if old[-1 - at] != new[-1 - at]), room)
    return old[head : len(old) - tail], new[head : len(new) - tail]


def _lines_in_common(old: Sequence[bytes], new: Sequence[bytes]) -> int:
    """The length of a longest common subsequence; 0 where the two are too tangled to find out
    cheaply."""
    shared = set(old) & set(new)  # a line that one side lacks is in no common subsequence
    left = [line for line in old if line in shared]
    right = [line for line in new if line in shared]
    return _longest_common(left, right) if max(len(left), len(right)) <= MATCHED_AT_MOST else 0


def _longest_common(left: Sequence[bytes], right: Sequence[bytes]) -> int:
    """Bit-parallel: one long integer holds a row of the dynamic programme, a zero bit for each step
    of the answer.

    Source: H. Hyyrö, "Bit-parallel LCS-length computation revisited" (2004).
    """
    where: dict[bytes, int] = {}
    for at, line in enumerate(left):
        where[line] = where.get(line, 0) | 1 << at
    full = row = (1 << len(left)) - 1
    for line in right:
        matches = row & where[line]
        row = ((row + matches) | (row - matches)) & full
    return len(left) - row.bit_count()


def _only_in(lines: Sequence[bytes], others: Sequence[bytes]) -> Sequence[bytes]:
    """Each line that `lines` has more often than `others`."""
    spare = Counter(others)
    found = []
    for line in lines:
        if spare[line]:
            spare[line] -= 1
        else:
            found.append(line)
    return found
