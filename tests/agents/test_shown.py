"""What a model is shown of an output: the beginning, the end, and what lies between by name."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.programs.agent_loop.shown import cut, excerpt, lines_of, narrowed

PLACE = "/outputs/1.txt"


def shown(folder: Path, content: bytes, budget: int = 1000) -> str:
    file = folder / "out"
    file.write_bytes(content)
    return excerpt(file, budget, place=PLACE)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"", ""),
        (b"one\ntwo\n", "one\ntwo"),
        (b"one\ntwo", "one\ntwo"),
        (b"\n\n", "\n"),
        (b"a\xffb", "a\ufffdb"),
        (b"a\r\nb\r\n", "a\nb"),
        (b"10 %\r50 %\r100 %\ndone\n", "100 %\ndone"),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain", "red plain"),
    ],
    ids=str,
)
def test_what_fits_is_shown_whole_as_a_terminal_would_leave_it(
    tmp_path: Path, content: bytes, seen: str
) -> None:
    assert shown(tmp_path, content) == seen


def test_long_output_keeps_both_ends_and_names_what_lies_between(tmp_path: Path) -> None:
    lines = shown(tmp_path, b"".join(b"line %d\n" % number for number in range(1, 5001))).split(
        "\n"
    )
    middle = next(number for number, line in enumerate(lines) if line.startswith("[…"))
    assert lines[:2] == ["line 1", "line 2"]
    assert lines[-1] == "line 5000"
    assert (
        lines[middle]
        == f"[… {5000 - (len(lines) - 1):,} lines left out here; all of it is in {PLACE} …]"
    )
    assert lines[middle + 1] == f"line {5000 - (len(lines) - middle - 2)}"
    assert 800 < len("\n".join(lines)) < 1200


def test_one_enormous_line_keeps_both_its_ends(tmp_path: Path) -> None:
    said = shown(tmp_path, b"begin" + b"x" * 5_000_000 + b"end\n")
    assert said.startswith("beginxxx")
    assert said.endswith("xxxend")
    assert "characters …]" in said
    assert len(said) < 1300


def test_an_output_larger_than_memory_should_hold_is_read_at_its_ends_only(tmp_path: Path) -> None:
    file = tmp_path / "out"
    with file.open("wb") as out:
        out.write(b"first\n" + b"y\n" * 2_000_000 + b"last\n")
    tracemalloc.start()
    said = excerpt(file, 100, place=PLACE)
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()
    shown_lines = [line for line in said.split("\n") if not line.startswith("[…")]
    assert f"[… {2_000_002 - len(shown_lines):,} lines left out here" in said
    assert (shown_lines[0], shown_lines[-1]) == ("first", "last")


@pytest.mark.parametrize("zero_at", [0, 3, 3_000_000])
def test_binary_output_is_named_and_not_shown(tmp_path: Path, zero_at: int) -> None:
    content = b"z" * zero_at + b"\0rest"
    assert (
        shown(tmp_path, content)
        == f"[no text: {len(content):,} bytes that are binary; they are in {PLACE}]"
    )


@given(st.binary(max_size=3000).filter(lambda content: b"\0" not in content), st.integers(50, 400))
def test_no_output_is_shown_far_beyond_its_budget_and_short_ones_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, budget: int
) -> None:
    said = shown(tmp_path_factory.mktemp("out"), content, budget)
    assert len(said) <= budget + 160
    if (
        all(len(line) <= max(budget // 4, 40) for line in lines_of(content))
        and sum(map(len, lines_of(content))) + len(lines_of(content)) <= budget
    ):
        assert said == "\n".join(lines_of(content))


def test_every_line_is_shown_or_counted() -> None:
    lines = [f"{number}" for number in range(300)]
    said = cut(lines, None, 200, lines=300, place=PLACE).split("\n")
    left = next(int(line.split()[1]) for line in said if line.startswith("[…"))
    assert left + len(said) - 1 == 300


def test_a_narrowed_line_shows_how_much_is_missing() -> None:
    said = narrowed("a" * 70 + "b" * 30, 60)
    assert said == "a" * 40 + "[… 50 characters …]" + "b" * 10
