"""Root file systems that an operator names by digest."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError, SandboxError
from harness.programs.sandbox.packages.layer import layer_name
from harness.programs.sandbox.roots import sources
from harness.programs.sandbox.roots.root import digest_of, prepared
from harness.programs.sandbox.roots.sources import add_tar
from harness.programs.sandbox.roots.tree import Bounds, Tree
from tests.sandbox.sandboxes import SUPERVISOR, Sandboxes
from tests.sandbox.small_root import NAME, image_of, small_root, tar_of


def named(folder: Path, content: bytes, ending: str = ".tar") -> str:
    """Puts a tar where operators put roots. Its digest."""
    digest = hashlib.sha256(content).hexdigest()
    folder.mkdir(exist_ok=True)
    (folder / f"{digest}{ending}").write_bytes(content)
    return f"sha256:{digest}"


def at(digest: str, place: Path) -> Path:
    """The root of that digest, prepared below the folder `out` of a place."""
    return prepared(digest, roots=place / "roots", out=place / "out")


def contents(root: Path) -> dict[str, str]:
    """Every entry with what it is."""
    found = {}
    for path in sorted(root.rglob("*")):
        facts, name = path.lstat(), str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_dir():
            found[name] = "folder"
        else:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[name] = f"{facts.st_mode & 0o7777:o} {digest}"
    return found


def test_a_folder_a_tar_and_an_image_of_the_same_files_are_the_same_root(tmp_path) -> None:
    source = small_root(tmp_path / "source")
    (tmp_path / "roots").mkdir()
    of_folder = digest_of(source)
    source.rename(tmp_path / "roots" / of_folder.removeprefix("sha256:"))
    source = tmp_path / "roots" / of_folder.removeprefix("sha256:")
    tar = tar_of(source)
    layout = tmp_path / "layout"
    layout.mkdir()
    of_image = image_of(layout, tar)
    assert digest_of(layout) == of_image
    layout.rename(tmp_path / "roots" / of_image.removeprefix("sha256:"))
    packed = named(tmp_path / "roots", gzip.compress(tar, 1), ".tar.gz")
    all_of_them = [at(one, tmp_path) for one in (of_folder, of_image, packed)]
    first, *others = map(contents, all_of_them)
    assert others == [first, first]
    assert first["bin"] == "-> usr/bin"
    assert "usr/bin/sh" in first
    assert "etc/link" in first
    # Nothing else of a root is shown to anybody, and no bit of a mode but the right to execute.
    assert not {"home", "home/secret", "etc/passwd", "etc/ld.so.preload"} & first.keys()
    assert {kind.split()[0] for kind in first.values()} <= {"folder", "->", "755", "644"}


@pytest.mark.parametrize("kind", ["tar", "folder", "image"])
def test_a_root_whose_bytes_are_not_its_digests_is_never_prepared(tmp_path, kind) -> None:
    source = small_root(tmp_path / "source")
    roots = tmp_path / "roots"
    roots.mkdir()
    if kind == "tar":
        digest = named(roots, tar_of(source))
        with (roots / f"{digest.removeprefix('sha256:')}.tar").open("r+b") as file:
            file.seek(2000)
            file.write(b"!")
    elif kind == "folder":
        digest = digest_of(source)
        source.rename(roots / digest.removeprefix("sha256:"))
        (roots / digest.removeprefix("sha256:") / "usr/bin/more").write_text("more")
    else:
        (tmp_path / "layout").mkdir()
        digest = image_of(tmp_path / "layout", tar_of(source))
        (tmp_path / "layout").rename(roots / digest.removeprefix("sha256:"))
        largest = max(roots.glob("*/blobs/sha256/*"), key=lambda path: path.stat().st_size)
        largest.write_bytes(largest.read_bytes() + b"!")
    with pytest.raises(SandboxError, match="is not what was named"):
        at(digest, tmp_path)
    assert not list((tmp_path / "out").iterdir())


def test_a_root_that_is_not_here_is_named_with_its_place(tmp_path) -> None:
    with pytest.raises(
        ConfigError, match=r"is not here; put the folder, OCI layout or tar .*roots"
    ):
        at(f"sha256:{'0' * 64}", tmp_path)
    with pytest.raises(ConfigError, match="expected `sha256:` and 64 digits"):
        at("sha256:../../etc", tmp_path)
    folder = tmp_path / "roots"
    folder.mkdir()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SandboxError, match="has no folder usr"):
        at(named(folder, tar_of(tmp_path / "empty")), tmp_path)


@pytest.mark.parametrize("leads", ["/", "/usr", "../../../../.."])
def test_a_root_whose_usr_is_a_link_shows_nothing_of_the_machine(tmp_path, leads) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(member("usr", tarfile.SYMTYPE, leads))
    with pytest.raises(SandboxError, match="has no folder usr"):
        at(named(tmp_path / "roots", stream.getvalue()), tmp_path)


def member(name: str, kind: bytes = tarfile.REGTYPE, leads: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, leads, 0o6777
    return made


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([member("../usr/x")], "leads out of the root"),
        ([member("usr/../../x")], "leads out of the root"),
        ([member("usr/" + "x" * 2000)], "is a longer path"),
        ([member("usr/" + "x/" * 60)], "is a longer path"),
        ([member("usr/dev", tarfile.CHRTYPE)], "usr/dev is a device"),
        ([member("etc/disk", tarfile.BLKTYPE)], "etc/disk is a device"),
        ([member("opt/pipe", tarfile.FIFOTYPE)], "opt/pipe is a device"),
        ([member("usr/odd", b"Z")], "usr/odd is no folder, file or link"),
        (
            [member("usr/out", tarfile.SYMTYPE, "/etc"), member("usr/out/x")],
            "lies behind usr/out, which is a link",
        ),
        ([member("bin", tarfile.SYMTYPE, "usr/bin"), member("bin/x")], "lies behind bin"),
        ([member("usr/f"), member("usr/f/x")], "lies behind usr/f"),
        ([member("usr/l", tarfile.SYMTYPE, "")], "is a link that leads to ''"),
        ([member("usr/l", tarfile.SYMTYPE, "x" * 2000)], "is a link that leads to"),
        ([member("usr/h", tarfile.LNKTYPE, "/etc/hostname")], "which is not shown"),
        ([member("usr/h", tarfile.LNKTYPE, "etc/none")], "which is no file"),
        ([member("usr/h", tarfile.LNKTYPE, "../../x")], "leads out of the root"),
        (
            [member("usr/s", tarfile.SYMTYPE, "/etc"), member("usr/h", tarfile.LNKTYPE, "usr/s/x")],
            "lies behind usr/s",
        ),
    ],
)
def test_what_a_root_may_not_contain(tmp_path, members, message) -> None:
    top, stream = tmp_path / "top", io.BytesIO()
    top.mkdir()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for one in members:
            archive.addfile(one)
    stream.seek(0)
    with pytest.raises(SandboxError, match=message):
        add_tar(stream, Tree(top))
    assert not (tmp_path / "x").exists()


def test_a_folder_may_not_have_devices_either(tmp_path) -> None:
    source = tmp_path / "source"
    (source / "usr").mkdir(parents=True)
    os.mkfifo(source / "usr" / "pipe")
    with pytest.raises(SandboxError, match="usr/pipe is no folder, file or link"):
        digest_of(source)


def test_what_is_outside_of_what_is_shown_is_not_read_at_all(tmp_path) -> None:
    """As Debian's tools write device nodes into every tar of a system."""
    top, stream = tmp_path / "top", io.BytesIO()
    top.mkdir()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for one in (
            member("./dev/null", tarfile.CHRTYPE),
            member("var/run", tarfile.FIFOTYPE),
            member("etc/shadow"),
            member("usr/fine"),
        ):
            archive.addfile(one)
    stream.seek(0)
    add_tar(stream, Tree(top))
    assert sorted(contents(top)) == ["usr", "usr/fine"]


