"""JavaScript and TypeScript tests, by their letters alone: no tree, so this is a hint, and marked
as one.

`.only`, `.skip` and their like are counted in the text as it is, comments and strings included, so
that nothing hides them; `expect` and `assert` are counted without comments, so that none is
commented out in silence."""

import re
from collections import Counter
from collections.abc import Iterator

_NARROWS = re.compile(
    r"\b(?:it|test|describe|context|suite|specify|t|this|concurrent|sequential|parallel|serial)"
    r"\s*(?:\?\.|\.|\[\s*[\"'`])\s*"
    r"((?:only|skip|fixme|todo|fails|failing|skipIf|runIf|todoIf|if|ignore)\b)"
    r"|\b((?:xit|xtest|xdescribe|xcontext|xspecify|fit|fdescribe|ftest)\b)\s*[(.`]"
    r"|[{,]\s*((?:skip|only|todo)\s*:(?!\s*false\b))"
)
_COMMENT_OR_TEXT = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?|`(?:\\.|[^`\\])*`?",
    re.DOTALL,
)
_CLAIM = re.compile(r"\b(?:expect|assert)\b\s*[.(]")


_ALONE = frozenset(("only", "only:", "fit", "fdescribe", "ftest"))


def narrowed(before: str | None, after: str) -> Iterator[str]:
    """What narrows or leaves out tests and was not there before, and how many claims are gone. In a
    new file (None before) only what leaves out the tests of others counts."""
    if before is None:
        yield from (
            f"`{word}` keeps other tests from running, by its letters"
            for word in sorted(_ALONE & {*_narrowing(after)})
        )
        return
    for word, count in sorted((_narrowing(after) - _narrowing(before)).items()):
        yield f"`{word}` was added" + (f" {count} times" if count > 1 else "") + ", by its letters"
    was, now = _claims(before), _claims(after)
    if now < was:
        yield f"{was - now} of {was} `expect` or `assert` are gone, by their letters"


def _narrowing(text: str) -> Counter[str]:
    found = (next(filter(None, match.groups())) for match in _NARROWS.finditer(text))
    return Counter(re.sub(r"\s*:$", ":", word) for word in found)


def _claims(text: str) -> int:
    return len(_CLAIM.findall(_COMMENT_OR_TEXT.sub(" ", text)))
