"""What an implementer is shown of the repository, and what runs learn from each other."""

import hashlib
import json
from dataclasses import dataclass, replace

import pytest

from harness.context.repository_contexts import IndexedContexts
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.ledger import Entry
from harness.domain.repository_context import PageManifest
from harness.domain.verdict import VerdictOutcome
from harness.factory.models.briefing import MANIFEST, record_manifest
from harness.factory.models.learning import known_lessons, learn, say_of, shown_lessons
from harness.factory.reporting.report import logs
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import policy_at
from harness.lessons.lesson import Word
from tests.context.trees import outlines
from tests.events import event_of
from tests.factory.players import DIAGNOSIS, Players, cast_by
from tests.factory.world import World, fixes
from tests.fakes.people import FakeAgent, FakeValidator

LESSON_ON_STORE = {
    "says": "A booking that is cancelled has to be left out wherever bookings are added up.",
    "file": "tidebook/store.py",
    "quote": "def cancel",
}
LISTED = "The places are gone. The list of bookings shows those that I cancelled, too."


@dataclass
class WorldWithContext(World):
    """A world whose agents are shown the repository."""

    def services(self):
        return replace(
            World.services(self),
            contexts=IndexedContexts(self.git, self.work / "index", outlines=outlines),
        )

    def job(self, issue: int) -> Job:
        services = self.services()
        policy = policy_at(services, self.base)
        node = next(node for node in policy.workflows["implement"].nodes if node.id == "build")
        return Job(
            services,
            policy,
            issue,
            f"implement-{issue}-1",
            1,
            node,
            {"prepare": {"start": self.base}},
        )

    def shown(self) -> Entry:
        return self.ledger.entries(kind="context")[-1]


@pytest.fixture
def world(tmp_path):
    return WorldWithContext(tmp_path)


def configured(world, **keys) -> None:
    """The same repository with a table `[context]`."""
    tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
    table = "".join(f"{key} = {value}\n" for key, value in keys.items())
    tree["factory.toml"] += f"\n[context]\n{table}".encode()
    world.remote["main"] = world.base = world.git.commit(
        world.git.tree(tree), [world.remote["main"]]
    )


def test_the_implementer_is_shown_the_code_that_the_issue_is_about(world) -> None:
    world.file()
    world.tick()
    (assignment,) = world.agent.assignments
    assert '"tidebook/store.py"' in assignment.task
    assert assignment.task.index("text_of_a_stranger") < assignment.task.index(
        '"tidebook/store.py"'
    )
    assert assignment.system[0].startswith("<governance")


def test_what_was_shown_is_in_a_manifest_beside_the_run_and_its_digest_in_the_ledger(world) -> None:
    issue = world.file()
    world.tick()
    text = (world.work / "runs" / f"implement-{issue}-1" / MANIFEST).read_bytes()
    document = json.loads(text)
    assert world.shown().data["manifest"] == f"sha256:{hashlib.sha256(text).hexdigest()}"
    assert document["included"][0]["kind"] == "governance"
    assert {"spec_card", "map"} <= {one["kind"] for one in document["included"]}
    assert world.shown().data["base"] == world.base
    assert "tidebook/store.py" in world.shown().data["files"]
    assert world.shown().data["tokens"] == document["tokens"]


def test_the_manifest_of_a_run_is_written_once(world) -> None:
    """Each step of split work is shown the same of the repository."""
    issue = world.file()
    world.tick()
    manifest = world.work / "runs" / f"implement-{issue}-1" / MANIFEST
    before = manifest.read_bytes()
    record_manifest(
        world.job(issue), PageManifest(CommitSha("0" * 40), TreeSha("0" * 40), 0, (), ())
    )
    assert manifest.read_bytes() == before


def test_the_same_commit_and_issue_give_the_same_words(tmp_path) -> None:
    tasks = []
    for name in ("one", "two"):
        world = WorldWithContext(tmp_path / name)
        world.file()
        world.tick()
        tasks.append(world.agent.assignments[0].task)
    assert tasks[0] == tasks[1]


def test_a_budget_of_nothing_tells_nothing(world) -> None:
    configured(world, tokens=0)
    world.file()
    world.tick()
    assert "at commit" not in world.agent.assignments[0].task
    assert world.ledger.entries(kind="context") == ()


def test_the_specification_is_whole_whatever_the_budget(world) -> None:
    configured(world, tokens=1)
    body = "The places are gone. " + " ".join(
        f"Walk {number} says so as well." for number in range(300)
    )
    world.file(body=body)
    world.tick()
    assert body in world.agent.assignments[0].task
    assert "at commit" not in world.agent.assignments[0].task
    document = json.loads((world.work / "runs" / "implement-1-1" / MANIFEST).read_text())
    assert next(one["tokens"] for one in document["included"] if one["kind"] == "spec_card") > 2000


def test_an_attempt_after_a_failed_one_is_shown_more(world) -> None:
    def fails(worktree):
        return "stalled", "did not get anywhere"

    world.agent.works = [fails, fails, *world.agent.works]
    world.file()
    for _ in range(3):
        world.tick()
    budgets = [entry.data["budget"] for entry in world.ledger.entries(kind="context")]
    assert budgets[:3] == [6000, 12000, 18000]


