"""Review: models look at what would land, one lens at a time, before the sealed judge does. They
may ask for changes.

Properties:
- a reviewer sees the issue's card, the difference and the three files, and nothing of journeys,
  verdicts or an implementer's words;
- nobody is asked whose model family wrote any of the change;
- a finding whose quote is not in the difference is dropped and counted;
- a view is never cut: a reviewer that cannot see all of it abstains;
- each review is in the ledger at once, under a key that names what was shown, so a killed factory
  asks only for what is missing;
- no answer means no, and no reviewer can pass a change: the verdict is still required."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from harness.domain.errors import BudgetExhausted, ModelError
from harness.domain.events import ReviewGiven
from harness.domain.governance import Question, Sight
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry, as_of
from harness.domain.lifecycle import Event
from harness.domain.model_choice.roles import FallbackChain
from harness.domain.plain import JsonDict, JsonObject
from harness.domain.workflow import AgentNode, NodeResult
from harness.factory.models import prompts
from harness.factory.models.selection import NOBODY, first_answer, reviewers
from harness.factory.policy_gate.policy import change_facts
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.node import Job, failed, idle, produced, refused
from harness.factory.run.outputs import MergeCandidate
from harness.factory.settings.model_config import LENSES
from harness.factory.stages.validate import no_verdict_event
from harness.governance.context import context as governance_text
from harness.governance.paths import text_of
from harness.governance.votes.review import (
    LensFindings,
    Severity,
    lens_findings,
    review_schema,
    rows_shown,
    together,
)
from harness.governance.votes.view import VoterView, view_of
from harness.ports.model import Session
from harness.workflow import rendered

ROLE, REVIEW = "reviewer", "review"
LOOKS = 1000
"""Sessions of reviews are numbered from 1000 times their run's number on, beside those of votes, so
that a review that is made again after a kill keeps its number."""
ASKS: Mapping[str, str] = {
    "correctness": (
        "Does it do what the issue asks for, for every input that the promise covers, and break"
        " nothing else?"
    ),
    "security": (
        "Does it open a way to read, change, run or spend what was closed before: input that"
        " reaches a command, a query, a path, a page or a log unchecked, a secret that is shown, a"
        " check that is weaker?"
    ),
    "scope": (
        "Does every changed line serve what the issue asks for? Whatever slips something else in,"
        " or does more, is a finding."
    ),
    "tests": (
        "Do the tests in the change fail without it, and say what is promised now? A test that"
        " cannot fail, that repeats the code, or that was made to ask less is a finding."
    ),
    "companions": (
        "Is something left behind that has to change with this: a caller, the other half of a"
        " format, a migration, a document, a message, a default? Name the file as `companion`, and"
        " quote the line that needs it."
    ),
}
"""The question of each lens."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One lens, for whoever may review this change."""

    job: Job
    lens: str
    view: VoterView
    fallbacks: FallbackChain
    head: CommitSha

    @property
    def key(self) -> str:
        """Names the review by all that was asked and shown: another word anywhere is another
        review."""
        policy = self.job.policy
        shown = self.view.digest(
            self.lens,
            policy.governance.digest,
            *(tier.model for tier in self.fallbacks),
            policy.prompts[_prompt_of(self.job)],
        )
        return f"{REVIEW}/{self.job.issue}/{self.lens}/{shown}"

    @property
    def recorded(self) -> Entry | None:
        return self.job.services.ledger.find(self.key)


def review(job: Job) -> NodeResult:
    """Review what would land through every lens of `[review]`. Send it back where at least one
    finding is grave enough."""
    wanted = job.policy.config.review
    if not wanted.lenses:
        return idle("`[review]` in factory.toml names no lens, so nobody reviews")
    head = job.output("candidate", MergeCandidate).candidate
    fallbacks, view = reviewers(job.policy.config, job.history), _view(job, head)
    # Nobody may review what they cannot see whole, or what their own model family wrote.
    if fault := view.fault or ("" if fallbacks else NOBODY):
        return refused(f"nobody reviewed it: {fault}", event=Event.INCONCLUSIVE)
    looks = [_Look(job, lens, view, fallbacks, head) for lens in wanted.lenses]
    try:
        return _concluded(
            {look.lens: _looked(look) for look in looks}, least=Severity(wanted.requests)
        )
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    except ModelError as error:
        return failed(f"a reviewer gave no answer: {error}", event=no_verdict_event(job))


