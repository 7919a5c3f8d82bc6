"""Wheels, a source distribution that is a trap, and an index of them on loopback."""

import contextlib
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.http_server import serving_files


def wheel(
    folder: Path, name: str = "tidetable", version: str = "1.0", code: str = "HIGH = 7\n"
) -> str:
    """A small wheel in `folder`; its sha256."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for where, text in {**files, f"{info}/RECORD": record}.items():
            # without the time of day: the same bytes each time
            archive.writestr(zipfile.ZipInfo(where), text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def trap(folder: Path, marker: Path, name: str = "tidetable") -> str:
    """A source distribution whose build writes `marker`; its sha256."""
    script = (
        f"open({str(marker)!r}, 'w').write('ran')\n"
        f"from setuptools import setup\nsetup(name={name!r}, version='1.0')\n"
    )
    files = {
        f"{name}-1.0/setup.py": script,
        f"{name}-1.0/PKG-INFO": f"Name: {name}\nVersion: 1.0\n",
    }
    path = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for where, text in files.items():
            member = tarfile.TarInfo(where)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def index(root: Path) -> Iterator[dict[str, str]]:
    """A package index of what lies in ROOT/simple, as pip's settings for it."""
    with serving_files(root) as server:
        address = f"{server.url}/simple"
        yield {"PIP_INDEX_URL": address, "PIP_NO_CACHE_DIR": "1", "HOME": "/nowhere"}
