"""Markdown from strangers: no HTML, no images, no script, and only http, https and mailto links.

Two exceptions to what GitHub does:
- HTML comments are shown, folded. Text that people cannot see but a model can is a way to mislead
  agents. A comment by a writer is hidden, because the factory uses such markers.
- `<details>` is the only HTML tag that works, because the factory folds its history with it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup

from harness.programs.local_forge.pages.strangers_text import is_safe_link, revealed

_OPENS = re.compile(r"<details>(?:\s*<summary>([^<>]{1,200})</summary>)?\s*$")
_CLOSES = re.compile(r"</details>\s*$")
_ISSUE = re.compile(r"(?<![\w&/#])#([1-9][0-9]{0,8})\b")
_ANCHOR = re.compile(r"\s+\{#([A-Za-z][\w-]{0,60})\}$")
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_MOST_LINKED = 500


# A live page renders the same texts again after every write.
@lru_cache(maxsize=512)
def rendered(
    source: str, *, repository: str, trusted: bool = False, anchors: bool = False, below: int = 0
) -> Markup:
    """HTML of a text. `repository` is the path of its pages, for `#12`; `trusted` hides HTML
    comments.

    With `anchors` a heading that ends in `{#M-NOPAY}` gets that id, as in governance files. With
    `below` the text's headings start one level under that one and skip none, so that the page keeps
    one outline.
    """
    env = {"repository": repository, "trusted": trusted, "anchors": anchors, "below": below}
    return Markup(_MARKDOWN.render(revealed(source), env))  # noqa: S704 - the renderer escapes, and HTML is off


def rendered_line(source: str, *, repository: str) -> Markup:
    """HTML of one line: emphasis, code and links, no blocks."""
    env = {"repository": repository, "trusted": True, "anchors": False, "below": 0}
    return Markup(_MARKDOWN.renderInline(revealed(source), env))  # noqa: S704 - as above


def _details(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse `<details>` and its end, each alone on a line, outside of lists and quotes."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    opens, closes = _OPENS.match(line), _CLOSES.match(line)
    depth = state.env.setdefault("depth", 0)
    if (
        state.level != 0
        or state.parentType not in ("root", "paragraph")
        or not (opens or (closes and depth))
    ):
        return False
    if not silent:
        state.env["depth"] = depth + (1 if opens else -1)
        token = state.push("details_open" if opens else "details_close", "details", 0)
        token.content = (opens.group(1) or "Details") if opens else ""
        state.line = start + 1
    return True


def _hidden_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse an HTML comment that starts a line. Without an end it runs to the end of the
    text, as in a browser."""
    begin = state.bMarks[start] + state.tShift[start]
    if state.level != 0 or not state.src.startswith("<!--", begin):
        return False
    if silent:
        return True
    last = start
    while last < end - 1 and "-->" not in state.src[state.bMarks[last] : state.eMarks[last]]:
        last += 1
    token = state.push("hidden", "", 0)
    token.content = state.src[begin : state.eMarks[last]]
    token.block = True
    state.line = last + 1
    return True


def _hidden_inline(state: StateInline, silent: bool) -> bool:
    """Parse an HTML comment within a line."""
    end = state.src.find("-->", state.pos) if state.src.startswith("<!--", state.pos) else -1
    if end < 0:
        return False
    if not silent:
        token = state.push("hidden", "", 0)
        token.content = state.src[state.pos : end + 3]
    state.pos = end + 3
    return True


def _closed(state: StateCore) -> None:
    """Close every open `<details>`, so that it cannot swallow the rest of the page."""
    for _ in range(state.env.get("depth", 0)):
        state.tokens.append(Token("details_close", "details", 0))


def _issue_links(state: StateCore) -> None:
    """Turn `#12` in plain text into a link, unless it is inside one."""
    linked = 0
    for block in state.tokens:
        children, inside = [], 0
        for token in block.children or ():
            inside += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            # At most _MOST_LINKED links: a text full of `#1` must not make a huge page.
            found = (
                []
                if token.type != "text" or inside or linked > _MOST_LINKED
                else _ISSUE.split(token.content)
            )
            linked += len(found) // 2
            children += [token] if len(found) < 2 else _linked(found, state.env["repository"])
        if block.children is not None:
            block.children = children


def _linked(parts: Sequence[str], repository: str) -> list[Token]:
    tokens = []
    for place, part in enumerate(parts):
        kind = "issue" if place % 2 else "text"
        token = Token(kind, "", 0, content=part)
        token.meta = {"href": f"{repository}/issues/{part}"} if place % 2 else {}
        tokens.append(token)
    return tokens


def _heading_ids(state: StateCore) -> None:
    """Give `## No payments {#M-NOPAY}` that id, and show it beside the heading."""
    for heading, inline in zip(state.tokens, state.tokens[1:], strict=False):
        found = (
            _ANCHOR.search(inline.content)
            if state.env["anchors"] and heading.type == "heading_open"
            else None
        )
        last = inline.children[-1] if found and inline.children else None
        if (
            found
            and last is not None
            and last.type == "text"
            and last.content.endswith(found[0].strip())
        ):
            heading.attrSet("id", found[1])
            last.content = last.content.removesuffix(found[0].strip()).rstrip()
            inline.children = [*(inline.children or []), Token("anchor", "", 0, content=found[1])]


