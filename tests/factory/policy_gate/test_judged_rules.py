"""Judged rules in the pipeline: who is asked, when, what is written down, and what comes of it. The
votes are scripted."""

import json
import random
import re
from decimal import Decimal
from typing import Never

import pytest

from harness.domain.budget import Usage
from harness.domain.errors import BudgetExhausted, ConfigError, ModelError, Stopped
from harness.domain.issue import Permission
from harness.domain.lifecycle import Event, State
from harness.factory.policy_gate.judged_rules import NOT_RECORDED
from harness.factory.run.policy_snapshot import policy_at
from tests.factory.voters import (
    ABSTAIN,
    SCOPE,
    YES,
    Voters,
    asked,
    finding,
    no,
    under,
)
from tests.factory.world import World
from tests.fakes.ledger import FakeLedger
from tests.fakes.people import FakeBroker

CHANGE = {"tidebook/extra.py": b"FIXED = True\n"}
OTHER = {"tidebook/extra.py": b"FIXED = False\n"}
QUOTED = no("FIXED = True", file="tidebook/extra.py", line=1)


def world_of(tmp_path, *votes, rule: str = SCOPE, **given) -> World:
    return under(World(tmp_path, model=Voters(*votes), **given), rule)


def votes_in(world: World) -> list[dict]:
    return [entry.data for entry in world.ledger.entries(kind="vote")]


def fixed_line(world: World) -> int:
    """Where the agent's `fixes` puts its line."""
    return world.git.read(world.base, "tidebook/store.py").decode().count("\n") + 2


# A whole pipeline run


def test_a_change_that_every_vote_is_for_lands_and_each_vote_was_asked_once(tmp_path) -> None:
    world = world_of(tmp_path, YES)
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert len(world.model.questions) == 3
    assert [vote["vote"] for vote in votes_in(world)] == [1, 2, 3]
    (session,) = [request for request in world.broker.opened if request.role == "reviewer"]
    assert session.model == policy_at(world.services(), world.base).config.models.reviewer[0].model
    assert (
        session.model != policy_at(world.services(), world.base).config.models.implementer[0].model
    )
    usage = [
        entry.data
        for entry in history.entries
        if entry.kind == "usage" and entry.data["role"] == "reviewer"
    ]
    assert [one["cost_usd"] for one in usage] == ["0.01"]


def test_one_no_with_a_quote_that_is_there_stops_it_and_nothing_is_pushed(tmp_path) -> None:
    world = world_of(tmp_path, YES)
    world.model.votes = [YES, no("FIXED = True", line=fixed_line(world)), YES]
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert history.transitions[-1].data["event"] == Event.POLICY_REFUSED
    assert history.transitions[-1].data["cites"] == ["F-SCOPE"]
    assert set(world.remote) == {"main"}


def test_a_cap_that_is_reached_ends_the_issue_as_everywhere(tmp_path) -> None:
    class Poor(FakeBroker):
        def open(self, request):
            self.exhausted = request.role == "reviewer"
            return super().open(request)

    world = world_of(tmp_path, YES, broker=Poor())
    issue = world.file()
    world.tick()
    assert world.history(issue).transitions[-1].data["event"] == Event.BUDGET_EXHAUSTED
    assert world.model.questions == []
    assert set(world.remote) == {"main"}


def test_before_the_merge_nobody_is_asked_and_a_vote_that_is_not_there_is_a_no(tmp_path) -> None:
    class Forgetful(FakeLedger):
        def find(self, key):
            return (
                None
                if key.startswith("vote/") and self.entries(kind="verdict")
                else super().find(key)
            )

    world = world_of(tmp_path, YES)
    world.ledger = Forgetful(world.ledger.clock)
    issue = world.file()
    world.tick()
    last = world.history(issue).transitions[-1].data
    assert last["event"] == Event.GATE_REFUSED
    assert "F-SCOPE: 0 of 3 votes say yes" in last["says"]
    assert len(world.model.questions) == 3
    assert world.git.landings == []
    maya = world.forge.person("maya", Permission.MAINTAIN)
    world.forge.say(issue, f"/factory approve {world.history(issue).pushed_head}", author=maya)
    world.tick()
    assert world.history(issue).state is State.MERGED, "this rule asks a person, who said yes"


