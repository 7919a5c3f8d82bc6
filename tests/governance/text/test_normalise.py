"""What a stranger hides is taken out and recorded; what a person would see stays. The renderer is
the judge."""

import html
import json
import re
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.governance import normalise
from harness.governance.text.hidden import HiddenKind, Provenance
from harness.governance.text.normalise import LONGEST
from tests.tiers import share

CORPUS = Path(__file__).parents[1] / "corpus"
CASES = sorted(
    path.stem for path in CORPUS.glob("*.md") if "." not in path.stem and path.stem != "README"
)


@pytest.mark.parametrize("name", CASES)
def test_the_golden_corpus(name) -> None:
    found = normalise((CORPUS / f"{name}.md").read_bytes().decode())
    assert found.text == (CORPUS / f"{name}.seen.md").read_bytes().decode()
    assert [[hidden.kind, hidden.text] for hidden in found.hidden] == json.loads(
        (CORPUS / f"{name}.hidden.json").read_text()
    )


def test_the_corpus_has_every_way_of_hiding() -> None:
    kinds = {
        kind
        for name in CASES
        for kind, _ in json.loads((CORPUS / f"{name}.hidden.json").read_text())
    }
    assert kinds == {kind.value for kind in HiddenKind}


def test_a_plain_report_comes_through_as_it_was_written() -> None:
    text = (CORPUS / "plain-report.md").read_text()
    assert normalise(text).text == text
    assert normalise(text).hidden == ()


def test_folds_and_quotations_are_marked_by_their_lines() -> None:
    found = normalise(
        "a\n<details><summary>s</summary>\nb ![evil](x)\n</details>\nc\n> d <!-- e -->\n"
    )
    assert [(span.line, span.end_line, span.provenance) for span in found.spans] == [
        (2, 4, Provenance.FOLDED),
        (6, 6, Provenance.QUOTED),
    ]
    assert [(hidden.kind, hidden.provenance) for hidden in found.hidden] == [
        (HiddenKind.IMAGE, Provenance.FOLDED),
        (HiddenKind.COMMENT, Provenance.QUOTED),
    ]


def test_a_long_text_is_cut_with_a_marker() -> None:
    found = normalise("x" * 65_536)
    assert found.text == "x" * LONGEST + "\n⟦cut: 49536 more characters are not shown⟧"
    assert normalise("x" * LONGEST).text == "x" * LONGEST


def test_a_comment_that_is_cut_in_the_middle_stays_hidden() -> None:
    assert "evil" not in normalise("x" * 90 + "<!-- evil " + "e" * 90 + " -->", limit=100).text


