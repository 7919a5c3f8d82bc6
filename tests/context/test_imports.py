"""Which file an import means."""

import pytest

from harness.context.imports import imported_file, module_of, named_files, stems_in


@pytest.mark.parametrize(
    ("written", "by", "path"),
    [
        ("shop.prices.price_of", "shop/basket.py", "shop/prices.py"),
        ("shop.prices", "tests/test_all.py", "src/shop/prices.py"),
        (".prices.price_of", "shop/basket.py", "shop/prices.py"),
        ("..prices", "shop/pages/cart.py", "shop/prices.py"),
        (".prices", "shop/pages/cart.py", "shop/pages/prices.py"),
        ("shop", "main.py", "shop/__init__.py"),
        ("./prices.js", "web/basket.js", "web/prices.js"),
        ("../prices", "web/pages/cart.ts", "web/prices.ts"),
        ("./pages", "web/main.js", "web/pages/index.js"),
        ("example.com/town/shop/prices", "main.go", "prices/table.go"),
        ("crate::prices::Price", "src/basket.rs", "src/prices.rs"),
        ("com.acme.shop.Prices", "Main.java", "src/main/java/com/acme/shop/Prices.java"),
        ("prices", "lib/basket.rb", "lib/prices.rb"),
        ("file:cart.html", "shop/pages.py", "shop/templates/cart.html"),
        ("file:templates/index.html", "shop/pages.py", "shop/templates/index.html"),
    ],
)
def test_an_import_means_the_file_that_its_words_end_in(written, by, path) -> None:
    others = ("other/prices_old.py", "weather.py")
    assert module_of(path)[-1] in stems_in(written)
    assert imported_file(written, by=by, among=(path, *others)) == path


@pytest.mark.parametrize(
    ("written", "by", "path"),
    [
        # another package
        ("shop.prices", "a.py", "bakery/prices.py"),
        # A relative import.
        (".prices", "shop/basket.py", "other/prices.py"),
        ("../../prices", "web/a.js", "web/prices.js"),
        # nobody imports itself
        ("json", "a.py", "a.py"),
        ("file:cart.html", "a.py", "old_cart.html"),
    ],
)
def test_what_merely_has_the_name_is_not_meant(written, by, path) -> None:
    assert imported_file(written, by=by, among=(path,)) is None


def test_a_file_is_called_by_its_name_in_a_string() -> None:
    text = """page("cart.html", title='Cart v1.2'); open('../data/towns.json'); x = a.b
print("no file."); print("1.5")"""
    assert named_files(text) == ("file:cart.html", "file:../data/towns.json")


def test_of_two_files_the_nearer_is_meant_and_of_equals_the_first() -> None:
    among = ("a/one/prices.rb", "b/two/prices.rb", "b/one/prices.rb")
    assert imported_file("prices", by="b/one/basket.rb", among=among) == "b/one/prices.rb"
    assert imported_file("prices", by="c/basket.rb", among=among) == "a/one/prices.rb"
