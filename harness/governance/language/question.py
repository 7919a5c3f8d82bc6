"""A judged rule's own keys: what is asked, what a vote may see, and how votes count. Read, or
refused with their place."""

from collections.abc import Collection, Mapping

from harness.domain.governance import (
    Applies,
    Case,
    Level,
    OnFail,
    Question,
    Sight,
    Vote,
)
from harness.governance.language.yamlblock import Value
from harness.governance.paths import glob_fault

KEYS = ("question", "sees", "never_sees", "votes")
VOTES = 3
MOST_VOTES = 9
LONGEST_QUESTION = 600
QUOTABLE = (Sight.DIFF, Sight.FILES, Sight.TESTS)
"""What a vote has to see one of: a no that cannot quote the change could never count."""


def question_in(given: Mapping[str, Value], level: Level) -> Question | None:
    """The question that a judged rule asks; None for a rule of any other level. Raises
    GovernanceError."""
    if level is not Level.JUDGED:
        for name in (name for name in KEYS if name in given):
            given[name].fault(
                "only a judged rule asks a question; leave it out, or write `level: judged`"
            )
        return None
    for name in (name for name in ("question", "sees") if name not in given):
        given["level"].fault(f"a judged rule needs `{name}`, such as {_SUCH_AS[name]}")
    if "check" in given:
        given["check"].fault(
            "votes decide a judged rule; state what code can check in an enforced rule beside it"
        )
    if "applies" in given and given["applies"].choice(Applies) is not Applies.PR:
        given["applies"].fault(
            "a judged rule is asked before a change is proposed: `applies: pr`. Its votes are"
            " counted again before the merge"
        )
    votes = given["votes"].fields(("n", "need", "abstain")) if "votes" in given else {}
    # Without `need` every vote must say yes: the strictest reading of a rule that gives none.
    n = _between(votes["n"], 1, MOST_VOTES) if "n" in votes else VOTES
    return Question(
        text=_asked(given["question"]),
        sees=_sees(given["sees"]),
        never_sees=given["never_sees"].listed(_glob) if "never_sees" in given else (),
        votes=n,
        need=_between(votes["need"], 1, n) if "need" in votes else n,
        abstain=votes["abstain"].choice(OnFail) if "abstain" in votes else OnFail.NEEDS_HUMAN,
    )


_SUCH_AS = {
    "question": "`question: Does every changed file serve what the issue asks for?`",
    "sees": "`sees: [issue, diff]`",
}


def votes_in(value: Value) -> tuple[Vote, ...]:
    """The votes that a judged rule's case gives. Raises GovernanceError."""
    return value.listed(lambda item: item.choice(Vote))


def case_fault(case: Case, question: Question | None) -> str | None:
    """Why a rule with this question, or with none, cannot be put to this case; None where it
    can."""
    if question is None:
        return (
            None
            if case.votes is None
            else "only a judged rule counts votes; give `given:` facts or `pr:`"
        )
    if case.votes is None:
        return (
            "a case of a judged rule gives the `votes:`, for no model is asked; such as `votes:"
            " [yes, yes, no]`"
        )
    if len(case.votes) != question.votes:
        return f"expected {question.votes} votes, found {len(case.votes)}"
    return None


def _asked(value: Value) -> str:
    text = " ".join(value.text().split())
    if len(text) > LONGEST_QUESTION:
        value.fault(
            f"a question has at most {LONGEST_QUESTION} characters, this one {len(text)}; ask one"
            " thing"
        )
    return text


def _sees(value: Value) -> tuple[Sight, ...]:
    sees = value.listed(lambda item: item.choice(Sight))
    if twice := _twice(sees):
        value.fault(f"`{twice}` stands here twice")
    # A vote against must quote the change; what was not shown cannot be quoted.
    if not set(sees) & set(QUOTABLE):
        value.fault(f"a no has to quote the change, so give one of {', '.join(QUOTABLE)}")
    return sees


def _twice(sees: Collection[Sight]) -> Sight | None:
    return next((sight for sight in Sight if list(sees).count(sight) > 1), None)


def _glob(item: Value) -> str:
    text = item.text()
    if fault := glob_fault(text):
        item.fault(fault)
    return text


def _between(value: Value, least: int, most: int) -> int:
    found = value.whole()
    if not least <= found <= most:
        value.expected(f"a whole number from {least} to {most}")
    return found
