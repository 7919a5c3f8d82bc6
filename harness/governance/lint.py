"""Lints governance: what can be obeyed and is probably a mistake, with its place. Nothing is
refused here.

What cannot be obeyed is refused when the documents are read; what can be obeyed and is probably a
mistake is here."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from harness.domain.governance import (
    CODE,
    MISSION,
    RULES,
    Applies,
    Check,
    Document,
    Governance,
    Level,
    Rule,
    Source,
    Status,
)
from harness.governance.checks import CHECKS
from harness.governance.checks.scripts import Exec
from harness.governance.checks.trust import Trust
from harness.governance.language.markdown import Section, page_of
from harness.governance.paths import KnownPaths, text_of
from harness.governance.shadowed import shadowed
from harness.governance.text.invisible import is_invisible

LARGEST_PROMPT = 40_000
"""Characters of the three files together: about 10,000 tokens in every context."""

_ID = re.compile(r"(?<![\w-])[A-Z]-[A-Z0-9]+(?:-[A-Z0-9]+)*(?![\w-])")
_PROMISE = re.compile(r"(?<![\w`-])(?:MUST|NEVER)(?![\w`-])")
_NUMBER = re.compile(r"(?<![\w.#-])\d{1,3}(?:,\d{3})+|(?<![\w.#-])\d+(?:\.\d+)?(?![\w.]|\.\d)")
_SPELT = {
    word: number
    for number, word in enumerate(
        (
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        )
    )
}
_SPELT_WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(_SPELT)})(?![\w-])", re.IGNORECASE)
_WORKFLOW = re.compile(r"workflows/([\w-]+)\.ya?ml")
_LIMIT = re.compile(
    r"(?:at most|no more than|more than|maximum(?: of)?|max|up"
    r" to|under|within|over|exceed(?:s|ing)?|cap of|"
    r"limit(?: of)?)\s+\$?(?P<number>[\d,]+(?:\.\d+)?|" + "|".join(_SPELT) + r")\+?\s*"
    r"(?:(?:changed|new)\s+)?(?P<unit>lines|files|attempts|tries|dollars|usd)",
    re.IGNORECASE,
)
_ABOUT_A_CHANGE = re.compile(r"\b(?:pull requests?|PRs?|changes?|diffs?|issues?)\b", re.IGNORECASE)
_UNITS = {
    "lines": "changed_lines",
    "files": "files",
    "attempts": "attempts",
    "tries": "attempts",
    "dollars": "spend_usd",
    "usd": "spend_usd",
}
_LABELS_CHECK = "labels"


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing to look at. `code` is stable and short; `message` names the thing, the expectation
    and the next move."""

    file: str
    line: int
    code: str
    message: str


def lint(
    governance: Governance,
    *,
    known_workflows: Collection[str] = (),
    known_labels: Collection[str] = (),
    paths: Iterable[bytes] | None = None,
) -> tuple[LintFinding, ...]:
    """Everything to look at, by file and line.

    `known_workflows` (beside those in `paths`) and `known_labels` are what exists; empty means not
    asked. `paths` are the repository's files at the same commit; None means that globs are not
    tried on them."""
    rules = [rule for rule in governance.rules if not rule.built_in]
    paths = None if paths is None else tuple(paths)
    own = {name[1] for path in paths or () if (name := _WORKFLOW.fullmatch(text_of(path)))}
    found = [
        *_on_documents(governance),
        *_on_prose(governance, {*known_workflows, *own} if known_workflows else ()),
        *(finding for rule in rules for finding in _on_rule(rule)),
        *_on_contradictions(governance, rules),
        *_on_shadowed(governance.rules),
        *_on_trust(rules),
        *_on_labels(rules, known_labels),
        *_on_globs(rules, paths),
    ]
    return tuple(
        sorted(
            set(found),
            key=lambda finding: (finding.file, finding.line, finding.code, finding.message),
        )
    )


def _on_documents(governance: Governance) -> Iterator[LintFinding]:
    for document in governance.documents:
        for number, line in enumerate(document.text.split("\n"), 1):
            # The common case, and cheap: only other lines are read character by character.
            if line.isascii() and line.isprintable():
                continue
            if odd := sorted(
                {f"U+{ord(char):04X}" for char in line.rstrip("\r") if is_invisible(char)}
            ):
                yield LintFinding(
                    document.file,
                    number,
                    "invisible",
                    f"{', '.join(odd)} cannot be seen; remove it",
                )
    bound = {
        MISSION: governance.scope,
        RULES: [rule for rule in governance.rules if not rule.built_in],
    }
    for name, entries in bound.items():
        if not entries:
            yield LintFinding(
                governance.document(name).file,
                1,
                "unbound",
                "there is no block, so everything here is advice that no code enforces",
            )
    total = sum(len(document.text) for document in governance.documents)
    if total > LARGEST_PROMPT:
        yield LintFinding(
            governance.document(RULES).file,
            1,
            "prompt-size",
            f"the governance files have {total} characters, and all go into every prompt; "
            f"aim for {LARGEST_PROMPT}",
        )


