"""Issues from Markdown: how a file is cut, what a title is, and what is refused by name."""

from pathlib import Path

import pytest

from harness.domain.errors import ConfigError
from harness.operations.setup.issue_files import BODY_LIMIT, issues_in


def file(tmp_path, text, name="issues.md"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(tmp_path, text, name="issues.md"):
    return [
        (issue.title, issue.author, issue.body) for issue in issues_in(file(tmp_path, text, name))
    ]


def test_a_file_is_cut_at_its_headings_but_not_in_fenced_code(tmp_path) -> None:
    text = (
        "About these issues.\n\n# One\n\nfirst\n```sh\n# no heading\n```\n## part\n\n# Two"
        " #\nsecond\n#no heading\n"
    )
    assert read(tmp_path, text) == [
        ("One", "reporter", "first\n```sh\n# no heading\n```\n## part"),
        ("Two", "reporter", "second\n#no heading"),
    ]


def test_a_fence_is_closed_by_one_of_its_kind_and_length(tmp_path) -> None:
    text = "# One\n````\n```\n# inside\n~~~\n````\n# Two\n"
    assert [title for title, _, _ in read(tmp_path, text)] == ["One", "Two"]


def test_a_file_with_front_matter_is_cut_at_each_that_has_a_title(tmp_path) -> None:
    text = (
        "---\ntitle: 'A: first'\nauthor: kim\n---\n# a part\n\n---\n\nnote: a line\n\n---\ntitle:"
        " B\n---\nsecond\n"
    )
    assert read(tmp_path, text) == [
        ("A: first", "kim", "# a part\n\n---\n\nnote: a line"),
        ("B", "reporter", "second"),
    ]


def test_one_issue_needs_neither_front_matter_nor_heading(tmp_path) -> None:
    assert read(tmp_path, "Just words.\n", "12-walks-are-gone.md") == [
        ("walks are gone", "reporter", "Just words.")
    ]


def test_a_folder_has_an_issue_in_each_file_in_the_order_of_their_numbers(tmp_path) -> None:
    for name, text in (
        ("10-c.md", "# C\n\n# not another\n"),
        ("2-b.md", "---\nauthor: jo\n---\n# B\nb\n"),
        ("1-a.md", "a\n"),
        ("readme.txt", "no issue"),
    ):
        file(tmp_path, text, name)
    found = issues_in(tmp_path)
    assert [(issue.title, issue.author, issue.body) for issue in found] == [
        ("a", "reporter", "a"),
        ("B", "jo", "b"),
        ("C", "reporter", "# not another"),
    ]
    assert found[1].source == str(tmp_path / "2-b.md")


def test_any_language_a_byte_order_mark_and_windows_lines_are_fine(tmp_path) -> None:
    assert read(tmp_path, "\ufeff# Ступени не видны\r\n\r\n開けない 🌊\r\n") == [
        ("Ступени не видны", "reporter", "開けない 🌊")
    ]


def test_a_title_alone_is_an_issue_and_so_is_one_of_64_kb(tmp_path) -> None:
    assert read(tmp_path, "# Only a title\n") == [("Only a title", "reporter", "")]
    assert len(read(tmp_path, "# Long\n" + "x" * BODY_LIMIT)[0][2]) == BODY_LIMIT


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "is empty; an issue needs at least a title"),
        (b" \n\n", "is empty; an issue needs at least a title"),
        (b"# One\n\na\0b\n", "issues.md:3: contains a NUL"),
        (b"# One\n\xff\n", "is not UTF-8 text: byte 6 is 0xff"),
        (
            "# Long\n" + "x" * (BODY_LIMIT + 1),
            "the body of “Long” has 65,537 characters; a forge takes at most 65,536",
        ),
        ("# " + "y" * 257, "the title of"),
        ("---\ntitle: A\nautor: kim\n---\n", "`autor`: unknown key in an issue's front matter"),
        ("---\ntitle: [\n---\n", "its front matter is not YAML"),
        ("---\ntitle: A\nauthor: not a login\n---\n", "`author`: expected a login"),
    ],
    ids=["empty", "blank", "nul", "bytes", "long", "title", "key", "yaml", "author"],
)
def test_what_no_forge_would_take_is_refused_by_name(tmp_path, text, says) -> None:
    with pytest.raises(ConfigError) as refused:
        issues_in(file(tmp_path, text))
    assert says in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    assert refused.value.exit_code == 2


def test_an_empty_folder_and_a_missing_file_are_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match="no issue is there"):
        issues_in(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        issues_in(tmp_path / "none.md")


def test_the_examples_are_read() -> None:
    issues = issues_in(Path(__file__).resolve().parents[2] / "examples" / "issues")
    assert [issue.author for issue in issues][:4] == ["kim", "robin", "jo", "vex"]
    assert issues[0].title == "Cancelled bookings keep their places"
