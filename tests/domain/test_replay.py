"""What may differ between a run and its replay, and what may not."""

import pytest

from harness.domain.events import UnknownEvent
from harness.domain.ledger import GENESIS, Entry, Recorded
from harness.operations.replay.comparison import Difference, differences, settled, unrecorded
from tests.events import event_of

PLACES = ("/tmp/replay", "/srv/home")


def entry(key, kind="node", at="2026-11-21T17:04:08+00:00", **data) -> Entry:
    event = event_of(kind, data) if kind == "usage" else UnknownEvent(kind, data)
    return Recorded(1, at, kind, key, 7, "implement-7-1", data, GENESIS, "", event)


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        (
            "triage",
            {"closes": "2026-11-28T17:04:09+00:00", "quote": "x"},
            {"closes": "2026-11-28T17:04:10+00:00", "quote": "x"},
        ),
        (
            "node",
            {"result": {"output": {"worktree": "/srv/home/worktrees/a"}}},
            {"result": {"output": {"worktree": "/tmp/replay/w"}}},
        ),
        (
            "verdict",
            {"envelope_sha256": "a", "binds": {"journeys": "sha256:1"}},
            {"envelope_sha256": "b", "binds": {"journeys": "sha256:2"}},
        ),
        (
            "done",
            {"result": {"path": "/srv/home/evidence/x"}},
            {"result": {"path": "/tmp/replay/evidence/x"}},
        ),
        (
            "vote",
            {"seed": 4, "nonce": "ab", "answer": "yes"},
            {"seed": 5, "nonce": "cd", "answer": "yes"},
        ),
    ],
)
def test_times_places_and_drawn_names_may_differ(kind, old, new) -> None:
    assert (
        differences(
            [entry("k", kind, **old)],
            [entry("k", kind, at="2027-01-01T00:00:00+00:00", **new)],
            places=PLACES,
        )
        == ()
    )


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("transition", {"event": "triage-accepted"}, {"event": "triage-rejected"}),
        ("triage", {"closes": "2026-11-28", "quote": "x"}, {"closes": None, "quote": "x"}),
        ("node", {"result": {"message": "10 tests pass"}}, {"result": {"message": "9 tests pass"}}),
        (
            "verdict",
            {"binds": {"tree": "a", "journeys": "1"}},
            {"binds": {"tree": "b", "journeys": "1"}},
        ),
        ("done", {"result": {"commit": "a" * 40}}, {"result": {"commit": "b" * 40}}),
    ],
)
def test_a_decision_may_not(kind, old, new) -> None:
    found = differences([entry("k", kind, **old)], [entry("k", kind, **new)], places=PLACES)
    assert [one.where for one in found] == ["k"]
    assert any(line.startswith("-") for line in found[0].lines())


def test_what_one_side_lacks_is_a_difference() -> None:
    first, second, third = (entry(key, "node", result={}) for key in ("a", "b", "c"))
    found = differences([first, second], [first, third], places=PLACES)
    assert [(one.where, one.recorded is None, one.replayed is None) for one in found] == [
        ("b", False, True),
        ("c", True, False),
    ]
    assert [one.summary for one in found] == [
        "b: was recorded, but is missing in the replay",
        "c: was not recorded",
    ]


def test_sessions_are_matched_by_role_and_turn_and_their_cost_counts() -> None:
    def session(name, calls, role="triage"):
        return entry(f"usage/{name}", "usage", role=role, calls=calls)

    assert (
        differences(
            [session("1f", 1), session("2f", 3)],
            [session("aa", 1), session("bb", 3)],
            places=PLACES,
        )
        == ()
    )
    found = differences(
        [session("1f", 1), session("2f", 3)], [session("aa", 1), session("bb", 4)], places=PLACES
    )
    assert [one.where for one in found] == ["usage/triage/2"]


def test_on_another_base_names_of_commits_are_not_compared_and_all_else_is() -> None:
    old, new = ({"says": f"landed as {sha}", "event": "landed"} for sha in ("1a2b3c4", "5d6e7f8"))
    recorded, replayed, other = (
        entry("k", "transition", **data) for data in (old, new, {**new, "cites": []})
    )
    assert differences([recorded], [replayed], places=PLACES, other_base=True) == ()
    assert differences([recorded], [replayed], places=PLACES)
    assert differences([recorded], [other], places=PLACES, other_base=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10 passed in 0.27s", "10 passed in 1.03s"),
        ("-rw-r--r-- 1 root 12 Nov 21 17:04 a", "-rw-r--r-- 1 root 12 Nov 22 05:10 a"),
        ("at 2026-11-21T17:04:09.91+00:00", "at 2026-11-22 05:10:00Z"),
        ("<Walk object at 0x7f1c2a3b4c5d>", "<Walk object at 0x7f0000000000>"),
        ("wrote /tmp/pytest-of-root/pytest-0/x", "wrote /tmp/pytest-of-root/pytest-31/x"),
        ("nonce 0123456789abcdef0123456789abcdef", "nonce fedcba9876543210fedcba9876543210"),
    ],
)
def test_what_programs_print_anew_each_time_is_settled(one, other) -> None:
    assert one != other
    assert settled(one) == settled(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("10 passed", "9 passed"), ("walk.py:12", "walk.py:13"), ("exit 0", "exit 1")],
)
def test_what_programs_say_is_not(one, other) -> None:
    assert settled(one) != settled(other)


