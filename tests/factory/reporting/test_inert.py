"""Text from outside inside our words: whatever a stranger writes, the page that shows it does
nothing."""

import re
import unicodedata
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.shortened import in_dollars, in_one_line, printable, shortened
from harness.factory.reporting.comments import (
    commit_message,
    merge_message,
    pull_request_body,
    pull_request_title,
)
from harness.factory.reporting.comments.inert import (
    cell,
    code,
    fenced,
    inline,
    referred,
    table,
)
from harness.programs.local_forge.pages.markdown import rendered
from tests.tiers import share

NASTY = [
    "![x](https://evil.example/p.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<script>x</script>",
    "https://evil.example/?a=b",
    "www.evil.example",
    "mail me@evil.example",
    "@owner @org/team",
    "#1 and owner/repo#12 and GH-7",
    "Fixes #1",
    "closes https://github.com/o/r/issues/1",
    "<!-- hidden -->",
    "&lt;b&gt; &#35;1 &commat;owner",
    "a | b | c",
    "`code` ``` ~~~",
    "**bold** _it_ ~~gone~~",
    "[x]: https://evil.example",
    "<https://evil.example>",
    "\\# \\@ \\[x\\](y)",
    "</details></summary>",
    "\u202e\u2066 turned \u200b around",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "$\\href{x}{y}$",
    "line\n\n# two\n\n| a |\n|---|\n| b |",
    "\\",
    "a\\",
    "|\\|",
    "http://a http://b",
    "!!",
    "[[x]]",
    "＠owner ＃1",
]
PIECES = st.lists(
    st.one_of(
        st.sampled_from(NASTY),
        st.text(max_size=12),
        st.sampled_from(list("\\`*_[]()<>|#@!~&$:/.\n -")),
    ),
    max_size=12,
).map("".join)


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


@settings(max_examples=share(150), deadline=None)
@given(PIECES)
def test_no_text_gets_out_of_its_line(text) -> None:
    page = shown(f"Why: {inline(text)}")
    assert page.tags == ["p"]
    assert not names_something(inline(text))


@settings(max_examples=share(150), deadline=None)
@given(PIECES)
def test_no_text_gets_out_of_its_cell(text) -> None:
    page = shown(table(("who", "what"), [("we", cell(text)), ("they", "x")]))
    assert page.tags == [
        "div",
        "table",
        "thead",
        "tr",
        "th",
        "th",
        "tbody",
        "tr",
        "td",
        "td",
        "tr",
        "td",
        "td",
    ]


@settings(max_examples=share(150), deadline=None)
@given(PIECES)
def test_no_text_gets_out_of_its_fence(text) -> None:
    page = shown(f"{fenced(text)}\n\nafter")
    assert page.tags == ["pre", "code", "p"]
    assert page.words[-2] == "after"


@settings(max_examples=share(150), deadline=None)
@given(PIECES)
def test_a_word_of_it_is_code(text) -> None:
    assert shown(f"no command {code(text)} here").tags == ["p", "code"]


@pytest.mark.parametrize("text", ["plain words, and 3 of 4", "tidebook/store.py: 12 lines"])
def test_plain_words_stay_as_they_are(text) -> None:
    assert "".join(shown(inline(text)).words).strip() == text


ACTED_UPON = (
    "[skip ci]",
    "[ci skip]",
    "[no ci]",
    "[skip actions]",
    "[actions skip]",
    "***NO_CI***",
    "[skip netlify]",
    "[CF-Pages-Skip]",
    "[azurepipelines skip]",
    "\uff3bskip ci\uff3d",
    "[skip\u200b ci]",
    "\n\n\nskip-checks: true",
    "\r\rSigned-off-by: a <a@b.example>",
    "\u2028Release-As: 9.0.0",
    "Fixes #3",
    "closes \uff033",
    "Fixes GH-3",
    "resolves owner/repo#3",
    "Fixes ABC-3",
    "AB#3",
    "!3",
    "~bug",
    "%v1",
    "&3",
    "$3",
    "@owner",
    "\uff20org/team",
    "fixup! x",
    "feat!: x",
    "BREAKING CHANGE: x",
    "/lgtm",
    "\n/merge",
    "--- a/x",
    "\n---\n",
    "# x",
    "http://evil.example",
    "\x1b[2J",
    "\x9b31m",
    "\x00",
    "\x7f",
    "\u202ecod",
    "\u2066a\u2069",
    "\U000e0041",
    "\u3164",
    "\ufe0f",
    "\u2474",
    "<!-- x -->",
    "`x`",
    "\ud800",
)
PLAIN = re.compile(r"(?:[^\W_]|[.,? ]|(?<=[^\W_])[-/_'](?=[^\W_]))*")


