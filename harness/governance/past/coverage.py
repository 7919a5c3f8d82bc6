"""What the rules and the mission came to at work: asked, held, refused, overridden; cited,
appealed. Pure, from answers that were recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.domain.facts import ChangeFacts, Maybe
from harness.domain.governance import Governance, Status


class Override(StrEnum):
    """How people went on with what a rule had refused. RETRIED is weaker evidence: what landed may
    be another change."""

    MERGED = "merged by a person"
    RETRIED = "retried, and then landed"


@dataclass(frozen=True, slots=True)
class Answered:
    """What one rule said of one change: `entry` is the number of the ledger's entry, `at` its time
    (ISO 8601)."""

    rule: str
    change: int
    entry: int
    at: str
    passed: Maybe[bool]
    status: Status
    message: str
    facts: ChangeFacts
    overridden: Override | None = None

    @property
    def refuses(self) -> bool:
        """Whether it blocked: anything but a plain yes does, from a rule that is enforced."""
        return self.status is Status.ENFORCE and self.passed is not True

    @property
    def would_refuse(self) -> bool:
        """Whether it would have blocked, had its rule not been in shadow."""
        return self.status is Status.SHADOW and self.passed is not True


@dataclass(frozen=True, slots=True)
class Cited:
    """One entry of the mission, cited in one triage, and what came of that. `quote` is the issue's
    own words."""

    id: str
    issue: int
    entry: int
    at: str
    quote: str = ""
    appealed: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """One rule. `stated` False: the text does not have it any more. Times are ISO 8601, empty for
    never."""

    rule: str
    title: str
    stated: bool
    asked: int
    held: int
    refused: tuple[Answered, ...]
    would_have: int
    overridden: tuple[Answered, ...]

    @property
    def last_refused(self) -> str:
        """When it refused last."""
        return max((answer.at for answer in self.refused), default="")


@dataclass(frozen=True, slots=True)
class EntryCoverage:
    """One entry of the mission. `accepted` are the appeals after which people let the request go
    on."""

    id: str
    title: str
    stated: bool
    cited: int
    appealed: tuple[Cited, ...]
    accepted: tuple[Cited, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Rules and entries in the order of the text, then those that it does not have any more."""

    rules: tuple[RuleCoverage, ...]
    entries: tuple[EntryCoverage, ...]


def coverage(
    governance: Governance, answers: Iterable[Answered], cites: Iterable[Cited]
) -> Coverage:
    """What was recorded, by rule and by entry; one that was never asked or cited is there with
    nothing."""
    asked, cited = tuple(answers), tuple(cites)
    rules = {rule.id: rule.title for rule in governance.rules}
    entries = {entry.id: entry.title for entry in governance.scope}
    return Coverage(
        tuple(
            _of_rule(name, rules.get(name), [one for one in asked if one.rule == name])
            for name in dict.fromkeys((*rules, *(one.rule for one in asked)))
        ),
        tuple(
            _of_entry(name, entries.get(name), [one for one in cited if one.id == name])
            for name in dict.fromkeys((*entries, *(one.id for one in cited)))
        ),
    )


def _of_rule(name: str, title: str | None, answers: Sequence[Answered]) -> RuleCoverage:
    return RuleCoverage(
        rule=name,
        title=title or "",
        stated=title is not None,
        asked=len(answers),
        held=sum(one.passed is True for one in answers),
        refused=tuple(one for one in answers if one.refuses),
        would_have=sum(one.would_refuse for one in answers),
        overridden=tuple(one for one in answers if one.refuses and one.overridden),
    )


def _of_entry(name: str, title: str | None, cites: Sequence[Cited]) -> EntryCoverage:
    return EntryCoverage(
        name,
        title or "",
        title is not None,
        len(cites),
        tuple(one for one in cites if one.appealed),
        tuple(one for one in cites if one.appealed and one.accepted),
    )
