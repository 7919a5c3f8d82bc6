"""One hash over all evidence: a Merkle tree as in RFC 6962, section 2.1.

A leaf stands for one file: its path below the evidence folder, its size in bytes and its SHA-256.
Files are ordered by their paths as bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file of the evidence: its path below the folder with `/` between parts, its size in
    bytes, and its SHA-256 in hex."""

    path: str
    size: int
    sha256: str

    def leaf(self) -> bytes:
        """The bytes that are hashed for the leaf."""
        return f"{self.path}\0{self.size}\0{self.sha256}".encode("utf-8", "surrogateescape")


def evidence_in(folder: Path) -> tuple[EvidenceFile, ...]:
    """Every plain file below a folder, in the order of the tree. Symlinks are no evidence."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return tuple(
        sorted(
            (_file(path, folder) for path in found),
            key=lambda file: file.path.encode("utf-8", "surrogateescape"),
        )
    )


def merkle_root(files: Sequence[EvidenceFile]) -> str:
    """`sha256:` and the root over the files in the order given, in hex. The root of no files is the
    SHA-256 of no bytes."""
    return "sha256:" + _root([file.leaf() for file in files]).hex()


def _file(path: Path, folder: Path) -> EvidenceFile:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return EvidenceFile(path.relative_to(folder).as_posix(), size, digest.hexdigest())


def _root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    # The bytes 0 and 1 separate leaves from nodes, so that no file can pose as a node (RFC 6962).
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + _root(leaves[:split]) + _root(leaves[split:])).digest()