def test_a_change_of_the_base_that_changes_what_is_seen_is_voted_on_again_and_the_merge_asks_nobody(
    tmp_path,
) -> None:
    world = world_of(tmp_path, YES)
    assert asked(world, CHANGE).refusals == ()
    before = len(world.model.questions)
    counted = asked(world, CHANGE, asking=False)
    assert (counted.refusals, len(world.model.questions)) == ((), before)
    unseen = asked(world, OTHER, asking=False)
    assert [refusal.gate for refusal in unseen.refusals] == ["F-SCOPE"]
    assert NOT_RECORDED in finding(unseen)["evidence"][0]
    assert len(world.model.questions) == before
    asked(world, OTHER)
    assert len(world.model.questions) == 2 * before


# What is counted, and shown


def test_the_finding_shows_votes_quotes_with_their_place_at_the_head_abstentions_and_what_it_cost(
    tmp_path,
) -> None:
    world = world_of(tmp_path, YES)
    world.model.votes = [YES, QUOTED, ABSTAIN]
    decision = asked(world, CHANGE)
    found = finding(decision)
    assert found["passed"] is False
    assert found["says"] == "1 of 3 votes say yes, 3 are needed; 1 say no; 1 abstain"
    head = votes_in(world)[0]["head"]
    assert found["evidence"] == [
        'vote 1: yes; in its own words: "It does."',
        (
            "vote 2: no; tidebook/extra.py:1 `FIXED = True`"
            f' (blob/{head}/tidebook/extra.py?plain=1#L1); in its own words: "It is something'
            ' else."'
        ),
        'vote 3: abstain; in its own words: "I cannot tell."',
        "asked of claude-opus-5-5, for $0.0100",
    ]


@pytest.mark.parametrize(
    ("votes", "passed", "event"),
    [
        ([YES, YES, YES], True, None),
        ([YES, YES, ABSTAIN], None, Event.POLICY_REFUSED),
        ([YES, YES, no("FIXED = True", file="nowhere.py", line=1)], None, Event.POLICY_REFUSED),
        ([YES, YES, QUOTED], False, Event.POLICY_REFUSED),
        ([QUOTED], False, Event.POLICY_REFUSED),
    ],
)
def test_what_the_votes_come_to(tmp_path, votes, passed, event) -> None:
    world = world_of(tmp_path, YES)
    world.model.votes = list(votes)
    decision = asked(world, CHANGE)
    assert (finding(decision)["passed"], decision.event) == (passed, event)


def test_what_is_neither_held_nor_refused_goes_where_the_rule_sends_it(tmp_path) -> None:
    world = world_of(
        tmp_path,
        ABSTAIN,
        rule=SCOPE.replace("on_fail: needs-human", "votes: {n: 1, abstain: retry}"),
    )
    assert asked(world, CHANGE).event is Event.RUN_FAILED


def test_what_does_not_fit_is_nobodys_to_vote_on(tmp_path) -> None:
    world = world_of(tmp_path, YES, rule=SCOPE.replace("[issue, diff]", "[issue, files]"))
    decision = asked(
        world,
        {
            "tidebook/extra.py": b"x = 1  # a long line of no account at all, and yet it counts\n"
            * 290
            + b"# "
            + b"y" * 100_000
        },
    )
    assert "nobody votes on a view that is cut" in finding(decision)["says"]
    assert decision.event is Event.POLICY_REFUSED
    assert world.model.questions == []


# Who is asked, and when


def test_nobody_is_asked_about_what_code_refuses(tmp_path) -> None:
    world = world_of(tmp_path, YES)
    decision = asked(world, {**CHANGE, "factory_rules.md": b"# none\n"})
    assert decision.refusals
    assert world.model.questions == []
    assert "F-SCOPE" not in {found["rule"] for found in decision.findings}


