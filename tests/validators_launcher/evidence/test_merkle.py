"""The evidence root is RFC 6962's tree hash over the files, and moves with every byte and every
name."""

import hashlib
from pathlib import Path

from validators.evidence.merkle import EvidenceFile, evidence_in, merkle_root


def leaf(number: int) -> EvidenceFile:
    return EvidenceFile(f"{number}", number, f"{number:064x}")


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_seven_leaves_are_paired_as_the_rfc_draws_them() -> None:
    a, b, c, d, e, f, g = (h(b"\0" + leaf(number).leaf()) for number in range(7))

    def node(left: bytes, right: bytes) -> bytes:
        return h(b"\1" + left + right)

    root = node(node(node(a, b), node(c, d)), node(node(e, f), g))
    assert merkle_root([leaf(number) for number in range(7)]) == "sha256:" + root.hex()


def test_nothing_hashes_to_the_hash_of_nothing() -> None:
    assert merkle_root([]) == "sha256:" + hashlib.sha256(b"").hexdigest()


def test_the_root_moves_with_a_byte_a_name_and_an_extra_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.png").write_bytes(b"1")
    roots = [merkle_root(evidence_in(tmp_path))]
    (tmp_path / "a/x.png").write_bytes(b"2")
    roots.append(merkle_root(evidence_in(tmp_path)))
    (tmp_path / "a/x.png").rename(tmp_path / "a/y.png")
    roots.append(merkle_root(evidence_in(tmp_path)))
    (tmp_path / "z").touch()
    roots.append(merkle_root(evidence_in(tmp_path)))
    assert len(set(roots)) == 4


def test_a_link_is_not_evidence(tmp_path: Path) -> None:
    (tmp_path / "passwd").symlink_to("/etc/passwd")
    (tmp_path / "etc").symlink_to("/etc")
    assert evidence_in(tmp_path) == ()
