"""uv.lock and poetry.lock as hash-locked requirements: the wheels that fit the Python of sandboxes.

Both locks are TOML that a change may write. Of each package only its name, its version and the
hashes of its wheels are taken. A package from a repository, an address or a folder is refused by
name; the addresses of wheels are not read. The requirements that come out are checked again as any
lock of pip's is.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.domain.errors import ConfigError

if TYPE_CHECKING:
    from packaging.tags import Tag

MOST_PACKAGES = 5_000
POETRY_LOCK = "2.1"
Table = Mapping[str, Any]


def from_uv(lock: bytes) -> bytes:
    """What `uv sync` installs: the project's own dependencies and those of its group `dev`.

    Raises ConfigError that names the first entry which is not allowed.
    """
    packages = _packages(lock, "uv")
    roots = [one for one in packages if "." in map(_source(one).get, ("virtual", "editable"))]
    if len(roots) != 1:
        raise ConfigError(f"expected one package that is the project itself, found {len(roots)}")
    return _requirements(_reached(roots[0], packages), lambda one: one.get("wheels", ()), "url")


def from_poetry(lock: bytes) -> bytes:
    """What `poetry install` installs with every group.

    Raises ConfigError that names the first entry which is not allowed.
    """
    document = _document(lock)
    found = _table(document, "metadata").get("lock-version")
    if found != POETRY_LOCK:
        raise ConfigError(
            f"expected `lock-version` {POETRY_LOCK}, found {found!r:.20}; run `poetry lock` of"
            " Poetry 2"
        )
    wanted = [
        one
        for one in _packages(lock, "poetry")
        if one.get("optional") is not True and _is_for_here(one.get("markers", ""))
    ]
    for one in wanted:
        # A "legacy" source is an index; which one is asked is this machine's to say.
        _refuse_other_sources(one, allowed=_table(one, "source").get("type") in (None, "legacy"))
    return _requirements(wanted, lambda one: one.get("files", ()), "file")


def _document(lock: bytes) -> Table:
    try:
        return tomllib.loads(lock.decode())
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the lock is no TOML: {error}") from error


def _packages(lock: bytes, tool: str) -> Sequence[Table]:
    packages = _document(lock).get("package")
    if not isinstance(packages, list) or not all(isinstance(one, dict) for one in packages):
        raise ConfigError(f"the lock has no tables `package`, as {tool} writes them")
    if len(packages) > MOST_PACKAGES:
        raise ConfigError(f"the lock has {len(packages)} packages, and {MOST_PACKAGES} are allowed")
    return packages


def _table(document: Table, key: str) -> Table:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _source(package: Table) -> Table:
    return _table(package, "source")


def _title(package: Table) -> str:
    return f"{package.get('name')!s:.60}=={package.get('version')!s:.40}"


def _refuse_other_sources(package: Table, *, allowed: bool) -> None:
    if not allowed:
        raise ConfigError(
            f"`{_title(package)}` comes from {dict(_source(package))!s:.120}, not from an index;"
            " sandboxes install only wheels of an index with hashes"
        )


def _reached(root: Table, packages: Sequence[Table]) -> Iterator[Table]:
    """The packages that the root needs on this machine, each once."""
    by_name: dict[str, list[Table]] = {}
    for one in packages:
        by_name.setdefault(str(one.get("name")), []).append(one)
    queue = [*_list(root, "dependencies"), *_list(_table(root, "dev-dependencies"), "dev")]
    seen: set[tuple[str, str]] = set()
    while queue:
        wanted = queue.pop()
        if not _is_for_here(wanted.get("marker", "")):
            continue
        package = _chosen(wanted, by_name.get(str(wanted.get("name")), ()))
        _refuse_other_sources(package, allowed="registry" in _source(package))
        for extra in ("", *map(str, wanted.get("extra", ()))):
            if (key := (_title(package), extra)) in seen:
                continue
            seen.add(key)
            if not extra:
                yield package
            more = _list(_table(package, "optional-dependencies"), extra) if extra else ()
            queue += more or (() if extra else _list(package, "dependencies"))


def _list(table: Table, key: str) -> tuple[Table, ...]:
    found = table.get(key, ())
    return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def _chosen(wanted: Table, packages: Iterable[Table]) -> Table:
    """The package of that name which this machine gets: there are several for several platforms."""
    fitting = [
        one
        for one in packages
        if wanted.get("version") in (None, one.get("version"))
        and (not (forks := one.get("resolution-markers")) or any(map(_is_for_here, forks)))
    ]
    if len(fitting) != 1:
        raise ConfigError(
            f"expected one package for `{wanted.get('name')!s:.60}` in the lock, found"
            f" {len(fitting)}"
        )
    return fitting[0]


def _is_for_here(marker: object) -> bool:
    """Whether an environment marker holds here. Poetry also writes one for each group."""
    from packaging.markers import InvalidMarker, Marker, UndefinedComparison

    if isinstance(marker, dict):
        return any(_is_for_here(one) for one in marker.values())
    if not marker:
        return True
    try:
        return Marker(str(marker)).evaluate({"extra": ""})
    except (InvalidMarker, UndefinedComparison) as error:
        raise ConfigError(f"`{marker!s:.80}` is no environment marker") from error


def _requirements(
    packages: Iterable[Table], files_of: Callable[[Table], object], key: str
) -> bytes:
    lines: dict[str, str] = {}
    for package in packages:
        name, version = _checked(package)
        if lines.get(name, version).partition(" ")[0] != version:
            raise ConfigError(f"the lock has two versions of `{name}` for this machine")
        hashes = "".join(f" --hash=sha256:{one}" for one in _hashes(package, files_of, key))
        lines[name] = f"{version}{hashes}"
    return "".join(f"{name}=={rest}\n" for name, rest in sorted(lines.items())).encode()


def _checked(package: Table) -> tuple[str, str]:
    from packaging.utils import InvalidName, canonicalize_name
    from packaging.version import InvalidVersion, Version

    try:
        name = canonicalize_name(str(package.get("name")), validate=True)
        return name, str(Version(str(package.get("version"))))
    except (InvalidName, InvalidVersion) as error:
        raise ConfigError(f"`{_title(package)!r}` is no name with a version") from error


def _hashes(package: Table, files_of: Callable[[Table], object], key: str) -> Iterator[str]:
    """The sha256 of each wheel that fits. Raises ConfigError when there is none."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    found = False
    files = files_of(package)
    for file in files if isinstance(files, list) else ():
        name = str(file.get(key, "")) if isinstance(file, dict) else ""
        try:
            tags = parse_wheel_filename(name.rpartition("/")[2].replace("%2B", "+"))[3]
        except InvalidWheelFilename:
            # A source distribution would have to be built.
            continue
        if tags.isdisjoint(_tags()):
            continue
        algorithm, _, digest = str(file.get("hash", "")).partition(":")
        if algorithm != "sha256":
            raise ConfigError(f"`{_title(package)}` has a wheel without a sha256 in the lock")
        found = True
        yield digest
    if not found:
        raise ConfigError(
            f"`{_title(package)}` has no wheel for the Python of sandboxes in the lock; nothing"
            " that has to be built is installed"
        )


@cache
def _tags() -> "frozenset[Tag]":
    from packaging.tags import sys_tags

    return frozenset(sys_tags())
