"""Taking in what the forge shows: new issues, edits, closings, and what people with the right have told the factory.

The forge's text is data. Authority is the forge's own answer on who may do what; a command in a comment counts only
if the account that wrote it may give it.
"""

import hashlib

from harness.domain.issue import Actor, Comment, Issue
from harness.domain.lifecycle import ENDED, Event, State, events_from
from harness.factory.comments import ALL_LABELS, label_of
from harness.factory.effects import say
from harness.factory.history import History, history
from harness.factory.lifecycle import project, transition
from harness.factory.plant import Plant
from harness.factory.steering import Steering

COMMANDS = {
    "retry": Event.RETRIED,
    "hold": Event.OWNER_HOLD,
    "resume": Event.RESUMED,
    "appeal": Event.APPEALED,
}
FOR_THE_FILER = frozenset({Event.APPEALED})


def take_in(plant: Plant, steering: Steering) -> None:
    """Bring the ledger up to what the forge shows now. Doing it twice changes nothing more."""
    shown = {issue.number: issue for issue in plant.forge.issues()}
    for issue in shown.values():
        _meet(plant, issue)
    for told in _known(plant):
        issue = shown.get(told.issue) or plant.forge.issue(told.issue)
        if _obey(plant, told, issue, steering):
            issue = plant.forge.issue(told.issue)
        _notice(plant, history(plant.ledger, told.issue), issue, steering)
        _put_back_labels(plant, history(plant.ledger, told.issue), issue)


def text_hash(issue: Issue) -> str:
    """What was triaged, byte for byte: a change of it is an edit."""
    return hashlib.sha256(f"{issue.title}\0{issue.body}".encode("utf-8", "surrogatepass")).hexdigest()


def _meet(plant: Plant, issue: Issue) -> None:
    """Only of whom the forge calls one of the project's own is it asked what they may do: a thousand strangers cost nothing."""
    key = f"issue/{issue.number}"
    if plant.ledger.find(key) is None:
        may_command = issue.insider and _may_command(plant, issue.author)
        plant.ledger.append("issue", key, issue=issue.number, data={
            "title": issue.title[:200], "author": issue.author.id, "login": issue.author.login, "may_command": may_command,
            "text": text_hash(issue)})


def _known(plant: Plant) -> list[History]:
    numbers = sorted({entry.issue for entry in plant.ledger.entries(kind="issue") if entry.issue is not None})
    return [history(plant.ledger, number) for number in numbers]


def _notice(plant: Plant, told: History, issue: Issue, steering: Steering) -> None:
    """An edit after triage voids what was decided; a merge or a closing by a person ends it."""
    allowed, triaged = events_from(told.state), told.triage
    if merged := _merged_by_a_person(plant, told):
        say(plant, lambda: plant.writer.close_issue(told.issue, completed=True))
        _event(plant, told, Event.LANDED_BY_PERSON, f"pull request #{merged} was merged by a person", steering)
    elif not issue.open and Event.CLOSED_BY_PERSON in allowed and told.state not in ENDED:
        _event(plant, told, Event.CLOSED_BY_PERSON, "closed on the forge", steering)
    elif triaged and triaged["text"] != text_hash(issue) and Event.ISSUE_EDITED in allowed:
        _event(plant, told, Event.ISSUE_EDITED, "the text was edited after it was triaged", steering)


def _put_back_labels(plant: Plant, told: History, issue: Issue) -> None:
    """A label is a display of the ledger. One that somebody put on or took off decides nothing, and is put right."""
    right, worn = label_of(told), frozenset(issue.labels) & ALL_LABELS
    if worn - {right} or (told.tellings and right not in worn):
        say(plant, lambda: plant.writer.set_state_label(told.issue, right, among=ALL_LABELS))


def _merged_by_a_person(plant: Plant, told: History) -> int | None:
    """The pull request of an issue that waits for a person, if it is merged by now. Only a person can have done that: the
    factory lands what it judged, and says so in the ledger first."""
    if told.state is not State.NEEDS_HUMAN or told.proposal is None or told.landed:
        return None
    number = int(told.proposal["number"])
    return number if plant.forge.pull_request(number).merged else None


def _obey(plant: Plant, told: History, issue: Issue, steering: Steering) -> bool:
    """Slash commands, oldest first, each once, each only from an account that may give it. Whether any was."""
    if told.state not in (State.REJECTED, State.NEEDS_HUMAN, State.NEEDS_INFO, State.PAUSED, State.ACCEPTED):
        return False
    before = told
    for comment in plant.forge.comments(issue.number):
        if plant.ledger.find(_key(comment)) is None and (event := _meant(plant, comment, told, issue)):
            _do(plant, told, comment, event, steering)
            told = history(plant.ledger, issue.number)
    return told is not before


def _do(plant: Plant, told: History, comment: Comment, event: Event, steering: Steering) -> None:
    """What is said too late or too early changes nothing, and is in the ledger as said. The command is written down last:
    killed before that, it is read again, and each of its effects is there already or is made now."""
    if event in events_from(told.state):
        if told.state is State.REJECTED:   # what was closed goes on in its own place
            say(plant, lambda: plant.writer.reopen_issue(told.issue))
        _event(plant, told, event, f"by {comment.author.login}", steering, key=f"{_key(comment)}/event")
    plant.ledger.append("command", _key(comment), issue=told.issue, data={
        "command": event.value, "actor": comment.author.id, "login": comment.author.login})


def _key(comment: Comment) -> str:
    return f"comment/{comment.id}"


def _meant(plant: Plant, comment: Comment, told: History, issue: Issue) -> Event | None:
    words = comment.body.strip().split()
    if _is_awaited(told) and comment.author.id == issue.author.id and not is_command(comment):
        return Event.AUTHOR_REPLIED if comment.id > int((told.triage or {}).get("heard", 0)) else None
    if len(words) < 2 or words[0] != "/factory" or words[1] not in COMMANDS:
        return None
    event = COMMANDS[words[1]]
    if event in FOR_THE_FILER and comment.author.id == issue.author.id:
        return event
    return event if _may_command(plant, comment.author) else None


def _may_command(plant: Plant, actor: Actor) -> bool:
    """A person with the right, by the forge's own answer. An app has none, whatever it may write: nobody stands behind it."""
    return not actor.bot and plant.forge.permission(actor).may_command


def is_command(comment: Comment) -> bool:
    """Whether a comment is meant for the factory, and so is no word on the issue."""
    return comment.body.lstrip().startswith("/factory")


def _is_awaited(told: History) -> bool:
    """Whether its filer was asked something, and an answer still counts: also after it was closed for want of one."""
    return told.state is State.NEEDS_INFO or bool(told.transitions and told.transitions[-1].data["event"] == Event.NO_REPLY)


def _event(plant: Plant, told: History, event: Event, says: str, steering: Steering, *, key: str | None = None) -> None:
    transition(plant, told.issue, event, key=key or f"event/{told.issue}/{len(told.transitions)}", says=says,
               rules=steering.digest)
    project(plant, told.issue)
