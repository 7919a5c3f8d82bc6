"""The index: what it holds does not depend on what it held, and what it knows is not read again."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.context.index import LARGEST, Definition, index_of
from harness.context.words import query
from tests.context.trees import SHOP, Trees, outlines
from tests.tiers import share

ASKED = query("The total of a basket", "It adds up the wrong price of a line")


def seen(file, trees, commit):
    """All that an index has of a commit."""
    with index_of(file, trees, commit, outlines=outlines) as index:
        paths = [hit.path for hit in index.hits(ASKED, most=50)]
        return (
            index.hits(ASKED, most=50),
            index.size(),
            [index.definitions(path) for path in paths],
            [index.imports(path) for path in paths],
            index.importers("basket", most=9),
            index.named("basket.py"),
        )


def test_files_are_found_by_what_they_say_define_and_are_called(tmp_path) -> None:
    with index_of(tmp_path / "index", Trees(one=SHOP), "one", outlines=outlines) as index:
        assert "shop/basket.py" in {hit.path for hit in index.hits(ASKED, most=3)}
        assert "shop/weather.py" not in {hit.path for hit in index.hits(ASKED, most=50)}
        assert index.hits("", most=3) == ()
        assert index.definitions("shop/prices.py") == (
            Definition("function", "price_of", 1, 2, "def price_of(line):"),
        )
        assert index.importers("basket", most=9)[0] == ("shop/pages.py", ".basket")
        assert index.importers("checkout", most=9) == (("shop/pages.py", "file:checkout.html"),)


def test_a_second_question_on_a_tree_reads_nothing(tmp_path) -> None:
    trees = Trees(one=SHOP)
    first = seen(tmp_path / "index", trees, "one")
    trees.read.clear()
    assert seen(tmp_path / "index", trees, "one") == first
    assert trees.read == []


def test_from_one_tree_to_the_next_only_what_differs_is_read(tmp_path) -> None:
    trees = Trees(one=SHOP, two={**SHOP, "shop/weather.py": b"def forecast(): return 'basket'\n"})
    seen(tmp_path / "index", trees, "one")
    trees.read.clear()
    found = seen(tmp_path / "index", trees, "two")
    assert trees.read == [b"def forecast(): return 'basket'\n"]
    assert found == seen(tmp_path / "fresh", trees, "two")


FILES = st.dictionaries(
    st.sampled_from(sorted(SHOP)),
    st.sampled_from(sorted({*SHOP.values(), b"basket total line price\n"})),
)


@settings(max_examples=share(25))
@given(st.lists(FILES, min_size=2, max_size=4))
def test_the_index_of_a_tree_is_the_same_whatever_it_held_before(tmp_path_factory, commits) -> None:
    folder = tmp_path_factory.mktemp("index")
    trees = Trees(**{f"c{number}": files for number, files in enumerate(commits)})
    walked = [seen(folder / "walked", trees, commit) for commit in trees.commits]
    assert walked[-1] == seen(folder / "fresh", trees, list(trees.commits)[-1])
    assert walked[0] == seen(folder / "walked", trees, "c0")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (b"big.py", b"basket = 1\n" * (LARGEST // 11 + 1)),
        (b"picture.png", b"\x89PNG\0 basket total"),
        (b"minified.js", b"basket();" * 1000),
        (b"dead.bin", b""),
    ],
)
def test_what_nobody_wrote_is_known_by_its_name_alone(tmp_path, path, content) -> None:
    with index_of(
        tmp_path / "index", Trees(one={path: content}), "one", outlines=outlines
    ) as index:
        assert index.hits(query("", "basket"), most=5) == ()
        assert [
            hit.path for hit in index.hits(query("", path.decode().partition(".")[0]), most=5)
        ] == [path.decode()]


def test_a_name_that_is_no_text_is_left_out(tmp_path) -> None:
    trees = Trees(one={b"caf\xe9.py": b"basket", b"shop.py": b"basket"})
    with index_of(tmp_path / "index", trees, "one", outlines=outlines) as index:
        assert index.size() == 1


@pytest.mark.parametrize("mode", ["120000", "160000"])
def test_a_link_is_no_file_and_no_repository_within_one_is(tmp_path, mode) -> None:
    class Linked(Trees):
        def entries(self, treeish):
            return [
                replace(entry, mode=mode) if entry.path == b"basket.py" else entry
                for entry in super().entries(treeish)
            ]

    trees = Linked(one={"basket.py": b"/etc/basket", "shop.py": b"basket"})
    with index_of(tmp_path / "index", trees, "one", outlines=outlines) as index:
        assert (index.size(), index.named("basket.py"), trees.read) == (1, (), [b"basket"])


def test_many_files_are_read_in_batches(tmp_path) -> None:
    trees = Trees(
        one={f"part{number}/basket{number}.py": b"total = %d\n" % number for number in range(1200)}
    )
    asked = []

    def counting(files):
        asked.append(len(files))
        return outlines(files)

    with index_of(tmp_path / "index", trees, "one", outlines=counting) as index:
        assert index.size() == 1200
    assert asked == [500, 500, 200]
