"""The signing key: ed25519, made at first use, readable by its owner only. Its public half lies
beside it (`.pub`).

A key id is always computed from the public key and never read from a file, so a pinned id pins the
key."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from validators.domain.stops import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

PRIVATE = 0o600
PUBLIC = 0o644


def signer_at(path: Path) -> CryptoSigner:
    """The signer with the private key at `path`, which is made at first use. Raises UsageError when
    others could read it."""
    from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

    private = _private_key(path)
    public_half = path.with_name(path.name + ".pub")
    if not public_half.exists():
        _place(public_half, _public_pem(private.public_key()), mode=PUBLIC)
    return CryptoSigner(private)


def public_key_at(path: Path) -> SSlibKey:
    """The ed25519 public key in a PEM file, with the id computed from its bytes. Raises
    UsageError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    try:
        public = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not a readable public key in PEM form ({error})") from error
    if not isinstance(public, Ed25519PublicKey):
        raise UsageError(
            f"{path}: expected an ed25519 public key; verdicts are signed with no other kind"
        )
    return SSlibKey.from_crypto(public)


def signer_kind(key: Path, *, caller: Path) -> str:
    """`own-uid` when the owner of the file `caller` cannot read the key, else `same-account`."""
    # Root can read every key.
    account = caller.stat().st_uid
    return "same-account" if account in (0, key.stat().st_uid) else "own-uid"


def _private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not path.exists():
        _make(path)
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_mode & 0o077 or facts.st_uid != os.geteuid():
        raise UsageError(
            f"{path}: the signing key must be a plain file of this account with mode 0600; fix or"
            " remove it"
        )
    try:
        private = load_pem_private_key(path.read_bytes(), None)
    except ValueError as error:
        raise UsageError(
            f"{path}: not a private key in PEM form; restore it, or remove it to begin with a"
            " new one"
        ) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise UsageError(
            f"{path}: expected an ed25519 private key; remove it to begin with a new one"
        )
    return private


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    _place(path, pem, mode=PRIVATE)


def _public_pem(public: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _place(path: Path, data: bytes, *, mode: int) -> None:
    """Write a whole file at `path` unless one is there. Of two processes that race, the first wins
    and both read its file."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        return
    finally:
        fresh.unlink()
