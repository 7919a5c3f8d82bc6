"""Diagnosis: after a failed attempt a model explains what went wrong, and the next attempt reads
it.

Properties:
- the diagnoser sees what an implementer may see, and the last change as a difference: the steps'
  own messages, the output of the project's commands, the fixed words that the seal lets out, and
  what reviewers asked for; it sees nothing of journeys, their author or the judge's evidence;
- a diagnosis that quotes nothing of that material is dropped, and the drop is recorded;
- a diagnosis is advice to an agent in a sandbox and to people, and decides nothing."""

import json
import secrets
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from harness.domain.errors import AnswerError, BudgetExhausted
from harness.domain.events import Diagnosis, DiagnosisGiven
from harness.domain.governance import Question, Sight
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry, as_of
from harness.domain.lifecycle import Event
from harness.domain.plain import JsonDict, JsonObject, plain
from harness.domain.schema import closed_object
from harness.domain.workflow import AgentNode, NodeResult
from harness.factory.models import prompts
from harness.factory.models.attempts import approach_of, failed_attempts
from harness.factory.models.learning import learn
from harness.factory.models.selection import first_answer
from harness.factory.policy_gate.policy import change_facts
from harness.factory.project import commands
from harness.factory.records.history import History
from harness.factory.reporting import comments
from harness.factory.run.node import Job, idle, produced, refused
from harness.governance.votes.view import view_of
from harness.lessons.proposal import SCHEMA as LESSONS
from harness.ports.model import Session
from harness.workflow import rendered

ROLE = "diagnoser"
CAUSES = (
    "misread-the-issue",
    "wrong-place",
    "incomplete",
    "broke-something",
    "weak-tests",
    "against-a-rule",
    "too-large",
    "tools",
    "cannot-tell",
)
_WORDS, _QUOTES, _SHORTEST = 800, 4, 8


def diagnose(job: Job) -> NodeResult:
    """Explain what went wrong before, where an attempt failed and the configuration names a
    diagnoser. Without an answer the attempt goes on."""
    if not approach_of(job.history, job.policy.config.models).diagnosed:
        return idle("nothing to diagnose: no attempt has failed, or `models.diagnoser` is not set")
    # A killed factory has paid for this diagnosis already.
    if done := job.services.ledger.find(job.key(DiagnosisGiven.kind)):
        return _result_of(done)
    shown = material(job)
    try:
        answer, tier = first_answer(
            job, ROLE, job.policy.config.models.diagnoser, lambda line: _ask(job, line, shown)
        )
    except AnswerError as error:
        return produced(f"no diagnosis: {error}", diagnosis=None)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    checked, dropped = diagnosis(answer, shown)
    learn(job, answer.get("lessons"), role=ROLE)
    entry = job.services.ledger.append(
        DiagnosisGiven(
            model=tier.model,
            diagnosis=checked,
            dropped=dropped,
            of=tuple(one.entry for one in failed_attempts(job.history)),
            rules=job.policy.digest,
        ),
        job.key(DiagnosisGiven.kind),
        issue=job.issue,
        run=job.run,
    )
    return _result_of(entry)


def material(job: Job) -> JsonDict:
    """What a diagnoser is shown of the attempts, beside the card and the three files. `change`
    holds the documents of a difference, one a file."""
    history = job.history
    return {
        "attempts": [
            {
                "attempt": number,
                "ended_at": one.node,
                "in_the_words_of_that_step": _words_of(history, one.run, one.message),
            }
            for number, one in enumerate(failed_attempts(history), start=1)
        ],
        "printed_by_commands": [
            {"command": one.command, "says": one.message, "printed": one.printed}
            for one in commands.reports(history)
        ],
        "seen_by_the_judge_or_said_by_a_rule": list(comments.finding_for_agent(history.findings)),
        "asked_for_by_reviewers": [dict(one) for one in history.requested],
        "change": list(_change(job, history)),
    }


