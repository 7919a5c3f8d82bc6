"""Which files come first, and why."""

from harness.context.index import index_of
from harness.context.ranking import edges, mentioned, ranked, walked
from tests.context.trees import SHOP, Trees, outlines

TITLE, BODY = "The total is wrong", "A basket of two lines shows the price of one."


def order(tmp_path, files, title=TITLE, body=BODY):
    with index_of(tmp_path / "index", Trees(one=files), "one", outlines=outlines) as index:
        return ranked(index, title, body, is_test=lambda path: path.startswith("tests/"))


def test_code_comes_before_what_tells_of_it_and_what_tests_it(tmp_path) -> None:
    paths = [one.path for one in order(tmp_path, SHOP)]
    assert paths[:2] == ["shop/basket.py", "shop/prices.py"]
    assert {"tests/test_basket.py", "README.md"} <= set(paths[2:])


def test_a_file_that_the_issue_names_comes_first(tmp_path) -> None:
    files = {**SHOP, "shop/ledger.py": b"ROWS = []\n"}
    found = order(
        tmp_path,
        files,
        title="It fails",
        body='  File "/srv/app/shop/ledger.py", see shop/ledger.py:3',
    )
    assert (found[0].path, found[0].reason.split(" and ")[0]) == (
        "shop/ledger.py",
        "the issue names it",
    )
    assert "shop/ledger.py" not in {one.path for one in order(tmp_path, files)}


def test_what_is_beside_what_was_found_is_found_as_well(tmp_path) -> None:
    """The page that is asked for imports the table that is wrong; the table shares no word with the
    issue."""
    files = {
        "site/orders_page.py": b"from site.grid import Grid\n\ndef orders_page(): return Grid()\n",
        "site/grid.py": b"class Grid: pass\n",
        "site/unrelated.py": b"class Other: pass\n",
    }
    found = order(tmp_path, files, title="The orders page", body="is empty")
    assert [one.path for one in found] == ["site/orders_page.py", "site/grid.py"]
    assert found[1].reason == "is beside what shares words with the issue"


def test_a_name_counts_where_there_is_one_file_of_it_and_a_path_always(tmp_path) -> None:
    files = {"a/pages.py": b"", "b/pages.py": b"", "a/only.py": b""}
    with index_of(tmp_path / "index", Trees(one=files), "one", outlines=outlines) as index:
        assert mentioned(index, "only.py fails, pages.py as well") == {"a/only.py"}
        assert mentioned(index, "see (b/pages.py).") == {"b/pages.py"}
        assert mentioned(index, r"C:\a\pages.py") == {"a/pages.py"}
        assert mentioned(index, "../../etc/passwd and . and ...") == set()


def test_edges_go_both_ways_and_only_to_files_that_are_meant(tmp_path) -> None:
    with index_of(tmp_path / "index", Trees(one=SHOP), "one", outlines=outlines) as index:
        beside = edges(index, ["shop/basket.py"])
    assert beside["shop/basket.py"] == ("shop/pages.py", "shop/prices.py", "tests/test_basket.py")


def test_a_page_is_beside_its_template(tmp_path) -> None:
    found = {
        one.path: one.reason for one in order(tmp_path, SHOP, title="The pages", body="are empty")
    }
    assert found["shop/templates/checkout.html"] == "is beside what shares words with the issue"


def test_what_a_file_imports_is_not_beside_all_that_is_called_so(tmp_path) -> None:
    with index_of(tmp_path / "index", Trees(one=SHOP), "one", outlines=outlines) as index:
        beside = edges(index, ["shop/basket.py"])
    assert beside["shop/prices.py"] == ("shop/basket.py",)


def test_a_walk_gives_to_the_near_more_than_to_the_far() -> None:
    beside = {"a": ("b",), "b": ("a", "c"), "c": ("b",)}
    gained = walked({"a": 1.0}, beside)
    assert gained["b"] > gained["c"] > 0


def test_an_issue_without_words_finds_nothing(tmp_path) -> None:
    assert order(tmp_path, SHOP, title="?!", body="...") == ()
