"""What people say to the factory in comments, and what it does and answers: each once, whatever is
killed, by right alone."""

import re
from datetime import timedelta

import pytest

from harness.domain.errors import Stopped
from harness.domain.issue import Actor, Permission
from harness.domain.lifecycle import Event, State
from harness.domain.verdict import VerdictOutcome
from harness.factory.intake.commands import ANSWERS_AN_HOUR, run_comment_commands
from harness.factory.records.brakes import RESUME
from harness.factory.records.chain import chain
from harness.factory.run.policy_snapshot import policy_at
from harness.forge.projection import GHOST
from tests.events import event_of
from tests.factory.demands import STORE, asking_a_person, governed, held_back
from tests.factory.kills import Killed, dies_at
from tests.factory.world import World, answers, edits_the_rules, fixes
from tests.fakes.people import FakeAgent

TRIAGE_ONLY = {"states": frozenset({State.UNTRIAGED})}


@pytest.fixture
def refused(world):
    """A change that is proposed, judged, and held back by a rule that asks a person before it
    lands."""
    issue = held_back(world)
    return world, issue, str(world.history(issue).pushed_head)


@pytest.fixture
def rejected(world):
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick(**TRIAGE_ONLY)
    return world, issue


def maintainer(world, name="maya", permission=Permission.MAINTAIN):
    return world.forge.person(name, permission)


def of_kind(world, kind):
    return [
        (entry.data["command"], entry.data.get("why")) for entry in world.ledger.entries(kind=kind)
    ]


# Approving a commit


@pytest.mark.parametrize("length", [12, 40])
def test_a_maintainer_approves_the_commit_that_stands_and_it_is_judged_again_and_lands(
    refused, length
) -> None:
    world, issue, head = refused
    judged = len(world.history(issue).verdicts)
    world.forge.say(issue, f"/factory approve {head[:length]}", author=maintainer(world))
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert len(history.verdicts) == judged + 1
    (given,) = (one.event for one in history.transitions if one.event.event == "approved-by-person")
    assert given.reason == "by maya"
    assert "**F-STORE**: touches protected paths: tidebook/store.py" in answers(world, issue)[0]


def test_the_name_of_what_would_land_is_as_good(refused) -> None:
    world, issue, _ = refused
    candidate = world.history(issue).verdict.binds.candidate
    world.forge.say(
        int(world.history(issue).proposal.number),
        f"/factory approve {candidate}",
        author=maintainer(world),
    )
    world.tick()
    assert world.history(issue).state is State.MERGED


@pytest.mark.parametrize(
    ("sha", "answer"),
    [
        ("", "takes the name of a commit, 12 characters of it or more"),
        ("HEAD", "takes the name of a commit"),
        ("{head:.11}", "takes the name of a commit"),
        ("0123456789ab", "is not what stands here any more"),
        ("{base}", "is not what stands here any more"),
    ],
)
def test_another_name_approves_nothing(refused, sha, answer) -> None:
    world, issue, head = refused
    world.forge.say(
        issue,
        f"/factory approve {sha.format(head=head, base=world.base)}",
        author=maintainer(world),
    )
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert answer in answers(world, issue)[0]
    assert of_kind(world, "command") == []


def test_a_head_that_the_factory_did_not_push_is_not_approved(refused) -> None:
    world, issue, _ = refused
    pushed = world.git.commit(
        world.git.tree_of(world.remote["main"]), [world.remote["main"]], message="by hand"
    )
    world.forge.push(f"factory/issue-{issue}", pushed)
    world.forge.say(issue, f"/factory approve {pushed}", author=maintainer(world))
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "which the factory did not push" in answers(world, issue)[0]


def test_under_other_rules_nothing_is_approved(refused) -> None:
    world, issue, head = refused
    governed(world, asking_a_person("F-OTHER"))
    world.forge.say(issue, f"/factory approve {head}", author=maintainer(world))
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "changed since it was refused" in answers(world, issue)[0]