def _view(job: Job, head: CommitSha) -> VoterView:
    read, policy = job.services.repository.read, job.policy
    question = Question(
        "",
        sees=(Sight.ISSUE, Sight.DIFF, Sight.GOVERNANCE),
        never_sees=policy.config.review.never_sees,
    )
    return view_of(
        question,
        change_facts(job, job.base, head),
        base=partial(read, job.base),
        head=partial(read, head),
        issue=prompts.spec_card(job),
        tests=policy.config.tests.paths,
        governance=governance_text(policy.governance),
    )


def _looked(look: _Look) -> LensFindings:
    """The answer of one lens. Each view is asked about once; after that the ledger has the
    answer."""
    entry = look.recorded or _ask(look)
    paths = (text_of(path) for path in look.job.services.repository.files(look.head))
    answer = as_of(entry, ReviewGiven).event.answer
    return lens_findings(look.lens, answer, rows=rows_shown(look.view), there=paths)


def _ask(look: _Look) -> Entry:
    job, nonce = look.job, secrets.token_hex(16)
    # A review costs money, so the owner's stop is read before each.
    raise_if_stopped(job.services)

    def ask(line: Session) -> JsonObject:
        return job.services.model.answer(
            line,
            system=prompts.system_blocks(job.policy),
            question=_prompt(look, nonce),
            schema=review_schema(),
        )

    answer, tier = first_answer(
        job, ROLE, look.fallbacks, ask, attempt=LOOKS * job.number + 1 + LENSES.index(look.lens)
    )
    return job.services.ledger.append(
        ReviewGiven(
            lens=look.lens,
            model=tier.model,
            head=look.head,
            nonce=nonce,
            answer=answer,
            rules=job.policy.digest,
        ),
        look.key,
        issue=job.issue,
        run=job.run,
    )


def _prompt_of(job: Job) -> str:
    assert isinstance(job.node, AgentNode)
    return job.node.prompt


def _prompt(look: _Look, nonce: str) -> str:
    pieces = [
        {"sight": sight.value, "document": document} for sight, document in look.view.material
    ]
    left_out = json.dumps(look.view.left_out, ensure_ascii=True) if look.view.left_out else ""
    return rendered(
        _prompt_of(look.job),
        {
            "lens": look.lens,
            "question": ASKS[look.lens],
            "nonce": nonce,
            "pieces": pieces,
            "left_out": left_out,
        },
        prompts=look.job.policy.prompts,
    )


def _concluded(looks: Mapping[str, LensFindings], *, least: Severity) -> NodeResult:
    """The result of all lenses together. One that abstains is no yes: a person looks."""
    found = together(remark for look in looks.values() for remark in look.found)
    grave = tuple(remark for remark in found if remark.severity.reaches(least))
    dropped = [f"{lens}: {why}" for lens, look in looks.items() for why in look.dropped]
    output: JsonDict = {
        "remarks": [remark.as_json() for remark in found if remark not in grave],
        "dropped": dropped,
    }
    summary = "; ".join(_summary(looks, len(found), len(grave), len(dropped)))
    # A grave finding of one lens outweighs the abstention of another.
    if grave:
        return refused(
            summary,
            event=Event.CHANGES_REQUESTED,
            requested=[remark.as_json() for remark in grave],
            **output,
        )
    if abstains := [f"{lens} ({look.abstains})" for lens, look in looks.items() if look.abstains]:
        return refused(
            f"{summary}; nobody could tell about {', '.join(abstains)}",
            event=Event.INCONCLUSIVE,
            **output,
        )
    return produced(f"{summary}; that approves nothing", **output)


def _summary(
    looks: Mapping[str, LensFindings], found: int, grave: int, dropped: int
) -> Iterator[str]:
    yield f"reviewed for {', '.join(looks)}: {found} found, {grave} to be changed"
    if dropped:
        yield f"{dropped} dropped, as what they quote is not in the change"
