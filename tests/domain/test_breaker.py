"""The breaker of one model in one role: it opens, rests, is tried by one run, and closes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.model_choice.breaker import (
    BreakerSettings,
    Circuit,
    ModelBreaker,
    ModelSignal,
    Observation,
    breaker,
)

DAWN = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
SETTINGS = BreakerSettings(failures=3, window_minutes=60, rest_minutes=30)
FAILED, ANSWERED, PROBE = ModelSignal.FAILED, ModelSignal.ANSWERED, ModelSignal.PROBE


def minute(number: float) -> datetime:
    return DAWN + timedelta(minutes=number)


def observations(
    *signals: tuple[ModelSignal, float] | tuple[ModelSignal, float, str],
) -> list[Observation]:
    """Each on an issue of its own."""
    return [
        Observation(one[0], one[2] if len(one) == 3 else f"run-{place}", minute(one[1]), place)
        for place, one in enumerate(signals)
    ]


@pytest.mark.parametrize(
    ("signals", "at", "circuit"),
    [
        ([], 0, Circuit.CLOSED),
        ([(FAILED, 0), (FAILED, 1)], 2, Circuit.CLOSED),
        ([(FAILED, 0), (FAILED, 1), (FAILED, 2)], 3, Circuit.OPEN),
        # the first is out of the window
        (
            [(FAILED, 0), (FAILED, 1), (FAILED, 60)],
            61,
            Circuit.CLOSED,
        ),
        ([(FAILED, 0), (ANSWERED, 1), (FAILED, 2), (FAILED, 3)], 4, Circuit.CLOSED),
        ([(FAILED, 0), (FAILED, 1), (FAILED, 2)], 31, Circuit.OPEN),
        ([(FAILED, 0), (FAILED, 1), (FAILED, 2)], 32, Circuit.HALF_OPEN),
        ([(FAILED, 0), (FAILED, 1), (FAILED, 2), (ANSWERED, 40)], 41, Circuit.CLOSED),
        # one failure of a probe is enough
        (
            [(FAILED, 0), (FAILED, 1), (FAILED, 2), (PROBE, 40), (FAILED, 41)],
            70,
            Circuit.OPEN,
        ),
        ([(FAILED, 0), (FAILED, 1), (FAILED, 2), (PROBE, 40), (FAILED, 41)], 71, Circuit.HALF_OPEN),
        # however long ago it opened
        (
            [(FAILED, 0), (FAILED, 1), (FAILED, 2), (PROBE, 100), (FAILED, 101)],
            130,
            Circuit.OPEN,
        ),
        (
            [
                (FAILED, 0),
                (FAILED, 1),
                (FAILED, 2),
                (PROBE, 40),
                (ANSWERED, 41),
                (FAILED, 42),
                (FAILED, 43),
            ],
            44,
            Circuit.CLOSED,
        ),
    ],
)
def test_the_state_of_the_circuit(signals, at, circuit) -> None:
    assert (
        breaker(
            observations(*signals), breaker_settings=SETTINGS, now=minute(at), run="now"
        ).circuit
        is circuit
    )


def test_what_one_issue_makes_a_model_do_rests_it_for_nobody() -> None:
    """An issue whose words make every attempt come to nothing paused the factory once there was no
    other model."""
    signals = [Observation(FAILED, f"run-{number}", minute(number), 7) for number in range(9)]
    assert breaker(signals, breaker_settings=SETTINGS, now=minute(9), run="now") == ModelBreaker(
        Circuit.CLOSED, 1
    )
    signals += [Observation(FAILED, f"other-{issue}", minute(10), issue) for issue in (8, 9)]
    assert (
        breaker(signals, breaker_settings=SETTINGS, now=minute(11), run="now").circuit
        is Circuit.OPEN
    )


def test_an_open_circuit_has_its_end() -> None:
    found = breaker(
        observations((FAILED, 0), (FAILED, 1), (FAILED, 2)),
        breaker_settings=SETTINGS,
        now=minute(5),
        run="now",
    )
    assert (found.until, found.failures) == (minute(32), 3)


def test_while_one_run_tries_it_no_other_does() -> None:
    signals = observations((FAILED, 0), (FAILED, 1), (FAILED, 2), (PROBE, 40, "first"))
    assert (
        breaker(signals, breaker_settings=SETTINGS, now=minute(41), run="first").circuit
        is Circuit.HALF_OPEN
    )
    other = breaker(signals, breaker_settings=SETTINGS, now=minute(41), run="second")
    assert other == ModelBreaker(Circuit.OPEN, 3, minute(70))
    assert breaker(
        signals, breaker_settings=SETTINGS, now=minute(70), run="second"
    ) == ModelBreaker(Circuit.HALF_OPEN, 3)


def test_of_two_runs_that_try_it_at_once_the_first_does() -> None:
    signals = observations(
        (FAILED, 0), (FAILED, 1), (FAILED, 2), (PROBE, 40, "first"), (PROBE, 40.1, "second")
    )
    assert (
        breaker(signals, breaker_settings=SETTINGS, now=minute(41), run="first").circuit
        is Circuit.HALF_OPEN
    )
    assert (
        breaker(signals, breaker_settings=SETTINGS, now=minute(41), run="second").circuit
        is Circuit.OPEN
    )


def test_a_run_that_was_to_try_it_and_died_holds_nobody_up_for_ever() -> None:
    signals = observations((FAILED, 0), (FAILED, 1), (FAILED, 2), (PROBE, 40, "dead"))
    assert (
        breaker(signals, breaker_settings=SETTINGS, now=minute(70), run="second").circuit
        is Circuit.HALF_OPEN
    )


def test_a_second_try_may_begin_as_soon_as_the_first_ones_rest_is_over() -> None:
    signals = observations(
        (FAILED, 0), (FAILED, 1), (FAILED, 2), (PROBE, 40, "first"), (PROBE, 70, "second")
    )
    assert (
        breaker(signals, breaker_settings=SETTINGS, now=minute(71), run="second").circuit
        is Circuit.HALF_OPEN
    )
    assert breaker(signals, breaker_settings=SETTINGS, now=minute(71), run="first").until == minute(
        100
    )


def test_a_failure_no_longer_counts_as_soon_as_the_window_is_over() -> None:
    assert [
        breaker(
            observations((FAILED, 0)), breaker_settings=SETTINGS, now=minute(at), run="now"
        ).failures
        for at in (59, 60)
    ] == [1, 0]


SIGNALS = st.lists(st.tuples(st.sampled_from(list(ModelSignal)), st.integers(0, 30)), max_size=30)


@given(signals=SIGNALS, after=st.integers(0, 200))
def test_it_never_rests_for_longer_than_its_rest_after_the_last_signal(signals, after) -> None:
    at, timed = 0, []
    for signal, gap in signals:
        at += gap
        timed.append((signal, at))
    found = breaker(
        observations(*timed), breaker_settings=SETTINGS, now=minute(at + after), run="now"
    )
    assert found.until is None or minute(at + after) < found.until <= minute(at) + SETTINGS.rest
    if after >= SETTINGS.rest_minutes:
        assert found.circuit is not Circuit.OPEN


@given(signals=SIGNALS)
def test_an_answer_always_closes_it(signals) -> None:
    timed = [(signal, number) for number, (signal, _) in enumerate(signals)]
    found = breaker(
        observations(*timed, (ANSWERED, len(signals))),
        breaker_settings=SETTINGS,
        now=minute(len(signals)),
        run="now",
    )
    assert (found.circuit, found.failures) == (Circuit.CLOSED, 0)
