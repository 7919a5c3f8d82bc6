"""Removes markup that a page does not show, in one pass from left to right.

Properties: where this scanner and a renderer could disagree, it hides too much rather than too
little (see `codespans`); it visits only the places where a construct may begin, which
`markup_patterns.BEGINS` finds at the speed of a search."""

import html
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from harness.governance.text import markup_patterns as patterns
from harness.governance.text.addresses import address_end, adds_information, carries_content
from harness.governance.text.codespans import Code, starts_raw_html
from harness.governance.text.hidden import Hidden, HiddenKind, HiddenPlaces
from harness.governance.text.invisible import is_invisible
from harness.governance.text.references import (
    NOTE_ENDS,
    LinkDefinition,
    Note,
    key,
    without_unused_definitions,
    without_unused_notes,
)

_Step: TypeAlias = tuple[str, int] | None
_Reader: TypeAlias = Callable[["_Scan", int], _Step]


def without_hidden_markup(text: str, *, trusted: bool) -> tuple[str, list[Hidden]]:
    """The text without what a page would not show, and each span of that. What is left of an image
    or a comment is a marker that names it, so that two halves of a text can never join into new
    markup. A text that is not `trusted` is read as if nothing in it were code. A text in which
    nothing can begin comes back at once."""
    if not patterns.OPENS_LINE.match(text) and not patterns.BEGINS.search(text):
        return text, []
    scan = _Scan(text, Code(text, trusted), HiddenPlaces(text))
    shown = "".join(scan.pieces())
    if not scan.definitions and not scan.notes:
        return shown, scan.hidden
    shown, dropped = without_unused_notes(shown, scan.notes)
    shown, unused = without_unused_definitions(shown, scan.definitions)
    return shown, [*scan.hidden, *dropped, *unused]


