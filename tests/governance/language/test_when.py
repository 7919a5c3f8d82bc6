"""The condition language: what it means, what it refuses, and that it always ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.governance.language.when import DEEPEST, LONGEST, NAMES, WhenError, read_when
from tests.governance.policy_texts import touching

KNOWN = touching("a", "b", kind="bug", labels=frozenset({"docs", "ui"}), attempts=2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('kind == "bug"', True),
        ('kind != "bug"', False),
        ('not kind == "bug"', False),
        ("attempts >= 2", True),
        ("attempts < 2", False),
        ("2 <= attempts", True),
        ("files == 2", True),
        ("changed_lines > 1.5", True),
        ('"docs" in labels', True),
        ('"api" not in labels', True),
        ('kind in ["bug", "chore"]', True),
        ('kind not in ["bug"]', False),
        ('kind == "bug" and attempts == 3', False),
        ('kind == "chore" or attempts == 2', True),
        ('kind == "chore" or kind == "bug" and attempts == 2', True),
        ('(kind == "chore" or kind == "bug") and attempts == 9', False),
        ('author == "x"', UNKNOWN),
        ('not author == "x"', UNKNOWN),
        ('author == "x" and kind == "bug"', UNKNOWN),
        ('author == "x" and kind == "chore"', False),
        ('kind == "chore" and author == "x"', False),
        ('author == "x" or kind == "bug"', True),
        ('author == "x" or kind == "chore"', UNKNOWN),
        ("spend_usd > 1", UNKNOWN),
        ("added_lines == 2", True),
        ("deleted_lines > 0", False),
        ("dependencies > 0", UNKNOWN),
    ],
)
def test_a_condition_has_the_value_it_describes(text, value) -> None:
    assert read_when(text).holds(KNOWN) is value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: expected a fact"),
        ("kind", "column 5: expected a comparison"),
        ('knd == "bug"', "did you mean `kind`?"),
        ('zzzz == "x"', "known: added_lines"),
        ('kind == "bug', "column 9"),
        ('kind == "bug" files', "expected the end"),
        ('(kind == "bug"', "expected `)`"),
        ('kind > "bug"', "column 6"),
        ("labels == 3", "column 8"),
        ('files == "three"', "a number"),
        ('"a" in kind', "a set of words"),
        ('kind not "bug"', "`in` after `not`"),
        ("kind in []", "a word in quotes"),
        ('kind in ["a" "b"]', "expected `]`"),
        ("kind == bug", "none called `bug`"),
        ("__import__('os')", "column 1"),
        ("attempts > \u0663", "column 12"),
        ("attempts > " + "9" * 19, "expected the end"),
        ("not " * (DEEPEST + 2) + 'kind == "a"', "levels of nesting"),
        ("(" * 400, "levels of nesting"),
        (" " * LONGEST + "x", f"at most {LONGEST}"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_place(text, message) -> None:
    with pytest.raises(WhenError) as error:
        read_when(text)
    assert message in str(error.value)


@given(st.text(alphabet='abkind filesorntl"=<>![](),.0123', max_size=80))
def test_any_text_is_refused_or_has_a_value_for_all_facts(text) -> None:
    try:
        condition = read_when(text)
    except WhenError:
        return
    assert condition.holds(ChangeFacts()) in (True, False, UNKNOWN)
    assert condition.holds(KNOWN) in (True, False, UNKNOWN)


ATOM = st.one_of(
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["attempts", "files", "spend_usd"]),
        st.sampled_from(["==", "<", ">="]),
        st.integers(0, 3),
    ),
    st.builds(
        '{} {} "{}"'.format,
        st.sampled_from(["kind", "author"]),
        st.sampled_from(["==", "!="]),
        st.sampled_from(["bug", "x"]),
    ),
    st.builds(
        '"{}" {} labels'.format, st.sampled_from(["docs", "x"]), st.sampled_from(["in", "not in"])
    ),
)
TREE = st.recursive(
    ATOM,
    lambda inner: st.one_of(
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=5,
)


@given(TREE)
def test_not_turns_a_value_round_and_leaves_unknown_alone(text) -> None:
    value, opposite = read_when(text).holds(KNOWN), read_when(f"not ({text})").holds(KNOWN)
    assert opposite is (UNKNOWN if value is UNKNOWN else not value)


def test_every_name_is_a_fact_that_can_be_unknown() -> None:
    for _, fact in NAMES.values():
        assert fact(ChangeFacts()) is UNKNOWN
