"""Text from outside inside our words: whatever a stranger writes, the page that shows it does nothing."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.factory.comments.inert import cell, code, fenced, inline, table
from harness.forge.embedded.pages.markdown import rendered

NASTY = [
    "![x](https://evil.example/p.png)", "[click](javascript:alert(1))", "<img src=x onerror=alert(1)>", "<script>x</script>",
    "https://evil.example/?a=b", "www.evil.example", "mail me@evil.example", "@owner @org/team", "#1 and owner/repo#12 and GH-7",
    "Fixes #1", "closes https://github.com/o/r/issues/1", "<!-- hidden -->", "&lt;b&gt; &#35;1 &commat;owner", "a | b | c",
    "`code` ``` ~~~", "**bold** _it_ ~~gone~~", "[x]: https://evil.example", "<https://evil.example>", "\\# \\@ \\[x\\](y)",
    "</details></summary>", "\u202e\u2066 turned \u200b around", "# heading", "- item", "1. item", "> quote", "$\\href{x}{y}$",
    "line\n\n# two\n\n| a |\n|---|\n| b |", "\\", "a\\", "|\\|", "http://a http://b", "!!", "[[x]]", "＠owner ＃1",
]
PIECES = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=12),
                            st.sampled_from(list("\\`*_[]()<>|#@!~&$:/.\n -"))), max_size=12).map("".join)


class Shown(HTMLParser):
    """The tags of a page, and its words."""

    def __init__(self, page) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.words = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)

    def handle_data(self, data) -> None:
        self.words.append(data)


def shown(markdown):
    return Shown(str(rendered(markdown, repository="/o/r")))


def names_something(source):
    """What a forge acts on in plain text, however it is marked up."""
    return re.search(r"[@＠][\w-]|[#＃]\d|\bGH-\d|https?://|www\.\w", source, re.IGNORECASE)


@pytest.mark.parametrize("text", NASTY)
def test_a_line_of_it_is_only_words(text) -> None:
    page = shown(f"Why: {inline(text)}")
    assert page.tags == ["p"]
    assert not names_something(inline(text))


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_no_text_gets_out_of_its_line(text) -> None:
    page = shown(f"Why: {inline(text)}")
    assert page.tags == ["p"]
    assert not names_something(inline(text))


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_no_text_gets_out_of_its_cell(text) -> None:
    page = shown(table(("who", "what"), [("we", cell(text)), ("they", "x")]))
    assert page.tags == ["div", "table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "tr", "td", "td"]


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_no_text_gets_out_of_its_fence(text) -> None:
    page = shown(f"{fenced(text)}\n\nafter")
    assert page.tags == ["pre", "code", "p"]
    assert page.words[-2] == "after"


@settings(max_examples=150, deadline=None)
@given(PIECES)
def test_a_word_of_it_is_code(text) -> None:
    assert shown(f"no command {code(text)} here").tags == ["p", "code"]


@pytest.mark.parametrize("text", ["plain words, and 3 of 4", "tidebook/store.py: 12 lines"])
def test_plain_words_stay_as_they_are(text) -> None:
    assert "".join(shown(inline(text)).words).strip() == text
