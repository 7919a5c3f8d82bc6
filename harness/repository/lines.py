"""How many lines a change adds and deletes, counted from raw bytes.

Git's own count follows attributes (`*.py binary` makes it print `- -`) and gives up at the first
NUL byte. This count follows none. A line ends at LF, CR LF or a lone CR, as in the Python
tokenizer, and NUL is a byte like others. It measures how much there is to read: a line of five
megabytes counts as one line for each thousand bytes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

# Lines that are neither at the shared ends nor unique. Beyond the limit they are counted instead of
# matched. At the limit the masks take about 25 MB, and the matching some tens of milliseconds.
MATCHED_AT_MOST = 20_000
LINE_BYTES = 1_000
"""Bytes of a line that count as one."""


@dataclass(frozen=True, slots=True)
class LineChange:
    """Lines added and deleted, and the new lines' bytes, in the order of the new file."""

    added: int
    deleted: int
    fresh: bytes


def line_change(old: bytes, new: bytes) -> LineChange:
    """The smallest number of whole lines to add and to delete that turns `old` into `new`.

    It is never more than git's own count, with two exceptions: lines longer than `LINE_BYTES`, and
    more than `MATCHED_AT_MOST` tangled lines, which all count as changed. `fresh` has each line
    that `new` contains more often than `old`, so a line that only moved is not in it.
    """
    before, after = _without_shared_ends(
        old.splitlines(keepends=True), new.splitlines(keepends=True)
    )
    kept = _lines_in_common(before, after)
    fresh, gone = _only_in(after, before), _only_in(before, after)
    return LineChange(
        len(after) - kept + _overlong(fresh), len(before) - kept + _overlong(gone), b"".join(fresh)
    )


def _overlong(lines: Sequence[bytes]) -> int:
    """How many more lines they count as because they are long."""
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
    """The length of a longest common subsequence; 0 if finding it would cost too much."""
    # A line that one side lacks is in no common subsequence.
    shared = set(old) & set(new)
    left = [line for line in old if line in shared]
    right = [line for line in new if line in shared]
    return _longest_common(left, right) if max(len(left), len(right)) <= MATCHED_AT_MOST else 0


def _longest_common(left: Sequence[bytes], right: Sequence[bytes]) -> int:
    """Bit-parallel dynamic programming: one long integer holds a row, with a zero bit for each step
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
