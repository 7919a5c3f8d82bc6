"""A root file system as a folder that sandboxes bind read-only, prepared once for its digest."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from harness.domain.errors import ConfigError, SandboxError
from harness.programs.sandbox.roots.sources import add_folder, add_image, add_tar, checked
from harness.programs.sandbox.roots.tree import Tree

DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
ENDINGS = ("", ".tar", ".tar.gz", ".tgz", ".tar.xz")
_LAYOUT = "oci-layout"


def prepared(digest: str, *, roots: Path, out: Path) -> Path:
    """The folder below `out` that has the root of this digest.

    `roots` is where the operator keeps roots, each named by the 64 digits of its digest: a folder,
    an OCI layout that has this image, or a tar with its ending. Raises ConfigError if there is
    none, SandboxError if it is not what the digest names, or may not be shown.
    """
    name = named(digest)
    target = out.absolute() / f"root-{name}"
    if target.is_dir():
        # `factory gc` removes what nobody has used for long.
        os.utime(target)
        return target
    source = _source(name, roots)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.absolute(), prefix=".preparing-") as scratch:
        top = Path(scratch, "root")
        top.mkdir()
        _write(source, name, Tree(top))
        # A link would be followed on this machine when it is bound.
        if (top / "usr").is_symlink() or not (top / "usr").is_dir():
            raise SandboxError(f"{source.name:.40} has no folder usr, so it is no root of a system")
        top.chmod(0o755)
        try:
            top.rename(target)
        except OSError:
            # Another process may have prepared the same one first.
            if not target.is_dir():
                raise
    return target


def digest_of(source: Path) -> str:
    """The digest by which a folder, a tar or the one image of an OCI layout is named. Raises
    SandboxError for what no sandbox may show, or a layout with several images."""
    if (source / _LAYOUT).is_file():
        import json

        try:
            index = json.loads((source / "index.json").read_text("utf-8"))
            (image,) = index["manifests"]
            return str(image["digest"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SandboxError(
                f"{source} has not just one image: name it by the digest in its index.json"
            ) from error
    if source.is_dir():
        with tempfile.TemporaryDirectory(prefix="factory-root-") as scratch:
            return f"sha256:{add_folder(source, Tree(Path(scratch)))}"
    with source.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def named(digest: str) -> str:
    """The digits of a digest. Raises ConfigError."""
    match = DIGEST.fullmatch(digest)
    if not match:
        raise ConfigError(f"expected `sha256:` and 64 digits, found {digest!r:.80}")
    return match[1]


def _source(name: str, roots: Path) -> Path:
    for ending in ENDINGS:
        if (path := roots / f"{name}{ending}").exists():
            return path
    raise ConfigError(
        f"the root file system sha256:{name:.16}… is not here; put the folder, OCI layout or tar"
        f" with this digest at {roots}/{name}, a tar with its ending"
    )


def _write(source: Path, name: str, tree: Tree) -> None:
    if (source / _LAYOUT).is_file():
        add_image(source, f"sha256:{name}", tree)
    elif source.is_dir():
        if (found := add_folder(source, tree)) != name:
            raise SandboxError(
                f"{source.name:.16}… is not what was named: its files have the digest"
                f" sha256:{found}"
            )
    else:
        with checked(source, name) as file:
            add_tar(file, tree)