def test_a_change_that_was_sent_back_is_read_as_it_stands(tmp_path) -> None:
    world = WorldWithContext(
        tmp_path, validator=FakeValidator(VerdictOutcome.FAILED, VerdictOutcome.PASSED)
    )
    world.file()
    world.tick()
    first, second = world.ledger.entries(kind="context")
    proposed = [
        entry.data["result"]["head"]
        for entry in world.ledger.entries(kind="done")
        if entry.data["effect"] == "propose"
    ]
    assert (first.data["base"], second.data["base"]) == (world.base, proposed[0])


def test_a_lesson_that_stands_is_kept_with_where_it_comes_from(world) -> None:
    issue = world.file()
    world.tick()
    kept = learn(world.job(issue), [LESSON_ON_STORE], role="diagnoser")
    (lesson,) = known_lessons(world.ledger)
    assert kept == (lesson.id,)
    assert (lesson.issue, lesson.run, lesson.role, lesson.base) == (
        issue,
        f"implement-{issue}-1",
        "diagnoser",
        world.base,
    )
    assert learn(world.job(issue), [LESSON_ON_STORE], role="diagnoser") == kept
    assert len(world.ledger.entries(kind="lesson")) == 1


def test_what_is_known_is_not_noted_twice(world) -> None:
    first, second = (
        world.file(),
        world.file("Dates are hard to read", "Nobody can read the dates on a walk."),
    )
    world.tick()
    one = learn(world.job(first), [LESSON_ON_STORE], role="diagnoser")
    assert (
        learn(
            world.job(second),
            [{**LESSON_ON_STORE, "says": LESSON_ON_STORE["says"].upper()}],
            role="reviewer",
        )
        == one
    )
    assert [lesson.sightings for lesson in known_lessons(world.ledger)] == [2]


@pytest.mark.parametrize(
    "change",
    [
        {
            "says": "Cancelled bookings keep their places, as the issue says in so many words."
        },  # the filer's title
        {"file": "tidebook/none.py"},
        {"file": "../../etc/passwd"},
        {"file": "a\0b"},
        {"quote": "def never_there"},
        {
            "says": "The key ghp_"
            + "a8Jf72Kd91LmQpXz0Rt5VbN3YwE6Uc4Hs2Gi opens the store on every machine."
        },
    ],
)
def test_a_refused_lesson_is_reported_and_not_kept(world, change) -> None:
    world.ledger.append(
        event_of("triage", {"title": "Cancelled bookings keep their places", "body": "Gone."}),
        "t",
        issue=1,
    )
    assert learn(world.job(1), [{**LESSON_ON_STORE, **change}], role="diagnoser") == ()
    assert known_lessons(world.ledger) == ()
    assert world.log.of("lesson-refused")[-1].issue == 1


def test_a_diagnoser_notes_what_would_have_spared_the_failure(tmp_path) -> None:
    """The lesson is shown as one that was checked, and is no part of the advice that goes with it;
    what is wrong is not kept."""
    noted = {
        **DIAGNOSIS,
        "lessons": [LESSON_ON_STORE, {**LESSON_ON_STORE, "quote": "def never_there"}],
    }
    world = WorldWithContext(
        tmp_path, agent=FakeAgent(lambda worktree: None, fixes), model=Players(diagnoser=noted)
    )
    cast_by(world, '[models]\ndiagnoser = "gpt-5.5"\n')
    world.file()
    world.tick()
    (lesson,) = known_lessons(world.ledger)
    assert (lesson.sentence, lesson.role, lesson.run) == (
        LESSON_ON_STORE["says"],
        "diagnoser",
        "implement-1-2",
    )
    first, second = (assignment.task for assignment in world.agent.assignments)
    assert (first.count(lesson.sentence), second.count(lesson.sentence)) == (0, 1)
    assert (lesson.had.runs, lesson.had.sound) == (1, 1)
    said = [entry["message"] for entry in logs(world.ledger, "implement-1-2")["entries"]]
    assert f"the diagnoser noted: {lesson.sentence}" in said
    assert any(
        line.startswith("repository context: ") and "lessons: 1, left out: " in line
        for line in said
    )


def test_the_next_implementer_is_shown_what_was_noted_until_a_person_retires_it(world) -> None:
    first = world.file()
    world.tick()
    (lesson,) = learn(world.job(first), [LESSON_ON_STORE], role="diagnoser")
    world.file("Bookings that were cancelled are in the list", LISTED)
    world.tick()
    task = world.agent.assignments[-1].task
    assert f"- {LESSON_ON_STORE['says']} (tidebook/store.py)" in task
    assert world.shown().data["lessons"] == [lesson]
    say_of(world.ledger, lesson[:6], Word.RETIRE, why="it is in the code now")
    assert shown_lessons(world.ledger) == ()
    world.file("The list of bookings is long", f"{LISTED} Some are years old.")
    world.tick()
    assert LESSON_ON_STORE["says"] not in world.agent.assignments[-1].task


def test_a_repository_may_do_without_lessons(world) -> None:
    configured(world, lessons=0)
    first = world.file()
    world.tick()
    learn(world.job(first), [LESSON_ON_STORE], role="diagnoser")
    world.file("Bookings that were cancelled are in the list", LISTED)
    world.tick()
    assert len(world.agent.assignments) == 2
    assert LESSON_ON_STORE["says"] not in world.agent.assignments[-1].task
