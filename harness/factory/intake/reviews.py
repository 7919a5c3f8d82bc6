"""Reviews that ask for changes: the words of whoever may write make another round, as
`/factory revise` does with them.

Properties:
- only a review that asks for changes does anything; an approval and a plain comment do not;
- the forge is asked for the author's right when the review is read, and an app has none;
- each review counts once, whichever head it was about: on the forge it goes on standing, also when
  the change was made anew since;
- of a stranger's review the ledger keeps that it was read, and nobody answers it.

The forge does not tell whether a review was edited. Only its author and whoever may write can edit
it, and each of them may ask for the same."""

from collections.abc import Iterable

from harness.domain.events import CommandIgnored
from harness.domain.issue import Comment, LineComment, Permission, Review
from harness.domain.lifecycle import ENDED
from harness.factory.intake.command_context import REVIEW, CommandContext, RefusalReason
from harness.factory.intake.commands import run_command
from harness.factory.records.history import History
from harness.factory.reporting.slash_commands import COMMANDS, ParsedCommand, own_words
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services

REVISE = COMMANDS["revise"]
LONGEST_PATH = 200


def run_reviews(services: Services, history: History, policy: PolicySnapshot) -> bool:
    """Take in the new reviews of an issue's pull request, oldest first. Return whether anything was
    done or answered.

    Raises Stopped once somebody stopped the factory."""
    proposal = history.proposal
    is_due = services.watch_list.may_have_reviews(history.issue)
    if proposal is None or history.state in ENDED or not is_due:
        return False
    rights: dict[int, Permission] = {}
    results = [
        _run(services, policy, history, review, rights)
        for review in services.forge.change_requests(proposal.number)
        if not review.author.bot and services.ledger.find(f"{REVIEW}/{review.id}") is None
    ]
    return any(results)


def _run(
    services: Services,
    policy: PolicySnapshot,
    history: History,
    review: Review,
    rights: dict[int, Permission],
) -> bool:
    """Take in one review. `rights` are the answers about authors that were asked before."""
    assert history.proposal is not None, "without a pull request there is no review"
    author, number = review.author, history.proposal.number
    if author.id not in rights:
        rights[author.id] = services.forge.permission(author)
    if not rights[author.id].reaches(REVISE.least):
        ignored = CommandIgnored(
            str(REVISE.event), author.id, author.login, RefusalReason.REVIEW_WITHOUT_RIGHT
        )
        services.ledger.append(ignored, f"{REVIEW}/{review.id}", issue=history.issue)
        return False
    # Asked only now: nobody's words are read before the forge gave them the right.
    remarks = services.forge.line_comments(number, review.id)
    words = _words(review, remarks, is_old=review.head != history.pushed_head)
    context = CommandContext(
        services,
        policy,
        history.issue,
        number,
        Comment(review.id, author, words, review.created_at),
        permission=rights[author.id],
        source=REVIEW,
    )
    run_command(context, ParsedCommand(REVISE.word, words), context.key)
    raise_if_stopped(services)
    return True


def _words(review: Review, remarks: Iterable[LineComment], *, is_old: bool) -> str:
    """What the review asks for in one text: its own words, then those about lines."""
    # The lines of an older head are others by now.
    at = f" of {review.head:.12}" if is_old else ""
    parts = [own_words(review.body)]
    for remark in remarks:
        path = " ".join(own_words(remark.path[:LONGEST_PATH]).split())
        place = f"{path}, line {remark.line}{at}" if remark.line else path
        if said := own_words(remark.body):
            parts.append(f"{place}: {said}")
    return "\n\n".join(filter(None, parts))
