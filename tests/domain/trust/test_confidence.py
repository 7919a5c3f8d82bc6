"""Trust is a number from outcomes: it starts below every merge, never reaches 1, and an unknown
fact makes it 0."""

import random
from dataclasses import fields, replace
from datetime import timedelta
from functools import cache
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.facts import UNKNOWN
from harness.domain.trust import (
    Basis,
    ChangeTraits,
    Confidence,
    Decision,
    Followed,
    Grant,
    Level,
    Outcome,
    Thresholds,
    calibration_error,
    confidence,
    decide,
    in_area,
    learned,
    level_of,
    reliability,
    wilson,
)
from harness.domain.trust.logistic import fit, sigmoid
from harness.domain.trust.model import ENOUGH_OUTCOMES, RAREST, Forecast
from tests.domain.trust.generated import BEGAN, past, truths

APP = ChangeTraits("app", "bug", 10, 2, 0, 0, 0, 0, True, True)
USUAL = Thresholds()


def landed(*outcomes, traits=APP):
    return tuple(
        Followed(at, f"{at}", traits, one, BEGAN + timedelta(at), BEGAN + timedelta(at + 7))
        for at, one in enumerate(outcomes, 1)
    )


def stayed(count, **given):
    return landed(*[Outcome.STAYED] * count, **given)


def test_a_fresh_repository_merges_nothing_alone_whatever_the_threshold() -> None:
    found = confidence(APP, ())
    assert (found.basis, found.outcomes) == (Basis.PRIOR, 0)
    assert decide(found, USUAL) is Decision.REVIEW
    assert decide(found, Thresholds(0.1, 0.05, 0.01)) is Decision.REVIEW


@pytest.mark.parametrize("count", range(60))
def test_evidence_alone_leads_to_a_merge_and_only_enough_of_it(count) -> None:
    wanted = Decision.MERGE if count >= 16 else Decision.REVIEW
    assert decide(confidence(APP, stayed(count)), USUAL) is wanted


def test_another_areas_evidence_merges_nothing_here() -> None:
    elsewhere = stayed(500, traits=replace(APP, area="docs"))
    assert decide(confidence(APP, elsewhere), USUAL) is not Decision.MERGE


@pytest.mark.parametrize("name", [one.name for one in fields(ChangeTraits)])
def test_one_unknown_fact_makes_it_zero(name) -> None:
    missing = replace(APP, **{name: "" if name in ("area", "kind") else UNKNOWN})
    found = confidence(missing, stayed(300))
    assert found == Confidence(0.0, 0.0, 1.0, Basis.UNKNOWN, 0, (name,))
    assert decide(found, USUAL) is Decision.REJECT


@given(st.lists(st.sampled_from(Outcome), max_size=80))
def test_it_is_never_one_and_lies_within_its_bounds(outcomes) -> None:
    found = confidence(APP, landed(*outcomes))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.value < 1


def test_what_is_still_open_counts_for_nothing() -> None:
    assert confidence(APP, landed(*[Outcome.OPEN] * 50)) == confidence(APP, ())


@pytest.mark.parametrize("bad", [Outcome.AMENDED, Outcome.REGRESSED, Outcome.REVERTED])
def test_whatever_did_not_stay_lowers_it(bad) -> None:
    assert confidence(APP, (*stayed(30), *landed(bad))).value < confidence(APP, stayed(30)).value


def test_failures_that_are_known_early_do_not_stand_for_the_whole() -> None:
    """Ninety landings within the days that each is followed: half of the early ones failed already,
    and none can have stayed yet."""
    early = [
        replace(one, outcome=Outcome.AMENDED if at % 2 else Outcome.OPEN)
        for at, one in enumerate(stayed(90))
    ]
    found = confidence(APP, early)
    assert (found.basis, found.outcomes) == (Basis.PRIOR, 0)
    assert 0.45 < found.value < 0.55


def test_a_row_of_failures_is_felt_before_any_of_its_days_are_over() -> None:
    fresh = landed(*[Outcome.STAYED] * 40, *[Outcome.AMENDED] * 10)
    assert confidence(APP, stayed(40)).value > 0.95
    assert confidence(APP, fresh).value < 0.85