def test_later_layers_of_an_image_take_away_what_earlier_ones_have(tmp_path) -> None:
    def layer(*members: tarfile.TarInfo) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for one in members:
                archive.addfile(one)
        return stream.getvalue()

    (tmp_path / "layout").mkdir()
    digest = image_of(
        tmp_path / "layout",
        layer(member("usr/a/x"), member("usr/b/x"), member("usr/c"), member("opt/l")),
        layer(
            member("usr/a/.wh..wh..opq"),
            member("usr/a/y"),
            member("usr/.wh.b"),
            member("usr/.wh.none"),
            member(".wh.opt"),
            member("../.wh.x"),
        ),
    )
    (tmp_path / "roots").mkdir()
    (tmp_path / "layout").rename(tmp_path / "roots" / digest.removeprefix("sha256:"))
    with pytest.raises(SandboxError, match="leads out"):
        at(digest, tmp_path)
    (tmp_path / "layout").mkdir()
    digest = image_of(
        tmp_path / "layout",
        layer(member("usr/a/x"), member("usr/b/x"), member("usr/c"), member("opt/l")),
        layer(
            member("usr/a/.wh..wh..opq"), member("usr/a/y"), member("usr/.wh.b"), member(".wh.opt")
        ),
    )
    (tmp_path / "layout").rename(tmp_path / "roots" / digest.removeprefix("sha256:"))
    assert sorted(contents(at(digest, tmp_path))) == ["usr", "usr/a", "usr/a/y", "usr/c"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": []}, "no list of 1 to 128 layers"),
        ({"layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd"}]}, "tar or gzip"),
        ({"layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar"}]}, "no sha256 digest"),
        ({"manifests": []}, "has no image for"),
        ([], "is no manifest"),
    ],
)
def test_an_image_that_cannot_be_unpacked_is_refused(tmp_path, change, message) -> None:
    text = json.dumps(change).encode()
    digest = hashlib.sha256(text).hexdigest()
    blobs = tmp_path / "roots" / digest / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (blobs / digest).write_bytes(text)
    (tmp_path / "roots" / digest / "oci-layout").write_text("{}")
    with pytest.raises(SandboxError, match=message):
        at(f"sha256:{digest}", tmp_path)