def _on_prose(governance: Governance, known_workflows: Collection[str]) -> Iterator[LintFinding]:
    ids = {rule.id for rule in governance.rules} | {entry.id for entry in governance.scope}
    pages = [page_of(document) for document in governance.documents]
    ids |= {section.id for page in pages for section in page.sections}
    # Only prefixes that are in use here: `X-RAY` or `UTF-8` in prose is no dangling id.
    letters = {known[0] for known in ids if known[1:2] == "-"}
    for page in pages:
        document = page.document
        for section in page.sections:
            yield from _on_section(document, section)
        for stray in page.strays:
            yield LintFinding(document.file, stray.line, "left-out", stray.message)
        for number, line in enumerate(document.text.split("\n"), 1):
            for mention in _ID.findall(line):
                if mention not in ids and mention[0] in letters:
                    yield LintFinding(
                        document.file, number, "dangling", f"{mention} is not stated anywhere"
                    )
            for workflow in _WORKFLOW.findall(line):
                if known_workflows and workflow not in known_workflows:
                    yield LintFinding(
                        document.file,
                        number,
                        "no-workflow",
                        f"there is no workflow `{workflow}`; "
                        f"known: {', '.join(sorted(known_workflows))}",
                    )


def _on_section(document: Document, section: Section) -> Iterator[LintFinding]:
    promise = _PROMISE.search(section.prose)
    if promise and section.block is None:
        line = section.line + 1 + section.prose[: promise.start()].count("\n")
        yield LintFinding(
            document.file,
            line,
            "unenforced",
            f"`{section.title}` promises with {promise[0]} and has no block: nothing enforces it",
        )
    if section.id and section.block is None and document.name != CODE:
        yield LintFinding(
            document.file, section.line, "no-block", f"{section.id} names a heading without a block"
        )


def _on_rule(rule: Rule) -> Iterator[LintFinding]:
    where = rule.source
    if rule.level is not Level.ADVISORY and rule.grant is None and not rule.cases:
        yield _at(
            where,
            "no-case",
            f"{rule.id} has no case; give one that must fail and one that must pass",
        )
    if rule.status is Status.OFF:
        yield _at(
            where, "off", f"{rule.id} is off and binds nothing; remove it, or put it in shadow"
        )
    # Prose that names no number at all contradicts nothing.
    said = _numbers(rule.prose)
    for name, value in _limits(rule.check):
        if said and value not in said:
            yield _at(
                where,
                "prose-number",
                f"{rule.id} binds `{name}: {value}`, and its prose names "
                f"{' and '.join(str(number) for number in sorted(said))}",
            )


def _numbers(prose: str) -> set[Decimal]:
    # Code in backticks holds version numbers and samples, not limits.
    plain = re.sub(r"`[^`\n]*`", "", prose)
    written = {Decimal(number.replace(",", "")) for number in _NUMBER.findall(plain)}
    return written | {Decimal(_SPELT[word.casefold()]) for word in _SPELT_WORD.findall(plain)}


def _limits(check: Check | None) -> list[tuple[str, Decimal]]:
    """The check's `max` and `min`, the numbers that its prose should say too."""
    found = [(name, getattr(check, name, None)) for name in ("max", "min")]
    return [(name, Decimal(value)) for name, value in found if isinstance(value, int | Decimal)]


def _on_contradictions(governance: Governance, rules: list[Rule]) -> Iterator[LintFinding]:
    limits: dict[tuple[str, Applies, str], Rule] = {}
    names = {kind: name for name, kind in CHECKS.items()}
    for rule in rules:
        if rule.when is not None or rule.status is Status.OFF or not _limits(rule.check):
            continue
        # a nested file may say otherwise
        key = (names[type(rule.check)], rule.applies, rule.below)
        other = limits.setdefault(key, rule)
        if _limits(other.check) != _limits(rule.check):
            yield _at(
                rule.source,
                "contradiction",
                f"{rule.id} and {other.id} limit `{key[0]}` differently"
                f" ({other.source.file}:{other.source.line})",
            )
    # A rule's own prose was compared with its block already, in `_on_rule`.
    own = {
        (rule.source.file, line)
        for rule in rules
        for line in range(rule.source.line, rule.source.end_line + 1)
    }
    for document in governance.documents:
        bound: dict[str, set[Decimal]] = {}
        for rule in (rule for rule in rules if document.folder.startswith(rule.below)):
            bound.setdefault(names.get(type(rule.check), ""), set()).update(
                value for _, value in _limits(rule.check)
            )
        yield from _said_otherwise(document, bound, own)