def _outline(state: StateCore) -> None:
    """Renumber headings to one outline without gaps, below the page's own headings."""
    above: list[int] = []
    for token in state.tokens if state.env["below"] else ():
        if token.type == "heading_open":
            level = int(token.tag[1:])
            while above and above[-1] >= level:
                above.pop()
            above.append(level)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, state.env['below'] + len(above))}"


def _tasks(state: StateCore) -> None:
    """Render `- [x] done` as a ticked checkbox that cannot be clicked, since it is only text."""
    for item, paragraph, inline in zip(
        state.tokens, state.tokens[1:], state.tokens[2:], strict=False
    ):
        first = inline.children[0] if inline.children else None
        if (item.type, paragraph.type, inline.type) != (
            "list_item_open",
            "paragraph_open",
            "inline",
        ):
            continue
        if first is not None and first.type == "text" and (found := _TASK.match(first.content)):
            item.attrJoin("class", "task")
            first.content = first.content[found.end() :]
            inline.children = [
                Token("task_mark", "", 0, content=found[1].strip().lower()),
                *(inline.children or []),
            ]


def _show_task_mark(
    _self: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, _env: Any
) -> str:
    ticked = bool(tokens[place].content)
    word, kind = ("done", "task-mark ticked") if ticked else ("not done", "task-mark")
    return f'<span class="{kind}" role="img" aria-label="{word}"></span> '


def _show_anchor(
    _self: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, _env: Any
) -> str:
    name = escapeHtml(tokens[place].content)
    return f' <a class="tag" href="#{name}">{name}</a>'


def _show_issue(
    _self: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, _env: Any
) -> str:
    token = tokens[place]
    return f'<a href="{escapeHtml(token.meta["href"])}">#{escapeHtml(token.content)}</a>'


def _show_hidden(
    _self: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, env: Any
) -> str:
    if env["trusted"]:
        return ""
    text = escapeHtml(tokens[place].content)
    if not tokens[place].block:
        return (
            '<code class="hidden-text" title="an HTML comment: GitHub would hide'
            f' this">{text}</code>'
        )
    return (
        '<details class="hidden-text"><summary>An HTML comment, which GitHub would hide</summary>'
        f"<pre>{text}</pre></details>\n"
    )


def _show_details_open(
    _self: RendererHTML, tokens: Sequence[Token], place: int, _options: Any, _env: Any
) -> str:
    return f"<details><summary>{escapeHtml(tokens[place].content)}</summary>\n"


def _show_details_close(
    _self: RendererHTML, _tokens: Sequence[Token], _place: int, _options: Any, _env: Any
) -> str:
    return "</details>\n"


def _show_table_open(
    _self: RendererHTML, _tokens: Sequence[Token], _place: int, _options: Any, _env: Any
) -> str:
    """A wide table scrolls in a frame of its own, with the keyboard too."""
    return '<div class="across" role="group" tabindex="0" aria-label="Table"><table>\n'


def _show_table_close(
    _self: RendererHTML, _tokens: Sequence[Token], _place: int, _options: Any, _env: Any
) -> str:
    return "</table></div>\n"


def _show_image(
    self: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any
) -> str:
    """Show an image as a link: loading it would tell its server who reads this page."""
    token = tokens[place]
    alt = self.renderInlineAsText(token.children or [], options, env).strip() or "no description"
    source = escapeHtml(str(token.attrs["src"]))
    return f'<a class="picture" href="{source}" rel="{_REL}">picture: {escapeHtml(alt)}</a>'


def _show_link(
    self: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any
) -> str:
    tokens[place].attrSet("rel", _REL)
    return self.renderToken(tokens, place, options, env)


_REL = "nofollow noopener noreferrer ugc"


def _made() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(
        ["table", "strikethrough"]
    )
    markdown.validateLink = is_safe_link  # type: ignore[method-assign]
    markdown.block.ruler.before(
        "paragraph", "hidden", _hidden_block, {"alt": ["paragraph", "blockquote", "list"]}
    )
    markdown.block.ruler.before("paragraph", "details", _details, {"alt": ["paragraph"]})
    markdown.inline.ruler.before("text", "hidden", _hidden_inline)
    markdown.core.ruler.push("details", _closed)
    markdown.core.ruler.push("anchors", _heading_ids)
    markdown.core.ruler.push("outline", _outline)
    markdown.core.ruler.push("tasks", _tasks)
    markdown.core.ruler.push("issues", _issue_links)
    for name, rule in {
        "issue": _show_issue,
        "anchor": _show_anchor,
        "task_mark": _show_task_mark,
        "hidden": _show_hidden,
        "details_open": _show_details_open,
        "table_open": _show_table_open,
        "table_close": _show_table_close,
        "details_close": _show_details_close,
        "image": _show_image,
        "link_open": _show_link,
    }.items():
        markdown.add_render_rule(name, rule)
    return markdown


_MARKDOWN = _made()
