"""Tells an attack from a mistake: a refused change, and words of the issue that ask for it.

Pure, over what is recorded: no model is asked whether a text is hostile, because it can be talked
round. A wrong suspicion costs a person one word more."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from harness.domain.events import Passage, Suspicion, TriageDecided
from harness.domain.governance import Finding
from harness.factory.records.history import History
from harness.governance.built_in import PREFIX
from harness.governance.paths import skeleton
from harness.governance.text.hidden import Provenance
from harness.governance.text.normalise import Normalised, normalise

MOST_PASSAGES, LONGEST_PASSAGE = 5, 600
"""How many passages are kept, and how many characters of each."""
MOST_PATHS = 20
_NOTE = re.compile(r" \(.*|: \d+$")
"""What a check writes behind a path."""
_WAYS = {
    Provenance.PLAIN: "in plain sight",
    Provenance.QUOTED: "in a quotation",
    Provenance.FOLDED: "folded away",
}


def suspicion(history: History, refusals: Sequence[Finding]) -> Suspicion | None:
    """What suggests an attack in these refusals; None where nothing does.

    It takes a passage and an attempt. The attempt broke a built-in rule: then any hidden words
    count, and what can be seen counts if it names a path that was refused. Or it broke another
    rule, and hidden words name such a path. In plain sight a filer who may command may name what it
    likes."""
    triage = history.triage
    if triage is None or not refusals:
        return None
    built_in = [one for one in refusals if one.rule.startswith(PREFIX)]
    hidden = [one for one in _hidden(triage) if built_in or _names(one.text, refusals)]
    seen = [
        passage
        for provenance, passage in _paragraphs(triage)
        if _names(passage.text, built_in)
        and not (provenance is Provenance.PLAIN and history.filer_may_command)
    ]
    if not (found := (*seen, *hidden)):
        return None
    return Suspicion(
        tuple(f"{one.rule}: {one.message}"[:LONGEST_PASSAGE] for one in refusals),
        tuple(Passage(one.where, one.text[:LONGEST_PASSAGE]) for one in found[:MOST_PASSAGES]),
    )


def _hidden(triage: TriageDecided) -> Iterator[Passage]:
    for one in triage.hidden:
        # An emoji is joined by invisible characters: only what can be read can ask for anything.
        if one.kind != "characters" and re.search(r"\w", one.text):
            yield Passage(f"hidden from readers of the page ({one.kind})", one.text)


def _paragraphs(triage: TriageDecided) -> Iterator[tuple[Provenance, Passage]]:
    """The visible text in paragraphs, each with how it can be seen."""
    replies = ((f"reply {number}", text) for number, text in enumerate(triage.replies, 1))
    for part, text in (("the title", triage.title), ("the text", triage.body), *replies):
        # It was normalised before: once more changes nothing, and tells what is folded away.
        found = normalise(text)
        lines = zip(_provenances(found), found.text.split("\n"), strict=True)
        # An empty line ends a paragraph, and so does another way of standing there.
        for (provenance, is_empty), group in groupby(
            lines, key=lambda line: (line[0], not line[1].strip())
        ):
            if not is_empty:
                words = "\n".join(line for _, line in group)
                yield provenance, Passage(f"{part}, {_WAYS[provenance]}", words.strip())


def _provenances(found: Normalised) -> list[Provenance]:
    ways = [Provenance.PLAIN] * (found.text.count("\n") + 1)
    for span in found.spans:
        ways[span.line - 1 : span.end_line] = [span.provenance] * (span.end_line - span.line + 1)
    return ways


def _names(text: str, refusals: Iterable[Finding]) -> bool:
    """Whether a text names a path that was refused, however it is spelt."""
    look = skeleton(text)
    names = {
        skeleton(_NOTE.sub("", path).rpartition("/")[2])
        for one in refusals
        for path in one.evidence[:MOST_PATHS]
    }
    return any(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", look) for name in names if name)
