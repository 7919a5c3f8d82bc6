"""Markup that a page does not show, found in one pass from left to right.

Properties: where this scanner and a renderer could disagree, it hides too much rather than too little (see `codespans`);
every repetition is possessive or looks for one fixed end, so no text makes it try twice.
"""

import html
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from harness.governance.codespans import Code
from harness.governance.hidden import Hidden, HiddenKind, provenance_at
from harness.governance.invisible import is_invisible

_Step: TypeAlias = tuple[str, int] | None
_Reader: TypeAlias = Callable[[int], _Step]

_STRING = r'''(?:"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')'''
_TITLE = rf"(?:{_STRING}|\((?:[^()\\]|\\.)*+\))"
_TARGET = r"(?P<target><[^<>\n]*+>|(?!<)\S++)"
_LEAD = r"[ \t>]*+(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]++[ \t>]*+)*+"

_TRIGGER = re.compile(rf"^(?={_LEAD}(?:\[|```|~~~))|[\\`<&]|!\[|\]\(", re.MULTILINE)
_FENCE_LINE = re.compile(rf"(?P<mark>{_LEAD}(?:`{{3,}}+|~{{3,}}+)[ \t]*+(?:[A-Za-z0-9+#.-]{{1,20}}+(?=\s|\Z))?)(?P<info>[^\n]*+)")
_BACKTICKS = re.compile(r"`++")
_COMMENT = re.compile(r"<!--(?:-?>|(?P<text>.*?)(?:-->|\Z))", re.DOTALL)
_DECLARATION = re.compile(r"<(?:\?.*?(?:\?>|\Z)|!\[CDATA\[.*?(?:\]\]>|\Z)|![A-Za-z][^>]*+>?)", re.DOTALL)
_UNSEEN = re.compile(r"<(?P<name>script|style|template|textarea|title|iframe|noembed|noframes|noscript|xmp)\b"
                     r"(?P<text>.*?)(?:</(?P=name)\b[^>]*+>|\Z)", re.DOTALL | re.IGNORECASE)
_AUTOLINK = re.compile(r"<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*+|[^\s<>@\"']++@[^\s<>@\"']++)>")
_TAG = re.compile(r"""<(?P<name>/?[A-Za-z][A-Za-z0-9-]*+)(?P<attributes>(?:[^<>"']|"[^"]*+"|'[^']*+')*+)>""")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_IMAGE = re.compile(r"!\[(?P<alt>(?:[^\[\]\\]|\\.|\[(?:[^\[\]\\]|\\.)*+\])*+)\]"
                    rf"(?:\[[^\[\]]*+\])?(?:\((?P<to>(?:\s++{_STRING}|[^()\\]|\\.|\((?:[^()\\]|\\.)*+\))*+)\))?", re.DOTALL)
_IMAGE_END = re.compile(r"\](?:\[[^\[\]\n]*+\](?:\([^()\n]*+\))?|\([^()\n]*+\))")
_LINK_TITLE = re.compile(rf"\]\(\s*+(?P<target><[^<>\n]*+>|\S*+)\s++(?P<title>{_TITLE})\s*+\)", re.DOTALL)
_LINK_WORDS = re.compile(r"\]\(\s*+(?P<target><[^<>\n]*+>)\s*+\)")
_NOTE = re.compile(rf"{_LEAD}\[(?P<label>\^[^\[\]\s]++)\]:(?P<text>[^\n]*+(?:\n(?: {{2,}}+|\t)[^\n]++)*+)")
_DEFINITION = re.compile(rf"(?P<lead>{_LEAD})\[(?P<label>(?:[^\[\]\\]|\\.)++)\]:[ \t]*+(?:\n[ \t>]*+)?{_TARGET}"
                         rf"(?:(?:[ \t]++|[ \t]*+\n[ \t>]*+)(?P<title>{_TITLE}))?[ \t]*+(?=\n|\Z)", re.DOTALL)
_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.)++)\]")
_TAGS = frozenset(re.findall(r"\w+", """
    a abbr article aside b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl dt em
    figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p picture pre q rp rt
    ruby s samp section small source span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul
    var wbr"""))
_PLACE = re.compile("\0([0-9]+)\0")


