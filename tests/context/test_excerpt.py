"""Which part of a file is shown where the whole is too much."""

from harness.context.excerpt import BLOCK, Range, excerpt
from harness.context.index import Definition

TEXT = "\n".join(
    [
        *(f"filler {number}" for number in range(1, 11)),
        "def basket():",
        "    return total",
        *("x" for _ in range(8)),
        "def weather():",
        "    return rain",
        *("y" for _ in range(98)),
    ]
)
DEFINED = (
    Definition("function", "basket", 11, 12, "def basket():"),
    Definition("function", "weather", 21, 22, "def weather():"),
)


def shown(words, *, tokens=10_000, definitions=DEFINED):
    return excerpt(TEXT, definitions, asked=frozenset(words), tokens=tokens)


def test_what_shares_no_word_is_not_shown_though_there_is_room() -> None:
    assert shown({"basket", "total"}) == (Range(11, 12),)
    assert shown({"nothing"}) == ()


def test_the_part_that_shares_most_comes_first_and_all_of_them_in_order() -> None:
    assert shown({"weather", "rain", "total"}) == (Range(11, 12), Range(21, 22))
    assert shown({"weather", "rain", "total"}, tokens=12) == (Range(21, 22),)


def test_where_nothing_is_defined_the_file_is_taken_in_blocks() -> None:
    assert shown({"rain"}, definitions=()) == (Range(1, BLOCK),)


def test_parts_that_nearly_touch_are_one() -> None:
    defined = (Definition("function", "a", 1, 2, ""), Definition("function", "b", 5, 6, ""))
    text = "def a():\n  one\n\n\ndef b():\n  one\n"
    assert excerpt(text, defined, asked=frozenset({"one"}), tokens=99) == (Range(1, 6),)


def test_lines_that_are_not_there_are_not_asked_for() -> None:
    """A parser saw another file, or lies."""
    assert excerpt(
        "one\n",
        (Definition("function", "a", 1, 99, ""), Definition("function", "b", 7, 7, "")),
        asked=frozenset({"one"}),
        tokens=99,
    ) == (Range(1, 2),)
