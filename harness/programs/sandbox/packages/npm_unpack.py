"""Unpacks npm packages into a tree. It runs in a sandbox: archives are a stranger's bytes.

Its own process, standard library only: `python -I -S npm_unpack.py PLAN STORE TREE`. PLAN is a
JSON object: `packages`, a list of [place, digest, [[program, file], …]], outer packages first;
`links`, a list of [place, target]; `commands`, places of packages whose own files name their
programs. Only regular files are taken, as npm does; the first folder of each archive is left out.
Ends with 3 for an archive in STORE that does not have its digest.
"""

import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import zlib
from collections.abc import Iterable

DAMAGED = 3


def main(plan: str, store: str, tree: str) -> int:
    """Unpack all of it. Prints what is wrong."""
    with open(plan, encoding="utf-8") as file:
        wanted = json.load(file)
    packages = wanted["packages"]
    os.makedirs(f"{tree}/node_modules", exist_ok=True)
    for place, digest, _ in packages:
        with open(f"{store}/{digest}.tgz", "rb") as file:
            archive = file.read()
        if hashlib.sha512(archive).hexdigest() != digest:
            print(f"the archive of {place} is damaged")
            return DAMAGED
        try:
            unpack(archive, f"{tree}/{place}")
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            print(f"{place} cannot be unpacked: {error}")
            return 1
    for place, _, programs in packages:
        link_programs(f"{tree}/{place}", programs)
    for place, target in wanted["links"]:
        os.makedirs(os.path.dirname(f"{tree}/{place}"), exist_ok=True)
        os.symlink(target, f"{tree}/{place}")
    for place in wanted["commands"]:
        link_programs(f"{tree}/{place}", own_programs(f"{tree}/{place}"))
    return 0


def own_programs(folder: str) -> list[tuple[str, str]]:
    """The programs that a package's own file names; none if it cannot be read."""
    try:
        with open(f"{folder}/package.json", encoding="utf-8") as file:
            about = json.load(file)
    except (OSError, ValueError, RecursionError):
        return []
    found = about.get("bin") if isinstance(about, dict) else None
    if isinstance(found, str):
        found = {os.path.basename(str(about.get("name", ""))): found}
    return [
        (name, path)
        for name, path in sorted(found.items() if isinstance(found, dict) else ())
        if isinstance(path, str) and "/" not in name and name not in ("", ".", "..")
        if ".." not in path.split("/") and not path.startswith("/") and "\0" not in name + path
    ]


def unpack(archive: bytes, folder: str) -> None:
    """Write the regular files of an archive. Raises TarError, OSError or zlib.error."""
    # The package around it may have had files of its own here.
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
        for member in members:
            parts = [part for part in member.name.split("/") if part not in ("", ".")][1:]
            content = members.extractfile(member) if member.isreg() else None
            if content is None or not parts or ".." in parts:
                continue
            path = "/".join((folder, *parts))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                shutil.copyfileobj(content, file)
            os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)


def link_programs(folder: str, programs: Iterable[tuple[str, str]]) -> None:
    """The commands of a package as links in `.bin`, beside it. The first of a name stays."""
    nearest, _, name = folder.rpartition("node_modules/")
    for program, path in programs:
        link, target = f"{nearest}node_modules/.bin/{program}", f"{folder}/{path}"
        if os.path.isfile(target) and not os.path.lexists(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(os.path.normpath(f"../{name}/{path}"), link)
            os.chmod(target, 0o755)  # noqa: S103 - a command


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
