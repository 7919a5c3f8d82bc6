"""Judged rules: models vote on them. What is asked, what the models see, and what is recorded.

Properties:
- nobody is asked while code refuses;
- each vote is a call of its own, with its own nonce around the material and its own order;
- each vote is in the ledger as soon as it is given, under a key that covers all that was shown, so
  a killed factory asks only for the missing votes, and no view is voted on twice;
- a model that cannot be asked is an abstention or is tried again, and never a yes;
- a shadow rule never stops a change."""

import json
import random
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote

from harness.domain.errors import BudgetExhausted, ModelError, ModelsPaused
from harness.domain.events import UsageRecorded, VoteCast
from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.domain.governance import (
    CheckAnswer,
    Decision,
    Question,
    Rule,
    Status,
    Vote,
)
from harness.domain.issue import CommitSha
from harness.domain.ledger import as_of
from harness.domain.model_choice.roles import Tier
from harness.factory.models import prompts
from harness.factory.models.selection import NOBODY, reviewers
from harness.factory.models.sessions import session
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.node import Job
from harness.governance.context import context as governance_text
from harness.governance.decide import Lifted, as_lifted
from harness.governance.votes.judged import (
    Ballot,
    Quote,
    VoterReply,
    answer_to,
    as_answer,
    ballot_in,
    ballot_schema,
    finding_of,
    found_in,
    rules_voted_on,
    vote_of,
    with_votes,
)
from harness.governance.votes.view import VoterView, view_of
from harness.ports.model import Session
from harness.workflow import rendered

ROLE = "reviewer"
PROMPT = "judged.md.j2"
"""It lies beside this module and not with the workflows' prompts: nobody may override what makes a
vote valid."""

NOT_RECORDED = "no vote on exactly this was recorded before the merge, and nobody is asked then"


@dataclass(frozen=True, slots=True)
class _Poll:
    """One judged rule that is put to a vote on one view of one change. `voter` casts all votes;
    None if no model may."""

    job: Job
    rule: Rule
    question: Question
    view: VoterView
    head: CommitSha
    # The first reviewer of a model family that wrote nothing of the change.
    voter: Tier | None

    @property
    def model(self) -> str:
        return self.voter.model if self.voter else "nobody"

    def key(self, number: int) -> str:
        """The vote's ledger key. It covers everything that is asked and shown: any other word is
        another vote."""
        seen = self.view.digest(
            self.rule.id, self.job.policy.governance.digest, self.model, _prompts()[PROMPT]
        )
        return f"vote/{self.job.issue}/{self.rule.id}/{seen}/{number}"

    def recorded(self, number: int) -> VoteCast | None:
        found = self.job.services.ledger.find(self.key(number))
        return None if found is None else as_of(found, VoteCast).event


def vote_on_judged_rules(
    job: Job,
    decision: Decision,
    *,
    facts: ChangeFacts,
    base: CommitSha,
    head: CommitSha,
    asking: bool,
    lifted: Lifted,
) -> Decision:
    """The decision with the answer of each judged rule; the decision unchanged if code refuses
    already.

    With `asking` False only recorded votes count. Refusals in `lifted` are shown and refuse
    nothing. Raises ModelError if a model may answer later, ModelsPaused while no model is asked,
    BudgetExhausted if a cap forbids it, and Stopped."""
    if not decision.allowed:
        return decision
    asked = rules_voted_on(job.policy.governance, facts, applies=decision.applies)
    voter = next(iter(reviewers(job.policy.config, job.history)), None) if asked else None
    polls = [
        _Poll(
            job,
            rule,
            rule.question,
            _view(job, rule.question, facts=seen, base=base, head=head),
            head,
            voter,
        )
        for rule, seen in asked
        if rule.question
    ]
    return with_votes(
        decision,
        [
            as_lifted(poll.rule, finding_of(poll.rule, _outcome(poll, asking=asking)), lifted)
            for poll in polls
        ],
    )


def _outcome(poll: _Poll, *, asking: bool) -> CheckAnswer:
    if fault := poll.view.fault or ("" if poll.voter else NOBODY):
        return CheckAnswer(UNKNOWN, f"nobody was asked: {fault}")
    return _counted_answer(poll, _ask(poll) if asking else {})


def _view(
    job: Job, question: Question, *, facts: ChangeFacts, base: CommitSha, head: CommitSha
) -> VoterView:
    read, policy = job.services.repository.read, job.policy
    return view_of(
        question,
        facts,
        base=partial(read, base),
        head=partial(read, head),
        issue=prompts.spec_card(job),
        tests=policy.config.tests.paths,
        governance=governance_text(policy.governance),
    )


