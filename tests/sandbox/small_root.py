"""A small root file system by hand: a shell, what it needs, and a name of its own."""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from harness.programs.sandbox.interpreter import interpreter

PROGRAMS = ("sh", "cat", "ls")
NAME = "Smallest of all systems"


def small_root(folder: Path) -> Path:
    """A new folder with that root. Its setpriv and its library of capabilities are no such things,
    and it asks for a library in every program: nothing of these may act."""
    for name in PROGRAMS:
        _copy(Path("/usr/bin", name), folder / "usr" / "bin" / name)
    python = interpreter()
    if not python.prefix:
        _copy(Path(python.executable), folder / python.executable[1:])
        library = f"usr/lib/python{sys.version_info.major}.{sys.version_info.minor}"
        shutil.copytree(
            f"/{library}", folder / library, ignore=shutil.ignore_patterns("test", "__pycache__")
        )
    for library in _libraries(*(f"/usr/bin/{name}" for name in PROGRAMS), python.executable):
        # What lies beside an interpreter of its own comes with it, and libpython is large.
        if not python.prefix or not Path(library).is_relative_to(python.prefix):
            _copy(Path(library), folder / library[1:])
    (folder / "etc").mkdir()
    (folder / "etc" / "os-release").write_text(f'PRETTY_NAME="{NAME}"\n')
    (folder / "etc" / "ld.so.preload").write_text("/usr/lib/evil.so\n")
    (folder / "etc" / "passwd").write_text("evil:x:0:0::/:/bin/sh\n")
    (folder / "etc" / "link").symlink_to("/home")
    (folder / "usr" / "lib").mkdir(exist_ok=True)
    (folder / "usr" / "lib" / "evil.so").write_text("no library")
    for place in ("lib", "usr/lib"):
        found = folder / place / "x86_64-linux-gnu"
        if found.is_dir() and not found.is_symlink():
            (found / "libcap-ng.so.0").write_text("no library")
    setpriv = folder / "usr" / "bin" / "setpriv"
    setpriv.write_text("#!/bin/sh\necho it was run\n")
    setpriv.chmod(0o4755)
    (folder / "bin").symlink_to("usr/bin")
    (folder / "opt" / "tool").mkdir(parents=True)
    (folder / "opt" / "tool" / "word").write_text("spring\n")
    (folder / "home").mkdir()
    (folder / "home" / "secret").write_text("not shown")
    return folder


def _libraries(*programs: str) -> set[str]:
    told = [
        subprocess.run(
            (program,), env={"LD_TRACE_LOADED_OBJECTS": "1"}, capture_output=True, text=True
        ).stdout
        for program in programs
    ]
    return set(re.findall(r"(/\S+) \(0x", "".join(told)))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(os.path.realpath(source), target)


def tar_of(folder: Path, *more: tarfile.TarInfo) -> bytes:
    """Its tar. `more` are members as they are."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(folder, ".")
        for member in more:
            archive.addfile(member)
    return stream.getvalue()


def image_of(layout: Path, *layers: bytes) -> str:
    """An OCI layout with an image of these tars, in an index of two machines. Its digest."""

    def blob(content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        (layout / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (layout / "blobs" / "sha256" / name).write_bytes(content)
        return f"sha256:{name}"

    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    manifest = {
        "layers": [
            {"mediaType": kind, "digest": blob(gzip.compress(one, 1, mtime=0))} for one in layers
        ]
    }
    whole = blob(json.dumps(manifest).encode())
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    index = {
        "manifests": [
            {"digest": "sha256:" + "0" * 64, "platform": {"architecture": "other"}},
            {"digest": whole, "platform": {"architecture": machine}},
        ]
    }
    digest = blob(json.dumps(index).encode())
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"manifests": [{"digest": digest}]}))
    return digest
