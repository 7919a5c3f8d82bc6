"""Does the context show the file that the fix changed? And what does it cost beside whole files?

    python bench/context.py [--releases DIR] [--large FILES] [--json]

Issues of two repositories, as one sentence or as they were filed, and the files that their fixes
really changed: seventeen bugs of Datasette (each asked of the release before its fix, as
`bench/real_fixes.py` installs them) and the demo's issues on Tidebook. For each: at which place the
ranking puts the first file of the fix, by words alone and with imports; whether it is shown; the
tokens of the context, of the files it shows parts of, whole, and of the whole repository. A token is
three bytes here.

With `--large`, three questions on a made-up repository of so many Python files instead: the first,
the second, and one after fifty files changed. Seconds of processor time, files read, the most
memory (MiB) so far, the size of the index (MiB).

Exit 0: in at least four of five cases a file of the fix is among the first five.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from harness.context.index import index_of
from harness.context.ranking import ranked
from harness.context.repository_contexts import INDEX, IndexedContexts
from harness.context.words import query
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.repository_context import BYTES_A_TOKEN, ContextRequest
from harness.programs.context_indexer.reading import outline

ROOT = Path(__file__).resolve().parents[1]
RELEASES = Path.home() / ".cache" / "lights-out-factory" / "real-fixes"
FIXED = ROOT / "bench" / "real_fixes" / "fixed.json"
DEMO = {
    1: ("tidebook/store.py",),
    2: (
        "tidebook/app.py",
        "tidebook/store.py",
        "tidebook/templates/booking.html",
        "tidebook/templates/guests.html",
        "tidebook/templates/walk.html",
    ),
    4: ("tidebook/templates/home.html",),
    6: ("tidebook/store.py",),
    7: ("tidebook/store.py", "tidebook/templates/home.html", "tidebook/templates/walk.html"),
}
"""Which files the recorded implementers changed, tests left out."""

TOKENS, FILES, FIRST = 6000, 6, 5
WANTED = 0.8


@dataclass(frozen=True)
class Asked:
    """An issue, the folder it is asked of, and the files that its fix changed."""

    name: str
    folder: Path
    title: str
    body: str
    fixed: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """Places count from 1; 0 is nowhere. Tokens as the context counts them, seconds of wall time for
    the first question."""

    name: str
    place: int
    by_words: int
    shown: bool
    essay: int
    whole_files: int
    repository: int
    seconds: float


class Folder:
    """A folder as a tree of git's: what `harness.ports.git.Contents` asks for."""

    def __init__(self, folder: Path) -> None:
        self.files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts and ".dist-info" not in str(path)
        }
        self._contents = {_oid(content): content for content in self.files.values()}

    def tree_of(self, commit: CommitSha) -> TreeSha:
        return TreeSha(_oid(repr(sorted(self.files.items())).encode()))

    def entries(self, treeish: str) -> Sequence[_File]:
        return [
            _File("100644", _oid(content), path.encode(), len(content))
            for path, content in self.files.items()
        ]

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        return (self._contents[oid] for oid in oids)


@dataclass(frozen=True)
class _File:
    mode: str
    oid: str
    path: bytes
    size: int


def _oid(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--releases",
        type=Path,
        default=RELEASES,
        metavar="DIR",
        help="where releases are installed",
    )
    arguments.add_argument("--json", action="store_true", help="the table as JSON")
    arguments.add_argument(
        "--large",
        type=int,
        metavar="FILES",
        help="three questions on a repository of so many files",
    )
    given = arguments.parse_args()
    if given.large:
        print("\n".join(_large(given.large)))
        return 0
    told = [_told(one) for one in (*_bugs(given.releases), *_demo())]
    share = sum(0 < one.place <= FIRST for one in told) / len(told)
    print(
        json.dumps([asdict(one) for one in told], indent=1)
        if given.json
        else "\n".join(_table(told, share))
    )
    return 0 if share >= WANTED else 1


def _bugs(releases: Path) -> Iterator[Asked]:
    """Datasette's bugs, whose releases are there; raises SystemExit naming one that is not."""
    fixed = json.loads(FIXED.read_text())
    for pair in (
        one
        for name in ("pairs", "more")
        for one in json.loads(FIXED.with_name(f"{name}.json").read_text())["pairs"]
    ):
        folder = releases / f"datasette-{pair['before']}" / "datasette"
        if not folder.is_dir():
            raise SystemExit(
                f"{folder} is not there; `python bench/real_fixes.py --only {pair['issue']}`"
                " installs it"
            )
        yield Asked(
            f"datasette {pair['issue']}",
            folder,
            pair["summary"],
            "",
            tuple(fixed[str(pair["issue"])]),
        )


def _demo() -> Iterator[Asked]:
    for number, fixed in DEMO.items():
        text = next((ROOT / "examples" / "issues").glob(f"{number}-*.md")).read_text()
        head, body = text.removeprefix("---\n").split("---\n", 1)
        title = next(
            line.partition(": ")[2] for line in head.splitlines() if line.startswith("title: ")
        )
        yield Asked(f"tidebook {number}", ROOT / "examples" / "tidebook", title, body, fixed)