def _ask(poll: _Poll) -> Mapping[int, str]:
    """Ask for every missing vote and record it. Returns why each vote that is still missing failed.
    In shadow, a failure is only reported."""
    assert poll.voter is not None
    job, missing = poll.job, [number for number in _numbers(poll) if poll.recorded(number) is None]
    failures: dict[int, str] = {}
    if not missing:
        return failures
    try:
        with session(job, ROLE, poll.voter, attempt=_sessions(job) + 1) as line:
            spent = Decimal(0)
            for number in missing:
                spent = _vote_once(poll, number, line=line, spent=spent, failures=failures)
    except (ModelError, ModelsPaused, BudgetExhausted) as error:
        if poll.rule.status is Status.ENFORCE and (
            isinstance(error, BudgetExhausted) or error.retryable
        ):
            raise
        return {number: failures.get(number, str(error)) for number in missing}
    return failures


def _numbers(poll: _Poll) -> range:
    return range(1, poll.question.votes + 1)


def _sessions(job: Job) -> int:
    """How many reviewer sessions the issue has had: recordings tell sessions apart by this
    number."""
    return sum(entry.event.role == ROLE for entry in job.history.of(UsageRecorded))


def _vote_once(
    poll: _Poll, number: int, *, line: Session, spent: Decimal, failures: dict[int, str]
) -> Decimal:
    """Ask for one vote; a failure goes into `failures`. Returns what the session has cost so
    far."""
    services, policy = poll.job.services, poll.job.policy
    # The owner's stop must take effect between two paid calls.
    raise_if_stopped(services)
    # New for each vote: a text that knew the nonce could pretend to end the material.
    seed, nonce = secrets.randbits(32), secrets.token_hex(16)
    try:
        answer = services.model.answer(
            line,
            system=prompts.system_blocks(policy),
            schema=ballot_schema(),
            question=_prompt(poll, seed=seed, nonce=nonce),
        )
    except ModelError as error:
        if error.retryable:
            raise
        failures[number] = str(error)
        return spent
    # The broker counts the whole session, so a vote costs the difference.
    cost = services.broker.usage(line).cost_usd
    services.ledger.append(
        VoteCast(
            rule=poll.rule.id,
            vote=number,
            answer=as_answer(ballot_in(answer)),
            model=line.model,
            seed=seed,
            nonce=nonce,
            head=poll.head,
            cost_usd=cost - spent,
            rules=policy.digest,
        ),
        poll.key(number),
        issue=poll.job.issue,
        run=poll.job.run,
    )
    return cost


def _prompt(poll: _Poll, *, seed: int, nonce: str) -> str:
    pieces = [
        {"sight": sight.value, "document": document} for sight, document in poll.view.material
    ]
    random.Random(seed).shuffle(pieces)  # noqa: S311 - an order that can be repeated, not a secret
    left_out = json.dumps(poll.view.left_out, ensure_ascii=True) if poll.view.left_out else ""
    return rendered(
        PROMPT,
        {"question": poll.question.text, "nonce": nonce, "pieces": pieces, "left_out": left_out},
        prompts=_prompts(),
    )


@cache
def _prompts() -> Mapping[str, str]:
    return {PROMPT: Path(__file__).with_name(PROMPT).read_text("utf-8")}


def _counted_answer(poll: _Poll, failures: Mapping[int, str]) -> CheckAnswer:
    """The result of the recorded votes, with each quote checked again in the candidate as it is
    now."""
    votes, evidence, cost = [], [], Decimal(0)
    for number in _numbers(poll):
        cast = poll.recorded(number)
        ballot = (
            ballot_in(cast.answer)
            if cast
            else Ballot(VoterReply.ABSTAIN, reason=failures.get(number, NOT_RECORDED))
        )
        cost += cast.cost_usd if cast else 0
        vote, explanation = _count_ballot(poll, ballot)
        votes.append(vote)
        evidence.append(f"vote {number}: {explanation}")
    return answer_to(
        poll.question, votes, evidence=(*evidence, f"asked of {poll.model}, for ${cost:.4f}")
    )


def _count_ballot(poll: _Poll, ballot: Ballot) -> tuple[Vote, str]:
    """What a ballot counts as, and its explanation: the place of each quote, and the model's own
    reason."""
    found = found_in(ballot, poll.view.lines or {})
    vote = vote_of(ballot, found)
    return vote, "; ".join((vote.value, *_explanations(poll, ballot, found=found)))


def _explanations(poll: _Poll, ballot: Ballot, *, found: tuple[Quote, ...]) -> Iterator[str]:
    for one in found if ballot.reply is VoterReply.NO else ():
        yield (
            f"{one.file}:{one.line} `{one.text.strip()}`"
            f" (blob/{poll.head}/{quote(one.file)}?plain=1#L{one.line})"
        )
    if ballot.reason:
        yield f"in its own words: {json.dumps(ballot.reason, ensure_ascii=False)}"
