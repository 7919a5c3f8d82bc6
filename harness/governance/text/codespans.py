"""Which parts of a markdown text are code, and so are shown as written, whatever they hold.

A stranger gains when a scanner takes for code what a page does not show. So the question here is
not what is code, but what is code beyond doubt. Doubt lasts: after one fence line that was not read
(inside a list, a quotation, a comment), no later fence is believed, because its closing line would
be taken for an opening one; after one backtick that was not read, no code span is believed before
the next blank line; nothing is code where a line could have begun raw HTML."""

import re
from bisect import bisect_left
from dataclasses import dataclass, field

_PREFIX = r"\n[ \t>]*+(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]++[ \t>]*+)*+"
_FENCE_LIKE = re.compile(_PREFIX + r"(?=`{3}|~{3})")
_FENCE = re.compile(r"(?P<ticks>`{3,}+|~{3,}+)(?P<info>[^\n]*+)(?:\n|\Z)")
_BACKTICKS = re.compile(r"`++")
_BLANK_LINE = re.compile(r"\n[ \t>]*+(?=\n|\Z)")
_RAW_BEGIN = re.compile(
    _PREFIX + r"<(?P<what>!--|!\[CDATA\[|\?|(?i:pre|script|style|textarea)\b|![A-Za-z]|/?[A-Za-z])"
)
_RAW_START = re.compile(
    r"<(?:!|\?|pre\b|script\b|style\b|template\b|textarea\b|title\b|iframe\b|no\w+\b|xmp\b)",
    re.IGNORECASE,
)
_RAW_ENDS = {
    "!--": re.compile("-->"),
    "?": re.compile(r"\?>"),
    "![cdata[": re.compile(r"\]\]>"),
    "!": re.compile(">"),
    "pre": re.compile(r"</(?:pre|script|style|textarea)>", re.IGNORECASE),
    "": re.compile(r"\n[ \t]*+(?=\n|\Z)"),
}


@dataclass(slots=True)
class Code:
    """The code of one text, asked for from left to right."""

    text: str
    trusted: bool = True
    _fences: list[int] = field(init=False)
    _raw: list[tuple[int, int]] | None = None
    _read_to: int = 0
    _doubtful_to: int = 0

    def __post_init__(self) -> None:
        fenced = "```" in self.text or "~~~" in self.text
        self._fences = (
            [found.start() for found in _FENCE_LIKE.finditer(f"\n{self.text}")] if fenced else []
        )

    def doubt(self, taken: str, at: int) -> None:
        """What was just taken out, up to `at`, may have held the start of something that goes on:
        of raw HTML that ends at a mark of its own, then nothing later is trusted; of a tag, then
        nothing before the next blank line."""
        if starts_raw_html(taken):
            self.trusted = False
        if "<" not in taken[1:]:
            return
        blank = _BLANK_LINE.search(self.text, at)
        self._doubtful_to = max(self._doubtful_to, blank.end() if blank else len(self.text))

    def is_plain(self, at: int) -> bool:
        """Whether a backtick or a backslash at this place means for sure what it means in a
        paragraph."""
        return self.trusted and at >= self._doubtful_to and not self.in_raw_html(at)

    def in_raw_html(self, at: int) -> bool:
        """Whether a renderer may take this place for raw HTML."""
        # many texts never ask
        if self._raw is None:
            self._raw = raw_html(self.text)
        index = bisect_left(self._raw, (at + 1, 0)) - 1
        return index >= 0 and at < self._raw[index][1]

    def fence_end(self, at: int) -> int | None:
        """The end of the fenced block that begins at `at`, the start of a line; None where there is
        none for sure."""
        if not self.trusted or not self._fences or self._fences[0] != at or self.in_raw_html(at):
            return None
        fence = _FENCE.match(self.text, at)
        if not fence or ("`" in fence["ticks"] and "`" in fence["info"]) or "|" in fence["info"]:
            return None
        ticks = fence["ticks"]
        close = re.compile(rf"\n {{0,3}}{ticks}{ticks[0]}*+[ \t]*+(?:\n|\Z)")
        closing = close.search(self.text, fence.end() - 1)
        end = closing.end() if closing else len(self.text)
        self._fences = self._fences[bisect_left(self._fences, end) :]
        self._read_to = max(self._read_to, end)
        return end

    def span_end(self, at: int) -> int | None:
        """The end of the code span that begins with the backticks at `at`; None where there is none
        for sure."""
        doubt = self.text.rfind("`", self._read_to, at)
        blank = _BLANK_LINE.search(self.text, doubt) if doubt >= 0 else None
        if doubt >= 0 and (blank is None or blank.end() >= at):
            return None
        if not self.is_plain(at):
            return None
        opening = _BACKTICKS.match(self.text, at)
        line_end = self.text.find("\n", at)
        stop = line_end if line_end >= 0 else len(self.text)
        for closing in _BACKTICKS.finditer(self.text, opening.end(), stop) if opening else ():
            if opening and len(closing[0]) == len(opening[0]):
                end = closing.end()
                # a table splits its cells before it looks for code
                if "|" in self.text[at:end]:
                    return None
                self._read_to = end
                return end
        return None


def starts_raw_html(taken: str) -> bool:
    """Whether anything after its first character may begin raw HTML that ends at a mark of its
    own."""
    return _RAW_START.search(taken, 1) is not None


def raw_html(text: str) -> list[tuple[int, int]]:
    """Every stretch that a renderer may take for a block of raw HTML, from any line that could
    begin one."""
    ends: dict[str, list[int]] = {}
    found: list[tuple[int, int]] = []
    if "<" not in text:
        return found
    # every line begins after a newline, so a place there is one here
    for begin in _RAW_BEGIN.finditer(f"\n{text}"):
        kind = _kind(begin["what"].casefold())
        if kind not in ends:
            ends[kind] = [end.end() for end in _RAW_ENDS[kind].finditer(text)]
        index = bisect_left(ends[kind], begin.end() - 1)
        end = text.find("\n", ends[kind][index]) if index < len(ends[kind]) else -1
        end = end if end >= 0 else len(text)
        if found and begin.start() <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin.start(), end))
    return found


def _kind(what: str) -> str:
    if what in ("pre", "script", "style", "textarea"):
        return "pre"
    if what in _RAW_ENDS:
        return what
    return "!" if what.startswith("!") else ""
