"""Every word on a pull request, in a check, in an answer and on the dashboard: a golden file each,
and none without one."""

import re
from pathlib import Path

import pytest

from harness.domain.issue import Permission
from harness.domain.lifecycle import State
from harness.domain.verdict import VerdictOutcome
from tests.events import event_of
from tests.factory.demands import asking_a_person, governed
from tests.factory.world import ASK, answers, steady
from tests.fakes.people import FakeModel

GOLDEN = Path(__file__).parents[2] / "golden" / "changes"


def on_the_pull_request(world, issue):
    number = int(world.history(issue).proposal.number)
    return next(one.body for one in world.forge.ours(number) if ":change " in one.body)


def check(world, issue, name) -> str:
    found = world.forge.checks[str(world.history(issue).pushed_head), name]
    return f"{found.conclusion}: {found.title}\n\n{found.summary}"


def asked(world, number, command, *, by="sam", permission=Permission.READ):
    world.forge.say(number, f"/factory {command}", author=world.forge.person(by, permission))
    world.tick()
    return answers(world, number)[-1]


def landed(world):
    issue = world.file()
    world.tick()
    return on_the_pull_request(world, issue)


def held_back(world):
    return on_the_pull_request(world, _held_back(world))


def _held_back(world):
    governed(world, asking_a_person("F-STORE"))
    issue = world.file()
    world.tick()
    return issue


def sent_back_for_good(world):
    world.validator.outcomes = [VerdictOutcome.FAILED]
    issue = world.file()
    world.tick()
    return on_the_pull_request(world, issue)


def without_an_answer(world):
    world.validator.outcomes = [VerdictOutcome.INCONCLUSIVE]
    issue = world.file()
    world.tick()
    return on_the_pull_request(world, issue)


def check_of_the_law(world):
    return check(world, _held_back(world), "factory/law")


def check_of_the_seal(world):
    world.validator.outcomes = [VerdictOutcome.INCONCLUSIVE]
    issue = world.file()
    world.tick()
    return check(world, issue, "factory/seal")


def check_before_the_merge(world):
    return check(world, _held_back(world), "factory/merge")


def answer_why(world):
    return asked(world, _held_back(world), "why")


def answer_why_of_a_filer(world):
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    return asked(world, issue, "why", by="kim")


def answer_cost(world):
    return asked(world, _held_back(world), "cost")


def answer_rules(world):
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    return asked(world, issue, "rules")


def answer_help_for_the_filer(world):
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    return asked(world, issue, "help", by="kim")


def answer_help_for_a_maintainer(world):
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    return asked(world, issue, "help", by="maya", permission=Permission.MAINTAIN)


def answer_without_a_right(world):
    return asked(world, _held_back(world), "retry")


def answer_approved(world):
    issue = _held_back(world)
    return asked(
        world,
        issue,
        f"approve {world.history(issue).pushed_head}",
        by="maya",
        permission=Permission.MAINTAIN,
    )


def answer_not_approved(world):
    return asked(
        world, _held_back(world), "approve 0123456789ab", by="maya", permission=Permission.MAINTAIN
    )


def dashboard(world):
    """Something of everything: a change that waits for a person, one on hold, a question, a
    landing, and a freeze."""
    first = world.file()
    world.tick()
    governed(world, asking_a_person("F-STORE"))
    world.file(
        "Walks of @owner <b>vanish</b> | https://evil.example", "The places are gone. Closes #1."
    )
    world.tick()
    held = world.file("Another", "The places are gone too, in another way.")
    world.tick(states=frozenset({State.UNTRIAGED}))
    world.forge.say(held, "/factory hold", author=world.forge.person("maya", Permission.MAINTAIN))
    world.model = FakeModel({"": ASK})
    world.file("Something is odd", "It is odd.")
    world.tick(states=frozenset({State.UNTRIAGED}))
    world.ledger.append(
        event_of(
            "command", {"command": "freeze", "why": "#1: tree aaaaaaa was judged, bbbbbbb landed"}
        ),
        "freeze/1",
        issue=first,
    )
    world.tick(states=frozenset(), shows=True)
    return next(issue.body for issue in world.forge.issues() if ":dashboard " in issue.body)


STORIES = (
    landed,
    held_back,
    sent_back_for_good,
    without_an_answer,
    check_of_the_law,
    check_of_the_seal,
    check_before_the_merge,
    answer_why,
    answer_why_of_a_filer,
    answer_cost,
    answer_rules,
    answer_help_for_the_filer,
    answer_help_for_a_maintainer,
    answer_without_a_right,
    answer_approved,
    answer_not_approved,
    dashboard,
)


def stable(body, world):
    """Without what differs from run to run: commits, digests, moments and entries."""
    body = steady(body, base=world.remote["main"])
    body = re.sub(r"sha256:(?!RULES)[0-9a-f]+", "sha256:DIGEST", body)
    names = {
        *world.git.commits,
        *world.git.trees,
    }  # one in a thousand short ones has no figure in it

    def named(name):
        return (
            "COMMIT"
            if re.search(r"\d", name[0]) or any(one.startswith(name[0]) for one in names)
            else name[0]
        )

    body = re.sub(r"\b[0-9a-f]{7,40}\b", named, body)
    return re.sub(r"reply:\d+", "reply:COMMENT", re.sub(r"entry \d+", "entry N", body))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_words_read_as_their_golden_file(world, story) -> None:
    path = GOLDEN / f"{story.__name__.replace('_', '-')}.md"
    assert stable(story(world), world) == path.read_text("utf-8")


def test_every_golden_file_has_its_story() -> None:
    assert {path.stem for path in GOLDEN.glob("*.md")} == {
        story.__name__.replace("_", "-") for story in STORIES
    }


def test_whoever_filed_it_finds_the_evidence_and_the_pull_request(world) -> None:
    issue = world.file()
    world.tick()
    (comment,) = world.forge.ours(issue)
    ours, _, folded = comment.body.partition("<details>")
    number = world.history(issue).proposal.number
    assert re.search(r"\[See what the judge saw\]\(\S+/evidence/validate-1-1/index.html\)", ours)
    assert f"pull request [#{number}](" in folded
    assert "\u200b" not in comment.body