def test_the_order_in_which_a_past_is_given_changes_no_number() -> None:
    found = past(1, 300)
    assert confidence(APP, found) == confidence(APP, found[::-1])


def test_each_threshold_is_where_its_decision_begins() -> None:
    def at(value):
        return decide(Confidence(value, 0, 1, Basis.COUNTS, 20), USUAL)

    found = [at(value) for value in (0.95, 0.9499, 0.70, 0.6999, 0.40, 0.3999, 0.0)]
    names = ["merge", "review", "review", "retry", "retry", "reject", "reject"]
    assert found == names


@pytest.mark.parametrize("wrong", [(0.9, 0.95, 0.4), (0.9, 0.4, 0.7), (1, 0.7, 0.4), (0.9, 0.7, 0)])
def test_thresholds_out_of_order_are_refused(wrong) -> None:
    with pytest.raises(
        ValueError, match=r"^expected 0 < retry <= review <= merge < 1, found retry"
    ):
        Thresholds(*wrong)


def test_thresholds_may_be_one() -> None:
    assert Thresholds(0.5, 0.5, 0.5).merge == 0.5


def test_the_model_answers_once_there_is_enough_and_of_both_kinds() -> None:
    assert learned(past(0, ENOUGH_OUTCOMES - 1)).model is None
    assert learned(past(0, ENOUGH_OUTCOMES)).model is not None
    assert learned(stayed(ENOUGH_OUTCOMES)).model is None, "nothing ever failed: nothing to learn"
    good = [Outcome.STAYED] * (ENOUGH_OUTCOMES - RAREST)
    assert learned(landed(*[Outcome.AMENDED] * (RAREST - 1), *good, *good)).model is None
    assert learned(landed(*[Outcome.AMENDED] * RAREST, *good)).model is not None


def test_the_model_tells_risky_changes_from_safe_ones() -> None:
    found = learned(past(2, 300))
    safe = found.confidence(ChangeTraits("docs", "chore", 5, 1, 0, 0, 0, 0, True, True))
    risky = found.confidence(ChangeTraits("billing", "feature", 600, 9, 2, 2, 1, 4, True, True))
    assert safe.basis is risky.basis is Basis.MODEL
    assert risky.value < risky.high < safe.value


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_model_is_calibrated_on_landings_that_it_has_not_seen(seed) -> None:
    found = learned(past(seed, 300))
    fresh = truths(seed + 1000, 2000)
    values = [found.confidence(one.traits).value for one in fresh]
    error = abs(sum(values) - sum(one.stays for one in fresh)) / len(fresh)
    assert error < 0.05
    assert max(values) <= 1 - 1 / (300 + 2)


def test_a_forecast_does_not_know_its_own_outcome() -> None:
    """Coins cannot be foretold: a table that rows were fitted on would say that they can."""
    coins, chance = past(5, 300), random.Random(5)
    flipped = [
        replace(one, outcome=chance.choice((Outcome.STAYED, Outcome.AMENDED))) for one in coins
    ]
    found = learned(flipped).forecasts
    hits = sum((one.predicted >= 0.5) == one.stayed for one in found) / len(found)
    assert hits < 0.6


def varied(seed: int, count: int) -> list[Followed]:
    """A past in which what was shown of a change says something, too: without a journey that was
    red on base, or with a control that did not hold, it stays less often."""
    chance, found = random.Random(f"{seed}/varied"), []
    for one in past(seed, count):
        red, held = chance.random() < 0.7, chance.random() < 0.8
        worse = (not red and chance.random() < 0.3) or (not held and chance.random() < 0.5)
        traits = replace(one.traits, red_on_base=red, controls_held=held)
        outcome = Outcome.AMENDED if worse else one.outcome
        found.append(replace(one, traits=traits, outcome=outcome))
    return found


