"""The three files as they are found: by name in any case, to the byte, with a digest that names them everywhere."""

import hashlib
from collections.abc import Mapping

from harness.domain.errors import GovernanceError
from harness.domain.facts import EXECUTABLE, REGULAR
from harness.domain.governance import DOCUMENTS, Document
from harness.governance.paths import skeleton, text_of

LARGEST = 256 * 1024
"""Bytes of one document. All three go into every prompt; a file beyond this is a mistake or an attack."""


def governing_files(root: Mapping[bytes, str]) -> dict[str, str]:
    """Canonical name → the name it has here, from the paths and git modes of a commit's files.

    Only the root counts. Raises GovernanceError when one is missing, is not a plain file, exists twice in different
    case, or stands beside a name that only looks like it.
    """
    at_root = {text_of(path): mode for path, mode in root.items() if b"/" not in path}
    names = {canonical: _found(canonical, list(at_root)) for canonical in DOCUMENTS}
    for name in names.values():
        if at_root[name] not in (REGULAR, EXECUTABLE):
            raise GovernanceError(f"must be a plain file, and has git mode {at_root[name]}", file=name)
    return names


def _found(canonical: str, names: list[str]) -> str:
    found = sorted(name for name in names if name.casefold() == canonical.casefold())
    if len(found) > 1:
        raise GovernanceError(f"{' and '.join(found)} differ only by case; keep one", file=found[0])
    like = [name for name in names if name not in found and skeleton(name) == skeleton(canonical)]
    if like:
        shown = like[0].encode("ascii", "backslashreplace").decode()
        raise GovernanceError(f"looks like {canonical} and is not; remove it or rename it", file=shown)
    if not found:
        raise GovernanceError(f"not found at the root of the repository; the factory needs {', '.join(DOCUMENTS)}",
                              file=canonical)
    return found[0]


def documents_in(files: Mapping[str, bytes]) -> tuple[Document, ...]:
    """The three documents from names at the root and their bytes, in the fixed order. Raises GovernanceError."""
    return tuple(_document(canonical, _found(canonical, list(files)), files) for canonical in DOCUMENTS)


def _document(canonical: str, name: str, files: Mapping[str, bytes]) -> Document:
    content = files[name]
    if not content.strip():
        raise GovernanceError("is empty, or not a plain file", file=name)
    if len(content) > LARGEST:
        raise GovernanceError(f"has {len(content)} bytes; at most {LARGEST} are read", file=name)
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise GovernanceError("begins with a byte order mark; save it as plain UTF-8", file=name, line=1)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise GovernanceError("is not UTF-8 here; save the file as UTF-8", file=name, line=line) from error
    if "\0" in text:
        raise GovernanceError("contains a NUL character", file=name, line=text[: text.index("\0")].count("\n") + 1)
    return Document(canonical, name, text, _sha256(content))


def digest_of(documents: tuple[Document, ...]) -> str:
    """`sha256:` over canonical name, NUL, length in bytes, NUL and bytes of each document, in the fixed order."""
    total = hashlib.sha256()
    for document in documents:
        content = document.text.encode("utf-8")
        total.update(f"{document.name}\0{len(content)}\0".encode() + content)
    return f"sha256:{total.hexdigest()}"


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