@pytest.mark.parametrize(
    "rule",
    [
        asking_a_person("F-LOCKED", more="locked: true\n"),
        asking_a_person("F-HARD", on_fail="reject"),
    ],
    ids=["locked", "reject"],
)
def test_what_a_rule_does_not_leave_to_a_person_nobody_lifts(world, rule) -> None:
    governed(world, asking_a_person("F-STORE"), rule)
    issue = world.file()
    world.tick()
    head = world.history(issue).pushed_head
    world.forge.say(
        issue, f"/factory approve {head}", author=maintainer(world, permission=Permission.ADMIN)
    )
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "stands against it, and no approval lifts that" in answers(world, issue)[0]
    assert world.remote["main"] != head


def test_what_a_folder_locks_is_not_lifted_by_a_rule_of_that_name_elsewhere(world) -> None:
    governed(world, asking_a_person("F-STORE"))
    front = "---\nschema: 1\n---\n# Rules of this folder\n"
    locked = asking_a_person("F-STORE", more="locked: true\n")
    world.push_to_main(**{"tidebook/factory_rules.md": (front + locked).encode()})
    issue = world.file()
    world.tick()
    head = world.history(issue).pushed_head
    world.forge.say(issue, f"/factory approve {head}", author=maintainer(world))
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "F-STORE stands against it, and no approval lifts that" in answers(world, issue)[0]


def test_what_breaks_the_governance_itself_never_gets_so_far(tmp_path) -> None:
    world = World(tmp_path, agent=FakeAgent(edits_the_rules))
    issue = world.file()
    world.tick()
    world.forge.say(
        issue,
        f"/factory approve {world.remote['main']}",
        author=maintainer(world, permission=Permission.ADMIN),
    )
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "no open pull request of the factory's" in answers(world, issue)[0]


def test_an_approval_is_no_verdict(refused) -> None:
    """The judge refuses the second time: what a person lifted was one rule, and not the
    judgement."""
    world, issue, head = refused
    world.validator.outcomes = [type(world.validator.outcomes[0])("inconclusive")]
    world.forge.say(issue, f"/factory approve {head}", author=maintainer(world))
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert world.history(issue).landed is None


def test_an_approval_is_for_its_commit_and_not_for_the_next(refused) -> None:
    world, issue, head = refused
    world.validator.outcomes = [
        type(world.validator.outcomes[0])("failed"),
        type(world.validator.outcomes[0])("passed"),
    ]

    def again(worktree) -> None:
        fixes(worktree)
        (worktree / STORE).write_text((worktree / STORE).read_text() + "\nBETTER = True\n")

    world.agent.works = [again]
    world.forge.say(issue, f"/factory approve {head}", author=maintainer(world))
    world.tick()
    history = world.history(issue)
    assert history.pushed_head != head
    assert history.state is State.NEEDS_HUMAN
    assert history.transitions[-1].data["says"].startswith("F-STORE")
    world.forge.say(issue, f"/factory approve {history.pushed_head}", author=maintainer(world))
    world.tick()
    assert world.history(issue).state is State.MERGED


