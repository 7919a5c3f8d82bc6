"""Which file an import means, by its parts alone: no language's search path is used here.

An import names a file when the end of one is the whole end of the other: `shop.cart` is
`src/shop/cart.py`, and `example.com/shop/cart` is the package in `cart/` of a repository whose root
is `shop`. A relative import (`./cart`, `..cart`) names just that file. A file name in a string
(`"cart.html"`) names a file as well: that is how a page is bound to its template, in any language.
"""

import re
from collections.abc import Iterable
from posixpath import commonprefix

_FOR_ITS_FOLDER = frozenset({"__init__", "index", "mod", "lib", "main"})
_CODE = (".py", ".pyi", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".rs")
_NAMED = re.compile(r"""["']([\w./-]{0,100}[\w-]{2,60}\.[a-z][a-z0-9]{1,5})["']""")
MARK = "file:"
# Per file, the first ones.
MOST_NAMED = 100
_ROOTS = frozenset({"crate", "self", "super"})
_ENDING = re.compile(r"\.(?:[cm]?[jt]sx?|json|rb)$")
_SPLIT = re.compile(r"[/.:\\]+")


def module_of(path: str) -> tuple[str, ...]:
    """The folders and the name that a file is imported by.

    A file such as `__init__.py` is imported by the name of its folder. In Go every file is.
    """
    *folders, name = path.split("/")
    stem = name.partition(".")[0]
    for_its_folder = stem in _FOR_ITS_FOLDER and name.endswith(_CODE)
    return (
        tuple(folders) if folders and (for_its_folder or name.endswith(".go")) else (*folders, stem)
    )


def stem_of(path: str) -> str:
    """The last part of `module_of`."""
    return module_of(path)[-1]


def named_files(text: str) -> tuple[str, ...]:
    """The files whose names a text has in strings, each written like an import, after `MARK`."""
    return tuple(dict.fromkeys(f"{MARK}{found[1]}" for found in _NAMED.finditer(text)))[:MOST_NAMED]


def stems_in(written: str) -> tuple[str, ...]:
    """The possible stems of an imported file: the last part, or the one before when the last is
    a name in it."""
    if written.startswith(MARK):
        return (written.rpartition("/")[2].removeprefix(MARK).partition(".")[0],)
    return tuple(dict.fromkeys(reversed(_parts(written)[-2:])))


def imported_file(written: str, *, by: str, among: Iterable[str]) -> str | None:
    """The path, among candidates, that the file `by` means with an import; None when it is none
    of them."""
    if written.startswith(MARK):
        end = "/" + written.removeprefix(MARK).lstrip("./")
        return _nearest(
            [(len(end), path) for path in among if path != by and f"/{path}".endswith(end)], by
        )
    parts, folder = _parts(written), _starts_in(written, by)
    found = [
        (length, path)
        for path in among
        if path != by and (length := _agreement(parts, folder, module_of(path)))
    ]
    return _nearest(found, by)


def _nearest(found: Iterable[tuple[int, str]], by: str) -> str | None:
    """Of the best matches the nearest to `by`; of equals the first by name."""
    order = sorted(found, key=lambda one: (-one[0], -len(commonprefix((one[1], by))), one[1]))
    return order[0][1] if order else None


def _parts(written: str) -> tuple[str, ...]:
    plain = _ENDING.sub("", written.partition("{")[0].partition(" as ")[0])
    return tuple(
        part for part in _SPLIT.split(plain) if part and part not in _ROOTS and part != "*"
    )


def _starts_in(written: str, by: str) -> tuple[str, ...] | None:
    """The folder that a relative import starts in; None for an import that is not relative."""
    folders = by.split("/")[:-1]
    if "/" in written:
        ups = [part for part in written.split("/") if part in (".", "..")]
        return tuple(folders[: len(folders) - ups.count("..")]) if ups else None
    dots = len(written) - len(written.lstrip("."))
    return tuple(folders[: len(folders) + 1 - dots]) if dots else None


def _agreement(
    parts: tuple[str, ...], folder: tuple[str, ...] | None, module: tuple[str, ...]
) -> int:
    """How many parts an import and a file have in common when it means the file, else 0."""
    for named in (parts, parts[:-1]):
        if folder is not None:
            if module == (*folder, *named) and (named or folder):
                return len(module) + 1
        elif named and (module[-len(named) :] == named or named[-len(module) :] == module):
            return min(len(named), len(module))
    return 0
