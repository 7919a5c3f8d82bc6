"""Search as a program of its own, so that a pattern that never ends is stopped like any other
command.

    search.py PATTERN PATH      every line below PATH that matches PATTERN (a Python regular
                                expression), as `path:line: text`
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

NOT_LOOKED_INTO = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        "__pycache__",
        "node_modules",
        ".venv",
        ".tox",
        ".mypy_cache",
        ".ruff_cache",
    }
)
# Of a file. A larger one is data.
_MOST_BYTES = 2 << 20
_MOST_LINES = 2_000
# Characters of a line.
_WIDEST = 240


def main(pattern: str, path: str) -> int:
    """Print what is found. Exit 0 when something is, 1 when nothing is, 2 on a bad pattern or
    path."""
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        print(
            f"{pattern!r} is no regular expression: {error}; write \\ before what is meant as it"
            " stands"
        )
        return 2
    if not os.path.lexists(path):
        print(f"there is no {path}; search looks from {Path.cwd()}")
        return 2
    found = looked = skipped = 0
    for file in files(Path(path)):
        lines = _lines(file)
        looked, skipped = looked + (lines is not None), skipped + (lines is None)
        for number, line in enumerate(lines or (), 1):
            if wanted.search(line):
                found += 1
                print(f"{file}:{number}: {line[:_WIDEST]}{'…' if len(line) > _WIDEST else ''}")
                if found == _MOST_LINES:
                    print(f"[stopped at {found:,} lines: narrow the pattern or the path]")
                    return 0
    without = (
        f"; {skipped} without looking: no text, or over {_MOST_BYTES >> 20} MB" if skipped else ""
    )
    print(f"[{found:,} lines found in {looked:,} files{without}]")
    return 0 if found else 1


def files(path: Path) -> Iterator[Path]:
    """The files at or below a path, in the order of their names.

    Folders that nobody wrote are searched only when they are named.
    """
    if not path.is_dir():
        yield path
        return
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(set(inner) - NOT_LOOKED_INTO)
        yield from (Path(folder, name) for name in sorted(names))


def _lines(file: Path) -> list[str] | None:
    try:
        if not file.is_file() or file.stat().st_size > _MOST_BYTES:
            return None
        content = file.read_bytes()
    except OSError:
        return None
    text = content.decode("utf-8", "replace")
    return (
        None
        if b"\0" in content
        else [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
        if text
        else []
    )


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main(*sys.argv[1:]))