@pytest.mark.parametrize("kind", ["transition", "command", "reply"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_while_it_is_approved_it_is_approved_once_and_every_answer_is_read(
    refused, kind, after
) -> None:
    """Incident: killed between the approval and its answer, or between two commands of a comment,
    the factory never gave the answer that was due."""
    world, issue, head = refused
    dies_at(world, kind, after=after)
    world.forge.say(issue, f"/factory cost\n/factory approve {head}", author=maintainer(world))
    with pytest.raises(Killed):
        world.tick()
    world.tick()
    assert world.history(issue).state is State.MERGED
    (said,) = answers(world, issue)
    assert "so far" in said
    assert f"Approved, for `{head:.12}`" in said
    assert "**F-STORE**: touches protected paths" in said
    assert of_kind(world, "command") == [("cost", None), (Event.APPROVED_BY_PERSON, None)]
    assert of_kind(world, "unheard") == []


# Saying how the change should be


def revised(world, issue, words="Keep the old name.", author=None, **where):
    number = where.get("number", issue)
    world.forge.say(number, f"/factory revise {words}", author=author or maintainer(world))


def made_anew(worktree) -> None:
    path = worktree / STORE
    path.write_text(path.read_text() + "\n# anew\n")


def test_a_maintainer_s_words_make_a_round_and_the_change_lands(refused) -> None:
    world, issue, head = refused
    world.agent.works = [made_anew]
    words = "Call it places_left,\nand keep [the old](http://x.example) name.\n```\nsecret\n```"
    revised(world, issue, f"{words}<!-- and stop -->", number=world.history(issue).proposal.number)
    world.tick()
    task = world.agent.assignments[-1].task
    assert '"maintainer": "maya"' in task
    assert "Call it places_left,\\nand keep" in task
    assert "and stop" not in task
    history = world.history(issue)
    assert history.pushed_head != head
    assert history.runs_of("implement") == 2
    (told,) = (one for one in chain(history, outcome="").links if one.quote.startswith("Call it"))
    assert told.title == "maya asked for another change"
    world.forge.say(issue, f"/factory approve {history.pushed_head}", author=maintainer(world))
    world.tick()
    assert world.history(issue).state is State.MERGED


def test_the_same_words_of_a_stranger_and_of_the_filer_do_nothing(refused) -> None:
    world, issue, head = refused
    revised(world, issue, author="sam")
    revised(world, issue, author="kim")
    revised(world, issue, author=world.forge.person("tria", Permission.TRIAGE))
    world.tick()
    assert world.history(issue).pushed_head == head
    assert world.history(issue).wishes == ()
    assert of_kind(world, "command") == []


def test_revisions_end_and_an_empty_one_makes_no_round(refused) -> None:
    world, issue, _ = refused
    world.agent.works = [made_anew]
    revised(world, issue, "")
    world.tick()
    assert world.history(issue).runs_of("implement") == 1
    assert "how the change should be" in answers(world, issue)[-1]
    assert of_kind(world, "unheard") == [(Event.REVISED, "refused")]
    for number in range(5):
        revised(world, issue, f"Wish {number}.")
        world.tick()
    assert world.history(issue).runs_of("implement") == 1 + 2
    assert "2 changes were made for words of people" in answers(world, issue)[-1]


def test_giant_words_are_cut(refused) -> None:
    world, issue, _ = refused
    revised(world, issue, "x" * 15_000)
    world.tick()
    history = world.history(issue)
    assert len(history.wishes[0].words) == 4000
    (told,) = (one.event for one in history.transitions if one.event.event is Event.REVISED)
    assert told.reason == f"by maya: {'x' * 200}"
    assert "x" * 4001 not in world.agent.assignments[-1].task


@pytest.mark.parametrize("kind", ["transition", "command", "run-ended", "reply"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_while_words_are_taken_in_they_make_one_round(refused, kind, after) -> None:
    world, issue, _ = refused
    world.agent.works = [made_anew]
    revised(world, issue)
    dies_at(world, kind, after=after)
    try:
        world.tick()
    except Killed:
        world.tick()
    history = world.history(issue)
    assert history.rounds_by(Event.REVISED) == len(history.wishes) == 1
    assert history.runs_of("implement") == 2


def test_a_run_that_was_left_open_is_not_taken_up_on_the_change_before(refused) -> None:
    """A validation that a killed factory left would judge the old head again."""
    world, issue, head = refused
    world.validator.outcomes = [VerdictOutcome.INCONCLUSIVE]
    world.agent.works = [made_anew]
    judge = world.validator.judge

    def killed(request, out):
        raise KeyboardInterrupt

    world.forge.say(issue, f"/factory approve {head}", author=maintainer(world))
    world.decorate("validator", judge=killed)
    with pytest.raises(KeyboardInterrupt):
        world.tick()
    world.decorate("validator", judge=judge)
    assert world.history(issue).state is State.VALIDATING
    revised(world, issue)
    world.tick()
    judged = [one.event.binds.head for one in world.history(issue).verdicts]
    assert judged[1:]
    assert set(judged[1:]) == {world.history(issue).pushed_head}


# By right alone


@pytest.mark.parametrize(
    ("command", "permission"),
    [
        ("approve {head}", Permission.WRITE),
        ("retry", Permission.TRIAGE),
        ("stop", Permission.READ),
        ("hold", Permission.READ),
    ],
)
def test_who_may_not_gets_one_kind_answer_and_nothing_is_done(refused, command, permission) -> None:
    world, issue, head = refused
    stranger = world.forge.person("sam", permission)
    for _ in range(3):
        world.forge.say(issue, f"/factory {command.format(head=head)}", author=stranger)
        world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert of_kind(world, "command") == []
    (said,) = answers(world, issue)
    assert "Thank you." in said
    assert "so nothing was done" in said


def test_an_unknown_word_gets_one_line_once(refused) -> None:
    world, issue, _ = refused
    for word in ("fly", "@owner", "[x](https://evil.example)"):
        world.forge.say(issue, f"/factory {word}", author="kim")
    world.tick()
    (said,) = answers(world, issue)
    assert (
        said.splitlines()[2]
        == "There is no command `fly` here. `/factory help` lists those that there are."
    )


def test_of_a_long_word_the_beginning_is_recorded(refused) -> None:
    world, issue, _ = refused
    world.forge.say(issue, f"/factory {'fly' * 20}", author="kim")
    world.tick()
    ((name, _),) = of_kind(world, "unheard")
    assert name == ("fly" * 20)[:40]


def test_each_person_reads_each_reason_once(refused) -> None:
    world, issue, _ = refused
    for who, word in (("sam", "fly"), ("sam", "retry"), ("eve", "fly"), ("sam", "hold")):
        world.forge.say(issue, f"/factory {word}", author=who)
        world.tick()
    unknown, no_right, unknown_too = answers(world, issue)
    assert "no command `fly`" in unknown
    assert "no command `fly`" in unknown_too
    assert "You may say: `/factory help`" in no_right


def test_a_filer_is_told_what_a_filer_may(refused) -> None:
    world, issue, _ = refused
    world.forge.say(issue, "/factory help", author="kim")
    world.forge.say(issue, "/factory retry", author="kim")
    world.forge.say(issue, "Thank you all!", author="kim")
    world.tick()
    table, no_right = answers(world, issue)
    assert re.findall(r"\| the filer, [^|]+ \| (\w+) \|", table) == ["yes"]
    assert "`/factory appeal`" in no_right


def test_a_comment_without_a_command_is_nothing_done(refused) -> None:
    world, issue, _ = refused
    policy = policy_at(world.services(), world.remote["main"])
    world.forge.say(issue, "Thank you all!", author="kim")
    assert not run_comment_commands(world.services(), world.history(issue), policy)
    world.forge.say(issue, "/factory cost", author="kim")
    assert run_comment_commands(world.services(), world.history(issue), policy)
    assert not run_comment_commands(world.services(), world.history(issue), policy)


def test_an_app_gives_no_command_and_gets_no_answer(refused) -> None:
    world, issue, head = refused
    app = Actor(900, "helper[bot]", bot=True)
    world.forge._people[app.login] = (app, Permission.ADMIN)
    for command in ("retry", "why", f"approve {head}"):
        world.forge.say(issue, f"/factory {command}", author=app)
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert answers(world, issue) == []


def test_an_app_files_like_a_stranger_whatever_it_may_do(world) -> None:
    """An issue whose filer may command comes first, and closes none of a maintainer's: nobody stands
    behind an app."""
    app, maya = Actor(900, "helper[bot]", bot=True), maintainer(world)
    world.forge._people[app.login] = (app, Permission.ADMIN)
    authors = {app: False, maya: True, world.forge.person("kim"): False}
    filed = {
        world.forge.file_issue("Totals", author=who).number: filer_may_command
        for who, filer_may_command in authors.items()
    }
    world.tick(states=frozenset())
    assert {
        entry.issue: entry.data["may_command"] for entry in world.ledger.entries(kind="issue")
    } == filed


def test_our_own_words_give_no_command_where_they_are_written_with_a_persons_token(refused) -> None:
    world, issue, _ = refused
    ours = f"{world.forge.ours(issue)[0].body}\n\n/factory retry"
    world.forge.me = maintainer(world)
    world.forge.say(issue, ours, author=world.forge.me)
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert (of_kind(world, "command"), answers(world, issue)) == ([], [])


@pytest.mark.parametrize(
    ("said", "whose_token"),
    [
        ("> {ours}\n\n/factory stop", "factory"),
        ("> {ours}\n\n/factory stop", "maya"),
        ("/factory stop\n\n> {ours}", "maya"),
        ("<!-- lights-out-factory:reply:1 -->\n\n/factory stop", "factory"),
    ],
)
def test_a_stop_beside_a_quotation_of_us_is_heard(refused, said, whose_token) -> None:
    """What is quoted carries our mark; whose account wrote the comment, it does not say."""
    world, issue, _ = refused
    quoted = world.forge.ours(issue)[0].body.replace("\n", "\n> ")
    maya = maintainer(world)
    world.forge.me = maya if whose_token == "maya" else world.forge.me
    world.forge.say(issue, said.format(ours=quoted), author=maya)
    with pytest.raises(Stopped):
        world.tick()


def test_an_approval_that_was_edited_in_within_the_same_second_approves_nothing(refused) -> None:
    world, issue, head = refused
    said = world.forge.say(issue, "Looks fine.", author=maintainer(world))
    world.forge.edit_comment(issue, said.id, f"/factory approve {head}", at_once=True)
    assert not world.forge.comments(issue)[-1].edited
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "was edited" in answers(world, issue)[0]


def test_who_edited_is_asked_only_before_a_command_that_a_writer_may_not_give(refused) -> None:
    world, issue, head = refused
    asked, own = [], world.forge.is_original

    def is_original(comment) -> bool:
        asked.append(comment.body)
        return own(comment)

    world.decorate("forge", is_original=is_original)
    for words in ("/factory why", "/factory hold", "/factory resume", "Looks fine."):
        world.forge.say(issue, words, author=maintainer(world))
    world.forge.say(issue, f"/factory approve {head}", author="stranger")
    world.tick()
    assert asked == []
    world.forge.say(issue, f"/factory approve {head}", author=maintainer(world))
    world.tick()
    assert asked == [f"/factory approve {head}"]


def test_a_comment_that_was_edited_gives_no_command(refused) -> None:
    """Whoever may write may edit a maintainer's comment, and the forge names only its first
    author."""
    world, issue, head = refused
    said = world.forge.say(issue, "Looks fine.", author=maintainer(world))
    world.tick()
    world.forge.edit_comment(issue, said.id, f"/factory approve {head}")
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "was edited" in answers(world, issue)[0]


def test_an_edit_of_a_command_that_was_heard_is_not_heard_again(refused) -> None:
    world, issue, _ = refused
    said = world.forge.say(issue, "/factory hold", author=maintainer(world))
    world.tick()
    assert world.history(issue).state is State.PAUSED
    world.forge.edit_comment(issue, said.id, "/factory resume")
    world.tick()
    assert world.history(issue).state is State.PAUSED
    assert answers(world, issue) == []


# Answers


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("why", "touches protected paths: tidebook/store.py"),
        ("cost", "By the models' price list: $"),
        ("rules", "which every decision names"),
        ("help", "A command stands on a line of its own."),
    ],
)
def test_a_question_of_anybody_is_answered_once_where_it_was_asked(refused, command, says) -> None:
    world, issue, _ = refused
    pull = int(world.history(issue).proposal.number)
    world.forge.say(pull, f"/factory {command}", author="sam")
    world.tick()
    world.tick()
    (said,) = answers(world, pull)
    assert says in said
    assert answers(world, issue) == []


def test_several_commands_of_one_comment_are_done_in_their_order_and_answered_together(
    refused,
) -> None:
    world, issue, _ = refused
    maya = maintainer(world)
    world.forge.say(issue, "/factory cost\n/factory hold it\n/factory why", author=maya)
    world.tick()
    (said,) = answers(world, issue)
    assert "By the models' price list: $" in said
    assert "This is on hold." in said
    assert of_kind(world, "command") == [("cost", None), (Event.OWNER_HOLD, None), ("why", None)]
    given = [entry.event for entry in world.ledger.entries(kind="command")]
    assert [(one.actor, one.login, one.words) for one in given] == [(maya.id, "maya", "")] * 3
    assert world.history(issue).transitions[-1].event.reason == "by maya"


def test_killed_between_two_commands_the_first_is_not_run_again(refused) -> None:
    world, issue, _ = refused
    dies_at(world, "command", where=lambda given: given.command == Event.OWNER_HOLD, after=False)
    world.forge.say(issue, "/factory resume\n/factory hold", author=maintainer(world))
    with pytest.raises(Killed):
        world.tick()
    world.tick()
    assert world.history(issue).state is State.PAUSED
    assert not any("A command stands" in said for said in answers(world, issue))


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ("/factory resume", "changes nothing now"),
        ("/factory approve abcdef1", "Not approved"),
        ("/factory fly", "There is no command `fly` here"),
        ("/factory fly\n/factory swim", "There is no command `fly` here"),
    ],
)
def test_killed_between_two_commands_what_the_first_was_refused_for_is_still_read(
    refused, words, due
) -> None:
    world, issue, _ = refused
    before = len(answers(world, issue))
    dies_at(world, "command", "unheard")
    world.forge.say(issue, f"{words}\n/factory cost", author=maintainer(world))
    with pytest.raises(Killed):
        world.tick()
    world.tick()
    (said,) = answers(world, issue)[before:]
    assert due in said
    assert "swim" not in said
    assert "so far" in said


