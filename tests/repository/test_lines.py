"""Line counts that nothing in the change can talk down."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.repository.lines import MATCHED_AT_MOST, line_change
from tests.repository.naive import git
from tests.tiers import share

few_lines = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"d\r\n"]), max_size=12).map(
    b"".join
)


def longest_common(left: list[bytes], right: list[bytes]) -> int:
    """The textbook's table, as an oracle."""
    row = [0] * (len(right) + 1)
    for mine in left:
        before = row[:]
        for at, other in enumerate(right):
            row[at + 1] = before[at] + 1 if mine == other else max(before[at + 1], row[at])
    return row[-1]


@settings(max_examples=share(300), deadline=None)
@given(few_lines, few_lines)
def test_the_count_is_the_smallest_there_is(old, new) -> None:
    kept = longest_common(old.splitlines(keepends=True), new.splitlines(keepends=True))
    change = line_change(old, new)
    assert change.added == len(new.splitlines()) - kept
    assert change.deleted == len(old.splitlines()) - kept


@settings(max_examples=share(100), deadline=None)
@given(few_lines, few_lines)
def test_what_is_fresh_is_in_the_new_file_and_makes_up_for_what_the_old_one_lacks(old, new) -> None:
    fresh = line_change(old, new).fresh.splitlines(keepends=True)
    for line in set(new.splitlines(keepends=True)):
        before, after = (
            old.splitlines(keepends=True).count(line),
            new.splitlines(keepends=True).count(line),
        )
        assert fresh.count(line) == max(0, after - before)


def test_it_equals_gits_count_for_an_ordinary_change(tmp_path: Path) -> None:
    random.seed(7)
    old = [b"line %d\n" % number for number in range(400)]
    new = [line for line in old if random.random() > 0.1]
    for _ in range(30):
        new.insert(random.randrange(len(new)), b"new %d\n" % random.randrange(1000))
    (tmp_path / "old").write_bytes(b"".join(old))
    (tmp_path / "new").write_bytes(b"".join(new))
    printed = git(tmp_path, "diff", "--no-index", "--numstat", "old", "new", check=False).split()
    change = line_change(b"".join(old), b"".join(new))
    assert (change.added, change.deleted) == (int(printed[0]), int(printed[1]))


def test_a_missing_last_newline_is_a_change_of_one_line() -> None:
    change = line_change(b"a\nb\n", b"a\nb")
    assert (change.added, change.deleted) == (1, 1)


def test_lone_carriage_returns_end_lines_as_python_reads_them() -> None:
    assert line_change(b"", b"a = 1\rb = 2\rc = 3\r").added == 3


def test_a_moved_line_is_counted_but_is_not_fresh() -> None:
    change = line_change(b"key\nx\ny\n", b"x\ny\nkey\n")
    assert (change.added, change.deleted, change.fresh) == (1, 1, b"")


@pytest.mark.parametrize(
    ("old", "new", "added", "deleted"),
    [
        (b"", b"x" * 5_000_000, 5_000, 0),
        (b"", b"x" * 1_000 + b"\n", 2, 0),
        (b"", b"x" * 999 + b"\n", 1, 0),
        (b"a\n" + b"x" * 4_000 + b"\nb\n", b"a\nb\n", 0, 5),
        (b"x" * 4_000 + b"\na\n", b"y" * 4_000 + b"\na\n", 5, 5),
        (b"x" * 4_000 + b"\na\n", b"x" * 4_000 + b"\nb\n", 1, 1),
    ],
)
def test_a_long_line_counts_as_what_there_is_to_read(old, new, added, deleted) -> None:
    change = line_change(old, new)
    assert (change.added, change.deleted) == (added, deleted)


def test_a_tangle_beyond_the_limit_is_counted_in_full_and_fast() -> None:
    old = [b"%d\n" % number for number in range(MATCHED_AT_MOST + 1)]
    began = time.thread_time()
    change = line_change(b"".join(old), b"".join(reversed(old)))
    assert (change.added, change.deleted, change.fresh) == (len(old), len(old), b"")
    assert time.thread_time() - began < 2


def test_a_large_tangle_below_the_limit_is_matched_in_little_time() -> None:
    old = [b"%d\n" % number for number in range(MATCHED_AT_MOST)]
    began = time.thread_time()
    change = line_change(b"".join(old), b"".join(reversed(old)))
    assert (change.added, change.deleted) == (len(old) - 1, len(old) - 1)
    assert time.thread_time() - began < 2
