"""What an edit of the rules does, before anybody merges it: it is read, linted, its cases are run,
and the factory's own past is put to the old text and to the new one.

Pure. The text of a proposal is data here: it is looked at, and it binds nothing. A fault that was
there before the edit is counted and not held against it; one that the edit brings is."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from harness.domain.governance import Applies, Governance, Level, Rule
from harness.governance import CaseResult, LintFinding, lint, run_cases
from harness.governance.past.edits import Edit, edit
from harness.governance.past.history import RecordedChange
from harness.governance.past.impact import Impact, impact

CONSEQUENCE = "consequence"
"""The kind of entry under which the ledger has what was said of an edit."""


@dataclass(frozen=True, slots=True)
class Edited:
    """One rule or entry of the mission that the edit adds, removes or changes. `asked` and
    `refused` count recorded changes under the new text; None where nothing of it can be
    replayed."""

    id: str
    title: str
    edit: Edit
    file: str
    line: int
    asked: int | None = None
    refused: int | None = None


@dataclass(frozen=True, slots=True)
class EditEffect:
    """All that can be said of an edit. `fault` is why it cannot be read at all, with file and line;
    then the rest is empty. `merged`: it was read as it would stand after a merge, and not as the
    branch has it."""

    fault: str = ""
    edited: tuple[Edited, ...] = ()
    impact: Impact | None = None
    # that the edit brings
    findings: tuple[LintFinding, ...] = ()
    # findings that were there before
    older: int = 0
    cases: int = 0
    failed: tuple[CaseResult, ...] = ()
    changes: Mapping[int, RecordedChange] | None = None
    merged: bool = True

    @property
    def holds(self) -> bool:
        """Whether the factory could work under this text, and nothing in it is probably a mistake.
        Flips are no fault."""
        return not (self.fault or self.findings or self.failed)


def edit_effect(
    old: Governance,
    new: Governance,
    history: Iterable[RecordedChange],
    *,
    paths: Iterable[bytes],
    workflows: Collection[str],
    labels: Collection[str],
    merged: bool = True,
) -> EditEffect:
    """What the edit from `old` to `new` does to these recorded changes. `paths` are the
    repository's files under the new text; `workflows` and `labels` are what exists."""
    known, there = tuple(history), tuple(paths)
    by_number = {change.number: change for change in known}
    replayed = impact(old, new, known)
    brought, older = _lint(old, new, there, workflows, labels)
    results = run_cases(new, history={number: change.facts for number, change in by_number.items()})
    return EditEffect(
        edited=(*_rules(old, new, replayed), *_scope(old, new)),
        impact=replayed,
        findings=brought,
        older=older,
        cases=len(results),
        failed=tuple(result for result in results if not result.held),
        changes=by_number,
        merged=merged,
    )


def _lint(
    old: Governance,
    new: Governance,
    paths: Collection[bytes],
    workflows: Collection[str],
    labels: Collection[str],
) -> tuple[tuple[LintFinding, ...], int]:
    """What lint finds only now, and how much of what it finds it found before; a line that moved
    makes nothing new."""
    before = {
        (one.file, one.code, one.message)
        for one in lint(old, known_workflows=workflows, known_labels=labels, paths=paths)
    }
    now = lint(new, known_workflows=workflows, known_labels=labels, paths=paths)
    # Without the line: an edit that moves an old fault does not bring it.
    brought = tuple(one for one in now if (one.file, one.code, one.message) not in before)
    return brought, len(now) - len(brought)


def _rules(old: Governance, new: Governance, replayed: Impact) -> Iterable[Edited]:
    """The rules that bind otherwise, in the order of the new text, then those that are gone."""
    before, after = _by_place(old), _by_place(new)
    rows = {(row.rule, row.edit): row for row in replayed.edited}
    for place in dict.fromkeys((*after, *before)):
        rule, moved = after.get(place) or before[place], edit(before.get(place), after.get(place))
        if moved is Edit.SAME:
            continue
        row = rows.get((rule.id, moved)) if _is_replayed(rule) else None
        yield Edited(
            rule.id,
            rule.title,
            moved,
            rule.source.file,
            rule.source.line,
            asked=row.asked if row else None,
            refused=len(row.refused) if row else None,
        )


def _by_place(policy: Governance) -> dict[tuple[str, str], Rule]:
    return {(rule.source.file.rpartition("/")[0], rule.id): rule for rule in policy.rules}


def _is_replayed(rule: Rule) -> bool:
    return rule.level is Level.ENFORCED and rule.applies is not Applies.ISSUE


def _scope(old: Governance, new: Governance) -> Iterable[Edited]:
    """The mission's entries that differ in anything that decides a triage or that a filer
    reads."""
    before, after = ({entry.id: entry for entry in policy.scope} for policy in (old, new))
    for name in dict.fromkeys((*after, *before)):
        was, now = before.get(name), after.get(name)
        shown = now or was
        assert shown is not None, "a name is of one of the two"
        if was is None or now is None:
            yield Edited(
                name,
                shown.title,
                Edit.ADDED if now else Edit.REMOVED,
                shown.source.file,
                shown.source.line,
            )
        elif (was.kind, was.asks_like, was.reply, was.prose) != (
            now.kind,
            now.asks_like,
            now.reply,
            now.prose,
        ):
            yield Edited(name, shown.title, Edit.CHANGED, shown.source.file, shown.source.line)
