"""Resemblance: the same text stays the same under small edits, and short or different texts are never taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.governance.likeness import NEARLY_THE_SAME, Earlier, likeness, nearest

TEXT = ("I booked a walk for my group, then pressed cancel, and the walk still shows fewer places than before I booked. "
        "To reproduce: open the walk, book it, cancel it, open the walk again.")


@pytest.mark.parametrize("other", [TEXT, TEXT.upper(), TEXT.replace(",", ""), f"{TEXT} Thanks!", f"Hello. {TEXT}"])
def test_a_text_edited_in_passing_is_nearly_the_same(other):
    assert likeness(TEXT, other) >= NEARLY_THE_SAME


@pytest.mark.parametrize("other", [
    "", "It does not work", TEXT.replace("walk", "boat").replace("book", "hire"),
    "After cancelling, the places stay taken: the walk shows fewer places than it has.",
    " ".join(reversed(TEXT.split())),
])
def test_another_text_is_not(other):
    assert likeness(TEXT, other) < NEARLY_THE_SAME


def test_a_text_of_few_words_says_nothing():
    assert likeness("It does not work", "It does not work") == 0.0


@given(st.text(max_size=300), st.text(max_size=300))
def test_it_is_a_share_and_does_not_depend_on_the_order(one, other):
    assert 0.0 <= likeness(one, other) == likeness(other, one) <= 1.0


def test_the_nearest_come_first_and_what_shares_no_word_does_not_come():
    far, near = Earlier(1, "Pay by card", "Please", "rejected"), Earlier(2, "Cancel", "the walk shows fewer places", "accepted")
    other = Earlier(3, "Walks", "which walk", "accepted")
    assert nearest(TEXT, (far, other, near), most=5) == (near, other)
    assert nearest(TEXT, (far, other, near), most=1) == (near,)
