"""Counts the votes on a judged rule. Models only answer; this code decides what an answer counts
for.

Properties: a no counts only with a quote that stands in the candidate, in a file that the vote was
shown, at that place; a no without one is an abstention. One no that counts refuses, whatever the
others say. Nothing but `need` yes votes holds a rule, and a yes has no authority over code: it
lifts no refusal. Words of a model are evidence, never a sentence of ours: they could be a
stranger's by then."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.domain.facts import UNKNOWN, ChangeFacts, Maybe
from harness.domain.governance import (
    Applies,
    CheckAnswer,
    Decision,
    Finding,
    Governance,
    Level,
    OnFail,
    Question,
    Rule,
    Status,
    Vote,
)
from harness.domain.plain import JsonDict, JsonObject
from harness.domain.schema import closed_object
from harness.governance.remit import seen_by

NEAR = 3
"""Lines by which a quote may stand elsewhere than the vote claims, where its text stands only once
in the file."""

MOST_QUOTES = 5
LONGEST_QUOTE = 500
LONGEST_REASON = 1_000
LONGEST_PATH = 400


_LINE_END = re.compile(r"\r\n|\r|\n")


class VoterReply(StrEnum):
    """The closed set of answers that a vote may be."""

    YES = "yes"
    NO = "no"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of the candidate as a vote has them: a file, a line from 1, and the text of that line
    and perhaps the next."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote as it was cast. `reason` is a model's own words, or ours where none was cast: shown,
    and never obeyed."""

    reply: VoterReply
    quotes: tuple[Quote, ...] = ()
    reason: str = ""


def ballot_schema() -> JsonDict:
    """The JSON schema of the one answer that a vote is."""
    quote = {
        "file": {
            "type": "string",
            "maxLength": LONGEST_PATH,
            "description": "The file's path, as it is shown.",
        },
        "line": {
            "type": "integer",
            "minimum": 1,
            "description": "The line's number in the changed file, as it is shown.",
        },
        "text": {
            "type": "string",
            "maxLength": LONGEST_QUOTE,
            "description": "That line, character for character.",
        },
    }
    properties = {
        "answer": {
            "type": "string",
            "enum": [reply.value for reply in VoterReply],
            "description": "The answer to the question.",
        },
        "quotes": {
            "type": "array",
            "maxItems": MOST_QUOTES,
            "items": closed_object(quote),
            "description": "For a no: the lines of the change that show it. Otherwise empty.",
        },
        "reason": {
            "type": "string",
            "maxLength": LONGEST_REASON,
            "description": "Why, in one or two plain sentences.",
        },
    }
    return closed_object(properties)


