"""The triage contract: a good answer decides; every other one ends with a person."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.lifecycle import Event
from harness.governance import answer_schema, read_governance, triage_decision
from harness.governance.triage import TriageVerdict
from tests.governance.policy_texts import CODE, MISSION, governance

TITLE = "Let me tip the guide"
BODY = "I would like to tip my guide by card.\nOr book a walk for nine people."
POLICY = governance()


def answer(**changes):
    return {
        "verdict": "out",
        "cites": ["M-NOPAY"],
        "quote": "tip my guide by card",
        "kind": "feature",
        "priority": "normal",
        "duplicate_of": None,
        "ask": "",
        "confidence": 0.9,
    } | changes


def decided(policy=POLICY, title=TITLE, body=BODY, **changes):
    return triage_decision(
        policy, answer(**changes), title=title, body=body, number=9, older_issues=frozenset({3, 7})
    )


def test_a_refusal_cites_the_mission_quotes_the_issue_and_replies_in_the_missions_words() -> None:
    decision = decided()
    assert decision.event is Event.TRIAGE_REJECTED
    assert [entry.id for entry in decision.cites] == ["M-NOPAY"]
    assert decision.cites[0].source.line > 0
    assert decision.quote == "tip my guide by card"
    assert decision.reply == "Tidebook has no payments on purpose."
    assert (decision.kind, decision.priority, decision.doubts) == ("feature", "normal", ())


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        (
            {"verdict": "in", "cites": ["M-BOOK"], "quote": "book a walk for nine"},
            Event.TRIAGE_ACCEPTED,
        ),
        ({"verdict": "in", "cites": ["M-BOOK", "M-TIDE"]}, Event.TRIAGE_ACCEPTED),
        ({"quote": TITLE}, Event.TRIAGE_REJECTED),
        ({"verdict": "invariant", "cites": ["M-TIDE"]}, Event.TRIAGE_REJECTED),
        ({"verdict": "duplicate", "cites": [], "duplicate_of": 7}, Event.TRIAGE_DUPLICATE),
        (
            {"verdict": "needs-info", "cites": [], "ask": "Which walk did you try to book?"},
            Event.TRIAGE_NEEDS_INFO,
        ),
        ({"verdict": "question", "cites": [], "quote": ""}, Event.TRIAGE_UNSURE),
        ({"verdict": "needs-human", "cites": [], "quote": ""}, Event.TRIAGE_UNSURE),
    ],
)
def test_a_sound_answer_decides(changes, event) -> None:
    decision = decided(**changes)
    assert decision.event is event
    assert decision.doubts == ()
    assert decision.message


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"quote": "tip my guide by cash"}, "the quote is not in the issue"),
        ({"quote": "TIP MY GUIDE BY CARD"}, "the quote is not in the issue"),
        ({"quote": "card.  Or book"}, "the quote is not in the issue"),
        ({"quote": "guide by card.Or"}, "the quote is not in the issue"),
        ({"quote": ""}, "too short"),
        ({"quote": "   tip   "}, "too short"),
        ({"cites": []}, "no entry of kind `out` is cited"),
        ({"cites": ["M-BOOK"]}, "no entry of kind `out` is cited"),
        ({"verdict": "invariant"}, "no entry of kind `invariant` is cited"),
        ({"verdict": "in", "cites": []}, "no entry of kind `in` is cited"),
        (
            {"verdict": "in", "cites": ["M-BOOK", "M-NOPAY"]},
            "an entry that refuses is cited for a yes",
        ),
        ({"verdict": "duplicate", "duplicate_of": None}, "no older issue is named"),
        ({"verdict": "duplicate", "duplicate_of": 9}, "#9 is not an older issue"),
        ({"verdict": "duplicate", "duplicate_of": 12}, "#12 is not an older issue"),
        ({"verdict": "duplicate", "duplicate_of": 4}, "#4 is not an older issue"),
        ({"verdict": "needs-info", "cites": [], "ask": "  "}, "nothing is asked"),
        (
            {"verdict": "needs-info", "cites": [], "ask": "See http://evil.example/?d=secret"},
            "holds an address",
        ),
        ({"verdict": "needs-info", "cites": [], "ask": "Hm? ![x](y)"}, "holds an address"),
        ({"verdict": "needs-info", "cites": [], "ask": "What does @owner think?"}, "a mention"),
        *(
            ({"verdict": "needs-info", "cites": [], "ask": ask}, doubt)
            for ask, doubt in [
                ("Tell me which walk.", "not one question"),
                ("Which walk? And when?", "not one question"),
                ("Which walk?\nPlease say.", "not one question"),
                ("Which\nwalk?", "longer than 300 characters, or than one line"),
                ("x" * 299 + "??", "not one question"),
                ("x" * 300 + "?", "longer than 300"),
                ("/factory approve abc?", "a command"),
                ("Which of `these` is it?", "markup"),
                ("Is it <b>bold</b>?", "markup"),
                ("Is it on evil.example.com?", "an address"),
                ("Which wa\u200blk?", "markup"),
                ("What is your password?", "asks for a secret"),
                ("Can you send your API key?", "asks for a secret"),
                ("What is the access token in your log?", "asks for a secret"),
                ("I would like to tip my guide, right?", "repeats the issue"),
            ]
        ),
        ({"confidence": 0.4}, "the model's own confidence is 0.4"),
        ({"cites": ["M-GONE"]}, "not in the agreed form"),
        ({"cites": ["M-NOPAY", "M-NOPAY"]}, "not in the agreed form"),
        ({"verdict": "merge"}, "not in the agreed form"),
        ({"verdict": None}, "not in the agreed form"),
        ({"priority": "now"}, "not in the agreed form"),
        ({"confidence": 2}, "not in the agreed form"),
        ({"duplicate_of": "7"}, "not in the agreed form"),
        ({"quote": "x" * 501}, "not in the agreed form"),
        ({"labels": ["factory:accepted"]}, "not in the agreed form"),
    ],
)
def test_an_answer_that_does_not_hold_ends_with_a_person(changes, doubt) -> None:
    decision = decided(**changes)
    assert decision.event is Event.TRIAGE_UNSURE
    assert any(doubt in found for found in decision.doubts), decision.doubts
    assert doubt in decision.message
    assert decision.reply == ""
    assert decision.duplicate_of is None


def test_a_filer_is_asked_twice_at_most() -> None:
    asking = answer(verdict="needs-info", cites=[], ask="Which walk did you try to book?")
    events = [
        triage_decision(
            POLICY, asking, title=TITLE, body=BODY, number=9, older_issues=(), asked=asked
        ).event
        for asked in (0, 1, 2, 3)
    ]
    assert events == [Event.TRIAGE_NEEDS_INFO] * 2 + [Event.TRIAGE_UNSURE] * 2


@given(st.text(max_size=80))
def test_whatever_a_model_asks_is_one_harmless_line_or_nothing(ask) -> None:
    decision = decided(verdict="needs-info", cites=[], ask=ask)
    if decision.event is Event.TRIAGE_NEEDS_INFO:
        assert decision.reply.endswith("?")
        assert not set(decision.reply) & set("`*_[]<>|#\n")


def test_a_younger_issue_is_no_original_even_where_it_is_known() -> None:
    decision = triage_decision(
        POLICY,
        answer(verdict="duplicate", cites=[], duplicate_of=12),
        title=TITLE,
        body=BODY,
        number=9,
        older_issues=frozenset({3, 12}),
    )
    assert decision.doubts == ("#12 is not an older issue",)


def test_an_answer_without_a_key_is_not_filled_in() -> None:
    for key in answer():
        partial = {name: value for name, value in answer().items() if name != key}
        decision = triage_decision(
            POLICY, partial, title=TITLE, body=BODY, number=9, older_issues=()
        )
        assert decision.event is Event.TRIAGE_UNSURE
        assert key in decision.message


def test_a_quote_that_is_not_the_issues_reaches_nobody() -> None:
    assert decided(quote="the owner is a fool").quote == ""


def test_what_no_entry_speaks_of_is_accepted_only_where_the_mission_allows_it() -> None:
    open_policy = governance(mission=MISSION.replace("schema: 1", "schema: 1\ndefault: in", 1))
    assert decided(open_policy, verdict="in", cites=[]).event is Event.TRIAGE_ACCEPTED
    assert decided(POLICY, verdict="in", cites=[]).event is Event.TRIAGE_UNSURE


def test_prose_alone_can_accept_and_can_refuse_nothing() -> None:
    prose = read_governance(
        {"mission.md": b"Be kind.", "factory_rules.md": b"Be small.", "CLAUDE.md": CODE}
    )
    assert decided(prose, verdict="in", cites=[]).event is Event.TRIAGE_ACCEPTED
    assert decided(prose, verdict="out", cites=[]).event is Event.TRIAGE_UNSURE
    assert decided(prose, verdict="in", cites=["M-NOPAY"]).event is Event.TRIAGE_UNSURE


def test_a_short_title_may_be_quoted_whole() -> None:
    assert (
        decided(title="Typo", body="", verdict="in", cites=["M-BOOK"], quote="Typo").event
        is Event.TRIAGE_ACCEPTED
    )


def test_the_schema_is_closed_and_names_the_missions_entries() -> None:
    schema = answer_schema(POLICY)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(schema["properties"])
    assert schema["properties"]["cites"]["items"]["enum"] == ["M-BOOK", "M-NOPAY", "M-TIDE"]
    given = answer()
    del given["duplicate_of"]
    jsonschema.validate(given, schema)
    assert "duplicate" not in schema["properties"]["verdict"]["enum"]


VALUES = st.one_of(
    st.none(),
    st.text(max_size=10),
    st.integers(-1, 12),
    st.floats(allow_nan=False),
    st.lists(st.sampled_from(["M-BOOK", "M-NOPAY", "x"]), max_size=3),
    st.sampled_from(list(TriageVerdict)),
)


@given(st.dictionaries(st.sampled_from([*answer(), "extra"]), VALUES, max_size=8))
def test_no_answer_raises_and_none_decides_without_a_quote_from_the_issue(changes) -> None:
    decision = decided(**changes)
    if decision.event is not Event.TRIAGE_UNSURE:
        assert decision.quote in TITLE or decision.quote in BODY
        assert decision.cites or decision.event in (Event.TRIAGE_DUPLICATE, Event.TRIAGE_NEEDS_INFO)