@pytest.mark.parametrize("line", ["status: off", 'when: kind == "chore"'])
def test_a_rule_that_is_off_or_speaks_of_something_else_is_not_asked(tmp_path, line) -> None:
    world = world_of(
        tmp_path, QUOTED, rule=SCOPE.replace("level: judged", f"level: judged\n{line}")
    )
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert world.model.questions == []


@pytest.mark.parametrize(
    "vote",
    [
        QUOTED,
        ABSTAIN,
        ModelError("overloaded", retryable=True),
        ModelError("no"),
        BudgetExhausted("the cap of $2 is reached"),
    ],
)
def test_in_shadow_it_is_asked_and_shown_with_its_cost_and_stops_nothing(tmp_path, vote) -> None:
    world = world_of(
        tmp_path, vote, rule=SCOPE.replace("level: judged", "level: judged\nstatus: shadow")
    )
    decision = asked(world, CHANGE)
    assert (decision.refusals, decision.event) == ((), None)
    assert finding(decision)["passed"] is not True
    assert finding(decision)["status"] == "shadow"
    assert "for $0.0" in finding(decision)["evidence"][-1]
    if isinstance(vote, BaseException):
        assert str(vote) in finding(decision)["evidence"][0]


def test_a_finding_names_its_rules_place_and_each_refusal_is_told(tmp_path) -> None:
    empty = """
        ## Nothing is to change {#F-NOTHING}
        ```yaml rule
        id: F-NOTHING
        level: enforced
        check: {files: {max: 0}}
        ```
        """
    world = under(World(tmp_path), empty, empty.replace("F-NOTHING", "F-NEITHER"))
    decision = asked(world, CHANGE)
    text = world.git.read(world.base, "factory_rules.md").decode().splitlines()
    found = finding(decision, "F-NOTHING")
    assert "F-NOTHING" in "".join(text[found["line"] - 1 : found["line"] + 4])
    assert (found["file"], found["lifted"]) == ("factory_rules.md", False)
    result = decision.refused(decision.event)
    assert result.output["findings"] == decision.findings
    assert result.message == "; ".join(
        f"{name}: 1 changed file, and at most 0 are allowed" for name in ("F-NOTHING", "F-NEITHER")
    )


def test_where_no_rule_is_judged_no_reviewer_is_ever_asked(world) -> None:
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert {request.role for request in world.broker.opened} == {"triage", "author", "implementer"}


def test_the_reviewer_is_not_the_implementer(tmp_path) -> None:
    toml = b'schema = 1\n[models]\nimplementer = "one"\nreviewer = "one"\n'

    def policy_under(name: str, *rules: str):
        world = under(World(tmp_path / name), *rules, **{"factory.toml": toml})
        return policy_at(world.services(), world.base)

    assert policy_under("nothing to review")
    assert policy_under("off", SCOPE.replace("level: judged", "level: judged\nstatus: off"))
    for name, rule in (
        ("enforced", SCOPE),
        ("shadow", SCOPE.replace("level: judged", "level: judged\nstatus: shadow")),
    ):
        with pytest.raises(ConfigError, match="expected another model") as error:
            policy_under(name, rule)
        assert (error.value.file, error.value.key) == ("factory.toml", "models.reviewer")


# What goes wrong


def test_a_factory_that_was_killed_between_two_votes_asks_for_what_is_missing(tmp_path) -> None:
    class Killed(BaseException):
        pass

    world = world_of(tmp_path, YES)
    world.model.votes = [YES, Killed(), YES]
    with pytest.raises(Killed):
        asked(world, CHANGE)
    assert [vote["vote"] for vote in votes_in(world)] == [1]
    assert asked(world, CHANGE).refusals == ()
    assert [vote["vote"] for vote in votes_in(world)] == [1, 2, 3]
    assert len(world.model.questions) == 4
    assert [request.attempt for request in world.broker.opened] == [1, 2]


def test_a_model_that_may_answer_later_is_an_error_to_try_again_and_never_a_yes(tmp_path) -> None:
    world = world_of(tmp_path, ModelError("overloaded", retryable=True))
    with pytest.raises(ModelError) as error:
        asked(world, CHANGE)
    assert error.value.retryable
    assert votes_in(world) == []


