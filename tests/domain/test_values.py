"""Values that are written down and read back, or added up: nothing of them is lost, renamed or
taken for another."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import NewType

import pytest

from harness.domain.budget import Usage
from harness.domain.deployment import seconds_in
from harness.domain.errors import (
    ConfigError,
    ForgeError,
    LedgerError,
    ModelsPaused,
    PortError,
    is_interruption,
)
from harness.domain.events import NoticeSent, TransitionRecorded
from harness.domain.events.effects import OtherEffectDone
from harness.domain.facts import UNKNOWN, shown_path
from harness.domain.issue import Permission
from harness.domain.landing import JudgedCandidate, after_landing, objection
from harness.domain.ledger import Recorded, as_of
from harness.domain.lifecycle import Event, State
from harness.domain.plain import Misfit, _decoder, plain, stored_as, valued
from harness.domain.repository_context import Listed, PageManifest, Passage, listed, tokens_in
from harness.domain.sandbox import Bind, Layer
from harness.domain.shortened import count
from harness.domain.trust.levels import moment_of
from harness.domain.verdict import Binding, Controls, Regression, Verdict, VerdictOutcome
from harness.domain.workflow import (
    ApproveNode,
    Comparison,
    FieldOf,
    NodeResult,
    Outcome,
    UseNode,
    WaitNode,
    WhenField,
    Workflow,
    node_result,
)
from harness.domain.workflow_run import REVISION, Attempt, in_force, made_again, skipped_because

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "verdict.json").read_text("utf-8"))
AT = datetime(2026, 1, 2, tzinfo=UTC)
Name = NewType("Name", str)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


Paint = NewType("Paint", Colour)


@pytest.fixture(autouse=True)
def _anew() -> None:
    """A decoder is kept: without this, a fault in one would be met by the first test alone."""
    _decoder.cache_clear()


@dataclass(frozen=True, slots=True)
class Part:
    name: Name
    colour: Paint


@dataclass(frozen=True, slots=True)
class Whole:
    parts: tuple[Part, ...]
    best: Part | None
    number: float
    extra: Mapping[str, object]


WHOLE = Whole((Part(Name("a"), Paint(Colour.RED)),), None, 1.5, {"x": 1})
WRITTEN = {
    "parts": [{"name": "a", "colour": "red"}],
    "best": None,
    "number": 1.5,
    "extra": {"x": 1},
}


def test_a_value_is_written_as_json_and_read_back_by_its_type() -> None:
    assert plain(WHOLE) == WRITTEN
    assert valued(Whole, WRITTEN) == WHOLE
    assert type(valued(Whole, WRITTEN).parts[0].colour) is Colour
    best = {**WRITTEN, "best": WRITTEN["parts"][0]}
    assert valued(Whole, best).best == WHOLE.parts[0]
    assert type(plain(Colour.RED)) is str


def test_a_triage_that_cites_says_of_which_issue_it_is_a_duplicate_or_that_it_is_none() -> None:
    moved = TransitionRecorded(Event.TRIAGE_ACCEPTED, State.UNTRIAGED, State.ACCEPTED)
    assert "duplicate_of" not in moved.document()
    assert replace(moved, cites=()).document()["duplicate_of"] is None
    assert replace(moved, cites=(), duplicate_of=7).document()["duplicate_of"] == 7


def test_sets_are_sorted_keys_are_texts_and_what_json_cannot_hold_is_refused() -> None:
    assert plain({1: {"b", "a"}, "y": frozenset([2, 1])}) == {"1": ["a", "b"], "y": [1, 2]}
    assert plain(Decimal("1.50")) == "1.50"
    for value, name in ((b"raw", "bytes"), (Whole, "type"), (1j, "complex")):
        with pytest.raises(TypeError, match=f"^{name} cannot be written down$"):
            plain(value)


def test_every_part_of_a_verdict_is_read_from_its_own_place() -> None:
    document = {
        **GOLDEN,
        "journeys": {"sealed": 3, "executed": 2, "passed": 1},
        "round": 4,
        "seed": 5,
        "issue": 6,
        "run": "r",
        "reason": "why",
        "signer": "who",
        "box": {"form": "f", "unheld": ["a", "b"]},
        "evidence": {"merkle_root": "root"},
        "outcome": "failed",
    }
    assert Verdict.from_predicate(document, key_id="key") == Verdict(
        outcome=VerdictOutcome.FAILED,
        reason="why",
        issue=6,
        run="r",
        round=4,
        binds=Binding(**GOLDEN["binds"]),
        journeys_sealed=3,
        journeys_executed=2,
        journeys_passed=1,
        controls=valued(Controls, GOLDEN["controls"]),
        sandbox_form="f",
        sandbox_unheld=("a", "b"),
        seed=5,
        signer="who",
        key_id="key",
        evidence_root="root",
        regression=valued(Regression, GOLDEN["regression"]),
    )

    old = {name: part for name, part in document.items() if name != "regression"}
    assert Verdict.from_predicate(old, key_id="key").regression == Regression()


RESULT = NodeResult(Outcome.FAILED, {"a": 1}, "why", "an-event", True)


def test_a_nodes_result_is_read_back_as_it_was_written() -> None:
    assert RESULT.as_json() == {
        "outcome": "failed",
        "output": {"a": 1},
        "message": "why",
        "event": "an-event",
        "retryable": True,
    }
    assert node_result(RESULT.as_json()) == RESULT
    assert node_result({"outcome": "failed", "output": {}}) == NodeResult(
        Outcome.FAILED, {}, "", None, False
    )
    assert not node_result({**RESULT.as_json(), "retryable": "yes"}).retryable


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output": None}, "not a node's result: output=None, event='an-event'"),
        ({"event": 3}, "not a node's result: output={'a': 1}, event=3"),
        ({"outcome": "perhaps"}, "'perhaps' is not a valid Outcome"),
        ({"outcome": None}, "'None' is not a valid Outcome"),
    ],
)
def test_what_is_no_nodes_result_is_refused(change, message) -> None:
    with pytest.raises(ValueError) as refused:
        node_result({**RESULT.as_json(), **change})
    assert str(refused.value) == message


def test_usage_adds_up_each_of_its_parts() -> None:
    assert Usage(1, 10, 100, Decimal("0.1")) + Usage(2, 20, 200, Decimal("0.2")) == Usage(
        3, 30, 300, Decimal("0.3")
    )


def test_a_manifest_is_the_same_bytes_for_the_same_parts() -> None:
    one = listed(Passage("rules", "a.md", "tëxt"), "cut")
    assert one == Listed(
        "rules", "a.md", sha256("tëxt".encode()).hexdigest(), tokens_in("tëxt"), "cut"
    )
    assert listed(Passage("rules", "a.md", "\ud800")).sha256 == sha256(b"\\ud800").hexdigest()
    assert listed(Passage("rules", "a.md", "text")).note == ""
    assert [tokens_in(text) for text in ("", "abc", "abcd", "ü")] == [0, 1, 2, 1]
    manifest = PageManifest("b", "t", 9, (one,), (listed(Passage("x", "y", "")),))
    assert manifest.as_json() == {
        "schema": 1,
        "base": "b",
        "tree": "t",
        "budget": 9,
        "tokens": one.tokens,
        "included": [plain(one)],
        "left_out": [plain(manifest.left_out[0])],
    }
    assert list(json.loads(manifest.text)) == sorted(manifest.as_json())


def test_an_unknown_is_no_yes_and_is_shown_by_its_name() -> None:
    assert (bool(UNKNOWN), repr(UNKNOWN)) == (False, "UNKNOWN")


@pytest.mark.parametrize("least", list(Permission))
def test_a_permission_reaches_itself_and_what_is_below_it(least) -> None:
    order = list(Permission)
    assert [one for one in order if one.reaches(least)] == order[order.index(least) :]


def test_a_fault_in_a_document_names_its_place_as_far_as_it_is_known() -> None:
    extra = [{}, {"key": "k"}, {"file": "f"}, {"file": "f", "line": 3, "key": "k"}]
    assert [str(ConfigError("why", **place)) for place in extra] == [
        "why",
        "`k`: why",
        "f: why",
        "f:3: `k`: why",
    ]


def test_an_error_of_a_port_is_not_tried_again_unless_it_is_marked_so() -> None:
    assert not PortError("why").retryable
    forge = ForgeError("why", retryable=True, status=503, again_at=AT)
    assert (str(forge), forge.retryable, forge.status, forge.again_at) == ("why", True, 503, AT)
    assert (ForgeError("why").retryable, ForgeError("why").status, ForgeError("why").again_at) == (
        False,
        None,
        None,
    )
    paused = ModelsPaused("why", cause="day", again_at=AT)
    assert (str(paused), paused.retryable, paused.cause, paused.again_at) == (
        "why",
        True,
        "day",
        AT,
    )


JUDGED, BASE, HEAD = JudgedCandidate("b" * 40, "h" * 40, "t" * 40), "b" * 12, "h" * 12


@pytest.mark.parametrize(
    ("parents", "tree", "message"),
    [
        ((JUDGED.base, JUDGED.head), JUDGED.tree, ""),
        (
            (JUDGED.head, JUDGED.base),
            JUDGED.tree,
            f"has parents {HEAD}, {BASE}, expected base and judged head: {BASE}, {HEAD}",
        ),
        ((), JUDGED.tree, f"has parents none, expected base and judged head: {BASE}, {HEAD}"),
        (
            (JUDGED.base, JUDGED.head),
            "u" * 40,
            f"has tree {'u' * 12}, the tree that was judged is {'t' * 12}",
        ),
    ],
)
def test_a_commit_with_other_parents_or_another_tree_is_not_the_candidate(
    parents, tree, message
) -> None:
    assert objection(JUDGED, parents=parents, tree=tree) == message


@pytest.mark.parametrize(
    ("found", "contained", "event"),
    [
        ("t", True, Event.LANDED),
        ("u", True, Event.LANDED_TREE_DIFFERS),
        ("t", False, Event.LANDED_TREE_DIFFERS),
    ],
)
def test_only_the_judged_tree_on_the_branch_has_landed(found, contained, event) -> None:
    assert after_landing(judged="t", found=found, contained=contained) is event


@pytest.mark.parametrize(
    ("found", "comparison", "value", "holds"),
    [
        ("b", Comparison.MORE, "a", True),
        ("a", Comparison.AT_LEAST, "b", False),
        ("a", Comparison.EQUAL, "a", True),
        (2, Comparison.MORE, 1, True),
        (True, Comparison.AT_LEAST, 1, False),
        (True, Comparison.EQUAL, 1, False),
        (1, Comparison.DIFFERENT, "1", False),
        (None, Comparison.EQUAL, "a", False),
        (None, Comparison.DIFFERENT, "a", True),
        (None, Comparison.LESS, None, False),
        (["a"], Comparison.DIFFERENT, "a", False),
        (["a"], Comparison.LESS, "b", False),
    ],
)
def test_only_values_of_one_kind_are_compared_and_only_numbers_and_texts_have_an_order(
    found, comparison, value, holds
) -> None:
    condition = WhenField(FieldOf("a", ("x", "y")), comparison, value)
    assert (
        condition.holds({"a": NodeResult(Outcome.PRODUCED, {"x": {"y": found}}, "", None, False)})
        is holds
    )


@pytest.mark.parametrize(
    ("outcome", "x", "message"),
    [
        (Outcome.PRODUCED, 1, None),
        (Outcome.PRODUCED, 2, "its condition does not hold"),
        (Outcome.FAILED, 1, "its condition does not hold"),
    ],
)
def test_a_node_is_skipped_once_its_condition_cannot_hold(outcome, x, message) -> None:
    node = UseNode(
        id="b", needs=("a",), when=WhenField(FieldOf("a", ("x",)), Comparison.EQUAL, 1), action="x"
    )
    assert skipped_because(node, {"a": NodeResult(outcome, {"x": x}, "", None, False)}) == message
    assert skipped_because(node, {}) is None


def test_a_layer_lies_where_its_programs_look_or_anywhere_with_a_variable_that_names_it() -> None:
    python, node = Layer("/l", "PYTHONPATH"), Layer("/l", within="web/node_modules")
    assert python.bind("/app", apart="/layer") == Bind("/l", "/layer")
    assert python.env(apart="/layer") == {"PYTHONPATH": "/layer"}
    assert node.bind("/app", apart="/layer") == Bind("/l", "/app/web/node_modules")
    assert node.env(apart="/layer") == {}


@pytest.mark.parametrize(
    ("kind", "document", "fault"),
    [
        (Whole, [], "expected an object, found []"),
        (Whole, {}, "`parts`: missing"),
        (Whole, {**WRITTEN, "parts": {}}, "`parts`: expected a list, found {}"),
        (
            Whole,
            {**WRITTEN, "parts": [WRITTEN["parts"][0], {"name": 1, "colour": "red"}]},
            "`parts.1.name`: expected a text, found 1",
        ),
        (
            Whole,
            {**WRITTEN, "best": {"name": "a", "colour": "blue"}},
            "`best.colour`: expected one of red, green, found 'blue'",
        ),
        (Whole, {**WRITTEN, "number": True}, "`number`: expected a number, found True"),
        (Whole, {**WRITTEN, "extra": []}, "`extra`: expected an object, found []"),
        (Mapping[str, int], {"x": "1"}, "`x`: expected a whole number, found '1'"),
        (tuple[int, str], [1], "expected a list of 2, found [1]"),
        (tuple[int, str], [1, 2], "`1`: expected a text, found 2"),
        (bool, 1, "expected true or false, found 1"),
        (Decimal, "much", "expected a decimal number, found 'much'"),
        (Decimal, True, "expected a decimal number, found True"),
        (type(None), 0, "expected null, found 0"),
        (str, list(range(99)), f"expected a text, found {str(list(range(99)))[:80]}"),
    ],
)
def test_a_document_that_does_not_fit_is_refused_with_its_place(kind, document, fault) -> None:
    with pytest.raises(Misfit) as refused:
        valued(kind, document)
    assert str(refused.value) == fault
    place = fault.partition("`")[2].partition("`")[0]
    assert refused.value.place == tuple(filter(None, place.split(".")))


def test_numbers_nothing_and_rows_are_read_as_they_are() -> None:
    assert valued(Decimal, "1.50") == Decimal("1.50")
    assert valued(Decimal, 2) == 2
    assert valued(type(None), None) is None
    assert valued(tuple[int, str], [1, "a"]) == (1, "a")
    assert valued(float, 3) == 3


def raised(error: Exception, cause: BaseException | None, during: BaseException) -> Exception:
    try:
        try:
            raise during
        finally:
            raise error from cause
    except Exception as caught:  # noqa: BLE001
        return caught


def test_an_error_that_was_raised_in_place_of_an_interruption_counts_as_one() -> None:
    stop, other = KeyboardInterrupt(), OSError()
    context = raised(RuntimeError(), None, stop)
    cause = raised(RuntimeError(), stop, other)
    assert all(map(is_interruption, (stop, context, cause, raised(ValueError(), cause, other))))
    assert not any(map(is_interruption, (None, other, raised(ValueError(), OSError(), other))))


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200)])
def test_a_duration_is_read_in_seconds(text, seconds) -> None:
    assert seconds_in(text) == seconds


def test_another_duration_is_refused_with_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r"^expected a duration like `90s`, `30m` or `2h`, found"):
        seconds_in("soon")
    with pytest.raises(ValueError, match=r"found 'x{59}$"):
        seconds_in("x" * 99)


@pytest.mark.parametrize(
    ("number", "what", "shown"),
    [(1, "change", "1 change"), (2, "change", "2 changes"), (0, "entry", "0 entries"),
     (1, "entry", "1 entry"), (3, "entry", "3 entries")],
)  # fmt: skip
def test_a_number_is_written_with_its_noun(number, what, shown) -> None:
    assert count(number, what) == shown


def test_an_effect_is_kept_with_its_name_and_its_result() -> None:
    done = OtherEffectDone("land", {"commit": "c"})
    assert done.document() == {"effect": "land", "result": {"commit": "c"}}


@dataclass(frozen=True, slots=True)
class Renamed:
    from_: str = field(metadata=stored_as("from"))


def test_a_field_may_be_stored_by_another_name() -> None:
    assert plain(Renamed("here")) == {"from": "here"}
    assert valued(Renamed, {"from": "here"}) == Renamed("here")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-05-04", datetime(2030, 5, 4, tzinfo=UTC)),
        ("2030-05-04T02:17:00+02:00", datetime(2030, 5, 4, 0, 17, tzinfo=UTC)),
        ("soon", None),
    ],
)
def test_a_day_or_a_moment_is_read_in_utc(text, moment) -> None:
    assert moment_of(text) == moment


def test_an_entry_of_another_kind_is_refused_by_its_number_and_key() -> None:
    done = OtherEffectDone("land", {})
    entry = Recorded(7, AT.isoformat(), "done", "k", 1, "r", {}, "p", "h", done)
    assert as_of(entry, OtherEffectDone) is entry
    with pytest.raises(LedgerError, match=r"^entry 7, `k`, tells of no NoticeSent$"):
        as_of(entry, NoticeSent)


def test_what_a_person_sends_back_is_made_again_with_all_that_follows() -> None:
    nodes = (
        WaitNode(id="a"),
        WaitNode(id="b", needs=("a",)),
        WaitNode(id="c", needs=("b",)),
        WaitNode(id="d", needs=("a",)),
        ApproveNode(
            id="e", needs=("c",), permission="write", shows="", expires_seconds=1, revises="b"
        ),
    )
    assert made_again(Workflow("w", nodes), nodes[-1]) == {"b", "c", "e"}
    with pytest.raises(KeyError, match="'z'"):
        Workflow("w", nodes).node("z")


def test_what_a_person_sent_back_is_made_again_and_what_they_did_not_see_stays() -> None:
    nodes = (
        UseNode(id="a", needs=(), action="x"),
        UseNode(id="b", needs=("a",), action="x"),
        UseNode(id="beside", needs=("a",), action="x"),
        ApproveNode(
            id="ok", needs=("b",), permission="write", shows="", expires_seconds=9, revises="b"
        ),
    )
    done = NodeResult(Outcome.PRODUCED, {}, "", None, False)
    first = [Attempt(one, 1, done) for one in ("a", "b", "beside")]
    back = Attempt("ok", 1, replace(done, output={REVISION: "shorter"}))
    assert in_force(Workflow("w", nodes), [*first, back]) == (first[0], first[2])
    again, agreed = Attempt("b", 2, done), Attempt("ok", 2, done)
    assert in_force(Workflow("w", nodes), [*first, back, again, agreed]) == (
        first[0],
        first[2],
        again,
        agreed,
    )
    of_its_own = Attempt("beside", 2, replace(done, output={REVISION: "a word of the node's"}))
    assert in_force(Workflow("w", nodes), [*first, of_its_own]) == (*first, of_its_own)


def test_a_path_is_shown_with_what_is_not_utf_8_escaped() -> None:
    assert shown_path(b"caf\xc3\xa9/\xff.py") == "caf\u00e9/\\xff.py"
