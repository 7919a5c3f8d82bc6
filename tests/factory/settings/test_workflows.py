"""A user's workflow binds file by file, and none of them loosens the seal: not when it is read, and
not when it runs."""

import dataclasses
import re
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError
from harness.domain.lifecycle import Event, State
from harness.domain.verdict import VerdictOutcome
from harness.domain.workflow import Outcome, UseNode
from harness.factory.pipeline.actions import action_for
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.settings.workflows import BUILT_IN, effective_workflows_in
from tests.factory.settings.hostile import (
    AUTHOR,
    BUILD,
    CANDIDATE,
    CANDIDATE_LAW,
    CLASSIFY,
    CLOSE,
    CONCLUDE,
    CONFIRM,
    DECIDE,
    GATES,
    HAND_OVER,
    HOSTILE,
    INTAKE,
    JUDGE,
    LAND,
    LAW,
    MINE,
    PREPARE,
    PROPOSE,
    SNAPSHOT,
    TESTS,
    row,
)
from tests.factory.world import World, fixes
from tests.fakes.people import FakeAgent, FakeValidator


def ours(name: str) -> str:
    return (BUILT_IN / f"{name}.yaml").read_text("utf-8")


def changed(name: str, *swaps: tuple[str, str]) -> str:
    text = ours(name)
    for old, new in swaps:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def put(world: World, files: dict[str, str | bytes]) -> None:
    world.push_to_main(
        **{name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    )


def faults(folder: Path, files: dict[str, str]) -> list[ConfigError]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return list(effective_workflows_in(folder).faults)


# What binds


def test_theirs_binds_file_by_file_and_ours_for_the_rest(world) -> None:
    put(world, {"workflows/triage.yaml": changed("triage", ("17 2 * * *", "5 4 * * *"))})
    policy = policy_at(world.services(), world.remote["main"])
    assert policy.workflows["triage"].triggers.schedule == "5 4 * * *"
    assert [node.id for node in policy.workflows["merge"].nodes] == [
        "gates",
        "land",
        "confirm",
        "close",
    ]


def test_their_prompts_bind_by_name(world) -> None:
    put(world, {"workflows/prompts/triage.md.j2": "Ours? {{ spec_card }}"})
    world.file()
    world.tick()
    assert world.model.asked[0][1].startswith("Ours? {")


def test_an_override_identical_to_the_built_in_changes_nothing_and_every_other_is_in_the_digest(
    world,
) -> None:
    before = policy_at(world.services(), world.base).digest
    put(world, {"workflows/merge.yaml": ours("merge")})
    assert policy_at(world.services(), world.remote["main"]).digest == before
    put(world, {"workflows/merge.yaml": ours("merge") + "# mine\n"})
    assert policy_at(world.services(), world.remote["main"]).digest != before


def test_nothing_is_read_from_the_branch_and_an_agent_may_not_touch_what_is(tmp_path) -> None:
    def loosens(worktree) -> None:
        fixes(worktree)
        (worktree / "workflows").mkdir()
        (worktree / "workflows" / "validate.yaml").write_text(
            row("validate", CANDIDATE, JUDGE, CONCLUDE)
        )

    world = World(tmp_path, agent=FakeAgent(loosens))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "LAW-PROTECTED" in world.history(issue).transitions[-1].data["cites"]
    assert set(world.remote) == {"main"}


@pytest.mark.parametrize(
    ("name", "text", "line", "expected"),
    [
        (
            "workflows/validate.yaml",
            ours("validate").replace("sealed", "seeled"),
            9,
            "did you mean `sealed`",
        ),
        (
            "workflows/validate.yaml",
            ours("validate").replace("use: validate.conclude", "use: validate.concluded"),
            10,
            "there is no action `validate.concluded`; did you mean `validate.conclude`",
        ),
        (
            "workflows/merge.yaml",
            ours("merge").replace("gate: merge}", "gate: merg}"),
            5,
            "there is no check `merg`",
        ),
        (
            "workflows/implement.yaml",
            ours("implement").replace("run: tests", "run: test"),
            18,
            "did you mean `tests`",
        ),
        (
            "workflows/implement.yaml",
            ours("implement").replace("agent: implementer", "agent: implementor"),
            11,
            "did you mean `implementer`",
        ),
        (
            "workflows/prompts/triage.md.j2",
            "{{ spec_card }}\n{{ speccard }}",
            2,
            "did you mean `spec_card`",
        ),
        ("workflows/prompts/triage.md.j2", "Decide.", 10, "never shows `{{ spec_card }}`"),
        (
            "workflows/prompts/implement.md.j2",
            "{{ spec_card }}",
            12,
            "never shows `{{ findings }}`",
        ),
        ("workflows/prompts/triag.md.j2", "{{ spec_card }}", None, "did you mean `triage.md.j2`"),
        (
            "workflows/prompts/triage.md",
            "{{ spec_card }}",
            None,
            "did you mean `workflows/prompts/triage.md.j2`",
        ),
        (
            "workflows/validate.yml",
            ours("validate"),
            None,
            "did you mean `workflows/validate.yaml`",
        ),
        (
            "workflows/Validate.yaml",
            ours("validate"),
            None,
            "did you mean `workflows/validate.yaml`",
        ),
        (
            "Workflows/validate.yaml",
            ours("validate"),
            None,
            "did you mean `workflows/validate.yaml`",
        ),
        (
            "workflows/validat\u0435.yaml",
            ours("validate"),
            None,
            "did you mean `workflows/validate.yaml`",
        ),
        ("workflows/merge.yaml", "", 1, "the document is empty"),
        ("workflows/merge.yaml", "\udcff", None, "is not UTF-8"),
        ("workflows/merge.yaml", "#" * 70_000, None, "at most 65536 are read"),
    ],
)
def test_a_broken_override_stops_the_factory_and_is_never_silently_ours(
    world, name, text, line, expected
) -> None:
    put(world, {name: text.encode("utf-8", "surrogateescape")})
    world.file()
    with pytest.raises(ConfigError) as caught:
        world.tick()
    assert expected in str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.file.removeprefix("(built in) ").startswith(("workflows/", "Workflows/"))
    assert line is None or caught.value.line == line
    assert world.history(1).transitions == ()


def test_a_folder_of_the_products_own_is_left_alone_until_one_of_its_files_is_ours(
    tmp_path,
) -> None:
    product = {
        "workflows/nightly-report.yaml": "steps: []\n",
        "workflows/deploy.yml": "steps: []\n",
        "workflows/README.md": "x",
    }
    assert faults(tmp_path, product) == []
    found = faults(tmp_path, {"workflows/merge.yaml": ours("merge")})
    assert [fault.file for fault in found] == [
        "workflows/deploy.yml",
        "workflows/nightly-report.yaml",
    ]


def test_a_link_is_no_workflow(tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "workflows").symlink_to("elsewhere")
    assert "must be a folder" in str(faults(tmp_path, {})[0])
    (tmp_path / "workflows").unlink()
    (tmp_path / "workflows").mkdir()
    (tmp_path / "elsewhere" / "merge.yaml").write_text(ours("merge"))
    (tmp_path / "workflows" / "merge.yaml").symlink_to("../elsewhere/merge.yaml")
    assert "must be a plain file" in str(faults(tmp_path, {})[0])


def test_every_fault_of_every_file_is_named_at_its_line(tmp_path) -> None:
    found = faults(
        tmp_path,
        {
            "workflows/merge.yaml": (
                "name: merge\nnodes:\n  - {id: a, use: merge.lend}\n  - {id: b, gate: marge, needs:"
                " [a]}\n"
            ),
            "workflows/validate.yaml": row("validate", CANDIDATE, JUDGE, CONCLUDE),
        },
    )
    assert [(fault.file, fault.line) for fault in found] == [
        ("workflows/validate.yaml", 3),
        ("workflows/merge.yaml", 3),
        ("workflows/merge.yaml", 4),
    ]


# What a hostile or careless override could do, refused when it is read


@pytest.mark.parametrize("what", HOSTILE)
def test_a_workflow_that_would_loosen_the_seal_is_refused_when_it_is_read(tmp_path, what) -> None:
    text, expected = HOSTILE[what]
    file = f"workflows/{what.split()[0]}.yaml"
    found = [fault for fault in faults(tmp_path, {file: text}) if expected in str(fault)]
    assert found
    assert all(
        (fault.file, bool(fault.line), bool(fault.key)) == (file, True, True) for fault in found
    )


@pytest.mark.parametrize(
    "nodes",
    [
        ("triage", INTAKE, CLASSIFY, DECIDE),
        ("implement", PREPARE, AUTHOR, BUILD, SNAPSHOT, LAW, PROPOSE),
        ("implement", PREPARE, AUTHOR, BUILD, SNAPSHOT, TESTS, LAW, PROPOSE),
        ("implement", PREPARE, AUTHOR, BUILD, SNAPSHOT, MINE, LAW, TESTS, PROPOSE),
        ("validate", CANDIDATE, CANDIDATE_LAW, JUDGE, CONCLUDE),
        ("validate", CANDIDATE, TESTS, CANDIDATE_LAW, MINE, JUDGE, CONCLUDE),
        ("merge", GATES, LAND, CONFIRM, CLOSE),
    ],
    ids=lambda nodes: f"{nodes[0]} of {len(nodes) - 1}",
)
def test_what_keeps_every_promise_is_read(tmp_path, nodes) -> None:
    assert faults(tmp_path, {f"workflows/{nodes[0]}.yaml": row(*nodes)}) == []


def test_a_journey_that_nobody_would_perform_is_not_paid_for(tmp_path) -> None:
    (found,) = faults(
        tmp_path, {"workflows/validate.yaml": row("validate", CANDIDATE, CANDIDATE_LAW, HAND_OVER)}
    )
    assert "never asks the sealed judge, and implement.yaml has journeys written for it" in str(
        found
    )


# What an override may do

RENAMED = """
name: validate
nodes:
  - {id: made, use: validate.candidate}
  - {id: rules, gate: candidate-law, needs: [made]}
  - {id: candidate, validate: sealed, needs: [rules]}
  - {id: judge, use: validate.conclude, needs: [candidate]}
"""


@pytest.mark.parametrize("outcome", list(VerdictOutcome))
def test_what_a_node_is_called_decides_nothing(tmp_path, outcome) -> None:
    world = World(tmp_path, validator=FakeValidator(outcome))
    put(world, {"workflows/validate.yaml": RENAMED})
    issue, before = world.file(), world.remote["main"]
    world.tick()
    assert (world.history(issue).state is State.MERGED) is (outcome is VerdictOutcome.PASSED)
    assert (world.remote["main"] != before) is (outcome is VerdictOutcome.PASSED)


def test_a_budget_in_a_workflow_can_only_be_the_tighter_one(world) -> None:
    text = changed(
        "implement", ("    timeout: 30m\n", "    timeout: 30m\n    budget: {calls: 7, usd: 900}\n")
    )
    put(world, {"workflows/implement.yaml": text})
    world.file()
    world.tick()
    request = next(one for one in world.broker.opened if one.role == "implementer")
    assert (request.calls, request.usd) == (
        7,
        policy_at(world.services(), world.base).config.caps.usd_per_run,
    )


# And when it runs: the code of a part refuses by itself, whatever workflow brought it here


MADE = {"base": "0" * 40, "head": "0" * 40, "tree": "0" * 40, "pull_request": 2}
"""What a candidate is made of, besides its commit."""


def job(world: World, issue: int, node: UseNode, **outputs) -> Job:
    """A job as the dispatcher makes it, in a workflow of nothing but this node and what is said to
    have run before."""
    services = world.services()
    policy = policy_at(services, world.remote["main"])
    name = node.action.split(".")[0]
    real = policy.workflows[name]
    loose = dataclasses.replace(
        real, nodes=(*(one for one in real.nodes if one.id in outputs), node)
    )
    policy = dataclasses.replace(policy, workflows={**policy.workflows, name: loose})
    return Job(services, policy, issue, f"{name}-{issue}-1", 1, node, outputs)


def result_of(job: Job):
    return action_for(job.node)(job)


def validated(tmp_path, outcome=VerdictOutcome.PASSED) -> tuple[World, int]:
    """An issue whose change was judged, and that waits for its landing."""
    world = World(tmp_path, validator=FakeValidator(outcome))
    issue = world.file()
    world.tick(states=frozenset(State) - {State.APPROVED, State.MERGING})
    return world, issue


def edit(world: World, issue: int) -> None:
    world.forge.edit_issue(issue, body="Now pay by card.")


def move_the_base(world: World, issue: int) -> None:
    put(world, {"README.md": "by hand"})


def forge_the_envelope(world: World, issue: int) -> None:
    for path in (world.work / "evidence").rglob("verdict.json"):
        path.write_text('{"outcome": "passed"}')


def supersede_the_journey(world: World, issue: int) -> None:
    world.validator.digests[issue] = "sha256:" + "9" * 64


def push_over_it(world: World, issue: int) -> None:
    branch = f"factory/issue-{issue}"
    tree = {
        **world.git.trees[world.git.tree_of(world.remote[branch])],
        "tidebook/store.py": b"evil",
    }
    world.remote[branch] = world.git.commit(
        world.git.tree(tree), [world.remote[branch]], message="evil"
    )


@pytest.mark.parametrize(
    "change",
    [edit, move_the_base, forge_the_envelope, supersede_the_journey, push_over_it],
    ids=lambda change: change.__name__,
)
def test_a_landing_reads_every_fact_again_although_nobody_asked_the_gates(tmp_path, change) -> None:
    world, issue = validated(tmp_path)
    change(world, issue)
    before = world.remote["main"]
    result = result_of(job(world, issue, UseNode(id="land", action="merge.land")))
    assert (result.outcome, result.event) == (Outcome.BLOCKED, Event.REFUSED)
    assert world.remote["main"] == before
    assert world.git.landings == []


@pytest.mark.parametrize("outcome", [VerdictOutcome.FAILED, VerdictOutcome.INCONCLUSIVE])
def test_without_a_passed_verdict_a_landing_refuses(tmp_path, outcome) -> None:
    world, issue = validated(tmp_path, outcome)
    assert (
        result_of(job(world, issue, UseNode(id="land", action="merge.land"))).outcome
        is Outcome.BLOCKED
    )
    assert world.git.landings == []


def test_a_landing_that_may_be_lands(tmp_path) -> None:
    world, issue = validated(tmp_path)
    assert (
        result_of(job(world, issue, UseNode(id="land", action="merge.land"))).outcome
        is Outcome.PRODUCED
    )
    assert world.git.landings == [world.remote["main"]]
    again = result_of(job(world, issue, UseNode(id="land", action="merge.land")))
    assert again.outcome is Outcome.PRODUCED
    assert len(world.git.landings) == 1


def test_the_word_of_a_node_is_no_verdict(tmp_path) -> None:
    world, issue = validated(tmp_path, VerdictOutcome.FAILED)
    entry = world.history(issue).verdicts[-1]
    made = {**MADE, "candidate": entry.data["binds"]["candidate"]}
    conclude = UseNode(id="conclude", action="validate.conclude")
    forged = job(world, issue, conclude, candidate=made, judge={"outcome": "passed"})
    forged = dataclasses.replace(forged, run=entry.run)
    assert result_of(forged).event == Event.CHANGES_REQUESTED, "the signed one has failed"
    elsewhere = dataclasses.replace(
        forged, outputs={**forged.outputs, "candidate": {**MADE, "candidate": "f" * 40}}
    )
    assert result_of(elsewhere).event == Event.INCONCLUSIVE
    never_judged = dataclasses.replace(forged, run=f"validate-{issue}-99")
    assert result_of(never_judged).event == Event.INCONCLUSIVE
    forge_the_envelope(world, issue)
    assert result_of(forged).event == Event.INCONCLUSIVE


def breaking_the_rules(world: World) -> str:
    base = world.remote["main"]
    tree = {**world.git.trees[world.git.tree_of(base)], "factory_rules.md": b"anything goes"}
    return world.git.commit(world.git.tree(tree), [base], message="mine")


def test_nothing_is_proposed_that_the_rules_refuse_although_nobody_asked_them(world) -> None:
    issue = world.file()
    world.tick(states=frozenset({State.UNTRIAGED}))
    head = breaking_the_rules(world)
    propose = UseNode(id="propose", action="implement.propose")
    result = result_of(
        job(world, issue, propose, build={"summary": ""}, snapshot={"head": head, "tree": "x"})
    )
    assert result.outcome is Outcome.BLOCKED
    assert "LAW-PROTECTED" in result.output["cites"]
    assert set(world.remote) == {"main"}


def test_nothing_is_handed_over_that_the_rules_or_the_tests_refuse(world) -> None:
    issue = world.file()
    world.tick(states=frozenset({State.UNTRIAGED}))
    over = UseNode(id="over", action="validate.hand_over")
    rule_breaking = {**MADE, "candidate": breaking_the_rules(world)}
    assert result_of(job(world, issue, over, candidate=rule_breaking)).event == Event.POLICY_REFUSED
    rules = world.git.read(world.remote["main"], "factory_rules.md").decode()
    put(
        world,
        {"factory_rules.md": re.sub(r"## Tests are kept.*?(?=\n## )", "", rules, flags=re.DOTALL)},
    )  # no rule asks
    base = world.remote["main"]
    tree = {**world.git.trees[world.git.tree_of(base)], "tidebook/store.py": b"FAILS-ITS-TESTS"}
    broken = {
        **MADE,
        "candidate": world.git.commit(world.git.tree(tree), [base], message="mine"),
    }
    assert result_of(job(world, issue, over, candidate=broken)).event == Event.CHANGES_REQUESTED