@dataclass(frozen=True, slots=True)
class _Definition:
    """A link's or a note's definition: shown only if the text refers to its label."""

    label: str
    whole: str
    kept: str
    hidden: tuple[Hidden, ...]


def without_hidden_markup(text: str, *, trusted: bool = True) -> tuple[str, list[Hidden]]:
    """The text without what a page would not show, and each span of that. What is left of an image or a comment is a
    marker that names it, so that two halves of a text can never join into new markup. A text that is not `trusted` is
    read as if nothing in it were code."""
    scan = _Scan(text, Code(text, trusted))
    shown = "".join(scan.pieces())
    used = Counter(_key(label) for label in _LABEL.findall(shown))
    out = [hidden for definition in scan.definitions
           for hidden in (definition.hidden if used[definition.label]
                          else (Hidden(HiddenKind.REFERENCE, definition.whole),))]

    def put_back(place: re.Match[str]) -> str:
        definition = scan.definitions[int(place[1])]
        return definition.kept if used[definition.label] else "⟦reference⟧"

    return _PLACE.sub(put_back, shown), [*scan.hidden, *out]


def _key(label: str) -> str:
    return " ".join(label.split()).casefold()


@dataclass(slots=True)
class _Scan:
    """One pass over a text. `pieces` yields what is shown; the rest gathers in `hidden` and `definitions`."""

    text: str
    code: Code
    hidden: list[Hidden] = field(default_factory=list)
    definitions: list[_Definition] = field(default_factory=list)
    _image_ends: list[tuple[int, int]] | None = None

    def pieces(self) -> Iterator[str]:
        """What is shown, piece by piece."""
        at = 0
        while found := _TRIGGER.search(self.text, at):
            yield self.text[at: found.start()]
            shown, at = self._step(found.start())
            yield shown
        yield self.text[at:]

    def _step(self, at: int) -> tuple[str, int]:
        """What is shown of the construct at `at`, and where it ends. Without one: the character itself."""
        for reader in self._readers(at):
            if step := reader(at):
                if step[0] != (taken := self.text[at: step[1]]):
                    self.code.doubt(taken, step[1])
                return step
        return self.text[at: at + 1], at + 1

    def _readers(self, at: int) -> Iterator[_Reader]:
        if at == 0 or self.text[at - 1] == "\n":
            yield from (self._fence, self._note, self._definition)
        character = self.text[at]
        if character in _BY_CHARACTER:
            yield from _BY_CHARACTER[character](self)

    def _hide(self, kind: HiddenKind, text: str | None, at: int) -> None:
        if text and text.strip():
            self.hidden.append(Hidden(kind, text.strip(), provenance_at(self.text, at)))

    def _fence(self, at: int) -> _Step:
        """A fenced block whole, but for what stands after its language: a page shows none of that. Where it may be no
        fence after all, its line alone."""
        line = _FENCE_LINE.match(self.text, at)
        end = self.code.fence_end(at)
        if not line or ("~" not in line["mark"] and "`" in line["info"]):
            return None
        self._hide(HiddenKind.ATTRIBUTES, line["info"], at)
        return line["mark"].rstrip() + self.text[line.end(): end or line.end()], end or line.end()

    def _span(self, at: int) -> _Step:
        """A code span whole; backticks that open none are passed over."""
        backticks = _BACKTICKS.match(self.text, at)
        end = self.code.span_end(at) or (backticks.end() if backticks else at + 1)
        return self.text[at:end], end

    def _escape(self, at: int) -> _Step:
        """A backslash makes what follows ordinary, outside of HTML blocks."""
        if not self.code.is_plain(at) or self.text[at + 1: at + 2] not in tuple("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"):
            return None
        return self.text[at: at + 2], at + 2

    def _comment(self, at: int) -> _Step:
        found = _COMMENT.match(self.text, at)
        if not found:
            return None
        self._hide(HiddenKind.COMMENT, found["text"], at)
        return "⟦comment⟧", found.end()

    def _declaration(self, at: int) -> _Step:
        found = _DECLARATION.match(self.text, at) or _UNSEEN.match(self.text, at)
        if not found:
            return None
        self._hide(HiddenKind.ELEMENT, found[0], at)
        return "⟦element⟧", found.end()

    def _autolink(self, at: int) -> _Step:
        found = _AUTOLINK.match(self.text, at)
        return (found[0], found.end()) if found else None

    def _tag(self, at: int) -> _Step:
        """A tag is kept bare: what it holds besides its name is not on the page. One that HTML does not know is not on
        the page at all, so that its name could say anything."""
        found = _TAG.match(self.text, at)
        if not found:
            return None
        name = found["name"].casefold()
        if found["attributes"].strip(" \t\n/") or name.lstrip("/") not in _TAGS:
            self._hide(HiddenKind.ATTRIBUTES, found[0], at)
        if name.lstrip("/") not in _TAGS:
            return "⟦element⟧", found.end()
        return "⟦image⟧" if name == "img" else f"<{found['name']}>", found.end()

    def _entity(self, at: int) -> _Step:
        found = _ENTITY.match(self.text, at)
        if not found:
            return None
        spelt = html.unescape(found[0])
        if spelt != found[0] and all(is_invisible(char) for char in spelt):
            self._hide(HiddenKind.ENTITY, found[0], at)
            return "", found.end()
        return found[0], found.end()

    def _image(self, at: int) -> _Step:
        found = _IMAGE.match(self.text, at)
        end = found.end() if found else self._odd_image_end(at)
        if end is None:
            return None
        self._hide(HiddenKind.IMAGE, self.text[at:end], at)
        return "⟦image⟧", end

    def _odd_image_end(self, at: int) -> int | None:
        """Where an image ends whose description has brackets too deep to follow: at the next end on its line."""
        if self._image_ends is None:
            self._image_ends = [found.span() for found in _IMAGE_END.finditer(self.text)]
        index = bisect_left(self._image_ends, (at, 0))
        if index == len(self._image_ends) or "\n" in self.text[at: self._image_ends[index][0]]:
            return None
        return self._image_ends[index][1]

    def _link(self, at: int) -> _Step:
        """A link keeps its address; a title, or words where the address should be, are hidden."""
        if titled := _LINK_TITLE.match(self.text, at):
            self._hide(HiddenKind.LINK, titled["title"], at)
            return f"]({self._address(titled['target'], at)})", titled.end()
        worded = _LINK_WORDS.match(self.text, at)
        return (f"]({self._address(worded['target'], at)})", worded.end()) if worded else None

    def _address(self, target: str, at: int) -> str:
        """The target, unless it is a sentence in angle brackets."""
        if not re.search(r"[ \t]", target):
            return target
        self._hide(HiddenKind.LINK, target, at)
        return "<>"

    def _note(self, at: int) -> _Step:
        """A footnote, which is shown only where it is referred to."""
        found = _NOTE.match(self.text, at)
        return self._defined(found["label"], found[0], found[0], (), found.end()) if found else None

    def _definition(self, at: int) -> _Step:
        """A link's address by a label; its title is never shown."""
        found = _DEFINITION.match(self.text, at)
        if not found:
            return None
        place = provenance_at(self.text, at)
        title, target = found["title"], found["target"]
        hidden = [Hidden(HiddenKind.LINK, title, place)] if title else []
        if re.search(r"[ \t]", target):
            hidden.append(Hidden(HiddenKind.LINK, target, place))
            target = "<>"
        kept = f"{found['lead']}[{found['label']}]: {target}"
        return self._defined(found["label"], found[0], kept, tuple(hidden), found.end())

    def _defined(self, label: str, whole: str, kept: str, hidden: tuple[Hidden, ...], end: int) -> tuple[str, int]:
        self.definitions.append(_Definition(_key(label), whole.strip(), kept, hidden))
        return f"\0{len(self.definitions) - 1}\0", end


_BY_CHARACTER: dict[str, Callable[[_Scan], tuple[_Reader, ...]]] = {
    "\\": lambda scan: (scan._escape,),
    "`": lambda scan: (scan._span,),
    "<": lambda scan: (scan._comment, scan._declaration, scan._autolink, scan._tag),
    "&": lambda scan: (scan._entity,),
    "!": lambda scan: (scan._image,),
    "]": lambda scan: (scan._link,),
}
