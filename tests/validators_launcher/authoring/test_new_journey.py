"""`new`: what an issue shows is taken over, what nobody said is named, and nothing else."""

import pytest

from validators.authoring.new_journey import Answers, Through, drafted, guessed
from validators.language.check import checked, complaints
from validators.language.lint import warnings

ISSUE = """---
title: A booking is lost
---
I enter "Group size" and then press "Book", see `/walks/3`.

**Expected:** "Booked for 4", for ever.
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ISSUE, Answers(Through.PAGE, "/walks/3", ("Group size",), "Book", "Booked for 4")),
        ("`POST /api/walks` answers 500.", Answers(Through.API, "POST /api/walks")),
        (
            "It should print:\n\n    $ walks list --all\n",
            Answers(Through.COMMAND, "walks list --all"),
        ),
        (
            'Fill in "Name", "Place" and "Day", click "Go".',
            Answers(Through.PAGE, "", ("Name", "Place", "Day"), "Go"),
        ),
        (
            'POST /api/walks with {"name": "Ada", "size": 4}',
            Answers(Through.API, "POST /api/walks", ("name", "size")),
        ),
        (
            "Lost:\n\n    $ walks add Ada\n    $ walks list\n",
            Answers(Through.COMMAND, "walks add Ada && walks list"),
        ),
        ('Press "{{ any.name }}" or "<fill in: x>".', Answers()),
        ("", Answers()),
    ],
)
def test_what_an_issue_shows_is_found_in_its_words(text: str, shown: Answers) -> None:
    assert guessed(text) == shown


@pytest.mark.parametrize(
    "answers",
    [
        Answers(Through.PAGE, "/walks", ("Name", "Group size"), "Book", "{Name} has {Group size}"),
        Answers(Through.PAGE, "", ("E-mail", "e mail", "any", "名前", "12"), "Send"),
        Answers(Through.API, "POST /api/walks", ("name", "when"), "", "{name}"),
        Answers(Through.API, "GET /api/walks", ("q",)),
        Answers(Through.API, "SOCKET /live", ("name",)),
        Answers(Through.COMMAND, "walks add {name} --size {size}", see="Booked for {size}"),
        Answers(Through.COMMAND, "walks add {name} && walks list", see="{name}"),
    ],
)
def test_with_every_answer_the_draft_may_be_sealed_and_everything_in_it_is_drawn(
    answers: Answers,
) -> None:
    journey = checked(drafted(ISSUE, answers))
    assert journey.name == "a-booking-is-lost"
    assert warnings(journey) == ()


@pytest.mark.parametrize(
    ("answers", "missing"),
    [
        (Answers(), ["the label of a field", "the button"]),
        (Answers(Through.API), ["a path, like /api/walks", "words that must be there"]),
        (Answers(Through.COMMAND, "walks | sort"), ["the tool", "words that must be there"]),
    ],
)
def test_without_answers_the_check_names_each_place_that_is_left(
    answers: Answers, missing: list[str]
) -> None:
    found = "\n".join(complaints(drafted("", answers)))
    assert all(f"still to be filled in: {one}" in found for one in missing), found


def test_words_of_an_issue_cannot_leave_their_comment_or_their_value() -> None:
    hostile = 'title: x\n\x1b[2J\u2028journey: evil\npress "a\\", evil: b"\n' + "long " * 2000
    draft = drafted(hostile, Answers(see='"}, evil: {', press="off", fields=("a: b",)))
    journey = checked(draft)
    assert journey.name == "x"
    assert "\x1b" not in draft
    comments = [line for line in draft.splitlines() if line.startswith("#")]
    assert len(comments) < 50
    assert max(map(len, comments)) <= 100