def test_one_person_gets_a_few_answers_an_hour_and_is_heard_all_the_same(refused) -> None:
    world, issue, _ = refused
    for _ in range(ANSWERS_AN_HOUR + 3):
        world.forge.say(issue, "/factory cost", author="sam")
    world.forge.say(issue, "/factory cost", author="kim")
    world.tick()
    assert len(answers(world, issue)) == ANSWERS_AN_HOUR + 1
    assert "last answer to you for an hour" in answers(world, issue)[ANSWERS_AN_HOUR - 1]
    world.ledger.clock.at += timedelta(hours=1)
    world.forge.say(issue, "/factory cost", author="sam")
    world.tick()
    assert len(answers(world, issue)) == ANSWERS_AN_HOUR + 2


@pytest.mark.parametrize("after", [False, True], ids=["not written", "written"])
def test_an_answer_that_was_cut_off_is_there_once(refused, after) -> None:
    world, issue, _ = refused
    world.forge.say(issue, "/factory why", author="sam")
    world.forge.fail("upsert_comment", after=after)
    with pytest.raises(Exception, match="upsert_comment"):
        world.tick()
    world.tick()
    assert len(answers(world, issue)) == 1


def test_a_thread_that_takes_no_answer_stops_nothing(refused) -> None:
    world, issue, _ = refused
    world.forge.say(issue, "/factory why", author="sam")
    world.forge.fail("upsert_comment", retryable=False, message="403 locked")
    world.tick()
    (told,) = world.log.of("reply-failed")
    assert "403 locked" in told.message
    assert told.issue == issue
    (given,) = world.ledger.entries(kind="reply")
    assert (given.issue, given.data["login"]) == (issue, "sam")


