"""Signs of life: what they show at each moment, and what of them is kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.presence import SILENT, STUCK, Doing, Life, Presence, life, presence_in

BEGAN = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)
SIGN = Presence("factory up", "shed", 4711, BEGAN, BEGAN, BEGAN)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("sign", "after", "shown"),
    [
        (None, timedelta(), Life.NOBODY),
        (SIGN, SILENT, Life.AT_WORK),
        (SIGN, SILENT + MOMENT, Life.DIED),
        (SIGN, -timedelta(hours=1), Life.AT_WORK),
        (replace(SIGN, is_gone=True), timedelta(), Life.DIED),
        (replace(SIGN, is_gone=True, left=BEGAN), timedelta(), Life.LEFT),
        (replace(SIGN, beat=BEGAN + STUCK), STUCK, Life.AT_WORK),
        (replace(SIGN, beat=BEGAN + STUCK), STUCK + MOMENT, Life.STUCK),
        (replace(SIGN, left=BEGAN, how="in good order"), timedelta(days=9), Life.LEFT),
    ],
    ids=[
        "nobody",
        "quiet",
        "silent",
        "a clock set back",
        "gone",
        "gone as it left",
        "slow",
        "stuck",
        "left",
    ],
)
def test_what_a_sign_shows_after_a_while(sign, after, shown) -> None:
    assert life(sign, BEGAN + after) is shown


def test_a_dead_factory_is_known_before_two_looks_of_it() -> None:
    assert timedelta(seconds=2 * 30.0) >= SILENT


@pytest.mark.parametrize(
    "sign",
    [
        SIGN,
        replace(SIGN, doing=Doing.DOWN, looked=BEGAN, looks_again=BEGAN + STUCK, is_staying=False),
        replace(SIGN, left=BEGAN, how="in good order"),
    ],
)
def test_what_is_kept_is_the_same_when_it_is_read(sign) -> None:
    assert presence_in(sign.document()) == sign
    assert presence_in({**sign.document(), "of a later version": 1}) == sign


@pytest.mark.parametrize(
    "document",
    [{}, {"doing": "dancing"}, {**SIGN.document(), "beat": "soon"}, {**SIGN.document(), "beat": 3}],
)
def test_what_is_no_sign_is_refused(document) -> None:
    with pytest.raises(ValueError):
        presence_in(document)


def test_what_a_sign_lacks_is_named() -> None:
    with pytest.raises(ValueError, match=r"^no sign of life: 'doing'$"):
        presence_in({})