def _told(asked: Asked) -> Told:
    contents = Folder(asked.folder)
    with tempfile.TemporaryDirectory(prefix="context-") as place:
        began = time.monotonic()
        contexts = IndexedContexts(contents, Path(place), outlines=_outlines)
        context = contexts.context(
            ContextRequest(
                base=CommitSha("0" * 40),
                heading=asked.title,
                question=asked.body,
                tokens=TOKENS,
                files=FILES,
                tests=("tests/**",),
            )
        )
        seconds = time.monotonic() - began
        with index_of(
            Path(place) / INDEX, contents, CommitSha("0" * 40), outlines=_outlines
        ) as index:
            order = [
                one.path
                for one in ranked(
                    index, asked.title, asked.body, is_test=lambda path: path.startswith("tests/")
                )
            ]
            words = [hit.path for hit in index.hits(query(asked.title, asked.body), most=100)]
    shown = [one.name for one in context.manifest.included if one.kind in ("file", "excerpt")]
    return Told(
        asked.name,
        _place(asked.fixed, order),
        _place(asked.fixed, words),
        bool({*shown} & {*asked.fixed}),
        context.manifest.tokens,
        sum(len(contents.files[path]) for path in shown) // BYTES_A_TOKEN,
        sum(map(len, contents.files.values())) // BYTES_A_TOKEN,
        round(seconds, 2),
    )


def _place(fixed: tuple[str, ...], order: Sequence[str]) -> int:
    return min((order.index(path) + 1 for path in fixed if path in order), default=0)


def _outlines(files: Sequence[tuple[str, str]]) -> list[dict[str, object]]:
    return [outline(path, text.encode()) for path, text in files]


class Town:
    """A repository of modules that define and import at random, each content made when it is
    read."""

    def __init__(self, files: int) -> None:
        self.files, self.changed, self.read = files, 0, 0

    def tree_of(self, commit: CommitSha) -> TreeSha:
        return TreeSha(_oid(f"{self.files} {self.changed}".encode()))

    def entries(self, treeish: str) -> Sequence[_File]:
        return [
            _File(
                "100644",
                f"{number}-{int(number < self.changed)}",
                f"part{number // 100}/module{number}.py".encode(),
                1100,
            )
            for number in range(self.files)
        ]

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        self.read += len(oids)
        return (self._module(oid) for oid in oids)

    def _module(self, oid: str) -> bytes:
        draw = random.Random(oid)
        names = [f"{draw.choice(THINGS)}_{draw.choice(PARTS)}" for _ in range(60)]
        others = [draw.randrange(self.files) for _ in range(4)]
        imports = [
            f"from part{other // 100}.module{other} import {name}"
            for other, name in zip(others, names, strict=False)
        ]
        return "\n".join(
            (
                *imports,
                *(
                    f"def {name}(value):\n    return {other}(value)\n"
                    for name, other in pairwise(names)
                ),
            )
        ).encode()


THINGS = ("order", "price", "walk", "page", "user", "cart", "ship", "mail", "stock", "town")
PARTS = ("line", "table", "store", "view", "form", "rule", "item", "list", "book", "note")


def _large(files: int) -> Iterator[str]:
    town = Town(files)
    request = ContextRequest(
        base=CommitSha("0" * 40),
        heading="The price of an order line is wrong",
        tokens=TOKENS,
        files=FILES,
        question="order_line and price_table in the view of the cart show a wrong price",
    )
    yield f"{'question':<18} {'cpu s':>7} {'read':>8} {'memory':>7} {'index':>6}"
    with tempfile.TemporaryDirectory(prefix="context-") as place:
        contexts = IndexedContexts(town, Path(place), outlines=_outlines)
        for name, changed in (("the first", 0), ("the second", 0), ("fifty files later", 50)):
            town.changed, town.read, began = changed, 0, time.process_time()
            contexts.context(request)
            yield (
                f"{name:<18} {time.process_time() - began:>7.2f} {town.read:>8} "
                f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10:>7} "
                f"{(Path(place) / INDEX).stat().st_size >> 20:>6}"
            )


def _table(told: Sequence[Told], share: float) -> Iterator[str]:
    yield (
        f"{'issue':<16} {'place':>5} {'words':>5} {'shown':>5} {'essay':>7} {'files':>7} {'all':>8}"
        f" {'s':>5}"
    )
    for one in told:
        yield (
            f"{one.name:<16} {one.place or '-':>5} {one.by_words or '-':>5}"
            f" {'yes' if one.shown else 'no':>5} {one.essay:>7} {one.whole_files:>7}"
            f" {one.repository:>8} {one.seconds:>5.2f}"
        )
    words = sum(0 < one.by_words <= FIRST for one in told) / len(told)
    yield (
        f"\na file of the fix among the first {FIRST}: {share:.0%} (by words alone {words:.0%});"
        f" shown: {sum(one.shown for one in told) / len(told):.0%}"
    )
    context, files, whole = (
        sum(getattr(one, name) for one in told) for name in ("essay", "whole_files", "repository")
    )
    yield (
        f"tokens: {context / len(told):.0f} a context, {files / context:.1f} times that for the same"
        f" files whole, {whole / context:.0f} times for the repository"
    )


if __name__ == "__main__":
    raise SystemExit(main())
