"""Finds the governance files among a commit's paths, by name in any case, and names them by a
digest.

Three stand at the root. A `factory_rules.md` in a folder is nested, and adds rules for what is
below it, unless a folder on the way to it has a mission of its own: that is another project (an
example, a template), and binds nothing here."""

import hashlib
from collections.abc import Iterable, Mapping

from harness.domain.errors import GovernanceError
from harness.domain.facts import EXECUTABLE, REGULAR
from harness.domain.governance import DOCUMENTS, MISSION, RULES, Document
from harness.governance.paths import skeleton, text_of

LARGEST = 256 * 1024
"""Bytes of one document. All go into every prompt; a file beyond this is a mistake or an attack."""

MOST_NESTED = 64
"""Nested files of rules."""


def governing_files(paths: Mapping[bytes, str]) -> dict[str, str]:
    """Canonical name → the name it has here, from the paths and git modes of a commit's files; the
    three at the root first, then nested files of rules by their paths.

    Raises GovernanceError when one of the three is missing, or one is not a plain file, exists
    twice in different case, or stands beside a name that only looks like it."""
    at_root = {text_of(path): mode for path, mode in paths.items() if b"/" not in path}
    names = {canonical: _found(canonical, list(at_root)) for canonical in DOCUMENTS}
    nested = _nested([text_of(path) for path in paths if b"/" in path])
    for name in (*names.values(), *nested.values()):
        mode = paths[name.encode("utf-8", "surrogateescape")]
        if mode not in (REGULAR, EXECUTABLE):
            raise GovernanceError(f"must be a plain file, and has git mode {mode}", file=name)
    return names | nested


def _nested(paths: Iterable[str]) -> dict[str, str]:
    """The nested files of rules, canonical path → path. Raises GovernanceError."""
    alike = [path for path in paths if _may_be_governing(path)]
    apart = tuple(_folder(path) for path in alike if _name(path).casefold() == MISSION)
    rules = sorted(
        path
        for path in alike
        if skeleton(_name(path)) == skeleton(RULES) and not path.startswith(apart)
    )
    if len(rules) > MOST_NESTED:
        raise GovernanceError(
            f"is one of {len(rules)} nested files of rules; at most {MOST_NESTED} are read",
            file=rules[0],
        )
    looks: dict[str, str] = {}
    for path in rules:
        shown = path.encode("ascii", "backslashreplace").decode()
        if _name(path).casefold() != RULES:
            raise GovernanceError(
                f"looks like {RULES} and is not; remove it or rename it", file=shown
            )
        if skeleton(path) in looks:
            raise GovernanceError(
                f"and {looks[skeleton(path)]} are one file to some file system or eye; keep one",
                file=shown,
            )
        looks[skeleton(path)] = path
    return {
        _folder(path) + RULES: path for path in sorted(rules, key=lambda path: path.split("/")[:-1])
    }


def _may_be_governing(path: str) -> bool:
    """Whether the name may be taken for one of theirs. Most names are ruled out by their first
    letter, and cost nothing."""
    name = _name(path)
    return not name.isascii() or name[:1] in ("f", "F", "m", "M")


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :]


def _folder(path: str) -> str:
    return path[: path.rfind("/") + 1]


def _found(canonical: str, names: list[str]) -> str:
    found = sorted(name for name in names if name.casefold() == canonical.casefold())
    if len(found) > 1:
        raise GovernanceError(f"{' and '.join(found)} differ only by case; keep one", file=found[0])
    like = [name for name in names if name not in found and skeleton(name) == skeleton(canonical)]
    if like:
        shown = like[0].encode("ascii", "backslashreplace").decode()
        raise GovernanceError(
            f"looks like {canonical} and is not; remove it or rename it", file=shown
        )
    if not found:
        wanted = ", ".join(DOCUMENTS)
        raise GovernanceError(
            f"not found as a plain file at the root; the factory needs {wanted}, and `factory init`"
            " drafts those that are missing",
            file=canonical,
        )
    return found[0]


def documents_in(files: Mapping[str, bytes]) -> tuple[Document, ...]:
    """The three documents from names and bytes, in the fixed order, and nested ones after them by
    their paths, those of a folder before those of the folders in it. Raises GovernanceError."""
    at_root = [name for name in files if "/" not in name]
    names = {canonical: _found(canonical, at_root) for canonical in DOCUMENTS} | _nested(
        name for name in files if "/" in name
    )
    return tuple(_document(canonical, name, files) for canonical, name in names.items())


def _document(canonical: str, name: str, files: Mapping[str, bytes]) -> Document:
    content = files[name]
    if not content.strip():
        raise GovernanceError("is empty, or not a plain file", file=name)
    if len(content) > LARGEST:
        raise GovernanceError(f"has {len(content)} bytes; at most {LARGEST} are read", file=name)
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise GovernanceError(
            "begins with a byte order mark; save it as plain UTF-8", file=name, line=1
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise GovernanceError(
            "is not UTF-8 here; save the file as UTF-8", file=name, line=line
        ) from error
    if "\0" in text:
        raise GovernanceError(
            "contains a NUL character", file=name, line=text[: text.index("\0")].count("\n") + 1
        )
    return Document(canonical, name, text, _sha256(content))


def digest_of(documents: tuple[Document, ...]) -> str:
    """`sha256:` over canonical name, NUL, length in bytes, NUL and bytes of each document, in the
    fixed order."""
    total = hashlib.sha256()
    for document in documents:
        content = document.text.encode("utf-8")
        total.update(f"{document.name}\0{len(content)}\0".encode() + content)
    return f"sha256:{total.hexdigest()}"


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
