"""Find binding sentences in prose: those that a check can enforce become clauses of a kind, the
others are listed as they are.

A number counts only in a sentence about a change, and a path only if such a file exists. A sentence
that demands more than a check can enforce is never reduced to the part that fits.
"""

import re
from collections.abc import Iterator

from harness.governance.paths import glob_fault, matches
from harness.onboarding.evidence.readme import blocks_of, sentences_of
from harness.onboarding.survey import Clause, ClauseKind
from harness.onboarding.words import is_citable, plain

_SPELT = (
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


def _any(*words: str) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


def _in_turn(*parts: str) -> re.Pattern[str]:
    """A pattern for the parts in this order within one sentence."""
    return re.compile(r"[^.;]*?".join(parts), re.IGNORECASE)


def _limit_of(unit: str) -> re.Pattern[str]:
    """`at most 500 lines`, `500 lines or less`, `a 500-line cap`."""
    number = r"\d[\d,]*|" + "|".join(_SPELT)
    return re.compile(
        rf"{_BOUND}\s+\$?(?P<after>{number})\s+{unit}|"
        rf"(?<![\w.$])(?P<before>{number})[- ]{unit}\s*(?:max\b|or (?:less|fewer)|cap\b|limit\b)",
        re.IGNORECASE,
    )


_BOUND = _any(
    "at most",
    "(?:no|not|never) more than",
    "max(?:imum)?(?: of)?:?",
    "up to",
    "limit(?:ed to| of)",
    "under",
    "below",
    "fewer than",
    "less than",
    "within",
    "not exceed",
    "exceeds?",
    "over",
    "more than",
).removesuffix(r"\b")
_LIMITS = (
    (ClauseKind.LINES, _limit_of(r"(?:changed |added |modified )?(?:lines?|LOC)\b")),
    (ClauseKind.FILES, _limit_of(r"(?:changed )?files?\b")),
    (ClauseKind.ATTEMPTS, _limit_of(r"(?:attempts?|tries|retries)\b")),
    (ClauseKind.DOLLARS, _limit_of(r"(?:dollars?|usd)\b")),
    (
        ClauseKind.DOLLARS,
        re.compile(rf"{_BOUND}\s+\$(?P<after>\d[\d,]*)(?P<before>(?!))?", re.IGNORECASE),
    ),
)
_A_CHANGE = _in_turn(
    _any(
        "(?:pull|merge) requests?",
        "[PM]Rs?",
        "changes?",
        "diffs?",
        "patch(?:es)?",
        "issues?",
        "tasks?",
    )
)
_NOT_A_CHANGE = _in_turn(
    _any(
        "functions?",
        "methods?",
        "class(?:es)?",
        "modules?",
        "(?:file|line) length",
        "subject",
        "titles?",
        "messages?",
        "characters",
        "comments?",
        "descriptions?",
        "(?:per|each|every|a) file",
    )
)
_NOT = _any(
    "(?:do|does|must|may|should|can|are|is) not",
    "(?:do|does|must|should|ca)n['’]t",
    "cannot",
    "never",
    "no",
)
_LEFT_ALONE = re.compile(
    _in_turn(
        _NOT,
        _any(
            "touch(?:ed)?",
            "edit(?:ed)?",
            "modify",
            "modified",
            "changed?",
            "alter",
            "delete",
            "remove",
            "rewrite",
            "move",
            "rename",
        ),
    ).pattern
    + "|"
    + _any("(?:is|are) (?:read[- ]only|off[- ]limits|protected|frozen)"),
    re.IGNORECASE,
)
_KEPT = re.compile(
    _LEFT_ALONE.pattern
    + "|"
    + _any("protected", "off[- ]limits", "read[- ]only", "frozen", "untouchable"),
    re.IGNORECASE,
)
_NOT_KEPT = re.compile(r"\b(?:not|un|no longer)[ -]?protected\b", re.IGNORECASE)
_ENDINGS = "py|js|ts|toml|json|ya?ml|md|txt|cfg|ini|sql|lock|sh"
_PATH = re.compile(
    rf"`([^`\s]+)`|(?<![\w/`.])((?:[\w.*-]+/)+[\w.*-]*|[\w*-]+\.(?:{_ENDINGS}))(?![\w/`])"
)
_NEW_DEPENDENCY = _in_turn(
    _NOT, _any("dependenc(?:y|ies)", "(?:third[- ]party|new) (?:packages?|librar(?:y|ies))")
)
_SECRET = _in_turn(
    _NOT, _any("secrets?", "credentials?", "passwords?", "(?:api|private) keys?", "tokens?")
)
_KEEP_TESTS = _in_turn(
    _NOT, _any("delete", "remove", "skip", "disable", "weaken", "rewrite", "drop"), _any("tests?")
)
_ADD_TESTS = _in_turn(
    _any("every", "each", "all", "any", "an?"),
    r"\b(?P<what>(?:bug ?)?fix(?:es)?|bugs?|changes?|features?|pull requests?|PRs?)\b",
    _any(
        "must",
        "should",
        "needs?",
        "requires?",
        "ha(?:s|ve) to",
        "comes? with",
        "includes?",
        "adds?",
        "gets?",
    ),
    _any("tests?"),
)
_BINDS = _in_turn(
    _any(
        "must",
        "never",
        "always",
        "(?<!not )only",
        "required?",
        "at most",
        "do not",
        "don['’]t",
        "may not",
        "should",
        "shall",
        "forbidden",
        "not allowed",
        "no more than",
    )
)
_NOT_GOALS = _in_turn(
    _any(
        "non[- ]?goals?",
        "not goals?",
        "out of scope",
        "never",
        "won['’]t",
        "(?:is|are|do|does|will|we) not",
    )
)
_WILL_NOT = re.compile(
    _any(
        "we",
        "it",
        "this (?:project|app|product|library|site)",
        "the (?:app|product|project|library|site)",
    )
    + r"[^.;]{0,40}?"
    + _any(
        "(?:(?:will|must) )?never",
        "(?:will|must|do|does|is|are) not",
        "won['’]t",
        "don['’]t",
        "doesn['’]t",
        "isn['’]t",
    )
    + r"\s*(?:(?:be|become|have|add|build|support|accept|take|offer|include)\s+)?"
    r"(?P<what>[^.;]{3,80})",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"^(?:no|not an?|not|never|an?)\s+", re.IGNORECASE)

KindAndValues = tuple[ClauseKind, tuple[str, ...]]


def clauses_in(
    name: str, text: str, *, files: tuple[str, ...], is_mission: bool
) -> Iterator[Clause]:
    """The binding sentences of one document, in order. `files` are those that a path may name."""
    for block in blocks_of(text):
        if block.is_heading:
            continue
        for line, sentence in sentences_of(block):
            found = (
                _never(sentence, block.heading)
                if is_mission
                else _clause(sentence, block.heading, files)
            )
            if found:
                kind, values = found
                yield Clause(kind, plain(sentence), name, line, values)


def _clause(sentence: str, heading: str, files: tuple[str, ...]) -> KindAndValues | None:
    # The order matters: a sentence with a limit often names paths too.
    if found := _limit(sentence, heading) or _conduct(sentence):
        return found
    if is_left_alone(sentence, heading) and (paths := _paths(sentence, files)):
        return ClauseKind.PROTECTED, paths
    return (ClauseKind.UNCHECKED, ()) if _BINDS.search(sentence) else None


def limits_in(sentence: str, heading: str) -> Iterator[tuple[ClauseKind, int]]:
    """Limits on lines, files, attempts or dollars, where the sentence or its heading is
    about a change."""
    # "At most 40 lines" may be about functions or commit messages; only a limit on changes can be
    # checked.
    if not _A_CHANGE.search(f"{heading} {sentence}") or _NOT_A_CHANGE.search(sentence):
        return
    for kind, pattern in _LIMITS:
        if found := pattern.search(sentence):
            digits = (found["after"] or found["before"]).replace(",", "").casefold()
            # Twelve digits are plenty, and int() of a huge text is slow.
            number = _SPELT.index(digits) if digits in _SPELT else int(digits[:12])
            if 0 < number < 10**9:
                yield kind, number


def _limit(sentence: str, heading: str) -> KindAndValues | None:
    return next(((kind, (str(number),)) for kind, number in limits_in(sentence, heading)), None)


def _conduct(sentence: str) -> KindAndValues | None:
    # First, because "never delete tests that hold a token" also matches the patterns below.
    if _KEEP_TESTS.search(sentence):
        return ClauseKind.TESTS_KEPT, ()
    if _NEW_DEPENDENCY.search(sentence):
        return ClauseKind.DEPENDENCIES, ()
    if _SECRET.search(sentence):
        return ClauseKind.SECRETS, ()
    if found := _ADD_TESTS.search(sentence):
        return ClauseKind.TESTS_ADDED, (
            "bug" if re.match(r"bug|fix", found["what"], re.IGNORECASE) else "any",
        )
    return None


def _never(sentence: str, heading: str) -> KindAndValues | None:
    """What the product shall not become: an item below such a heading, or a sentence
    that states it."""
    if _NOT_GOALS.search(heading) and len(sentence) <= 200:
        return ClauseKind.NEVER, (_named(_ARTICLE.sub("", sentence)),)
    if found := _WILL_NOT.search(sentence) or re.match(r"No (?P<what>[^.;,]{3,60})", sentence):
        return ClauseKind.NEVER, (_named(found["what"]),)
    return (ClauseKind.UNCHECKED, ()) if _BINDS.search(sentence) else None


def _named(what: str) -> str:
    return plain(what, longest=80).rstrip(".! ")


def is_left_alone(sentence: str, heading: str) -> bool:
    """Whether the sentence forbids changes to something, or is an item in a list of such things."""
    is_listed = _KEPT.search(heading) and sentence.lstrip("*| ").startswith("`")
    return bool(is_listed or _LEFT_ALONE.search(sentence)) and not _NOT_KEPT.search(sentence)


def paths_in(sentence: str) -> tuple[str, ...]:
    """The paths that a sentence names, as globs that a rule can use. They may not exist."""
    named = [
        one.strip().removeprefix("./").rstrip(".,;:")
        for found in _PATH.findall(sentence)
        for one in found
        if one
    ]
    globs = dict.fromkeys(f"{name}**" if name.endswith("/") else name for name in named)
    return tuple(glob for glob in globs if glob_fault(glob) is None and is_citable(glob))


def _paths(sentence: str, files: tuple[str, ...]) -> tuple[str, ...]:
    """The globs in the sentence that match a file here."""
    return tuple(
        glob
        for glob in paths_in(sentence)
        if any(matches((glob,), name.encode()) for name in files)
    )
