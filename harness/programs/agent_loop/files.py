"""Reads and edits text files: exactly one place, or nothing."""

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

# Of a file that is read or edited.
_MOST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A file before and after an edit, by digest. `before` is empty when it did not exist.

    `summary` is for the model.
    """

    path: str
    before: str
    after: str
    summary: str


def content_of(file: Path) -> bytes:
    """The bytes of a regular file. Raises OSError, or ValueError for others: a pipe might never
    end."""
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = (
            "a folder; run `ls` to look into it"
            if stat.S_ISDIR(status.st_mode)
            else "a pipe, a socket or a device"
        )
        raise ValueError(f"{file} is no file, but {kind}")
    if status.st_size > _MOST_BYTES:
        raise ValueError(
            f"{file} has {status.st_size:,} bytes, and {_MOST_BYTES:,} are read at most; use `run`"
            " on it"
        )
    return file.read_bytes()


def created(file: Path, new: str, *, path: str) -> EditedFile:
    """Create the file, and its folders. Raises ValueError when it exists, OSError when it cannot
    be made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    content = new.encode()
    try:
        with file.open("xb") as opened:
            opened.write(content)
    except FileExistsError:
        raise ValueError(
            f"{path} exists; give `old`, a piece of it that occurs exactly once, to change it"
        ) from None
    return EditedFile(path, "", digest(content), f"created {path}, {_lines(content)}")


def replaced(file: Path, old: str, new: str, *, path: str) -> EditedFile:
    """Replace the one occurrence of `old` by `new`. Raises ValueError that explains what is
    there instead."""
    before, wanted, wished = content_of(file), old.encode(), new.encode()
    if wanted == wished:
        raise ValueError("`old` and `new` are the same: nothing would change")
    # `read` does not show how lines end, so the model writes \n for \r\n.
    if wanted not in before and b"\r\n" in before and b"\r" not in wanted + wished:
        wanted, wished = wanted.replace(b"\n", b"\r\n"), wished.replace(b"\n", b"\r\n")
    if (count := before.count(wanted)) != 1:
        raise ValueError(_several(before, wanted, path) if count else _none(before, old, path))
    start = before.index(wanted)
    after = before[:start] + wished + before[start + len(wanted) :]
    file.write_bytes(after)
    line = before.count(b"\n", 0, start) + 1
    return EditedFile(
        path,
        digest(before),
        digest(after),
        f"changed {path} at line {line}: {_lines(wanted)} became {_lines(wished)}",
    )


def lines_in(content: bytes) -> list[str]:
    """The lines of a text, as `grep -n` counts them, without their ends."""
    text = content.decode("utf-8", "replace")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _several(content: bytes, wanted: bytes, path: str) -> str:
    places, start = list[str](), -1
    while (start := content.find(wanted, start + 1)) >= 0 and len(places) < 10:
        places.append(str(content.count(b"\n", 0, start) + 1))
    return (
        f"old occurs {content.count(wanted)} times in {path}, at lines {', '.join(places)}: give"
        " more of the lines around the one that is meant"
    )


def _none(content: bytes, old: str, path: str) -> str:
    """What may have been meant by a text that is not there. It names the two slips that models
    make most."""
    if all("\t" in line and line.partition("\t")[0].isdecimal() for line in old.splitlines()):
        return (
            f"old occurs 0 times in {path}: it begins with the line numbers of `read`; leave them"
            " and the tab out"
        )
    wanted = [line.split() for line in old.strip().splitlines()]
    found = [line.split() for line in lines_in(content)]
    for number in range(len(found) - len(wanted) + 1):
        if wanted and found[number : number + len(wanted)] == wanted:
            return (
                f"old occurs 0 times in {path}; but for its spaces it is at line {number + 1}: read"
                " it, and copy it exactly"
            )
    return f"old occurs 0 times in {path}: read the file again, it may have changed"


def _lines(content: bytes) -> str:
    count = content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
    return f"{count} line{'' if count == 1 else 's'}"
