"""Trees in memory, as the index reads them, and how often it did."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from harness.programs.context_indexer.reading import outline
from harness.repository.objects import TreeEntry, blob_oid

SHOP = {
    "shop/__init__.py": b"",
    "shop/basket.py": (
        b"from shop.prices import price_of\n\n\nclass Basket:\n    def total(self):\n"
        b"        return sum(map(price_of, self.lines))\n"
    ),
    "shop/prices.py": b"def price_of(line):\n    return line.amount * line.unit_price\n",
    "shop/pages.py": (
        b"from .basket import Basket\n\n\ndef checkout(request):\n    return page('checkout.html',"
        b" Basket())\n"
    ),
    "shop/templates/checkout.html": b"<p>{{ amount }}</p>\n",
    "shop/weather.py": b"def forecast(town):\n    return 'rain'\n",
    "tests/test_basket.py": (
        b"from shop.basket import Basket\n\n\ndef test_basket_total_of_two_lines():\n"
        b"    assert Basket().total() == 2\n"
    ),
    "README.md": b"# Shop\n\nThe basket adds up a total of all lines.\n",
}


class Trees:
    """Commits by name. `read` lists every content that was asked for, in order."""

    def __init__(self, **commits: Mapping[str, bytes]) -> None:
        self.commits = {
            name: {
                path.encode() if isinstance(path, str) else path: content
                for path, content in files.items()
            }
            for name, files in commits.items()
        }
        self.read: list[bytes] = []

    def tree_of(self, commit: str) -> str:
        return hashlib.sha1(repr(sorted(self.commits[commit].items())).encode()).hexdigest()

    def entries(self, treeish: str) -> Sequence[TreeEntry]:
        commit = next(name for name in self.commits if treeish in (name, self.tree_of(name)))
        return [
            TreeEntry("100644", blob_oid(content), path, len(content))
            for path, content in self.commits[commit].items()
        ]

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        contents = {
            blob_oid(content): content
            for files in self.commits.values()
            for content in files.values()
        }
        self.read += [contents[oid] for oid in oids]
        return (contents[oid] for oid in oids)


def outlines(files):
    """The parser itself, without a sandbox round it."""
    return [outline(path, text.encode()) for path, text in files]
