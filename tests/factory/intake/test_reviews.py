"""What people ask for in reviews of the pull request: each once, whatever is killed, by right
alone."""

import pytest

from harness.domain.errors import ForgeError
from harness.domain.issue import MOST_REVIEWS, Actor, LineComment, Permission
from harness.domain.lifecycle import Event, State
from harness.factory.intake.issues import sync_issues
from harness.factory.pipeline.tick import current_policy
from tests.factory.demands import STORE, held_back
from tests.factory.kills import Killed, dies_at
from tests.factory.world import answers

WORDS = "Call it places_left."


@pytest.fixture
def refused(world):
    """A change that is proposed, judged, and held back by a rule that asks a person."""
    issue = held_back(world)
    world.agent.works = [made_anew]
    return world, issue, world.history(issue).proposal


def made_anew(worktree) -> None:
    path = worktree / STORE
    path.write_text(path.read_text() + "\n# anew\n")


def writer(world, name="maya"):
    return world.forge.person(name, Permission.WRITE)


def of_kind(world, kind):
    return [entry.data for entry in world.ledger.entries(kind=kind)]


def test_a_review_and_what_it_says_about_lines_make_a_round_and_the_change_lands(refused) -> None:
    world, issue, proposal = refused
    world.forge.review(
        proposal.number,
        f"{WORDS}<!-- and stop -->\n> what a stranger wrote",
        author=writer(world),
        lines=[
            LineComment(STORE, 3, "Keep the name.\n```suggestion\nleft = 3\n```"),
            LineComment(STORE, None, "And the tests."),
        ],
    )
    world.tick()
    history, task = world.history(issue), world.agent.assignments[-1].task
    assert history.runs_of("implement") == 2
    assert history.pushed_head != proposal.head
    (wish,) = history.wishes
    assert wish.login == "maya"
    assert wish.words == (
        f"{WORDS}⟦comment⟧\n\n{STORE}, line 3: Keep the name.\n```suggestion\nleft = 3\n```\n\n"
        f"{STORE}: And the tests."
    )
    assert '"maintainer": "maya"' in task
    assert WORDS in task
    assert "and stop" not in task
    assert "stranger wrote" not in task
    maintainer = world.forge.person("mia", Permission.MAINTAIN)
    world.forge.say(issue, f"/factory approve {history.pushed_head}", author=maintainer)
    world.tick()
    assert world.history(issue).state is State.MERGED


@pytest.mark.parametrize("state", ["APPROVED", "COMMENTED", "DISMISSED", "PENDING"])
def test_only_a_review_that_asks_for_changes_does_anything(refused, state) -> None:
    world, issue, proposal = refused
    world.forge.review(proposal.number, WORDS, author=writer(world), state=state)
    before = len(world.ledger.written)
    world.tick()
    assert len(world.ledger.written) == before
    assert world.history(issue).pushed_head == proposal.head


def test_the_same_review_of_a_stranger_the_filer_or_an_app_does_nothing(refused) -> None:
    world, issue, proposal = refused
    app = Actor(77, "helper[bot]", bot=True)
    world.forge._people[app.login] = (app, Permission.ADMIN)
    triager = world.forge.person("tria", Permission.TRIAGE)
    for author in ("sam", "kim", triager, app):
        world.forge.review(
            proposal.number, WORDS, author=author, lines=[LineComment(STORE, 1, WORDS)]
        )
    asked = []
    whole = world.forge.line_comments
    world.decorate("forge", line_comments=lambda *where: asked.append(where) or whole(*where))
    world.tick()
    assert world.history(issue).pushed_head == proposal.head
    assert world.history(issue).wishes == ()
    assert of_kind(world, "command") == []
    assert answers(world, issue) == answers(world, proposal.number) == []
    assert asked == [], "nobody's words are read without the right"
    # Whoever is given the right later asks for nothing with what was read before.
    world.forge.person("sam", Permission.ADMIN)
    world.tick(whole=True)
    assert world.history(issue).wishes == ()


def test_a_review_counts_once_also_when_it_is_about_an_older_head(refused) -> None:
    world, issue, proposal = refused
    maya = writer(world)
    world.forge.review(proposal.number, WORDS, author=maya)
    world.forge.review(proposal.number, "And shorter.", author=maya)
    world.tick()
    history = world.history(issue)
    assert (history.runs_of("implement"), len(history.wishes)) == (2, 2), "one round for both"
    for _ in range(2):
        world.tick(whole=True)
    assert world.history(issue).runs_of("implement") == 2
    # Written about the head before, and sent when the change was made anew already.
    world.forge.review(
        proposal.number,
        "Third.",
        author=maya,
        head=proposal.head,
        lines=[LineComment(STORE, 9, "Shorter.")],
    )
    world.tick()
    world.tick(whole=True)
    history = world.history(issue)
    assert history.runs_of("implement") == 3
    assert history.wishes[-1].words == f"Third.\n\n{STORE}, line 9 of {proposal.head:.12}: Shorter."