def _on_shadowed(rules: Sequence[Rule]) -> Iterator[LintFinding]:
    for rule, other in shadowed(rules):
        if (
            other.check == rule.check
            or other.when is not None
            or rule.when is not None
            or not _limits(rule.check)
        ):
            yield _at(
                rule.source,
                "shadowed",
                f"{rule.id} never matters: {other.id} ({other.source.file}:{other.source.line}) "
                "refuses whatever it would; remove one",
            )


def _said_otherwise(
    document: Document, bound: Mapping[str, set[Decimal]], own: Collection[tuple[str, int]]
) -> Iterator[LintFinding]:
    """A limit in prose, of a change, that a block somewhere binds to another number. A rule's own
    prose is `own`."""
    for number, line in enumerate(document.text.split("\n"), 1):
        speaks = (document.file, number) not in own and _ABOUT_A_CHANGE.search(line)
        for said in _LIMIT.finditer(line) if speaks else ():
            check = _UNITS[said["unit"].casefold()]
            spelt = said["number"].casefold()
            value = Decimal(_SPELT[spelt]) if spelt in _SPELT else Decimal(spelt.replace(",", ""))
            if bound.get(check) and value not in bound[check]:
                binds = " and ".join(str(limit) for limit in sorted(bound[check]))
                yield LintFinding(
                    document.file,
                    number,
                    "contradiction",
                    f"names {value} {said['unit']}, and a rule binds `{check}` to {binds}",
                )


def _on_trust(rules: Sequence[Rule]) -> Iterator[LintFinding]:
    """Rules of trust that hold nothing back, grant nothing, or speak of the same paths twice."""
    seen: dict[tuple[str, ...], Rule] = {}
    for rule in rules:
        check = rule.check
        if not isinstance(check, Trust) or rule.status is Status.OFF:
            continue
        if check.level == "full" and check.thresholds is None:
            yield _at(
                rule.source,
                "trusts-all",
                f"{rule.id} grants `full` and names no threshold, so it holds nothing back until"
                " something breaks; give `merge`, `review` and `retry`, or a lower level",
            )
        if check.level == "earned" and check.since:
            yield _at(
                rule.source,
                "no-grant",
                f"{rule.id} has `since` and grants no level; what is earned has no such moment",
            )
        key = tuple(sorted((*check.paths, str(rule.when), rule.below)))
        if (other := seen.setdefault(key, rule)).check != check:
            yield _at(
                rule.source,
                "contradiction",
                f"{rule.id} and {other.id} trust the same paths differently, and whichever refuses"
                f" counts ({other.source.file}:{other.source.line})",
            )


def _on_labels(rules: list[Rule], known: Collection[str]) -> Iterator[LintFinding]:
    folded = {label.casefold() for label in known}
    for rule in rules:
        if isinstance(rule.check, CHECKS[_LABELS_CHECK]) and known:
            wanted = (*getattr(rule.check, "require", ()), *getattr(rule.check, "deny", ()))
            for label in (label for label in wanted if label.casefold() not in folded):
                yield _at(
                    rule.source,
                    "no-label",
                    f"{rule.id} names the label `{label}`, which does not exist",
                )


def _on_globs(rules: list[Rule], paths: Iterable[bytes] | None) -> Iterator[LintFinding]:
    if paths is None:
        return
    there = KnownPaths(paths)
    for rule in rules:
        for pattern in (*_globs(rule.check), *(rule.question.never_sees if rule.question else ())):
            if not there.has(pattern, below=rule.below):
                yield _at(
                    rule.source,
                    "no-match",
                    f"{rule.id} names `{pattern}`, which matches no file here",
                )
        if isinstance(rule.check, Exec) and not there.has(f"/{rule.check.script}"):
            yield _at(
                rule.source,
                "no-match",
                f"{rule.id} runs `{rule.check.script}`, which is no file here",
            )


def _globs(check: Check | None) -> Iterator[str]:
    for field in fields(check) if check else ():  # type: ignore[arg-type]
        if "Globs" in str(field.type) or "'a glob'" in str(field.type):
            yield from getattr(check, field.name)


def _at(source: Source, code: str, message: str) -> LintFinding:
    return LintFinding(source.file, source.line, code, message)
