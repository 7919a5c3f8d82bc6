"""What an edit of the rules would have done: recorded changes put to the old text and to the new
one.

Properties: a rule answers here as `decide` asks it, of a proposal and of a landing alike; what a
record does not say is neither a refusal nor a pass; a rule in shadow is replayed and marked; what
code does not decide is not replayed, and that is reported. A change that no rule speaks of is the
default's to answer for, under the name `default`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from harness.domain.facts import UNKNOWN, ChangeFacts, Maybe
from harness.domain.governance import (
    Applies,
    ChangeDefault,
    CheckAnswer,
    Governance,
    Level,
    Rule,
    Status,
)
from harness.governance.decide import answer_of, rules_asked, spoken_of
from harness.governance.past.edits import Edit, edit
from harness.governance.past.history import RecordedChange
from harness.governance.remit import seen_by

DEFAULT = "default"
"""The name under which `default:` of factory_rules.md stands in the table."""


class ReplayAnswer(StrEnum):
    """A rule's answer about a recorded change. NOT_ASKED: it does not apply, is off, or is not
    there."""

    HOLDS = "holds"
    REFUSES = "refuses"
    CANNOT_TELL = "cannot tell"
    NOT_ASKED = "not asked"


_Answered: TypeAlias = tuple[ReplayAnswer, str]
_UNASKED: _Answered = (ReplayAnswer.NOT_ASKED, "")
# a member costs a look-up
_HOLDS, _REFUSES, _CANNOT_TELL = (
    ReplayAnswer.HOLDS,
    ReplayAnswer.REFUSES,
    ReplayAnswer.CANNOT_TELL,
)


@dataclass(frozen=True, slots=True)
class Flip:
    """One recorded change that a rule refuses under one text and not under the other, or not with
    the same weight.

    `message` is the rule's answer under the new text, or the old one's where the new text does not
    ask. `shadow`: it blocks nothing, neither before nor after."""

    change: int
    rule: str
    before: ReplayAnswer
    after: ReplayAnswer
    message: str
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class RuleImpact:
    """One rule over the whole history; the numbers are those of the changes, in its order.

    `asked` counts the changes that the rule was put to, `cannot_tell` those of them whose record
    does not say enough, both under the new text. `status` is the new text's, or the old one's of a
    rule that is gone."""

    rule: str
    title: str
    refused: tuple[int, ...]
    refused_before: tuple[int, ...]
    cannot_tell: int
    asked: int
    status: Status = Status.ENFORCE
    edit: Edit | None = None


@dataclass(frozen=True, slots=True)
class Impact:
    """The table and the flips. `not_replayed` are the rules that code does not decide, or not of a
    change."""

    changes: int
    rules: tuple[RuleImpact, ...]
    flips: tuple[Flip, ...]
    not_replayed: tuple[str, ...] = ()

    @property
    def edited(self) -> tuple[RuleImpact, ...]:
        """The rules that the new text adds, removes or changes."""
        return tuple(one for one in self.rules if one.edit not in (None, Edit.SAME))


def impact(old: Governance | None, new: Governance, history: Iterable[RecordedChange]) -> Impact:
    """Replay `history` under both texts; without an old one, under the new text alone, and then
    nothing flips."""
    changes, pairs = tuple(history), _pairs(old, new)
    replays = [
        _replay(before, after, changes, compared=old is not None)
        for before, after in pairs
        if _is_replayed(before) or _is_replayed(after)
    ]
    if _asks_a_person(old) or _asks_a_person(new):
        replays.append(_default_replay(old, new, changes))
    flips = sorted(
        (flip for replay in replays for flip in replay.flips), key=lambda placed: placed[0]
    )
    left = dict.fromkeys(
        rule.id for pair in pairs for rule in pair if rule is not None and not _is_replayed(rule)
    )
    return Impact(
        len(changes),
        tuple(replay.row for replay in replays),
        tuple(flip for _, flip in flips),
        tuple(left),
    )


@dataclass(frozen=True, slots=True)
class _Replay:
    """A row of the table, and its flips by the place of the change in the history."""

    row: RuleImpact
    flips: tuple[tuple[int, Flip], ...]


@dataclass(frozen=True, slots=True)
class _Side:
    """What one rule answers under one text, change by change, and how much that weighs."""

    status: Status
    answers: Sequence[_Answered]

    def blocks(self, place: int) -> bool:
        return self.status is Status.ENFORCE and self.refuses(place)

    def refuses(self, place: int) -> bool:
        return self.answers[place][0] is ReplayAnswer.REFUSES

    def refused(self, changes: Sequence[RecordedChange]) -> tuple[int, ...]:
        return tuple(
            change.number
            for change, (standing, _) in zip(changes, self.answers, strict=True)
            if standing is ReplayAnswer.REFUSES
        )


def _is_replayed(rule: Rule | None) -> bool:
    return rule is not None and rule.level is Level.ENFORCED and rule.applies is not Applies.ISSUE


def _pairs(old: Governance | None, new: Governance) -> list[tuple[Rule | None, Rule | None]]:
    """Each rule with its other self: in the order of the new text, then those that are gone."""
    before, after = (
        {_name(rule): rule for rule in text.rules} if text else {} for text in (old, new)
    )
    # A rule that the edit removes is listed last, with what it used to refuse.
    gone = [(rule, None) for name, rule in before.items() if name not in after]
    return [*((before.get(name), rule) for name, rule in after.items()), *gone]


def _name(rule: Rule) -> tuple[str, str]:
    """Its id and the folder it rules over: a nested file may state the id again."""
    return rule.id, rule.below


def _replay(
    before: Rule | None, after: Rule | None, changes: Sequence[RecordedChange], *, compared: bool
) -> _Replay:
    direction = edit(before, after) if compared else None
    now = _side(after, changes)
    then = _side(before, changes) if direction not in (None, Edit.SAME) else now
    shown = after or before
    assert shown is not None, "a pair has a rule"
    return _compared(
        RuleImpact(shown.id, shown.title, (), (), 0, 0, shown.status, direction), then, now, changes
    )


def _side(rule: Rule | None, changes: Sequence[RecordedChange]) -> _Side:
    if rule is None or not _is_replayed(rule) or rule.status is Status.OFF:
        return _Side(Status.OFF, [_UNASKED] * len(changes))
    if rule.check is not None and rule.when is None and not (rule.below or rule.outside):
        # asked of everything, as most rules are: nothing more to find out
        answer = rule.check.answer
        return _Side(rule.status, [_standing(answer(change.facts)) for change in changes])
    return _Side(rule.status, [_answered(rule, change.facts) for change in changes])


def _answered(rule: Rule, facts: ChangeFacts) -> _Answered:
    seen = seen_by(rule, facts)
    asked = seen is not None and (rule.when is None or rule.when.holds(seen))
    if seen is None or asked is False:
        return _UNASKED
    if asked is UNKNOWN:
        return ReplayAnswer.CANNOT_TELL, "the record does not say whether the rule is asked"
    return _standing(answer_of(rule, seen))


def _standing(answer: CheckAnswer) -> _Answered:
    passed = answer.passed
    return (
        _HOLDS if passed is True else _REFUSES if passed is False else _CANNOT_TELL
    ), answer.message


def _asks_a_person(text: Governance | None) -> bool:
    return text is not None and text.change_default is ChangeDefault.NEEDS_HUMAN


def _default_replay(
    old: Governance | None, new: Governance, changes: Sequence[RecordedChange]
) -> _Replay:
    now = _default_side(new, changes)
    direction = None
    if old is not None:
        direction = (
            Edit.SAME
            if old.change_default is new.change_default
            else (Edit.TIGHTENED if _asks_a_person(new) else Edit.LOOSENED)
        )
    row = RuleImpact(
        DEFAULT, "What no rule speaks of is shown to a person", (), (), 0, 0, edit=direction
    )
    return _compared(row, _default_side(old, changes) if old else now, now, changes)


def _default_side(text: Governance, changes: Sequence[RecordedChange]) -> _Side:
    if not _asks_a_person(text):
        return _Side(Status.OFF, [_UNASKED] * len(changes))
    return _Side(Status.ENFORCE, [_by_default(text, change.facts) for change in changes])


def _by_default(text: Governance, facts: ChangeFacts) -> _Answered:
    """A change is proposed and landed, and at each of the two some rule has to speak of it."""
    spoken = {_is_spoken_of(text, facts, applies) for applies in (Applies.PR, Applies.MERGE)}
    if False in spoken:
        return ReplayAnswer.REFUSES, "no rule speaks of this change"
    if UNKNOWN in spoken:
        return (
            ReplayAnswer.CANNOT_TELL,
            "the record does not say whether a rule speaks of this change",
        )
    return ReplayAnswer.HOLDS, "a rule speaks of this change"


def _is_spoken_of(text: Governance, facts: ChangeFacts, applies: Applies) -> Maybe[bool]:
    # Rules in shadow and built-in ones speak of nothing: the default is for what nobody ruled on.
    speaking = [
        (rule, seen)
        for rule, seen in rules_asked(text, facts, applies=applies)
        if rule.status is Status.ENFORCE and not rule.built_in
    ]
    sure = [rule for rule, seen in speaking if rule.when is None or rule.when.holds(seen) is True]
    if spoken_of(facts, sure):
        return True
    # Some rule might speak of the change, and the record does not show whether it does.
    doubtful = facts.files is UNKNOWN or spoken_of(facts, [rule for rule, _ in speaking])
    return UNKNOWN if speaking and doubtful else False


def _compared(
    row: RuleImpact, then: _Side, now: _Side, changes: Sequence[RecordedChange]
) -> _Replay:
    flips = (
        ()
        if then is now
        else tuple(
            (place, _flip(row.rule, change.number, place, then=then, now=now))
            for place, change in enumerate(changes)
            if _flips(place, then, now)
        )
    )
    standings = [standing for standing, _ in now.answers]
    return _Replay(
        replace(
            row,
            refused=now.refused(changes),
            refused_before=then.refused(changes) if row.edit else (),
            cannot_tell=standings.count(ReplayAnswer.CANNOT_TELL),
            asked=len(standings) - standings.count(ReplayAnswer.NOT_ASKED),
        ),
        flips,
    )


def _flips(place: int, then: _Side, now: _Side) -> bool:
    return (then.refuses(place), then.blocks(place)) != (now.refuses(place), now.blocks(place))


def _flip(rule: str, number: int, place: int, *, then: _Side, now: _Side) -> Flip:
    (before, message_before), (after, message) = then.answers[place], now.answers[place]
    # Refused before and after: what changed is only whether that blocks.
    if then.refuses(place) and now.refuses(place):
        message = f"{message}; {then.status.value} became {now.status.value}"
    return Flip(
        number,
        rule,
        before,
        after,
        message or message_before,
        shadow=not (then.blocks(place) or now.blocks(place)),
    )
