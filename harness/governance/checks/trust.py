"""How far the factory is trusted in a part of the repository: what it lands alone there.

Properties: a rule of trust only ever adds a no; a confidence that is unknown, or stands on too few
outcomes, merges nothing; a level that was taken back stays so until outcomes raise it, or the owner
grants it anew in the file; the words of a refusal hold no number that another landing changes, so
that a person's approval, which is word for word, stands until what they approved has changed."""

from dataclasses import dataclass
from decimal import Decimal

from harness.domain.facts import UNKNOWN, AreaTrust, ChangeFacts
from harness.domain.governance import CheckAnswer, OnFail
from harness.domain.shortened import count
from harness.domain.trust import Basis, Confidence, Decision, Grant, Level, Thresholds, decide
from harness.domain.trust.levels import moment_of
from harness.governance.checks.answers import unknown
from harness.governance.checks.arguments import Globs, Moment, TrustLevel
from harness.governance.paths import resembles

RETURNS = 2
"""How often a change goes back for want of confidence; then a person looks."""
_LEVELS = {level.word: level for level in Level}
_FOLLOWS = {
    Decision.REVIEW: OnFail.NEEDS_HUMAN,
    Decision.RETRY: OnFail.RETRY,
    Decision.REJECT: OnFail.REJECT,
}


@dataclass(frozen=True, slots=True)
class Trust:
    """What lands alone in `paths`.

    `level` is where the area begins and the most it may have; `earned` begins in shadow, and
    outcomes raise it. `since` is when the owner granted it: what broke before takes nothing back.
    With thresholds, the confidence in the change decides as well; without them, the level alone.
    `lines` and `files` bound what is small."""

    paths: Globs
    level: TrustLevel = "earned"
    merge: Decimal = Decimal(0)
    review: Decimal = Decimal(0)
    retry: Decimal = Decimal(0)
    lines: int = 50
    files: int = 3
    since: Moment = ""

    def __post_init__(self) -> None:
        """Raises ValueError for thresholds out of order, or only some of them."""
        if not self.paths:
            raise ValueError("states nothing; give the `paths` of an area")
        if self.merge or self.review or self.retry:
            Thresholds(float(self.merge), float(self.review), float(self.retry))

    @property
    def thresholds(self) -> Thresholds | None:
        """None where no number is asked."""
        if not self.merge:
            return None
        return Thresholds(float(self.merge), float(self.review), float(self.retry))

    @property
    def grant(self) -> Grant | None:
        """The level that the owner gives, and since when; None where it has to be earned."""
        if self.level == "earned":
            return None
        return Grant(_LEVELS[self.level], moment_of(self.since))

    @property
    def granted(self) -> str:
        """The grant in words, to tell one from another."""
        return f"{self.level} {self.since}".strip()

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """The level first, then the confidence, then the size where only small changes land."""
        if facts.files is UNKNOWN:
            return unknown("which paths the change touches")
        if not self.touched_by(facts):
            return CheckAnswer(True, "touches nothing in this area")
        found = None if facts.trust is UNKNOWN else self.standing(facts.trust)
        if found is None:
            return unknown("how far the factory is trusted here")
        level = self.level_in(found)
        evidence = (f"level: {level.word}, granted: {self.granted}", in_words(found))
        would, why = self.decision(found)
        if level is Level.SHADOW:
            alone = f"the factory alone would: {would}"
            return CheckAnswer(
                False, f"{_area(self.paths)} is in shadow, so a person lands it", (*evidence, alone)
            )
        if would is not Decision.MERGE:
            return CheckAnswer(False, why, evidence, _FOLLOWS[would])
        if level is Level.SMALL and (large := self._too_large(facts)):
            return CheckAnswer(False, large, evidence)
        return CheckAnswer(True, f"lands alone in {_area(self.paths)}: {why}", evidence)

    def touched_by(self, facts: ChangeFacts) -> bool:
        """Whether the change touches the area, or a path that looks as if it were in it."""
        return facts.files is UNKNOWN or any(
            resembles(self.paths, change.path) for change in facts.files
        )

    def standing(self, trust: tuple[AreaTrust, ...]) -> AreaTrust | None:
        """What is known of this rule's area; None where nothing is."""
        return next((one for one in trust if one.paths in (self.paths, ())), None)

    def level_in(self, found: AreaTrust) -> Level:
        """The level that counts. Under another grant than this one what was found is void."""
        if found.level and (not found.paths or found.granted == self.granted):
            return _LEVELS.get(found.level, Level.SHADOW)
        return self.grant.level if self.grant else Level.SHADOW

    def decision(self, found: AreaTrust) -> tuple[Decision, str]:
        """What follows from the confidence alone, and why."""
        if self.thresholds is None:
            return Decision.MERGE, "the level alone decides"
        stated = found.basis in tuple(Basis) and found.value <= 1
        basis = Basis(found.basis) if stated else Basis.UNKNOWN
        # A number that nobody could establish is nothing against the change: a person looks.
        if basis is Basis.UNKNOWN:
            return Decision.REVIEW, "the confidence in it is unknown, so a person looks"
        numbers = (float(found.value), float(found.low), float(found.high))
        wanted = decide(Confidence(*numbers, basis, found.outcomes), self.thresholds)
        if wanted is Decision.RETRY and found.returned >= RETURNS:
            return Decision.REVIEW, f"it went back {RETURNS} times, so a person looks"
        return wanted, self._because(wanted, basis)

    def _because(self, wanted: Decision, basis: Basis) -> str:
        match wanted:
            case Decision.MERGE:
                return f"confidence of {self.merge} or more"
            case Decision.REVIEW if basis is Basis.PRIOR:
                return f"too few outcomes of {_area(self.paths)} are known, so a person looks"
            case Decision.REVIEW:
                return f"confidence below {self.merge}, so a person looks"
            case Decision.RETRY:
                return f"confidence below {self.review}, so it goes back"
            case Decision.REJECT:
                return f"confidence below {self.retry}, so it does not land"

    def _too_large(self, facts: ChangeFacts) -> str:
        """Why a change is not small; empty where it is. Lines that nobody counted are many."""
        assert facts.files is not UNKNOWN, "asked before"
        lines, files = facts.changed_lines, len(facts.files)
        if lines is not UNKNOWN and lines <= self.lines and files <= self.files:
            return ""
        counted = "an unknown number of lines" if lines is UNKNOWN else count(lines, "line")
        return (
            f"{counted} in {count(files, 'file')}, and {_area(self.paths)} is trusted with"
            f" {count(self.lines, 'line')} in {count(self.files, 'file')}, so a person looks"
        )


def in_words(found: AreaTrust) -> str:
    """The confidence for people: the number, its bounds, and what it stands on."""
    if found.basis == Basis.UNKNOWN:
        return f"confidence: unknown, for want of {', '.join(found.missing) or 'facts'}"
    return (
        f"confidence: {found.value} ({found.low} to {found.high}), basis: {found.basis},"
        f" outcomes: {found.outcomes}"
    )


def _area(paths: tuple[str, ...]) -> str:
    return ", ".join(paths[:3]) + (" and more" if len(paths) > 3 else "")