def test_a_root_is_bounded_before_it_is_read(tmp_path) -> None:
    def tried(content: bytes, **bounds: int) -> str:
        top = tmp_path / f"top-{len(list(tmp_path.iterdir()))}"
        top.mkdir()
        with pytest.raises(SandboxError) as caught:
            add_tar(io.BytesIO(content), Tree(top, Bounds(**bounds)))
        return str(caught.value)

    folder = tmp_path / "usr-of"
    (folder / "usr").mkdir(parents=True)
    for name in "ab":
        (folder / "usr" / name).write_bytes(bytes(3_000_000))
    tar = tar_of(folder)
    assert "has more than 2000000 bytes" in tried(tar, file=2_000_000)
    assert "the root has more than 5000000 bytes" in tried(tar, together=5_000_000)
    assert "more than 2 entries" in tried(tar, entries=2)
    (folder / "usr").rename(folder / "var")
    bomb = gzip.compress(tar_of(folder))
    assert "unpacks to more than 2000000 bytes" in tried(bomb, together=1_000_000)
    assert "cannot be read" in tried(gzip.compress(tar)[:-2000])
    long = io.BytesIO()
    with tarfile.open(fileobj=long, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member("usr/" + "é" * sources.MOST_HEADER))
    assert "a header of the tar has" in tried(long.getvalue())


@pytest.fixture
def root_of_views(views: Sandboxes) -> Path:
    """The small root, prepared where the sandboxes' account can see it."""
    digest = named(views.place("roots"), tar_of(small_root(views.folder / "source")))
    return at(digest, views.folder)


def test_a_sandbox_sees_the_root_and_nothing_of_the_machine(views, root_of_views) -> None:
    look = (
        "cat /etc/os-release /opt/tool/word; ls /usr/bin; cat /etc/passwd; ls -d /etc/link /home/*"
    )
    ended = views.run("sh", "-c", look, root=str(root_of_views))
    lines = ended.text.splitlines()
    assert lines[:2] == [f'PRETTY_NAME="{NAME}"', "spring"], ended
    assert lines[2:6] == ["cat", "ls", "setpriv", "sh"]
    assert lines[6].startswith("root:x:0:0:")
    assert "evil" not in ended.text
    assert lines[8:] == ["/etc/link"]


def test_nothing_of_a_root_runs_before_the_sandbox_has_its_own_user(views, root_of_views) -> None:
    """Its setpriv, its libraries and its list of libraries to load would all run as root there."""
    ended = views.run("cat", "/proc/self/status", root=str(root_of_views))
    assert "it was run" not in ended.text
    facts = dict(line.split(":", 1) for line in ended.text.splitlines())
    assert set(facts["Uid"].split()) != {"0"}, ended
    assert {facts[f"Cap{kind}"].strip("\t0") for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {
        ""
    }
    assert facts["NoNewPrivs"].strip() == "1"


def test_a_form_without_mounts_can_have_no_root(unsealed, tmp_path) -> None:
    ended = unsealed.run("true", root=str(tmp_path))
    assert ended.code == 125
    assert b"can have no root file system of its own" in ended.err


def test_a_root_that_is_behind_a_link_is_refused(sandbox) -> None:
    (sandbox.folder / "link").symlink_to("/")
    ended = sandbox.run("true", root=f"{sandbox.folder}/link")
    assert (ended.code, b"is a symbolic link" in ended.err) == (125, True)


def test_a_layer_for_another_root_is_another_layer() -> None:
    names = {
        layer_name(b"lock", "package-lock.json", root) for root in ("", "/a/root-1", "/root-2")
    }
    assert len(names) == 3
    assert layer_name(b"lock", "x", "/a/root-1") == layer_name(b"lock", "x", "/b/root-1")


def test_the_command_prints_the_digest_that_names_a_root(tmp_path) -> None:
    (tmp_path / "root.tar").write_bytes(b"bytes")
    done = subprocess.run(
        [*SUPERVISOR, "root", "--of", str(tmp_path / "root.tar")], capture_output=True, text=True
    )
    assert done.stdout == f"sha256:{hashlib.sha256(b'bytes').hexdigest()}\n"
