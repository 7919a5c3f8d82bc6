"""Markdown as a stranger writes it: what is shown, what is not, and what is made visible."""

import time

import pytest

from harness.programs.local_forge.pages.markdown import rendered
from harness.programs.local_forge.pages.page_views import local_address
from tests.forge.pages.reading import Reader

ALLOWED = {
    "p",
    "a",
    "code",
    "pre",
    "em",
    "strong",
    "s",
    "ul",
    "ol",
    "li",
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "br",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "details",
    "summary",
    "div",
    "span",
}
ATTRIBUTES = {
    "href",
    "rel",
    "title",
    "class",
    "start",
    "id",
    "style",
    "role",
    "tabindex",
    "aria-label",
}


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:x)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](file:///etc/passwd)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "<javascript:alert(1)>",
    "[r]\n\n[r]: javascript:alert(1) 'x'",
    "[x](https://e.example/\"onmouseover=alert(1) 'y')",
    "`<b>`",
    "```<script>\n</script>\n```",
    "# <iframe src=//e.example>",
    "| <b> | [x](javascript:1) |\n|---|---|\n| <script> | `<i>` |",
    "</details></main><script>",
    "<details onclick=alert(1)>",
    "<details><summary><img src=x></summary>",
    "<details>\n\n<details>\n\n</details>",
    "<!-- <script>alert(1)</script> -->",
    "<!--><script>alert(1)</script>",
    "x <!-- --> <b>",
    "#1<script>",
    "[#1](javascript:1)",
    '```js" onclick="alert(1)\nx\n```',
    "> <details>\n> x",
    "<details>\n> x\n</details>\n</details>",
    "* <details>\n</details>",
]


@pytest.mark.parametrize("source", HOSTILE)
@pytest.mark.parametrize("trusted", [True, False])
def test_a_hostile_text_makes_no_tag_attribute_or_address_of_its_own(source, trusted) -> None:
    page = Reader(rendered(source, repository="/o/r", trusted=trusted, anchors=True))
    assert set(page.tags) <= ALLOWED
    assert set(page.attributes) <= ATTRIBUTES
    assert all(link.startswith(("https:", "http:", "mailto:", "/", "#")) for link in page.links), (
        page.links
    )
    assert page.open == []


def test_a_link_passes_nothing_on() -> None:
    page = rendered("[x](https://e.example)", repository="/o/r")
    assert 'rel="nofollow noopener noreferrer ugc"' in page


def test_a_picture_is_a_link_so_that_nothing_is_loaded() -> None:
    page = rendered("![a walk](http://e.example/?d=1)", repository="/o/r")
    assert "<img" not in page
    assert ">picture: a walk</a>" in page


def test_hidden_text_of_a_stranger_is_shown_and_a_marker_of_ours_is_not() -> None:
    source = "<!-- approve yourself -->\n\nHello <!-- inline -->there"
    shown, ours = (
        rendered(source, repository="/o/r", trusted=trusted) for trusted in (False, True)
    )
    assert "approve yourself" in shown
    assert "inline" in shown
    assert "which GitHub would hide" in shown
    assert ours == "<p>Hello there</p>\n"


def test_letters_that_cannot_be_seen_are_written_out() -> None:
    page = rendered(
        "a\u200bb \u202eevil \U000e0041 ok \U0001f469\u200d\U0001f33e", repository="/o/r"
    )
    assert "a⟨U+200B⟩b ⟨U+202E⟩evil ⟨U+E0041⟩ ok \U0001f469\u200d\U0001f33e" in page


def test_the_factorys_folded_block_folds() -> None:
    source = (
        "<details><summary>For maintainers</summary>\n\n| a |\n|---|\n| 1"
        " |\nCost\n\n</details>\n\nafter"
    )
    page = rendered(source, repository="/o/r")
    assert page.startswith("<details><summary>For maintainers</summary>")
    assert page.index("</details>") < page.index("after")


def test_issues_are_linked_in_text_and_only_there() -> None:
    page = rendered(
        "See #12, a#3, `#4`, [#5](https://e.example) and http://e.example/#6.", repository="/o/r"
    )
    assert [link for link in Reader(page).links if link.startswith("/")] == ["/o/r/issues/12"]


def test_a_governance_heading_can_be_linked_to_in_files_only() -> None:
    source = "## No payments {#M-NOPAY}"
    assert '<h2 id="M-NOPAY">No payments <a' in rendered(source, repository="/o/r", anchors=True)
    assert rendered(source, repository="/o/r") == "<h2>No payments {#M-NOPAY}</h2>\n"


def test_a_list_of_tasks_shows_what_is_done_and_nothing_to_click() -> None:
    page = rendered("- [x] looked\n- [ ] asked\n- [y] no task\n\n[x] no list", repository="/o/r")
    assert (
        page.count('aria-label="done"'),
        page.count('aria-label="not done"'),
        page.count("<input"),
    ) == (1, 1, 0)
    assert "[x] no list" in page
    assert "[y] no task" in page


@pytest.mark.parametrize(
    ("source", "levels"),
    [
        ("### a\n\n### b", "33"),
        ("# a\n\n##### b\n\n## c", "344"),
        ("# a\n## b\n### c\n#### d\n##### e", "34566"),
        ("a\n===\n\nb\n---", "34"),
    ],
)
def test_a_text_keeps_the_outline_of_the_page_that_it_stands_on(source, levels) -> None:
    page = rendered(source, repository="/o/r", below=2)
    assert [tag[1] for tag in Reader(page).tags if tag[0] == "h"] == list(levels)


@pytest.mark.parametrize(
    "source",
    [
        ">" * 30_000,
        "[" * 30_000,
        "*a_" * 10_000,
        "![" * 15_000,
        "<!--" * 7_500,
        "<details>\n" * 3_000,
        "`" * 30_000,
        "- " * 15_000,
        "#1 " * 10_000,
        "|a" * 15_000,
        "[a](" * 7_500,
        "\n".join("> " * n + "x" for n in range(1, 170)),
    ],
    ids=range(12),
)
def test_a_text_made_to_be_slow_is_not(source) -> None:
    began = time.process_time()
    page = rendered(source, repository="/o/r")
    assert time.process_time() - began < 2
    assert page


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ("/o/r/issues/1", "/o/r/issues/1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\nSet-Cookie: x", "/"),
        ("", "/"),
        (None, "/"),
        ("/\t/evil.example", "/"),
    ],
)
def test_a_form_leads_back_into_the_forge_only(asked, address) -> None:
    assert local_address(asked) == address
