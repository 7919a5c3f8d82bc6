"""Reads root file systems: a folder, a tar, or an OCI image layout. Nothing of them is executed."""

import gzip
import hashlib
import json
import lzma
import os
import platform
import stat
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from harness.domain.errors import SandboxError
from harness.programs.sandbox.roots.tree import MIB, Tree, shown

# A header that gives the next entry a long name, or more; and the JSON of an image.
MOST_HEADER, MOST_JSON, MOST_LAYERS = MIB, 4 * MIB, 128
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_LAYERS = {
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
_MACHINE = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


class _Header(tarfile.TarInfo):
    """A member whose extended headers are bounded: tarfile reads them whole into memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        plain = tarfile.SUPPORTED_TYPES[:]
        is_extended = self.type not in plain or self.type in (
            tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
        )  # fmt: skip
        if is_extended and self.size > MOST_HEADER:
            raise SandboxError(f"a header of the tar has {self.size} bytes; it is refused")
        return cast("tarfile.TarInfo", super()._proc_member(archive))  # type: ignore[misc]


class _Bounded:
    """A stream that ends with an error beyond a number of bytes, whatever its archive unpacks
    to."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self._stream, self._rest, self._most = stream, most, most

    def read(self, size: int) -> bytes:
        """The next bytes."""
        chunk = self._stream.read(size)
        self._rest -= len(chunk)
        if self._rest < 0:
            raise SandboxError(f"the archive unpacks to more than {self._most} bytes")
        return chunk


def add_folder(source: Path, tree: Tree) -> str:
    """Copy what is shown of a folder. Its digest: the sha256 of each entry's kind, path
    and content, in the order of paths."""
    digest, words = hashlib.sha256(), tuple[str, ...]()
    for path, facts in _entries(source, ""):
        if stat.S_ISDIR(facts.st_mode):
            tree.folder(path)
            words = ("folder", path)
        elif stat.S_ISLNK(facts.st_mode):
            leads = os.readlink(source / path)
            tree.link(path, leads)
            words = ("link", path, leads)
        elif stat.S_ISREG(facts.st_mode):
            is_program = bool(facts.st_mode & 0o111)
            with open(
                os.open(source / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb"
            ) as file:
                content = tree.file(path, file, executable=is_program)
            words = ("program" if is_program else "file", path, content)
        else:
            raise SandboxError(f"{path:.80} is no folder, file or link; the root is refused")
        # No word is empty and none has a NUL byte, so two different folders never look the same.
        digest.update(b"".join(os.fsencode(word) + b"\0" for word in words) + b"\0")
    return digest.hexdigest()


def _entries(source: Path, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    for name in sorted(os.listdir(source / folder)):
        if path := shown(f"{folder}/{name}"):
            facts = os.lstat(source / path)
            yield path, facts
            if stat.S_ISDIR(facts.st_mode):
                yield from _entries(source, path)


def add_tar(file: BinaryIO, tree: Tree, *, of_image: bool = False) -> None:
    """Unpack what is shown of a tar, plain or compressed by gzip or xz. In a layer `of_image`,
    names that begin with `.wh.` take away what earlier layers have."""
    stream = _Bounded(_opened(file), 2 * tree.bounds.together)
    try:
        with tarfile.open(
            fileobj=cast("BinaryIO", stream), mode="r|", tarinfo=_Header, errorlevel=2
        ) as archive:
            for member in archive:
                _add(member, archive, tree, of_image=of_image)
    except (
        *(tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError),
        *(ValueError, OverflowError, RecursionError),
    ) as error:
        raise SandboxError(f"the tar cannot be read: {error}") from error


def _opened(file: BinaryIO) -> BinaryIO:
    begin = file.read(6)
    file.seek(0)
    if begin.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=file))
    if begin == b"\xfd7zXZ\0":
        return cast("BinaryIO", lzma.LZMAFile(file))
    return file


def _add(member: tarfile.TarInfo, archive: tarfile.TarFile, tree: Tree, *, of_image: bool) -> None:
    folder, _, name = member.name.rstrip("/").rpartition("/")
    if of_image and name.startswith(_WHITEOUT):
        _take_away(folder, name, tree)
        return
    path = shown(member.name)
    if not path:
        return
    if member.isdir():
        tree.folder(path)
    elif member.issym():
        tree.link(path, member.linkname)
    elif member.islnk():
        tree.same(path, _same(path, member.linkname))
    elif member.isreg() and (content := archive.extractfile(member)) is not None:
        tree.file(path, cast("BinaryIO", content), executable=bool(member.mode & 0o111))
    else:
        kind = "a device" if member.isdev() else "no folder, file or link"
        raise SandboxError(f"{path:.80} is {kind}; the root is refused")


def _same(path: str, other: str) -> str:
    if not (found := shown(other)):
        raise SandboxError(f"{path:.80} is a second name of {other!r:.80}, which is not shown")
    return found


def _take_away(folder: str, name: str, tree: Tree) -> None:
    if name == _OPAQUE:
        if path := shown(folder):
            for inner in tree.names(path):
                tree.remove(f"{path}/{inner}")
    elif path := shown(f"{folder}/{name.removeprefix(_WHITEOUT)}"):
        tree.remove(path)


def add_image(layout: Path, digest: str, tree: Tree) -> None:
    """Unpack the layers of the image with this digest, of its manifest or of an index of several
    machines. Raises SandboxError for a blob that does not have its digest."""
    manifest = _json(layout, digest)
    if isinstance(manifest.get("manifests"), list):
        manifest = _json(layout, _for_this_machine(manifest["manifests"]))
    layers = manifest.get("layers")
    if not isinstance(layers, list) or not 0 < len(layers) <= MOST_LAYERS:
        raise SandboxError(f"the image has no list of 1 to {MOST_LAYERS} layers")
    for layer in layers:
        kind = layer.get("mediaType") if isinstance(layer, dict) else None
        if kind not in _LAYERS:
            raise SandboxError(
                f"a layer of the image is {kind!r:.80}; make them tar or gzip, as `skopeo copy"
                " --dest-compress-format gzip` does"
            )
        with _blob(layout, str(layer.get("digest"))) as file:
            add_tar(file, tree, of_image=True)


def _for_this_machine(manifests: list[Any]) -> str:
    wanted = _MACHINE.get(platform.machine(), platform.machine())
    for one in manifests:
        found = one.get("platform") if isinstance(one, dict) else None
        if isinstance(found, dict) and found.get("architecture") == wanted:
            return str(one.get("digest"))
    raise SandboxError(f"the image's index has no image for {wanted}")


def _json(layout: Path, digest: str) -> dict[str, Any]:
    with _blob(layout, digest) as file:
        content = file.read(MOST_JSON + 1)
    try:
        found = json.loads(content) if len(content) <= MOST_JSON else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SandboxError(f"{digest:.20}… is no manifest of an image")
    return found


def _blob(layout: Path, digest: str) -> BinaryIO:
    """A blob of the layout, after its bytes were compared with its digest."""
    kind, _, name = digest.partition(":")
    if kind != "sha256" or len(name) != 64 or not set(name) <= set("0123456789abcdef"):
        raise SandboxError(f"{digest!r:.80} is no sha256 digest")
    return checked(layout / "blobs" / "sha256" / name, name)


def checked(path: Path, digest: str) -> BinaryIO:
    """A file, open at its beginning, whose sha256 was compared. Raises SandboxError."""
    try:
        file = open(  # noqa: SIM115 - the caller closes it
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb"
        )
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error.strerror}") from error
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        file.close()
        raise SandboxError(
            f"{path.name:.40} is not what was named: expected sha256 {digest:.16}…, found"
            f" {found:.16}…"
        )
    file.seek(0)
    return file