def test_more_reviews_than_are_read_leave_the_landing_to_a_person(refused) -> None:
    """Among them may be a maintainer's, and strangers wrote the others."""
    world, issue, proposal = refused
    world.decorate("forge", change_request_count=lambda _: MOST_REVIEWS + 1)
    maintainer = world.forge.person("mia", Permission.MAINTAIN)
    world.forge.say(issue, f"/factory approve {proposal.head}", author=maintainer)
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert (
        "reviews: more than 1,000 reviews ask for changes" in history.transitions[-1].event.reason
    )


def test_a_review_and_a_comment_of_one_number_are_two(refused) -> None:
    world, issue, proposal = refused
    said = world.forge.say(issue, "/factory why", author=writer(world))
    world.tick()
    world.forge.last_id = said.id - 1
    assert world.forge.review(proposal.number, "", author=writer(world)).id == said.id
    world.tick()
    assert "how the change should be" in answers(world, proposal.number)[0]
    assert len(answers(world, issue)) == 1
    world.tick(whole=True)
    assert len(answers(world, proposal.number)) == 1


def test_reviews_and_comments_share_the_limit_and_the_answer(refused) -> None:
    world, issue, proposal = refused
    maya = writer(world)
    world.forge.say(issue, f"/factory revise {WORDS}", author=maya)
    world.tick()
    for number in range(3):
        world.forge.review(proposal.number, f"Wish {number}.", author=maya)
        world.tick()
    assert world.history(issue).runs_of("implement") == 1 + 2
    refusals = answers(world, proposal.number)
    assert len(refusals) == 2
    assert "2 changes were made for words of people" in refusals[0]


def test_giant_words_of_a_review_are_cut(refused) -> None:
    world, issue, proposal = refused
    lines = [LineComment(STORE, one, "y" * 900) for one in range(1, 100)]
    world.forge.review(proposal.number, "x" * 500, author=writer(world), lines=lines)
    world.tick()
    (wish,) = world.history(issue).wishes
    assert len(wish.words) == 4000


@pytest.mark.parametrize("kind", ["transition", "command", "reply", "unheard"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_while_reviews_are_taken_in_nothing_is_doubled(refused, kind, after) -> None:
    world, issue, proposal = refused
    world.forge.review(proposal.number, "Mine, too.", author="sam")
    world.forge.review(proposal.number, WORDS, author=writer(world))
    world.forge.review(proposal.number, "And more.", author=writer(world, "mo"))
    dies_at(world, kind, after=after)
    with pytest.raises(Killed):
        world.tick()
    world.tick()
    history = world.history(issue)
    assert history.rounds_by(Event.REVISED) == 1
    assert [wish.words for wish in history.wishes] == [WORDS, "And more."]
    assert history.runs_of("implement") == 2
    assert len(answers(world, proposal.number)) == 1, "the second came when a round was under way"
    assert [one["login"] for one in of_kind(world, "unheard")] == ["sam"]


def test_without_news_of_the_pull_request_no_review_is_asked_for(refused) -> None:
    world, issue, proposal = refused
    asked = []
    whole = world.forge.change_requests
    world.decorate("forge", change_requests=lambda number: asked.append(number) or whole(number))
    services = world.services()
    policy = current_policy(services)

    def requests():
        asked.clear()
        sync_issues(services, policy)
        return asked

    assert requests() == [proposal.number], "a process that starts looks once"
    assert requests() == []
    world.forge.say(issue, "Hello.", author="kim")
    assert requests() == [], "the issue alone changed"
    world.forge.review(proposal.number, WORDS, state="COMMENTED")
    assert requests() == [proposal.number]
    assert requests() == []
    services.watch_list.hint([proposal.number])
    assert requests() == [proposal.number]


def test_a_forge_that_was_down_is_asked_again(refused) -> None:
    world, issue, proposal = refused
    world.forge.review(proposal.number, WORDS, author=writer(world))
    services = world.services()
    policy = current_policy(services)
    for method in ("change_requests", "line_comments"):
        world.forge.fail(method)
        with pytest.raises(ForgeError):
            sync_issues(services, policy)
    sync_issues(services, policy)
    assert [wish.words for wish in world.history(issue).wishes] == [WORDS]