def ballot_in(answer: JsonObject) -> Ballot:
    """The vote that an answer is. Never raises: what is not in the agreed form is an abstention,
    with the reason."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    if wrong := best_match(Draft202012Validator(ballot_schema()).iter_errors(dict(answer))):
        return Ballot(
            VoterReply.ABSTAIN,
            reason=(
                f"the answer is not in the agreed form: {wrong.json_path}: {wrong.message[:200]}"
            ),
        )
    quotes = tuple(
        Quote(str(quote["file"]), int(quote["line"]), str(quote["text"]))
        for quote in answer["quotes"]
    )
    return Ballot(VoterReply(answer["answer"]), quotes, str(answer["reason"]))


def as_answer(ballot: Ballot) -> JsonDict:
    """The ballot as `ballot_in` reads it."""
    quotes = [
        {"file": quote.file, "line": quote.line, "text": quote.text} for quote in ballot.quotes
    ]
    return {
        "answer": ballot.reply.value,
        "quotes": quotes,
        "reason": ballot.reason[:LONGEST_REASON],
    }


def place_of(quote: Quote, lines: Sequence[str]) -> int | None:
    """The line, from 1, where a quote stands in a file, blanks at the ends of lines aside; None
    where it does not.

    Where it stands at the line it names, that one. Else its text must be there only once, at most
    `NEAR` lines away."""
    wanted = [line.strip() for line in _LINE_END.split(quote.text.strip("\r\n"))]
    if not any(wanted):
        return None
    bare = [line.strip() for line in lines]
    places = [
        at + 1 for at in range(len(bare) - len(wanted) + 1) if bare[at : at + len(wanted)] == wanted
    ]
    # Models miscount lines; a quote that is there once, near by, is believed as well.
    if quote.line in places:
        return quote.line
    return places[0] if len(places) == 1 and abs(places[0] - quote.line) <= NEAR else None


def found_in(ballot: Ballot, lines: Mapping[str, Sequence[str]]) -> tuple[Quote, ...]:
    """The quotes of a ballot that stand in the candidate, each at the line where it really stands.
    `lines` has the files that the vote was shown, as the candidate has them."""
    placed = ((quote, place_of(quote, lines.get(quote.file, ()))) for quote in ballot.quotes)
    return tuple(Quote(quote.file, at, quote.text) for quote, at in placed if at is not None)


def vote_of(ballot: Ballot, found: Sequence[Quote]) -> Vote:
    """What a ballot counts as, of whose quotes these were found."""
    if ballot.reply is VoterReply.NO:
        return Vote.NO if found else Vote.UNQUOTED
    return Vote(ballot.reply.value)


def standing(question: Question, votes: Sequence[Vote]) -> Maybe[bool]:
    """Whether the rule holds by these votes. UNKNOWN where nothing refuses it, and too few say
    yes."""
    # One quoted no refuses: votes are cheap, and a wrong landing is not.
    if Vote.NO in votes:
        return False
    return True if list(votes).count(Vote.YES) >= question.need else UNKNOWN


def answer_to(
    question: Question, votes: Sequence[Vote], *, evidence: Iterable[str] = ()
) -> CheckAnswer:
    """What the votes come to, in words of ours."""
    count = {vote: list(votes).count(vote) for vote in Vote}
    message = (
        f"{count[Vote.YES]} of {len(votes)} votes say yes, {question.need} are needed;"
        f" {count[Vote.NO]} say no"
    )
    if count[Vote.UNQUOTED]:
        message += (
            f"; {count[Vote.UNQUOTED]} say no and quote nothing that is there, so they do not count"
        )
    if count[Vote.ABSTAIN]:
        message += f"; {count[Vote.ABSTAIN]} abstain"
    return CheckAnswer(standing(question, votes), message, tuple(evidence))


def rules_voted_on(
    governance: Governance, facts: ChangeFacts, *, applies: Applies
) -> list[tuple[Rule, ChangeFacts]]:
    """The judged rules that are put to a vote on this change, each with the facts as it sees them;
    those in shadow last: they must not spend first."""
    # Rules in shadow vote last, so that they cannot use up the budget of those that bind.
    judged = [
        rule
        for rule in governance.rules
        if rule.level is Level.JUDGED and rule.applies is applies and rule.status is not Status.OFF
    ]
    return [
        (rule, seen)
        for rule in sorted(judged, key=lambda rule: rule.status is Status.SHADOW)
        if (seen := seen_by(rule, facts)) is not None
        and (rule.when is None or rule.when.holds(seen) is not False)
    ]


def finding_of(rule: Rule, answer: CheckAnswer) -> Finding:
    """The answer as a finding of its rule. What neither holds nor is refused goes where the
    question's `abstain:` asks."""
    on_fail = rule.question.abstain if rule.question and answer.passed is UNKNOWN else rule.on_fail
    return Finding(
        rule=rule.id,
        title=rule.title,
        passed=answer.passed,
        status=rule.status,
        on_fail=on_fail,
        message=answer.message,
        source=rule.source,
        evidence=answer.evidence,
    )


def with_votes(decision: Decision, findings: Sequence[Finding]) -> Decision:
    """The code's decision with what the votes came to. It can only become stricter: no vote lifts a
    refusal."""
    refusals = [finding for finding in findings if finding.refuses]
    actions = [
        *(finding.on_fail for finding in refusals),
        *([decision.action] if decision.action else []),
    ]
    # The strictest wins; a vote never lifts what code refused.
    action: OnFail | None = max(actions, key=lambda on_fail: on_fail.strictness, default=None)
    why = (*decision.why, *(f"{finding.rule}: {finding.message}" for finding in refusals))
    return Decision(
        decision.governance, decision.applies, (*decision.findings, *findings), action, why
    )
