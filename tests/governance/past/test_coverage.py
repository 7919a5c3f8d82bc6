"""What the rules and the mission came to: how often asked, when they refused, who went on all the
same."""

from harness.domain.facts import UNKNOWN
from harness.domain.governance import Status
from harness.governance.past.coverage import Cited, Override, coverage
from tests.governance.policy_texts import answered, governance, rule_text

POLICY = governance(
    rule_text("level: enforced\ncheck: {files: {max: 1}}"),
    rule_text("level: enforced\ncheck: {attempts: {max: 3}}", rule_id="F-TWO"),
)


def row(found, rule="F-ONE"):
    return next(one for one in found.rules if one.rule == rule)


def test_each_answer_counts_as_what_it_was() -> None:
    found = row(
        coverage(
            POLICY,
            [
                answered(passed=True),
                answered(entry=2),
                answered(entry=3, passed=UNKNOWN),
                answered(status=Status.SHADOW),
                answered(status=Status.SHADOW, passed=True),
                answered(status=Status.OFF),
            ],
            [],
        )
    )
    assert (found.asked, found.held, len(found.refused), found.would_have) == (6, 2, 2, 1)
    assert found.last_refused == "2030-05-03T00:00:00Z"


def test_a_rule_that_was_never_asked_is_there_with_nothing() -> None:
    found = row(coverage(POLICY, [answered()], []), "F-TWO")
    assert (found.asked, found.refused, found.last_refused, found.stated) == (0, (), "", True)


def test_what_the_text_no_longer_states_comes_last_and_is_marked() -> None:
    found = coverage(POLICY, [answered("F-GONE")], [Cited("M-GONE", 1, 1, "")])
    assert (found.rules[-1].rule, found.rules[-1].stated, found.rules[-1].asked) == (
        "F-GONE",
        False,
        1,
    )
    assert (found.entries[-1].id, found.entries[-1].stated) == ("M-GONE", False)


def test_an_override_is_of_a_refusal_only() -> None:
    found = row(
        coverage(
            POLICY,
            [
                answered(overridden=Override.MERGED),
                answered(passed=True, overridden=Override.MERGED),
                answered(status=Status.SHADOW, overridden=Override.MERGED),
                answered(),
            ],
            [],
        )
    )
    assert [one.overridden for one in found.overridden] == [Override.MERGED]


def test_an_entry_is_cited_appealed_against_and_accepted() -> None:
    cites = [
        Cited("M-NOPAY", 1, 1, ""),
        Cited("M-NOPAY", 2, 2, "", appealed=True),
        Cited("M-NOPAY", 3, 3, "", appealed=True, accepted=True),
        Cited("M-BOOK", 4, 4, "", accepted=True),
    ]
    found = {one.id: one for one in coverage(POLICY, [], cites).entries}
    assert (found["M-NOPAY"].cited, [one.issue for one in found["M-NOPAY"].appealed]) == (3, [2, 3])
    assert [one.issue for one in found["M-NOPAY"].accepted] == [3]
    assert (found["M-BOOK"].cited, found["M-BOOK"].accepted, found["M-TIDE"].cited) == (1, (), 0)