BOMBS = {
    "less-than": "<",
    "image": "![",
    "attribute": '<a "',
    "quotation": ">",
    "bracket": "[",
    "definition": "[a]: ",
    "comment": "<!--",
    "link": "](",
    "backslash": "\\",
    "title": '](x "',
    "pre": "\n<pre>",
    "script": "<script ",
    "fence": "```\n",
    "indented fence": " ```\nx\n",
    "note": "[^a]:b\n",
    "nested image": "![[]",
    "entity": "&#8203;",
    "html line": "\n<a\n",
    "backtick": "x`",
    "fold": "<details>![](x)",
    "tick ladder": "".join("`" * n + " " for n in range(90)),
    "invisible": "".join(map(chr, range(0xE0100, 0xE01F0))),
    "list": "- ",
    "nested list": "1. " * 50 + "\n",
    "footnote": "[^a]:b\n\n  c\n",
    "footnote in footnote": "[^a]:" + "\n  [^a]:",
    "blank footnote": "[^a]:b" + "\n" * 40,
    "table": "a|b\n-|-\n" + "1|2|3\n" * 9,
    "delimiters": "|-",
    "cells": "a\n-\n" + "|" * 90,
    "svg": "<svg",
    "closed": "<svg</svg",
    "closed by another": "<svg" * 20 + "</math>",
    "ruby": "<rp",
    "data": "](data:",
    "address": "](a:",
    "diagram": "```mermaid\n",
    "encoded scheme": "](&#100;",
    "composing": "a" + "\u0301" * 50,
    "raw line": "\n<!-- --> `",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_text_made_to_be_slow_is_read_in_time_that_its_length_bounds(bomb) -> None:
    text = BOMBS[bomb] * (65_536 // len(BOMBS[bomb]))
    began = time.process_time()
    normalise(text)
    assert time.process_time() - began < 5


FRAGMENT = st.sampled_from(
    [
        "`",
        "``",
        "```",
        "~~~",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "  ",
        "    ",
        "\t",
        "|",
        "\\",
        "#",
        "x",
        " ",
        "<",
        ">",
        "&lt;",
        "<div>",
        "</div>",
        "<pre>",
        "</pre>",
        "<b>",
        "<?",
        "?>",
        "<![CDATA[",
        "]]>",
        "<!X",
        "-->",
        "<!--",
        '<a href="`">',
        "<script>",
        "</script>",
        "<!-- EVIL -->",
        "<!-- EVIL",
        "![EVIL](x)",
        '![a](x "EVIL")',
        '[a](x "EVIL")',
        "[a][r]",
        '\n[r]: x "EVIL"\n',
        "\n[r]: x\n",
        "\n[n]: x 'EVIL'\n",
        '<i title="EVIL">',
        "[a](<EVIL b>)",
        "\n|-|-|\n",
        "\u200b",
        "| EVIL |",
        "|-|\n",
        "a|b\n",
        "[a](data:EVIL)",
        "<rp>EVIL",
        "\u00a0",
        "\u3000",
        '[a](x\u00a0y "EVIL")',
        "[a](data:\u00a0EVIL)",
        "![",
        "](x)",
        "[",
        "]",
        "(",
        ")",
        '"',
        "'",
        "&#8203;",
        "<http://x>",
        "---\n",
        "```x`",
        "\r",
    ]
)
TEXT = st.lists(FRAGMENT, max_size=14)


def numbered(fragments: list[str]) -> str:
    return "".join(
        fragment.replace("EVIL", f"evil{number}e") for number, fragment in enumerate(fragments)
    )


UNSEEN = re.compile(
    r"""<!--(?:-?>|.*?(?:-->|\Z))|<(script|style)\b.*?(?:</\1[^>]*>|\Z)|<[!?/][^>]*(?:>|\Z)"""
    r"""|<[a-z](?:[^>"']|"[^"]*"|'[^']*')*(?:>|\Z)""",
    re.DOTALL | re.IGNORECASE,
)


def on_the_page(text: str) -> str:
    """The text of the rendered page: no comment, no attribute, no script or style."""
    return html.unescape(
        UNSEEN.sub("", MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    )


@settings(max_examples=share(400), deadline=None)
@given(TEXT)
@example(["> ```\n<!-- EVIL -->\n```"])
@example([" ```\ncode\n ```\n", "<!-- EVIL -->", "\n"])
@example(["- a\n\n  ```\n  code\n     ```\n  ", "<!-- EVIL -->", "\n  ```"])
@example(["<https://x>\n```\n\ncode\n```\n", "<!-- EVIL -->", "\n"])
@example(["`a\nb` ", "<!-- EVIL -->", " `"])
@example(["| a | b |\n|-|-|\n| ` | ", "<!-- EVIL -->", " ` |"])
@example(["<!--\n\n x --> ` ", "<!-- EVIL -->", " `"])
@example(["x\n<script>\n\n</script> ` ", "<!-- EVIL -->", " `"])
@example(['<a "`"> ', "<!-- EVIL -->", "` ", "<!-- EVIL -->", " `"])
@example(["```\n<!--\n```\n<div>\n--> x\n` ", "<!-- EVIL -->", " `\n</div>"])
@example(["b <!-- c`\n\n```\nx --> y\n", "<!-- EVIL -->", "\n```\n", "<!-- EVIL -->", "\n"])
@example(['[a](a((b)) "EVIL")'])
@example(['- [r]: x "EVIL"\n'])
@example(["```", '<i title="EVIL">'])
@example(["- ~~~ x EVIL\n"])
@example(["\u200b```\n", "<!-- EVIL -->", "\n"])
@example(["\\\u200b", "<!-- EVIL -->"])
@example(["a\n\u200b\n`b\n\u200b\nc` ", "<!-- EVIL -->", " `"])
@example(["```|\n|-|\n", "<!-- EVIL -->"])
@example(["![<div><![CDATA[![a](x)\\<!-- EVIL -->``]]>"])
@example(["![<div><![CDATA[![a](x) `<!-- EVIL -->`]]>"])
@example(['![<x<- ][a](x "EVIL")'])
@example(["`\n[n]: x\n`", "<!-- EVIL -->", "`"])
@example(["`\n|-|-|\n```x`", "<!-- EVIL -->", "```"])
@example(['![<script>[a][r][\n~~~\n[r]: x "EVIL"\n'])
def test_what_the_page_does_not_show_is_never_read(fragments) -> None:
    text = numbered(fragments)
    seen, read = on_the_page(text), normalise(text).text
    for marker in re.findall(r"evil\d+e", read):
        assert marker in seen, (text, read)


@settings(max_examples=share(300), deadline=None)
@given(st.one_of(TEXT.map(numbered), st.text(max_size=200)))
def test_normalising_again_changes_nothing_and_nothing_invisible_is_left(text) -> None:
    found = normalise(text)
    assert normalise(found.text).text == found.text
    assert unicodedata.is_normalized("NFC", found.text)
    assert not [
        char
        for char in found.text
        if unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\n\t"
    ]


@given(
    st.text(
        alphabet=st.characters(
            codec="ascii", categories=("L", "N", "Zs", "P"), exclude_characters="<>`\\[]!&~"
        ),
        max_size=200,
    )
)
def test_text_without_markup_is_left_as_it_is(text) -> None:
    assert normalise(text).text == text
    assert normalise(text).hidden == ()