def _words_of(history: History, run: str, message: str) -> str:
    """A step's own message. A judgement's message is not shown: its findings have fixed words of
    their own."""
    return message[:_WORDS] if history.workflow_of(run) == "implement" else "sent back"


def _change(job: Job, history: History) -> Iterator[str]:
    """The last commit that the factory made of an agent's files, as a difference; nothing where it
    cannot be shown whole."""
    heads = [entry.event.result.output for entry in history.nodes if entry.run != job.run]
    made = [CommitSha(output["head"]) for output in heads if "head" in output and "tree" in output]
    if not made:
        return
    read, head = job.services.repository.read, made[-1]
    question = Question("", sees=(Sight.DIFF,), never_sees=job.policy.config.review.never_sees)
    view = view_of(
        question,
        change_facts(job, job.base, head),
        base=partial(read, job.base),
        head=partial(read, head),
        issue="",
        tests=job.policy.config.tests.paths,
        governance="",
    )
    yield from (document for _, document in view.material)


def diagnosis_schema() -> JsonDict:
    """The JSON schema of the one answer."""
    words = {"type": "string", "maxLength": _WORDS}
    properties = {
        "cause": {
            "type": "string",
            "enum": list(CAUSES),
            "description": "What kind of mistake it was.",
        },
        "what_went_wrong": {
            **words,
            "description": "In plain sentences, for somebody who was not there.",
        },
        "quotes": {
            "type": "array",
            "maxItems": _QUOTES,
            "items": {"type": "string", "maxLength": 400},
            "description": (
                "The passages of the material that show it, each copied character for character."
            ),
        },
        "do_next": {
            **words,
            "description": "What the next attempt should do otherwise, in plain sentences.",
        },
    }
    may = {
        "lessons": {
            **LESSONS,
            "description": "What later work on other issues should know of this repository.",
        }
    }
    return closed_object(properties, may=may)


def diagnosis(answer: JsonObject, shown: JsonObject) -> tuple[Diagnosis | None, str]:
    """The diagnosis, if it quotes what was shown; otherwise None and the reason why it was
    dropped."""
    texts = tuple(_texts(shown))
    quotes = [
        quote
        for quote in answer["quotes"]
        if len(quote.strip()) >= _SHORTEST and any(quote in text for text in texts)
    ]
    if answer["cause"] == "cannot-tell":
        return None, "the diagnoser cannot tell"
    # A cause without a quote may be about anything, or be an instruction that a text put in.
    if not quotes:
        return None, "it quotes nothing that was shown"
    found = Diagnosis(
        answer["cause"], answer["what_went_wrong"], answer["do_next"], quotes=tuple(quotes)
    )
    return found, ""


def _texts(value: Any) -> Iterator[str]:
    """Every text in the material, and each line of a difference as it is."""
    match value:
        case str():
            yield value
            # A difference is a JSON document; a quote may copy one of its lines without the
            # escapes.
            if value.startswith('{"file":'):
                yield from (str(row[2]) for row in json.loads(value)["lines"])
        case Mapping():
            for part in value.values():
                yield from _texts(part)
        case list():
            for part in value:
                yield from _texts(part)


def _ask(job: Job, line: Session, shown: JsonObject) -> JsonObject:
    assert isinstance(job.node, AgentNode)
    attempts = {name: value for name, value in shown.items() if name != "change"}
    question = rendered(
        job.node.prompt,
        {
            "spec_card": prompts.spec_card(job),
            "material": prompts.document(attempts),
            "change": shown["change"],
            "nonce": secrets.token_hex(16),
        },
        prompts=job.policy.prompts,
    )
    return job.services.model.answer(
        line,
        system=prompts.system_blocks(job.policy),
        question=question,
        schema=diagnosis_schema(),
    )


def _result_of(entry: Entry) -> NodeResult:
    given = as_of(entry, DiagnosisGiven).event
    if given.diagnosis is None:
        return produced(f"a diagnosis was dropped: {given.dropped}", diagnosis=None)
    message = f"{given.diagnosis.cause}, by {given.model}"
    return produced(message, diagnosis=plain(given.diagnosis))
