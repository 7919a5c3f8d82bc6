"""Drafts rules for maintainers from what people overrode and appealed against.

A draft is Markdown to paste, or to leave. It stands beside what it may replace one day, in shadow,
so pasting it loosens nothing; it names the entries of the ledger and which changes it stands on;
and no part of the factory can merge it, because what steers the factory is not the factory's to
edit (LAW-PROTECTED)."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from decimal import Decimal
from typing import Any

from harness.domain.facts import UNKNOWN
from harness.domain.governance import (
    MISSION,
    RULES,
    Check,
    Governance,
    Rule,
    ScopeEntry,
    ScopeKind,
    Status,
)
from harness.domain.plain import JsonDict
from harness.governance.checks import CHECKS
from harness.governance.decide import answer_of
from harness.governance.facts.dependencies import is_manifest
from harness.governance.language.when import When
from harness.governance.past.coverage import Answered, Cited, Coverage, Override
from harness.governance.paths import glob_fault
from harness.governance.remit import seen_by

ENOUGH = 2
"""Overrides or appeals from which something is drafted: one is an exception, two are a habit."""
LARGEST = 2**40
_QUOTED = 120
_NAMES = {check: name for name, check in CHECKS.items()}


@dataclass(frozen=True, slots=True)
class SuggestedRule:
    """One suggestion: the file it is for, what it is about, and the Markdown, whose last part is a
    block or none."""

    file: str
    about: str
    text: str
    entries: tuple[int, ...]
    changes: tuple[int, ...]


def drafts(
    governance: Governance, found: Coverage, *, enough: int = ENOUGH
) -> tuple[SuggestedRule, ...]:
    """What `enough` overrides or accepted appeals speak for, rules first, in the order of the
    text."""
    taken = {rule.id for rule in governance.rules} | {entry.id for entry in governance.scope}
    return (
        *_for_rules(governance, found, enough, taken),
        *_for_entries(governance, found, enough, taken),
    )


def _for_rules(
    governance: Governance, found: Coverage, enough: int, taken: set[str]
) -> Iterator[SuggestedRule]:
    for row in found.rules:
        rule = governance.rule(row.rule)
        # Nobody may loosen these, so a draft would only mislead.
        if rule is None or rule.built_in or rule.locked or rule.check is None:
            continue
        overridden = [one for one in row.overridden if _still_refuses(rule, one)]
        if len(overridden) >= enough:
            yield _rule_draft(rule, overridden, _free(rule.id, taken))


def _still_refuses(rule: Rule, one: Answered) -> bool:
    """Whether the rule as it stands now would refuse that change again; people may have changed it
    since."""
    seen = seen_by(rule, one.facts)
    return seen is not None and answer_of(rule, seen).passed is not True


def _rule_draft(rule: Rule, overridden: Sequence[Answered], name: str) -> SuggestedRule:
    looser = _looser(rule, overridden)
    stands = _stands_on(overridden)
    if looser is None:
        words = (
            f"{rule.id} refused {_count(overridden)} that people went on with all the same. No"
            " number in it explains them all, so there is no draft of a block: look at them, and"
            " at whether the rule means what you mean."
        )
        return _draft(
            RULES, rule.id, f"## What {rule.id} refuses\n\n{words}\n\n{stands}\n", overridden
        )
    check, what = looser
    words = (
        f"{rule.id} refused {_count(overridden)} that people went on with all the same. With"
        f" {what}, it would have let them through. In shadow beside {rule.id}: it reports, and"
        " blocks nothing, until you put it in its place."
    )
    block = _block(
        {
            "id": name,
            "applies": rule.applies.value,
            "level": rule.level.value,
            "status": Status.SHADOW.value,
            "check": _as_yaml(check),
            **({"when": rule.when.text} if isinstance(rule.when, When) else {}),
            "on_fail": rule.on_fail.value,
            "cases": [{"pr": number, "expect": "pass"} for number in _changes(overridden)],
        },
        kind="rule",
    )
    return _draft(
        RULES, rule.id, f"## {rule.title} {{#{name}}}\n\n{words}\n\n{stands}\n\n{block}", overridden
    )


def _looser(rule: Rule, overridden: Sequence[Answered]) -> tuple[Check, str] | None:
    """The same check with the least change that lets all of these through: first a path it does not
    count, then a limit."""
    check = rule.check
    if check is None or rule.below or rule.outside:
        return None
    arguments = {field.name for field in fields(check)}  # type: ignore[arg-type]  # every check is a dataclass

    def lets_through(candidate: Check) -> bool:
        return all(candidate.answer(one.facts).passed is True for one in overridden)

    if "exclude" in arguments:
        # Leaving a file out is tried first: a higher limit would let more through for everybody.
        for pattern in _common(overridden):
            wider: Check = replace(check, exclude=(*check.exclude, pattern))  # type: ignore[type-var, attr-defined]
            if lets_through(wider):
                return wider, f"`{pattern}` left out"
    if "max" in arguments:
        limit = _least(check, lets_through)
        return (replace(check, max=limit), f"at most {limit}") if limit is not None else None  # type: ignore[type-var]
    return None


def _common(overridden: Sequence[Answered]) -> list[str]:
    """The manifests and locks that each of these changes has: what a tool wrote, and a reader
    skips. Any other file that they have in common may be the very one that the limit is for."""
    names = [
        {
            file.path.rpartition(b"/")[2].decode("utf-8", "surrogateescape")
            for file in one.facts.files
        }
        if one.facts.files is not UNKNOWN
        else set()
        for one in overridden
    ]
    return sorted(
        name
        for name in set.intersection(*names)
        if is_manifest(name.encode("utf-8", "surrogateescape"))
        and glob_fault(name) is None
        and not set(name) & set("*?")
    )


def _least(check: Check, lets_through: Callable[[Check], bool]) -> int | Decimal | None:
    """The smallest `max` that lets them through, in whole units or in cents; None where no number
    does."""
    unit: int | Decimal = Decimal("0.01") if isinstance(check.max, Decimal) else 1  # type: ignore[attr-defined]

    def fits(steps: int) -> bool:
        return lets_through(replace(check, max=steps * unit))  # type: ignore[type-var]

    # Another argument than the limit refuses: no number would help.
    if not fits(LARGEST):
        return None
    low, high = int(check.max / unit), LARGEST  # type: ignore[attr-defined]
    # Bisection: each step replays all of the overridden changes.
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high * unit


def _for_entries(
    governance: Governance, found: Coverage, enough: int, taken: set[str]
) -> Iterator[SuggestedRule]:
    for row in found.entries:
        entry = governance.entry(row.id)
        if entry is not None and entry.kind is ScopeKind.OUT and len(row.accepted) >= enough:
            yield _entry_draft(entry, row.accepted, _free(entry.id, taken))


def _entry_draft(entry: ScopeEntry, accepted: Sequence[Cited], name: str) -> SuggestedRule:
    """Words that were let in, as an entry of their own: `out` goes on to say no to the rest."""
    asked = list(dict.fromkeys(words for one in accepted if (words := _words(one.quote))))
    issues = tuple(dict.fromkeys(one.issue for one in accepted))
    said = (
        f"{entry.id} turned away {len(issues)} requests whose filers appealed, and people then let"
        " them go on. If that is what the product is for, say so here, in your words, and beside"
        f" {entry.id} what it still leaves out."
    )
    stands = "\n".join(f"- entry {one.entry} of the ledger, issue #{one.issue}" for one in accepted)
    block = _block(
        {"id": name, "kind": ScopeKind.IN.value, **({"asks_like": asked} if asked else {})},
        kind="scope",
    )
    text = (
        f"## What {entry.id} does not mean {{#{name}}}\n\n{said}\n\nStands"
        f" on:\n\n{stands}\n\n{block}"
    )
    return SuggestedRule(MISSION, entry.id, text, tuple(one.entry for one in accepted), issues)


def _draft(file: str, about: str, text: str, overridden: Sequence[Answered]) -> SuggestedRule:
    return SuggestedRule(
        file, about, text, tuple(one.entry for one in overridden), _changes(overridden)
    )


def _stands_on(overridden: Sequence[Answered]) -> str:
    return "Stands on:\n\n" + "\n".join(
        f"- entry {one.entry} of the ledger, #{one.change}, {one.overridden}:"
        f" `{_words(one.message).replace('`', ' ')}`"
        for one in overridden
    )


def _changes(overridden: Sequence[Answered]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(one.change for one in overridden))


def _count(overridden: Sequence[Answered]) -> str:
    merged = sum(one.overridden is Override.MERGED for one in overridden)
    return (
        f"{len(overridden)} changes ({merged} merged by a person, {len(overridden) - merged}"
        " retried and then landed)"
    )


def _words(text: str) -> str:
    """Text that a stranger may have written, on one line and with nothing in it that cannot be
    seen."""
    seen = "".join(char for char in text if char.isprintable() or char.isspace())
    return " ".join(seen.split())[:_QUOTED]


def _free(name: str, taken: set[str]) -> str:
    """An id that nothing has: two drafts, or one that was pasted before, do not collide."""
    found = next(
        free
        for number in range(1, len(taken) + 2)
        if (free := f"{name}-NEXT" + (str(number) if number > 1 else "")) not in taken
    )
    taken.add(found)
    return found


def _as_yaml(check: Check) -> JsonDict:
    """The check as a rule states it, without what is so anyway."""
    given = {
        field.name: getattr(check, field.name)
        for field in fields(check)  # type: ignore[arg-type]
        if field.default is MISSING or getattr(check, field.name) != field.default
    }
    return {_NAMES[type(check)]: given}


def _block(document: JsonDict, *, kind: str) -> str:
    lines = "\n".join(f"{key}: {_flow(value)}" for key, value in document.items())
    return f"```yaml {kind}\n{lines}\n```\n"


def _flow(value: Any) -> str:
    """One line of YAML; text is quoted as in JSON, but for plain words, so that it can only be
    text."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str() if re.fullmatch(r"[a-zA-Z][a-zA-Z-]*|[A-Z][A-Z0-9-]*", value):
            return value
        case str():
            return json.dumps(value, ensure_ascii=False)
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