@pytest.mark.parametrize(
    ("change", "numbers"),
    [
        ({}, (0.8773, 0.813, 0.9217)),
        ({"kind": "chore", "area": "docs"}, (0.8553, 0.779, 0.9084)),
        ({"kind": "feature"}, (0.8335, 0.761, 0.8874)),
        ({"lines": 400}, (0.8224, 0.7174, 0.8942)),
        ({"files": 9}, (0.8868, 0.8016, 0.9383)),
        ({"rounds": 2}, (0.8109, 0.5084, 0.9468)),
        ({"retries": 2}, (0.7448, 0.4348, 0.9172)),
        ({"tier": 1}, (0.9256, 0.7924, 0.9759)),
        ({"findings": 4}, (0.8906, 0.6196, 0.976)),
        ({"controls_held": False}, (0.7193, 0.6094, 0.808)),
        ({"red_on_base": False}, (0.7425, 0.6431, 0.822)),
        (
            {"area": "billing", "lines": 900, "rounds": 3, "red_on_base": False},
            (0.3706, 0.0857, 0.7871),
        ),
    ],
)
def test_the_same_past_gives_these_numbers(change, numbers) -> None:
    """What lands depends on them: whoever changes the arithmetic changes them knowingly."""
    found = learned_of_varied().confidence(replace(APP, **change))
    assert (found.value, found.low, found.high) == numbers
    assert (found.basis, found.outcomes) == (Basis.MODEL, 299)


@cache
def learned_of_varied():
    return learned(varied(7, 300))


@pytest.mark.parametrize(("count", "most"), [(202, 0.995), (208, 0.9952)])  # 1 - 1/204, 1 - 1/210
def test_the_model_is_no_more_certain_than_so_many_good_outcomes_could_make_it(count, most) -> None:
    clear = [
        replace(one, traits=replace(APP, rounds=6), outcome=Outcome.AMENDED)
        if at % 10 == 0
        else one
        for at, one in enumerate(stayed(count))
    ]
    found = confidence(APP, clear)
    assert found == Confidence(most, most, 1.0, Basis.MODEL, count)


def test_the_same_past_gives_these_forecasts() -> None:
    # made anew: what another test has made would hide who sees it
    found = learned(varied(7, 300))
    assert found.forecasts == found.model.forecasts
    assert [(round(one.predicted, 4), one.stayed) for one in found.forecasts[40:46]] == [
        (0.8418, True),
        (0.8137, True),
        (0.8075, True),
        (0.8235, False),
        (0.7502, True),
        (0.7336, False),
    ]
    assert round(fsum(one.predicted for one in found.forecasts), 3) == 211.776


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("bug", (0.8666, 0.5589, 0.9709, 9)),
        ("chore", (0.7809, 0.4158, 0.947, 9)),
        ("feature", (0.8205, 0.3523, 0.9746, 9)),
    ],
)
def test_a_kind_with_outcomes_of_its_own_stands_on_them(kind, numbers) -> None:
    few = (
        *stayed(6),
        *landed(Outcome.AMENDED, Outcome.STAYED, Outcome.STAYED, traits=replace(APP, kind="chore")),
        *landed(Outcome.AMENDED, Outcome.STAYED, traits=replace(APP, area="docs")),
    )
    found = confidence(replace(APP, kind=kind), few)
    assert (found.value, found.low, found.high, found.outcomes) == numbers


def test_as_many_outcomes_as_are_enough_make_a_number_more_than_a_prior() -> None:
    assert confidence(APP, stayed(4)).basis is Basis.PRIOR
    assert confidence(APP, stayed(5)).basis is Basis.COUNTS


def test_what_becomes_known_as_a_change_lands_was_not_known_before_it() -> None:
    first, second = stayed(2)
    found = (first, replace(second, landed=first.known, known=first.known + timedelta(7)))
    assert learned(found).forecasts == (Forecast(0.75, stayed=True), Forecast(0.75, stayed=True))
    later = replace(found[1], landed=first.known + timedelta(seconds=1))
    assert learned((first, later)).forecasts[1] == Forecast(0.8, stayed=True)


def test_before_there_is_a_model_the_counts_foretell() -> None:
    found = learned(landed(Outcome.STAYED, Outcome.AMENDED, Outcome.STAYED, Outcome.AMENDED))
    assert found.model is None
    assert [one.stayed for one in found.forecasts] == [True, False, True]


def test_a_table_counts_each_forecast_once() -> None:
    found = learned(past(3, 300))
    bins = reliability(found.forecasts)
    assert sum(one.count for one in bins) == len(found.forecasts) == 300
    assert 0 < calibration_error(bins) < 0.1
    assert all(one.low <= one.observed <= one.high for one in bins)


