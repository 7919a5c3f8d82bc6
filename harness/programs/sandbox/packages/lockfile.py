"""A hash-locked requirements file, as far as it may be trusted: names, exact versions, sha256
hashes.

pip would also obey an index, a link, a path, an editable, another file or a variable in it. Each of
these would let a change decide where code comes from. So it is refused with its line before pip
sees it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.domain.errors import ConfigError

PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[A-Za-z0-9._, -]+\])?"
    r"\s*==\s*(?P<version>[A-Za-z0-9.!+_-]+)"
    r"(\s*;\s*(?P<marker>[A-Za-z0-9_.*<>=!~'\"() ]+?))?"
    r"(?P<hashes>(\s+--hash=sha256:[0-9a-f]{64})+)"
)


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement: exactly this version, and a file with one of these sha256 digests."""

    name: str
    version: str
    hashes: tuple[str, ...]


def pins(lock: bytes) -> tuple[Pin, ...]:
    """Every requirement of the file. Raises ConfigError with the line of the first that is not
    allowed."""
    try:
        text = lock.decode()
    except UnicodeDecodeError as error:
        raise ConfigError("the lock file is not UTF-8") from error
    return tuple(_pin(number, line) for number, line in _logical_lines(text))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with continuations joined and comments removed, each with the number of its first
    line."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        bare = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        begun = begun if parts else number
        parts.append(bare.removesuffix("\\").strip())
        if bare.endswith("\\"):
            continue
        if joined := " ".join(filter(None, parts)):
            yield begun, joined
        parts = []
    if joined := " ".join(filter(None, parts)):
        yield begun, joined


def _pin(number: int, line: str) -> Pin:
    match = PIN.fullmatch(line)
    if match:
        return Pin(
            match["name"],
            match["version"],
            tuple(re.findall(r"sha256:([0-9a-f]{64})", match["hashes"])),
        )
    raise ConfigError(_fault(line), file="lock", line=number)


def _fault(line: str) -> str:
    shown = line if len(line) <= 80 else f"{line[:77]}…"
    if line.startswith("-"):
        return f"`{shown}` is an option; a lock may name only pinned requirements with hashes"
    if "://" in line or " @ " in line or line.startswith((".", "/")):
        return f"`{shown}` is a link or a path; only `name==version` with hashes may be locked"
    if "==" not in line:
        return f"`{shown}` is not pinned; write `name==version --hash=sha256:…`"
    if "--hash=sha256:" not in line:
        return f"`{shown}` has no sha256 hash; regenerate the lock with hashes"
    return f"`{shown}` is not a plain pinned requirement with sha256 hashes"