def test_what_is_said_too_late_changes_nothing_and_is_answered(refused) -> None:
    world, issue, _ = refused
    world.forge.say(issue, "/factory resume", author=maintainer(world))
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "changes nothing now: this is with a person" in answers(world, issue)[0]


# Appeals


def test_a_filer_appeals_and_a_second_appeal_is_kept(rejected) -> None:
    world, issue = rejected
    world.forge.fail("permission", count=99)  # nobody asks what the filer may
    world.forge.say(issue, "/factory appeal it is for charity", author="kim")
    world.tick(**TRIAGE_ONLY)
    assert world.history(issue).state is State.NEEDS_HUMAN
    world.forge.say(issue, "/factory appeal and the harbour asked for it", author="kim")
    world.tick(**TRIAGE_ONLY)
    assert len(world.history(issue).appeals) == 2
    assert "2 appeals were made, the last on 2030-05-04, by kim" in world.forge.ours(issue)[0].body
    assert "heard and kept" in answers(world, issue)[0]


def test_what_a_person_closed_can_be_appealed_against_again(rejected) -> None:
    world, issue = rejected
    world.forge.say(issue, "/factory appeal", author="kim")
    world.tick(**TRIAGE_ONLY)
    world.forge.edit_issue(issue, open=False)
    world.tick(**TRIAGE_ONLY)
    assert world.history(issue).state is State.REJECTED
    world.forge.say(issue, "/factory appeal once more", author="kim")
    world.tick(**TRIAGE_ONLY)
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert world.forge.issue(issue).open


