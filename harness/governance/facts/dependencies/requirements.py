"""pip's requirements format, line by line as pip itself joins and cuts them.

Properties: a comment never swallows the next line (`# note \\` before `evil==1` is a comment and a
requirement, for pip as for us); what only some readers take for a line end, and an encoding of the
file's own, are Unparsed; every option is a setting, of the file or of its requirement."""

import re
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from harness.domain.facts import Origin
from harness.governance.facts.dependencies.manifest import Dependency, Found, Unparsed

_OTHER_LINE_ENDS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_ENCODING = re.compile(r"#.*coding[:=]\s*([-\w.]+)")
# A run of blanks is looked at from its beginning alone: else it costs the square of its length.
_BLANKS = r"(?<!\s)\s++"
_COMMENT = re.compile(rf"(?:^|{_BLANKS})#.*$")
_NEXT_OPTION = re.compile(rf"{_BLANKS}(?=-)")
_OPTION = re.compile(r"(--[A-Za-z-]+|-[A-Za-z])[\s=]*(.*)")
_ADDRESS = re.compile(r"\.{0,2}/|[A-Za-z+]+://|\S+\.(?:whl|zip|tar\.gz|tar\.bz2|tgz)(?:[#\[]|\Z)")
_VERSION_CONTROL = ("git+", "git:", "github:", "hg+", "svn+", "bzr+")


def read(text: str) -> Found:
    """Every requirement and option. Raises Unparsed."""
    if _OTHER_LINE_ENDS.search(text):
        raise Unparsed("holds a line end that not every reader takes for one")
    if any(
        found[1].lower() not in ("utf-8", "utf8")
        for line in text.splitlines()[:2]
        if (found := _ENCODING.match(line))
    ):
        raise Unparsed("names an encoding of its own")
    for line in _joined(text):
        bare = _COMMENT.sub("", line).strip()
        if bare:
            yield from _line(bare)


def _joined(text: str) -> Iterator[str]:
    """Lines with their continuations. Source: `join_lines` in pip's req_file.py."""
    held: list[str] = []
    for line in text.splitlines():
        comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not comment:
            held.append(line.strip("\\"))
        else:
            yield "".join([*held, " " + line if comment else line])
            held.clear()
    if held:
        yield "".join(held)


def _line(bare: str) -> Found:
    name, value = _option(bare) if bare.startswith("-") else ("", "")
    if name in ("-e", "--editable"):
        yield Dependency("", "python", value, value, origin_of(value))
        return
    if name:
        yield Dependency("", "python", name, value, Origin.OPTION, setting=True)
        return
    said, *others = _NEXT_OPTION.split(bare)
    pairs = [_option(other) for other in others]
    required = requirement(
        said, hashes=" ".join(sorted(value for option, value in pairs if option == "--hash"))
    )
    yield required
    for option, value in pairs:
        if option != "--hash":
            yield Dependency(
                "", "python", f"{option} of {required.name}", value, Origin.OPTION, setting=True
            )


def _option(said: str) -> tuple[str, str]:
    found = _OPTION.fullmatch(said)
    if found is None:
        raise Unparsed(f"`{said[:80]}` is not an option")
    return found[1], found[2].strip()


def requirement(text: str, *, place: str = "", hashes: str = "") -> Dependency:
    """One PEP 508 requirement, address or path. Raises Unparsed."""
    said = text.strip()
    try:
        read_ = Requirement(said)
    except InvalidRequirement as error:
        if _ADDRESS.match(said):
            return Dependency(place, "python", said, said, origin_of(said), hashes)
        raise Unparsed(f"`{said[:80]}` is not a requirement") from error
    marker = f" ; {read_.marker}" if read_.marker else ""
    extras = f"[{','.join(sorted(read_.extras))}]" if read_.extras else ""
    name, origin = (
        canonicalize_name(read_.name),
        origin_of(read_.url) if read_.url else Origin.REGISTRY,
    )
    return Dependency(
        place, "python", name, f"{extras}{read_.url or read_.specifier}{marker}", origin, hashes
    )


def origin_of(address: str) -> Origin:
    """Where an address leads: to a repository, to a file of somebody's, or into this tree."""
    if address.startswith(_VERSION_CONTROL) or re.search(r"\.git(?:[@#/]|\Z)", address):
        return Origin.GIT
    return (
        Origin.URL
        if re.match(r"[A-Za-z+]+://", address) and not address.startswith("file:")
        else Origin.PATH
    )
