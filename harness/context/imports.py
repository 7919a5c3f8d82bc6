"""Which file an import means, by its words alone: no language's search path is known here.

An import names a file when the end of one is the end of the other, whole: `shop.cart` is
`src/shop/cart.py`, and `example.com/shop/cart` is the package in `cart/` of a repository whose root
is `shop`. One that says where it starts (`./cart`, `..cart`) names just that file. A file that is
called by its name in a string (`"cart.html"`) is meant as well: that is how a page is bound to its
template, in any language."""

import re
from collections.abc import Iterable
from posixpath import commonprefix

_FOR_ITS_FOLDER = frozenset({"__init__", "index", "mod", "lib", "main"})
_CODE = (".py", ".pyi", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".rs")
_CALLED = re.compile(r"""["']([\w./-]{0,100}[\w-]{2,60}\.[a-z][a-z0-9]{1,5})["']""")
MARK = "file:"
# of one file, the first ones
MOST_CALLED = 100
_ROOTS = frozenset({"crate", "self", "super"})
_ENDING = re.compile(r"\.(?:[cm]?[jt]sx?|json|rb)$")
_SPLIT = re.compile(r"[/.:\\]+")


def module_of(path: str) -> tuple[str, ...]:
    """The folders and the name that a file is imported by: that of its folder where it stands for
    it. In Go every file does."""
    *folders, name = path.split("/")
    stem = name.partition(".")[0]
    for_its_folder = stem in _FOR_ITS_FOLDER and name.endswith(_CODE)
    return (
        tuple(folders) if folders and (for_its_folder or name.endswith(".go")) else (*folders, stem)
    )


def stem_of(path: str) -> str:
    """The last part of `module_of`."""
    return module_of(path)[-1]


def called(text: str) -> tuple[str, ...]:
    """The files that a text calls by their names in strings, each as an import is written, under
    `MARK`."""
    return tuple(dict.fromkeys(f"{MARK}{found[1]}" for found in _CALLED.finditer(text)))[
        :MOST_CALLED
    ]


def stems_in(written: str) -> tuple[str, ...]:
    """What the file that an import means may be called: its last part, or the one before it, where
    the last is a name in it."""
    if written.startswith(MARK):
        return (written.rpartition("/")[2].removeprefix(MARK).partition(".")[0],)
    return tuple(dict.fromkeys(reversed(_parts(written)[-2:])))


def meant(written: str, *, by: str, among: Iterable[str]) -> str | None:
    """The path that the file `by` means with an import, of those that may be meant; None where it
    is none of them."""
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
    """Of those that agree most the one that lies nearest; of equals the first by name."""
    order = sorted(found, key=lambda one: (-one[0], -len(commonprefix((one[1], by))), one[1]))
    return order[0][1] if order else None


def _parts(written: str) -> tuple[str, ...]:
    plain = _ENDING.sub("", written.partition("{")[0].partition(" as ")[0])
    return tuple(
        part for part in _SPLIT.split(plain) if part and part not in _ROOTS and part != "*"
    )


def _starts_in(written: str, by: str) -> tuple[str, ...] | None:
    """The folder that a relative import starts in; None for one that says nothing of it."""
    folders = by.split("/")[:-1]
    if "/" in written:
        ups = [part for part in written.split("/") if part in (".", "..")]
        return tuple(folders[: len(folders) - ups.count("..")]) if ups else None
    dots = len(written) - len(written.lstrip("."))
    return tuple(folders[: len(folders) + 1 - dots]) if dots else None


def _agreement(
    parts: tuple[str, ...], folder: tuple[str, ...] | None, module: tuple[str, ...]
) -> int:
    """How many parts an import and a file have in common, where it means the file; 0 where it does
    not."""
    for named in (parts, parts[:-1]):
        if folder is not None:
            if module == (*folder, *named) and (named or folder):
                return len(module) + 1
        elif named and (module[-len(named) :] == named or named[-len(module) :] == module):
            return min(len(named), len(module))
    return 0