def test_nobody_appeals_for_somebody_else(rejected) -> None:
    world, issue = rejected
    world.forge.say(issue, "/factory appeal", author="sam")
    world.tick(**TRIAGE_ONLY)
    assert world.history(issue).state is State.REJECTED


def test_of_deleted_accounts_nobody_can_tell_which_one_filed(world) -> None:
    """A forge shows all of them as the same one, with no number."""
    issue = world.forge.file_issue("Pay by card", "Please add card payments.", author=GHOST).number
    world.forge._people[GHOST.login] = (GHOST, Permission.NONE)
    world.tick(**TRIAGE_ONLY)
    world.forge.say(issue, "/factory appeal", author=GHOST)
    world.tick(**TRIAGE_ONLY)
    assert world.history(issue).state is State.REJECTED


# Stopping everything


def test_stop_stops_the_whole_factory_after_all_else_in_its_comment_was_done_and_answered(
    refused,
) -> None:
    world, issue, _ = refused
    other = world.file("Another", "The places are gone too.")
    world.forge.say(
        issue,
        "/factory stop\n/factory stop\n/factory cost",
        author=maintainer(world, permission=Permission.WRITE),
    )
    with pytest.raises(Stopped):
        world.tick()
    assert "stops now" in answers(world, issue)[0]
    assert "By the models' price list: $" in answers(world, issue)[0]
    assert world.history(other).triage is None
    said = len(world.forge.writes)
    with pytest.raises(Stopped):
        world.tick()
    assert len(world.forge.writes) == said


def test_a_stop_that_was_lifted_does_not_come_back(refused) -> None:
    world, issue, _ = refused
    world.forge.say(issue, "/factory stop\n/factory cost", author=maintainer(world))
    with pytest.raises(Stopped):
        world.tick()
    world.ledger.append(event_of("command", {"command": RESUME}), "command/9/resume")
    world.tick()
    world.tick()
    assert len(answers(world, issue)) == 1
