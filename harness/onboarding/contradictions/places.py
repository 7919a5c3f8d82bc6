"""Paths and workflows that prose names and that do not exist."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping

from harness.governance.paths import matches
from harness.onboarding.clauses import is_left_alone, paths_in
from harness.onboarding.contradictions.flows import WORKFLOW_FILE, Flow
from harness.onboarding.contradictions.found import Contradiction, ContradictionKind, FoundPlace
from harness.onboarding.contradictions.prose import ProsePassage, Sentence, sentences_in

_UNKEPT = re.compile(
    r"(?:^|/)(?:\.env|\.?venv|node_modules|dist|build|target|out|coverage|data|secrets?|credentials?|vendor|tmp|"
    r"logs?|__pycache__|\.git|\.cache)(?:[./*]|$)|\.(?:pem|key|p12|pfx|env|log|db|sqlite3?|lock)$|^\*",
    re.IGNORECASE,
)
"""Paths that are protected although a repository should not have them, or not everywhere."""

_MAKING = re.compile(
    r"\b(?:add|adds|create|creates|creating|new|would|could|e\.g\.|for example|for instance|such"
    r" as|like|may|"
    r"if (?:there|it|one)|named|rename|until|planned|future)\b",
    re.IGNORECASE,
)
_WORKFLOW_PATH = re.compile(
    r"(?<![\w/.@-])(?:\.?[\w.-]+/)*workflows/[\w.-]+\.ya?ml\b(?!@)", re.IGNORECASE
)
_NAME = r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"
_SPOKEN = re.compile(
    rf"`(?P<before>{_NAME})`(?: \w+)? workflows?\b|\bworkflows? (?:called |named"
    rf" )?`(?P<after>{_NAME})`|"
    rf"\bworkflow run (?P<run>{_NAME})\b|\bthe (?P<when>nightly|hourly|daily|weekly|monthly)"
    r" workflow\b",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\**`(?P<name>[a-z][a-z0-9]*(?:[-_][a-z0-9]+)+)`")
_HEADED = re.compile(r"\bworkflows\b", re.IGNORECASE)
_NO_WORKFLOW = re.compile(
    r"\b(?:label|branch|command|status|secret|variable|package|action)s?\b", re.IGNORECASE
)


def missing_paths(
    documents: tuple[ProsePassage, ...], files: Mapping[str, str]
) -> Iterator[Contradiction]:
    """Every path that prose protects and that does not exist."""
    names = {name.casefold().encode("utf-8", "surrogateescape") for name in files}
    for sentence in sentences_in(documents):
        for glob in (
            paths_in(sentence.text) if is_left_alone(sentence.text, sentence.heading) else ()
        ):
            if _is_definite(glob) and not _is_there(glob.casefold(), names):
                shown = glob.removesuffix("**")
                yield Contradiction(
                    ContradictionKind.PATH,
                    sentence.at(max(sentence.text.find(shown), 0)),
                    f"`{shown}` is to be left alone, and no file here is called that",
                    _near_path(glob, files),
                )


def _is_definite(glob: str) -> bool:
    """Whether this names something definite: a folder, or a file with an ending, that
    git would keep."""
    names_one = "/" in glob or "." in glob.strip(".")
    return (
        names_one
        and not _UNKEPT.search(glob)
        and not glob.startswith(("/etc", "/usr", "~", "http"))
    )


def _is_there(glob: str, names: Collection[bytes]) -> bool:
    return any(matches((glob, f"**/{glob.strip('/')}"), name) for name in names)


def _near_path(glob: str, files: Mapping[str, str]) -> FoundPlace | None:
    """A file with nearly the same path."""
    wanted = glob.removesuffix("/**")
    near = difflib.get_close_matches(wanted, list(files)[:2000], n=1, cutoff=0.75)
    return FoundPlace(near[0], 0) if near else None


def missing_workflows(
    documents: tuple[ProsePassage, ...],
    files: Mapping[str, str],
    flows: tuple[Flow, ...],
    *,
    known: Collection[str],
) -> Iterator[Contradiction]:
    """Every workflow that prose names, by file or by name, and that does not exist. `known` are
    those without a file here."""
    stems = [name.casefold() for name in files]
    names = {name.casefold() for name in known} | {name for flow in flows for name in flow.names}
    is_scheduled = any(flow.is_scheduled for flow in flows)
    for sentence in sentences_in(documents):
        # A sentence about a future or possible workflow does not claim that it exists.
        if not _MAKING.search(sentence.text):
            yield from _by_path(sentence, stems, known)
        if flows:
            yield from _by_name(sentence, names, flows, is_scheduled=is_scheduled)


def _by_path(
    sentence: Sentence, stems: list[str], known: Collection[str]
) -> Iterator[Contradiction]:
    for found in _WORKFLOW_PATH.finditer(sentence.text):
        path = found[0].casefold().removeprefix("./")
        is_ours = path.startswith("workflows/") and path[10:].rpartition(".")[0] in known
        if not is_ours and not any(name == path or name.endswith(f"/{path}") for name in stems):
            there = [name for name in stems if WORKFLOW_FILE.fullmatch(name)]
            near = difflib.get_close_matches(path, there, n=1)
            yield Contradiction(
                ContradictionKind.WORKFLOW,
                sentence.at(found.start()),
                f"there is no file `{found[0]}`",
                FoundPlace(near[0], 0) if near else None,
            )


def _by_name(
    sentence: Sentence, names: Collection[str], flows: tuple[Flow, ...], *, is_scheduled: bool
) -> Iterator[Contradiction]:
    for offset, name, is_hour in _spoken_of(sentence):
        # "The nightly workflow" may be any workflow with a schedule.
        if is_hour and (is_scheduled or any(name in known for known in names)):
            continue
        if name.casefold() not in names:
            stems = sorted(name for flow in flows for name in flow.names)
            near = difflib.get_close_matches(name.casefold(), stems, n=1)
            meant = next(
                (FoundPlace(flow.file, 1) for flow in flows if near and near[0] in flow.names), None
            )
            yield Contradiction(
                ContradictionKind.WORKFLOW,
                sentence.at(offset),
                f"there is no workflow `{name}`; known: "
                f"{', '.join(sorted(_stem(flow) for flow in flows))}",
                meant,
            )


def _spoken_of(sentence: Sentence) -> Iterator[tuple[int, str, bool]]:
    """Names of workflows with their offsets; the last value is True for a time of day
    such as `nightly`."""
    for found in _SPOKEN.finditer(sentence.text):
        name = next(value for value in found.groups() if value)
        yield found.start(), name, found["when"] is not None
    item = _ITEM.match(sentence.text.lstrip("| "))
    if item and _HEADED.search(sentence.heading) and not _NO_WORKFLOW.search(sentence.text):
        yield 0, item["name"], False


def _stem(flow: Flow) -> str:
    return flow.file.rpartition("/")[2].rpartition(".")[0]