def test_a_bin_begins_at_its_edge_and_its_error_counts_for_each_that_it_holds() -> None:
    seen = [Forecast(0.7, stayed=True), Forecast(0.75, stayed=False), Forecast(0.8, stayed=True)]
    low, high = reliability(seen)
    assert (low.begin, low.end, low.count, low.observed) == (0.7, 0.8, 2, 0.5)
    assert (high.begin, high.end, high.count, high.observed) == (0.8, 0.9, 1, 1.0)
    assert calibration_error((low, high)) == pytest.approx((2 * 0.225 + 0.2) / 3)
    assert calibration_error(()) == 0


def test_the_logistic_fit_is_where_the_likelihood_is_flat() -> None:
    rows = [(1.0, value / 10) for value in range(-20, 21)]
    hits = [value > 0 or value % 3 == 0 for value in range(-20, 21)]
    found = fit(rows, hits, ridge=0.5)
    errors = [hit - sigmoid(found.score(row)) for row, hit in zip(rows, hits, strict=True)]
    assert sum(errors) == pytest.approx(0, abs=1e-6)
    slope = sum(error * row[1] for error, row in zip(errors, rows, strict=True))
    assert slope == pytest.approx(0.5 * found.weights[1], abs=1e-6)
    assert found.spread((1.0, 2.0)) > found.spread((1.0, 0.0)) > 0


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (1, 1, 0.2065, 1.0),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilsons_interval_is_the_published_one(hits, trials, low, high) -> None:
    assert wilson(hits, trials) == pytest.approx((low, high), abs=1e-4)


def test_nobody_has_a_level_without_evidence_but_by_the_owners_file() -> None:
    assert level_of("app", (), None) is Level.SHADOW
    assert level_of("app", (), Grant(Level.FULL)) is Level.FULL
    assert level_of("app", stayed(9), None) is Level.SHADOW
    assert level_of("app", stayed(10), None) is Level.SMALL
    assert level_of("app", stayed(29), None) is Level.SMALL
    assert level_of("app", stayed(30), None) is Level.FULL
    assert level_of("docs", stayed(30), None) is Level.SHADOW
    elsewhere = landed(Outcome.STAYED, traits=replace(APP, area="docs"))
    assert level_of("app", (*elsewhere, *stayed(10)), None) is Level.SMALL


def test_outcomes_raise_nothing_above_the_owners_grant() -> None:
    for level in Level:
        assert level_of("app", stayed(99), Grant(level)) is level


@pytest.mark.parametrize("bad", [Outcome.REGRESSED, Outcome.REVERTED])
@pytest.mark.parametrize("grant", [None, Grant(Level.FULL)])
def test_a_revert_takes_a_level_back_whoever_gave_it(bad, grant) -> None:
    found = [*[Outcome.STAYED] * 30, bad]
    assert level_of("app", landed(*found), grant) is Level.SMALL
    assert level_of("app", landed(*found, bad), grant) is Level.SHADOW
    assert level_of("app", landed(*found, *[Outcome.STAYED] * 20), grant) is Level.FULL


def test_an_amendment_takes_no_level_back_and_breaks_the_row() -> None:
    found = [*[Outcome.STAYED] * 9, Outcome.AMENDED, *[Outcome.STAYED] * 9]
    assert level_of("app", landed(*found), None) is Level.SHADOW


def test_the_owner_may_grant_again_what_was_taken_back() -> None:
    found = landed(Outcome.REVERTED)
    again = Grant(Level.FULL, since=found[0].known + timedelta(seconds=1))
    assert level_of("app", found, Grant(Level.FULL)) is Level.SMALL
    assert level_of("app", found, again) is Level.FULL
    at_once = Grant(Level.FULL, since=found[0].known)
    assert level_of("app", found, at_once) is Level.SMALL, "it was not known before"


def test_a_rule_sees_what_touches_its_paths() -> None:
    (one,) = stayed(1)
    found = in_area([replace(one, paths=("web/a.py", "x"))], "front", lambda path: path == "x")
    assert [found[0].traits.area, *(in_area([one], "front", lambda path: True))] == ["front", one]