def call(*texts, model="m"):
    return {
        "request": {
            "model": model,
            "kept": 0,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": f"toolu_{texts}", "content": text}
                        for text in texts
                    ],
                }
            ],
        }
    }


def test_a_line_of_a_request_that_nobody_recorded_is_named_with_its_call() -> None:
    recorded = [call("hello"), call("10 passed in 0.2s\nall is well")]
    assert (
        unrecorded(
            recorded,
            [call("hello"), call("10 passed in 0.9s\nall is well")],
            session="implementer 1",
        )
        is None
    )
    found = unrecorded(
        recorded,
        [call("hello"), call("10 passed in 0.9s\nthe host is called grete")],
        session="implementer 1",
    )
    assert found is not None
    assert "implementer 1, call 2" in found.where
    assert (found.recorded, found.replayed) == ("all is well", "the host is called grete")


@pytest.mark.parametrize(("recorded", "replayed"), [("a\nb", "a"), ("a", "a\nb"), ("a\na", "a")])
def test_a_line_in_the_request_of_one_run_alone_is_a_difference(
    recorded: str, replayed: str
) -> None:
    assert unrecorded([call(recorded)], [call(replayed)], session="s") is not None


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("triage", {"event": "triage-accepted"}, {"event": "triage-rejected"}),
        ("node", {"result": {"event": "gates-open"}}, {"result": {"event": "gate-refused"}}),
        ("verdict", {"outcome": "failed"}, {"outcome": "passed"}),
        ("verdict", {"binds": {"candidate": "a"}}, {"binds": {"candidate": "b"}}),
        ("vote", {"answer": "no"}, {"answer": "yes"}),
    ],
)
def test_what_was_decided_never_differs_from_run_to_run(kind: str, old: dict, new: dict) -> None:
    assert differences([entry("k", kind, **old)], [entry("k", kind, **new)], places=PLACES)


def test_a_difference_is_shown_as_a_diff_with_a_line_around_it() -> None:
    shown = Difference("k", "1\n2\n3\nold\n5", "1\n2\n3\nnew\n5").lines()
    assert shown == ("--- recorded", "+++ replayed", "@@ -3,3 +3,3 @@", " 3", "-old", "+new", " 5")
    assert Difference("k", None, "new").lines() == (
        "--- recorded",
        "+++ replayed",
        "@@ -0,0 +1 @@",
        "+new",
    )
    assert Difference("k", "old", None).lines() == (
        "--- recorded",
        "+++ replayed",
        "@@ -1 +0,0 @@",
        "-old",
    )


def test_what_is_not_where_a_drawn_name_would_be_is_compared_as_it_is() -> None:
    same, other = entry("k", result="none"), entry("k", result="one")
    assert differences([same], [same], places=PLACES) == ()
    assert differences([same], [other], places=PLACES)


def test_an_entry_is_compared_as_a_text_in_which_places_and_names_are_replaced() -> None:
    one = entry(
        "k", result={"b": "ü in /srv/home/x", "a": "1a2b3c4", "output": {"worktree": "/elsewhere"}}
    )
    (found,) = differences([one], [], places=PLACES, other_base=True)
    assert found.recorded == (
        '{\n "data": {\n  "result": {\n   "a": "<sha>",\n   "b": "ü in <home>/x",\n   "output": {\n'
        '    "worktree": "<place>"\n   }\n  }\n },\n "issue": 7,\n "kind": "node"\n}'
    )


def test_of_a_session_that_ended_earlier_the_calls_that_there_are_are_compared() -> None:
    assert unrecorded([call("hello"), call("more")], [call("hello")], session="s") is None
    found = unrecorded([call("a\nb\nc")], [call("a\nd\ne")], session="s")
    assert (found.recorded, found.replayed) == ("b\nc", "d\ne")


@pytest.mark.parametrize(
    ("key", "is_shown"), [("id", False), ("tool_use_id", False), ("call_id", False), ("text", True)]
)
def test_names_that_a_provider_draws_are_shown_to_nobody(key, is_shown) -> None:
    old, new = ([{"request": {"messages": [{key: value}]}}] for value in ("one", "other"))
    assert (unrecorded(old, new, session="s") is not None) is is_shown