def committed_words(text):
    """What of a stranger's text stands in a commit, or in what a forge makes a commit of."""
    arguments = {"issue": 7, "title": text, "run": "r", "rules": "d", "anchor": ""}
    subject, trailers = commit_message(**arguments).split("\n", 1)
    merged, ours = merge_message(**arguments).split("\n", 1)
    assert (trailers, ours) == (
        "\nIssue: #7\nFactory-Run: r\nFactory-Rules: d\n",
        "\nFactory-Run: r\nFactory-Rules: d\n",
    )
    yield subject
    yield merged.removeprefix("Merge the change for #7: ")
    yield pull_request_title(issue=7, title=text).removeprefix("#7: ")
    body = pull_request_body(issue=7, title=text, summary=text, run="r", rules="d")
    yield (
        body.split("Factory work on #7: ")[1].split("\n")[0].replace("\\", "").replace("\u200b", "")
    )
    yield from filter(None, body.split("```text\n")[1].split("```")[0].splitlines())


def is_plain(line):
    read = unicodedata.normalize("NFKC", line)  # as a host may
    return line == "(no title)" or (
        PLAIN.fullmatch(read) and not re.search("[^\\W\\d_]-\\d|[\u1160\u3164\ufe0f]", read)
    )


@pytest.mark.parametrize("text", ACTED_UPON)
def test_nothing_that_a_host_acts_on_reaches_a_commit(text) -> None:
    for said in (text, f"The list is wrong {text}", f"{text} and wrong"):
        found = list(committed_words(said))
        assert all(map(is_plain, found)), found
        assert "" not in found


@settings(max_examples=share(150), deadline=None)
@given(st.lists(st.sampled_from([*ACTED_UPON, *NASTY, *" -/_'.?a7"]), max_size=8).map("".join))
def test_no_pieces_of_it_come_together_in_a_commit(text) -> None:
    assert all(map(is_plain, committed_words(text)))
    assert all(len(line) <= 60 for line in list(committed_words(text))[:3])


def test_words_of_other_tongues_stay_in_a_commit() -> None:
    title = "Größe, naïve — 予定は10時? हिन्दी don't use utf-8 tide/book.py"
    assert (
        next(committed_words(title))
        == "Größe, naïve 予定は10時? हिन्दी don't use utf 8 tide/book.py"
    )


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("short enough", 12, "short enough"),
        ("One thing was said. Another was not finished", 30, "One thing was said. …"),
        ("one two three four", 12, "one two…"),
        ("x" * 20, 8, "x" * 7 + "…"),
        ("One. Two was said. Three was not", 22, "One. Two was said. …"),
        ("Why? Nobody asked in so many words", 10, "Why? Nobo…"),
        ("ab cdefghijklmnop", 12, "ab cdefghij…"),
        ("abcde fghijklmnop", 11, "abcde fghi…"),
        ("one two threeX four", 17, "one two threeX…"),
    ],
)
def test_what_is_cut_ends_with_a_sentence_or_a_word(text, most, shown) -> None:
    assert shortened(text, most) == shown


@given(PIECES, st.integers(8, 60))
def test_what_is_cut_is_never_longer_than_its_room(text, most) -> None:
    assert len(shortened(text, most)) <= most


def test_no_folder_of_this_machine_is_in_a_comment() -> None:
    raw = (
        "error: cannot read '/home/ana/.factory/keys/model.key' (see /var/log/x.log), asked /api/x"
    )
    assert inline(raw) == "error: cannot read '…/model.key' (see …/x.log), asked /api/x"


def test_a_number_of_our_own_is_a_link_and_no_other_is() -> None:
    told = referred(inline("pull request #9, not #91 nor #8"), 9, "http://forge/pull/9")
    assert told == "pull request [#9](http://forge/pull/9), not \\#\u200b91 nor \\#\u200b8"


def test_money_never_reads_as_nothing_or_as_another_sum() -> None:
    shown = [in_dollars(Decimal(text)) for text in ("0", "0.01", "1.50000", "0.000012", "12.34567")]
    assert shown == ["$0.0000", "$0.0100", "$1.5000", "$0.000012", "$12.34567"]
    caps = [in_dollars(Decimal(text), places=2) for text in ("20", "1E+2", "0.004")]
    assert caps == ["$20.00", "$100.00", "$0.004"]


def test_what_controls_a_terminal_is_replaced_and_what_only_looks_unusual_stays() -> None:
    hostile = "\x1b[2J\x07\x9b2J\u202eli\u2066st"
    assert printable(hostile) == "\ufffd[2J\ufffd\ufffd2J\ufffdli\ufffdst"
    assert printable("a\tname\u3000名\u00a0!\r\nand\rmore\n") == (
        "a\tname\u3000名\u00a0!\nand\ufffdmore\n"
    )
    assert in_one_line(" a title\r\n#1 merged\t\x1b[2J ") == "a title #1 merged \ufffd[2J"
