"""The check on a pull request that edits the policy: its title, summary and annotations."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from harness.domain.issue import Annotation, AnnotationLevel
from harness.domain.shortened import count
from harness.factory.records.link import UrlFor
from harness.factory.reporting.comments.inert import MOST_ROWS, cell, fenced, inline, table
from harness.governance.past.edit_effects import Edited, EditEffect
from harness.governance.past.edits import Edit
from harness.governance.past.history import RecordedChange

_PLACE = re.compile(r"(?P<file>[^:\n]+):(?P<line>[1-9][0-9]{0,6}): ")


def edit_effect_text(found: EditEffect, link: UrlFor, *, base: str, head: str) -> tuple[str, str]:
    """Title and summary of the check. The changes that would be decided differently come first."""
    where = (
        f"as merged into `{base:.10}`"
        if found.merged
        else f"as it is at `{head:.10}`, because it conflicts with the base"
    )
    end = f"Read {where}. It has no effect until a person merges it; the factory never does."
    if found.fault or found.impact is None:
        return (
            "This cannot be read as governance",
            (
                f"The factory would not start on it:\n\n{fenced(found.fault)}\n\nCorrect that line"
                f" and push again.\n\n{end}\n"
            ),
        )
    flips, changes = len({flip.change for flip in found.impact.flips}), found.impact.changes
    headline = (
        f"{flips} of {count(changes, 'recorded change')} would be decided differently"
        if flips
        else f"No change of {count(changes, 'recorded change')} would be decided differently"
        if changes
        else "No change is recorded yet, so nothing can be replayed"
    )
    faults = [count(len(found.findings), "new lint finding")] if found.findings else []
    faults += [f"{count(len(found.failed), 'case')} not held"] if found.failed else []
    parts = [
        f"**{headline}.**",
        _flips(found, link),
        "**What is edited**" if found.edited else "**No rule or mission entry is edited.**",
        _edited(found, link, head),
        _lint(found),
        _cases(found),
        end,
    ]
    return "; ".join((*faults, headline, _named(found.edited))), "\n\n".join(
        filter(None, parts)
    ) + "\n"


def edit_effect_annotations(found: EditEffect) -> tuple[Annotation, ...]:
    """Notes at the lines of the files: what was edited, lint findings, and cases that no longer
    hold."""
    faults = [
        Annotation(
            place["file"],
            int(place["line"]),
            int(place["line"]),
            AnnotationLevel.FAILURE,
            "Cannot be read",
            found.fault,
        )
        for place in [_PLACE.match(found.fault)]
        if place
    ]
    lint = [
        Annotation(
            one.file, one.line, one.line, AnnotationLevel.FAILURE, f"lint: {one.code}", one.message
        )
        for one in found.findings
    ]
    cases = [
        Annotation(
            one.source.file,
            one.source.line,
            one.source.end_line,
            AnnotationLevel.FAILURE,
            f"{one.rule}: a case",
            f"expected {one.expected}, got {one.got}: {one.message}",
        )
        for one in found.failed
    ]
    edits = [
        Annotation(
            one.file,
            one.line,
            one.line,
            AnnotationLevel.NOTICE,
            f"{one.id}: {one.edit.value}",
            _effect_on_record(one),
        )
        for one in found.edited
        # A removed entry has no line in the new file.
        if one.edit is not Edit.REMOVED
    ]
    return (*faults, *lint, *cases, *edits)


def _named(edited: Sequence[Edited]) -> str:
    """The ids of the edited entries, as many as fit into a title."""
    names = [one.id for one in edited[:3]] + (
        [f"{len(edited) - 3} more"] if len(edited) > 3 else []
    )
    return f"edits {', '.join(names)}" if names else "edits no rule or mission entry"


def _flips(found: EditEffect, link: UrlFor) -> str:
    assert found.impact is not None, "only what was read has flips"
    changes = found.changes or {}
    rows = [
        (
            _change_link(flip.change, changes.get(flip.change), link),
            inline(flip.rule),
            flip.before.value,
            f"{flip.after.value}{' (shadow)' if flip.shadow else ''}",
            cell(flip.message),
        )
        for flip in found.impact.flips
    ]
    return table(("change", "rule", "before", "after", "reason"), rows)


def _change_link(number: int, change: RecordedChange | None, link: UrlFor) -> str:
    return f"[#{number}]({_recorded_url(change) or link(f'pull/{number}')})"


def _recorded_url(change: RecordedChange | None) -> str:
    """The address in the record, if it is a plain web address."""
    url = change.url if change else ""
    # Any other character could end the Markdown link and begin something else.
    return url if url.startswith(("https://", "http://")) and not set(url) & set(" ()<>\n") else ""


def _edited(found: EditEffect, link: UrlFor, head: str) -> str:
    rows = [
        (
            f"{inline(one.id)} ({inline(one.title)})",
            one.edit.value,
            _effect_on_record(one),
            _place(one, link, head),
        )
        for one in found.edited
    ]
    return table(("entry", "edit", "on the record", "where"), rows)


def _place(one: Edited, link: UrlFor, head: str) -> str:
    place = f"{inline(one.file)}:{one.line}"
    if one.edit is Edit.REMOVED:
        # It is gone at the head, to which the links here go.
        return f"was at {place}"
    return f"[{place}]({link(f'blob/{head}/{quote(one.file)}?plain=1#L{one.line}')})"


def _effect_on_record(one: Edited) -> str:
    if one.asked is None:
        return "not replayed: code alone cannot decide it"
    if not one.asked:
        return "never asked"
    return (
        f"would refuse {one.refused} of {one.asked}"
        if one.refused
        else f"never fires, asked {count(one.asked, 'time')}"
    )


def _lint(found: EditEffect) -> str:
    older = (
        f" {count(found.older, 'older finding')} not held against this edit." if found.older else ""
    )
    if not found.findings:
        return f"**Lint:** nothing new.{older}" if found.older else "**Lint:** clean."
    rows = "\n".join(
        f"{one.file}:{one.line}: {one.code}: {one.message}" for one in found.findings[:MOST_ROWS]
    )
    return f"**Lint** has new findings in this edit.{older}\n\n{fenced(rows)}"


def _cases(found: EditEffect) -> str:
    if not found.failed:
        return (
            f"**Cases:** all {found.cases} hold." if found.cases else "**Cases:** there are none."
        )
    rows = "\n".join(
        f"{one.source.file}:{one.source.line}: {one.rule}: expected {one.expected}, got {one.got}:"
        f" {one.message}"
        for one in found.failed[:MOST_ROWS]
    )
    return f"**Cases:** {len(found.failed)} of {found.cases} do not hold.\n\n{fenced(rows)}"