@dataclass(slots=True)
class _Scan:
    """One pass over a text. `pieces` yields what is shown; the rest gathers in `hidden` and
    `definitions`."""

    text: str
    code: Code
    places: HiddenPlaces
    hidden: list[Hidden] = field(default_factory=list)
    definitions: list[LinkDefinition] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _note_end: int | None = None
    _image_ends: list[tuple[int, int]] | None = None
    _title_at: tuple[int, bool] | None = None
    _drawn_to: dict[str, int] | None = None

    def pieces(self) -> Iterator[str]:
        """What is shown, piece by piece."""
        at = 0
        while True:
            begin = self._next_begin(at)
            if self._note_end is not None and (begin is None or begin >= self._note_end):
                yield self.text[at : self._note_end] + NOTE_ENDS
                at, self._note_end = max(at, self._note_end), None
            elif begin is None:
                break
            else:
                yield self.text[at:begin]
                shown, at = self._step(begin)
                yield shown
        yield self.text[at:]

    def _next_begin(self, at: int) -> int | None:
        """The next place, from `at` on, where a construct may begin."""
        if (at == 0 or self.text[at - 1] == "\n") and patterns.OPENS_LINE.match(self.text, at):
            return at
        found = patterns.BEGINS.search(self.text, at)
        return found and (found.end() if self.text[found.start()] == "\n" else found.start())

    def _step(self, at: int) -> tuple[str, int]:
        """What is shown of the construct at `at`, and where it ends. Without one: the character
        itself."""
        for reader in self._readers(at):
            if step := reader(self, at):
                # Something is hidden: a renderer may see another construct begin inside of it.
                if step[0] != (taken := self.text[at : step[1]]):
                    if self._goes_on(taken, at):
                        return self._rest(at)
                    self.code.doubt(taken, step[1])
                return step
        return self.text[at : at + 1], at + 1

    def _readers(self, at: int) -> tuple[_Reader, ...]:
        readers = _BY_CHARACTER.get(self.text[at], ())
        return (*_AT_LINE_START, *readers) if at == 0 or self.text[at - 1] == "\n" else readers

    def _hide(self, kind: HiddenKind, text: str | None, at: int) -> None:
        if text and text.strip():
            self.hidden.append(Hidden(kind, text.strip(), self.places.provenance(at)))

    def _goes_on(self, taken: str, at: int) -> bool:
        """Whether what was taken for one construct may, for a page, end earlier, with another one
        begun inside of it."""
        if taken[0] in "![]":
            return starts_raw_html(taken) or patterns.BLOCK_INSIDE.search(taken) is not None
        if taken[0] != "<":
            return False
        before = self.text[self.text.rfind("\n", 0, at) + 1 : at].strip(" ")
        if (
            "\n" in taken
            and patterns.CONTAINER.fullmatch(before)
            and not _stays_inside(taken, before)
        ):
            return True
        # a block of HTML, which ends at its own mark
        if taken[1] in "!?" and not before and self.code.is_plain(at):
            return patterns.ENDS_EARLY.match(taken) is not None
        # no paragraph goes on after a blank line
        broken = "<" in taken[1:] and patterns.BLANK_LINE.search(taken)
        return any((broken, patterns.ENDS_EARLY.match(taken), patterns.BLOCK_INSIDE.search(taken)))

    def _rest(self, at: int) -> tuple[str, int]:
        """Nothing from here on: renderers would not agree where what begins here ends."""
        self._hide(HiddenKind.ELEMENT, self.text[at:], at)
        return "⟦element⟧", len(self.text)

    def _fence(self, at: int) -> _Step:
        """A fenced block whole, but for what stands after its language: a page shows none of that.
        Where it may be no fence after all, its line alone."""
        line = patterns.FENCE_LINE.match(self.text, at)
        end = self.code.fence_end(at)
        if not line or ("~" not in line["mark"] and "`" in line["info"]):
            return None
        if patterns.DRAWN.search(line["mark"]):
            return self._drawing(at, line.end(), end)
        self._hide(HiddenKind.ATTRIBUTES, line["info"], at)
        return line["mark"].rstrip() + self.text[line.end() : end or line.end()], end or line.end()

    def _drawing(self, at: int, line_end: int, end: int | None) -> _Step:
        """A block that a page draws (a diagram, a map, a formula): of its text it shows what its
        language likes."""
        closing = patterns.FENCE_END.search(self.text, line_end)
        end = end or (closing.end() if closing else len(self.text))
        self._hide(HiddenKind.ELEMENT, self.text[at:end], at)
        return "⟦element⟧" + "\n" * self.text[at:end].endswith("\n"), end

    def _span(self, at: int) -> _Step:
        """A code span whole; backticks that open none are passed over."""
        backticks = patterns.BACKTICKS.match(self.text, at)
        end = self.code.span_end(at) or (backticks.end() if backticks else at + 1)
        return self.text[at:end], end

    def _escape(self, at: int) -> _Step:
        """A backslash makes what follows ordinary, outside of HTML blocks."""
        if not self.code.is_plain(at) or self.text[at + 1 : at + 2] not in tuple(
            "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
        ):
            return None
        return self.text[at : at + 2], at + 2

    def _comment(self, at: int) -> _Step:
        found = patterns.COMMENT.match(self.text, at)
        if not found:
            return None
        self._hide(HiddenKind.COMMENT, found["text"], at)
        return "⟦comment⟧", found.end()

    def _declaration(self, at: int) -> _Step:
        found = (
            patterns.DECLARATION.match(self.text, at)
            or patterns.UNSEEN.match(self.text, at)
            or patterns.RUBY_SPARE.match(self.text, at)
        )
        if found is None and not self.code.is_plain(at):
            found = patterns.BOGUS.match(self.text, at)
        if found is None and at < self._last_end_of(self.text[at + 1 : at + 9]):
            found = patterns.CLOSED.match(self.text, at)
        if not found:
            return None
        self._hide(HiddenKind.ELEMENT, found[0], at)
        return "⟦element⟧", found.end()

    def _last_end_of(self, tag: str) -> int:
        """Where the last element of this name ends, so that nobody looks again and again for an end
        that is not there."""
        if self._drawn_to is None:
            self._drawn_to = {
                found[1].casefold(): found.start()
                for found in patterns.DRAWN_END.finditer(self.text)
            }
        name = patterns.NAME.match(tag)
        return self._drawn_to.get(name[0].casefold(), -1) if name else -1

    def _autolink(self, at: int) -> _Step:
        found = patterns.AUTOLINK.match(self.text, at)
        return (found[0], found.end()) if found else None

    def _tag(self, at: int) -> _Step:
        """A tag is kept bare: what it holds besides its name is not on the page. One that HTML does
        not know is not on the page at all, so that its name could say anything."""
        found = patterns.TAG.match(self.text, at)
        if not found:
            # in raw HTML, a tag that has no end swallows what follows it
            return (
                self._rest(at)
                if self.text[at + 1 : at + 2].isalpha() and self.code.in_raw_html(at)
                else None
            )
        name = found["name"].casefold()
        if found["attributes"].strip(" \t\n/") or name.lstrip("/") not in patterns.TAGS:
            self._hide(HiddenKind.ATTRIBUTES, found[0], at)
        if name.lstrip("/") not in patterns.TAGS:
            return "⟦element⟧", found.end()
        return "⟦image⟧" if name == "img" else f"<{found['name']}>", found.end()

    def _entity(self, at: int) -> _Step:
        found = patterns.ENTITY.match(self.text, at)
        if not found:
            return None
        spelt = html.unescape(found[0])
        if spelt != found[0] and all(is_invisible(char) for char in spelt):
            self._hide(HiddenKind.ENTITY, found[0], at)
            return "", found.end()
        return found[0], found.end()

    def _image(self, at: int) -> _Step:
        found = patterns.IMAGE.match(self.text, at)
        end = found.end() if found else self._odd_image_end(at)
        if end is None:
            return None
        self._hide(HiddenKind.IMAGE, self.text[at:end], at)
        return "⟦image⟧", end

    def _odd_image_end(self, at: int) -> int | None:
        """Where an image ends whose description has brackets too deep to follow: at the next end on
        its line."""
        if self._image_ends is None:
            self._image_ends = [found.span() for found in patterns.IMAGE_END.finditer(self.text)]
        index = bisect_left(self._image_ends, (at, 0))
        if index == len(self._image_ends) or "\n" in self.text[at : self._image_ends[index][0]]:
            return None
        return self._image_ends[index][1]

    def _link(self, at: int) -> _Step:
        """A link keeps its address; a title, or words where the address should be, are hidden."""
        if self._may_have_title(at):
            if titled := patterns.LINK_TITLE.match(self.text, at):
                self._hide(HiddenKind.LINK, titled["title"], at)
                return f"]({self._address(titled['target'], at)})", titled.end()
            # an address with parentheses that nobody can follow
            if patterns.ODD_TITLE.match(self.text, at):
                return self._rest(at)
        if worded := patterns.LINK_WORDS.match(self.text, at):
            return f"]({self._address(worded['target'], at)})", worded.end()
        begin = patterns.LINK_ADDRESS.match(self.text, at)
        if not begin or not carries_content(self.text[begin.end() : begin.end() + 120]):
            return None
        end = address_end(self.text, begin.end())
        return f"]({self._address(self.text[begin.end() : end], at)}", end

    def _may_have_title(self, at: int) -> bool:
        """Whether a quotation mark or a parenthesis follows the next white space. One look serves
        all links before it."""
        if self._title_at is None or self._title_at[0] < at + 2:
            found = patterns.TITLE_BEGINS.search(self.text, at + 2)
            self._title_at = (found.start(), found[1] != "") if found else (len(self.text), False)
        return self._title_at[1] or self.text[at + 2 : at + 3] in ("<", " ", "\t", "\n")

    def _address(self, target: str, at: int) -> str:
        """The target, unless it is a sentence in angle brackets, or a text in the form of an
        address."""
        if not adds_information(target):
            return target
        self._hide(HiddenKind.LINK, target, at)
        return "<>"

    def _note(self, at: int) -> _Step:
        """A footnote, which is shown only where it is referred to. One inside another is
        hidden."""
        found = patterns.NOTE.match(self.text, at)
        if not found:
            return None
        # renderers disagree about a footnote inside a footnote
        if self._note_end is not None:
            self._hide(HiddenKind.REFERENCE, found[0], at)
            return "⟦reference⟧", found.end()
        self._note_end = found.end()
        self.notes.append(
            Note(key(found["label"]), self.text[at : found.start("text")], found[0].strip())
        )
        return f"\0n{len(self.notes) - 1}\0", found.start("text")

    def _definition(self, at: int) -> _Step:
        """A link's address by a label; its title is never shown."""
        found = patterns.DEFINITION.match(self.text, at)
        if not found:
            return None
        place = self.places.provenance(at)
        title, target = found["title"], found["target"]
        hidden = [Hidden(HiddenKind.LINK, title, place)] if title else []
        if adds_information(target):
            hidden.append(Hidden(HiddenKind.LINK, target, place))
            target = "<>"
        kept = f"{found['lead']}[{found['label']}]: {target}"
        self.definitions.append(
            LinkDefinition(key(found["label"]), found[0].strip(), kept, tuple(hidden))
        )
        return f"\0{len(self.definitions) - 1}\0", found.end()


def _stays_inside(taken: str, container: str) -> bool:
    """Whether every line of what began in a quotation or a list item is still in it."""
    lines = taken.split("\n")[1:]
    if ">" in container:
        return all(line.lstrip(" ").startswith(">") for line in lines)
    return all(line.startswith(("  ", "\t")) or not line.strip() for line in lines)


_AT_LINE_START: tuple[_Reader, ...] = (_Scan._fence, _Scan._note, _Scan._definition)
_BY_CHARACTER: dict[str, tuple[_Reader, ...]] = {
    "\\": (_Scan._escape,),
    "`": (_Scan._span,),
    "<": (_Scan._comment, _Scan._declaration, _Scan._autolink, _Scan._tag),
    "&": (_Scan._entity,),
    "!": (_Scan._image,),
    "]": (_Scan._link,),
}
