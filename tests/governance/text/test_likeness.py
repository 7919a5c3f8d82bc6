"""Resemblance: the same text stays the same under small edits, and short or different texts are
never taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.governance.text.likeness import (
    ALIKE,
    NEARLY_THE_SAME,
    Earlier,
    Texts,
    likeness,
    near_duplicate,
    resemblance,
)

TEXT = (
    "I booked a walk for my group, then pressed cancel, and the walk still shows fewer places than"
    " before I booked. To reproduce: open the walk, book it, cancel it, open the walk again."
)


@pytest.mark.parametrize(
    "other", [TEXT, TEXT.upper(), TEXT.replace(",", ""), f"{TEXT} Thanks!", f"Hello. {TEXT}"]
)
def test_a_text_edited_in_passing_is_nearly_the_same(other) -> None:
    assert likeness(TEXT, other) >= NEARLY_THE_SAME


@pytest.mark.parametrize(
    "other",
    [
        "",
        "It does not work",
        TEXT.replace("walk", "boat").replace("book", "hire"),
        "After cancelling, the places stay taken: the walk shows fewer places than it has.",
        " ".join(reversed(TEXT.split())),
    ],
)
def test_another_text_is_not(other) -> None:
    assert likeness(TEXT, other) < NEARLY_THE_SAME


def test_a_text_of_few_words_proves_nothing() -> None:
    assert likeness("It does not work", "It does not work") == 0.0


@given(st.text(max_size=300), st.text(max_size=300))
def test_it_is_a_share_and_does_not_depend_on_the_order(one, other) -> None:
    assert 0.0 <= likeness(one, other) == likeness(other, one) <= 1.0


def test_the_likest_is_the_one_with_the_most_words_in_common_and_no_heap_of_them() -> None:
    near = f"{TEXT.replace('pressed cancel', 'aborted it')} Please mend this."
    heap = " ".join((TEXT, *(f"something{number}" for number in range(200))))
    texts = Texts()
    for number, text in enumerate((heap, near, near, "Pay by card, please"), 1):
        texts.learn(number, "", lambda text=text: text)
    assert texts.likest(TEXT, (1, 2, 3, 4), least=0.2) == 2
    assert texts.likest(TEXT, (1, 4), least=0.2) is None
    assert texts.likest(TEXT, (), least=0.2) is None


def test_reworded_it_is_still_alike_and_another_text_is_not() -> None:
    reworded = TEXT.replace("pressed cancel", "aborted it").replace("To reproduce:", "Steps:")
    assert resemblance(TEXT, reworded) >= ALIKE
    assert resemblance(TEXT, " ".join(reversed(TEXT.split()))) == 1.0
    other = (
        "The dates on the invoice page are written in the order of another country, which"
        " confuses us"
    )
    assert resemblance(TEXT, other) < ALIKE


def flood(number):
    words = TEXT.split()
    return Earlier(number, "Cancel", " ".join(words[number:] + words[:number]), "accepted")


def test_the_same_words_again_are_a_duplicate_and_rewordings_are_once_they_are_a_flood() -> None:
    assert (
        near_duplicate(
            TEXT, [Earlier(4, "", TEXT, "accepted"), Earlier(2, "Pay", "by card", "rejected")]
        ).number
        == 4
    )
    reversed_text = " ".join(reversed(TEXT.split()))
    assert near_duplicate(reversed_text, [flood(3), flood(7)]) is None
    assert near_duplicate(reversed_text, [flood(9), flood(3), flood(7)]).number == 3


def test_two_short_reports_in_one_form_are_not_alike_by_the_form() -> None:
    form = (
        "### What happened?\n{}\n### What did you expect to happen instead of this?\n{}\n### Which"
        " browser do you use?\n_No response_\n- [x] I have searched the existing issues and found"
        " none that is like this one\n"
    )
    one = form.format(
        "The places of the Eider are gone after cancelling my booking", "As many places as before"
    )
    other = form.format(
        "The invoice shows dates in another order on the printed page", "Day, month and year"
    )
    assert likeness(one, other) < NEARLY_THE_SAME
    assert resemblance(one, other) < ALIKE
    assert near_duplicate(other, [Earlier(1, "", one, "accepted")]) is None


WORDY = st.lists(st.sampled_from(TEXT.split()), max_size=24).map(" ".join)


@given(WORDY, st.lists(WORDY, max_size=8), st.data())
def test_texts_that_are_kept_give_the_answers_of_those_that_are_read(text, others, data) -> None:
    bodies = [*others, text, f"{text} again"][: data.draw(st.integers(0, len(others) + 2))]
    earlier = [Earlier(number, "", body, "accepted") for number, body in enumerate(bodies, 1)]
    texts = Texts()
    for issue in earlier:
        texts.learn(issue.number, "old", lambda: "something else than its text now")
        texts.learn(issue.number, issue.body, lambda issue=issue: issue.text)
    found = near_duplicate(text, earlier)
    assert texts.near_duplicate(text, [issue.number for issue in reversed(earlier)]) == (
        found.number if found else None
    )
    likest = max(
        earlier, key=lambda issue: (resemblance(text, issue.text), -issue.number), default=None
    )
    alike = likest is not None and resemblance(text, likest.text) >= 0.2
    assert texts.likest(text, [issue.number for issue in earlier], least=0.2) == (
        likest.number if alike else None
    )


def test_a_text_is_read_once_for_each_mark() -> None:
    texts, read = Texts(), []
    for mark in ("a", "a", "b", "b", "a"):
        texts.learn(7, mark, lambda: read.append(1) or "the places are gone")
    assert len(read) == 3


@pytest.mark.parametrize("count", [2, 3])
def test_a_flood_of_rewordings_is_one_among_texts_that_are_kept_too(count) -> None:
    texts, words = Texts(), TEXT.split()
    for number in range(1, count + 1):
        texts.learn(
            number,
            number,
            lambda number=number: " ".join(words[number * 7 :][::-1] + words[: number * 7]),
        )
    assert texts.near_duplicate(TEXT, range(1, count + 1)) == (1 if count == 3 else None)