def test_a_model_that_will_not_answer_is_a_visible_abstention_and_is_asked_again_next_time(
    tmp_path,
) -> None:
    world = world_of(tmp_path, YES)
    world.model.votes = [YES, ModelError("it did not call `answer`"), YES]
    decision = asked(world, CHANGE)
    assert finding(decision)["passed"] is None
    assert "it did not call `answer`" in finding(decision)["evidence"][1]
    assert [vote["vote"] for vote in votes_in(world)] == [1, 3]
    assert asked(world, CHANGE).refusals == ()


def test_a_broker_that_is_not_there_is_never_a_pass(tmp_path) -> None:
    class Gone(FakeBroker):
        def open(self, request) -> Never:
            raise ModelError("no recording", retryable=False)

    decision = asked(world_of(tmp_path, YES, broker=Gone()), CHANGE)
    assert [refusal.gate for refusal in decision.refusals] == ["F-SCOPE"]
    assert all("no recording" in line for line in finding(decision)["evidence"][:3])


def test_an_answer_in_another_form_is_an_abstention_and_its_money_is_spent(tmp_path) -> None:
    world = world_of(tmp_path, {"answer": "yes", "merge": True})
    decision = asked(world, CHANGE)
    assert "0 of 3 votes say yes" in finding(decision)["says"]
    assert len(votes_in(world)) == 3


def test_the_owners_stop_is_heard_before_each_vote(tmp_path) -> None:
    world = world_of(tmp_path, YES)

    def stop(_question):
        world.services().places.stop_flag.touch()
        return YES

    world.model.votes = [stop]
    with pytest.raises(Stopped):
        asked(world, CHANGE)
    assert len(world.model.questions) == 1


def test_the_cost_of_each_vote_is_shown_once(tmp_path) -> None:
    class Metered(FakeBroker):
        def usage(self, session):
            return Usage(calls=1, cost_usd=Decimal("0.02") * len(world.model.questions))

    world = world_of(tmp_path, YES, broker=Metered())
    assert "for $0.0600" in finding(asked(world, CHANGE))["evidence"][-1]
    assert [vote["cost_usd"] for vote in votes_in(world)] == ["0.02", "0.02", "0.02"]


# How it is asked


def test_each_vote_has_a_nonce_and_an_order_of_its_own_and_both_can_be_repeated(tmp_path) -> None:
    world = world_of(
        tmp_path,
        YES,
        rule=SCOPE.replace("[issue, diff]", "[issue, diff, files]").replace(
            "on_fail: needs-human", "votes: {n: 9}"
        ),
    )
    asked(world, {"tidebook/extra.py": b"A = 1\n", "tidebook/more.py": b"B = 2\n"})
    orders = set()
    for question, vote in zip(world.model.questions, votes_in(world), strict=True):
        pieces = re.findall(
            rf"^{vote['nonce']} begin (\w+)\n(.*?)\n{vote['nonce']} end \1$",
            question,
            re.DOTALL | re.MULTILINE,
        )
        assert len(pieces) == 5
        assert all(json.loads(document) for _, document in pieces)
        given = ["issue", "diff", "diff", "files", "files"]
        random.Random(vote["seed"]).shuffle(given)
        assert [sight for sight, _ in pieces] == given
        orders.add(tuple(pieces))
    assert len({vote["nonce"] for vote in votes_in(world)}) == 9
    assert len(orders) > 1


def test_every_vote_is_shown_the_three_files_before_the_view(tmp_path) -> None:
    for number, sees in enumerate(("[issue, diff]", "[issue, diff, governance]")):
        world = world_of(tmp_path / str(number), YES, rule=SCOPE.replace("[issue, diff]", sees))
        asked(world, CHANGE)
        assert len(world.model.systems) == 3
        assert all("M-NOPAY" in system for system in world.model.systems)
        assert all(
            policy_at(world.services(), world.base).digest in system
            for system in world.model.systems
        )
        assert not any("M-NOPAY" in question for question in world.model.questions)
