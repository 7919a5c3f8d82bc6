"""A file of tests beside an honest change that empties the tests of others, from then on."""

import pytest

from harness.domain.facts import UNKNOWN
from harness.governance.facts.assertions import weakened_tests
from tests.governance.policy_texts import change

NEW, OLD, CONFTEST = "tests/test_aa.py", "tests/test_shop.py", "tests/conftest.py"
AUTOUSE = "@pytest.fixture(autouse=True)\ndef fresh_clock(request, monkeypatch):\n    "
ANY = "@pytest.fixture\ndef clock(request, monkeypatch):\n    "


def said(path: str, before: str | None, after: str):
    changed = change(path, old_mode="000000" if before is None else "100644")
    return weakened_tests([changed], lambda _: (before or "").encode(), lambda _: after.encode())


@pytest.mark.parametrize(
    "text",
    [
        AUTOUSE + "request.node.obj = lambda **_: None\n",
        ANY + "request.node.obj = lambda **_: None\n",
        ANY + "item = request.node\n    item.obj = print\n",
        ANY + "vars(request.node)['obj'] = print\n",
        ANY + "request.node.__dict__.update(obj=print)\n",
        ANY + "object.__setattr__(request.node, 'obj', print)\n",
        ANY + "type(request.node).__setattr__(request.node, 'obj', print)\n",
        ANY + "monkeypatch.setattr(request.node, 'obj', print)\n",
        ANY + "request.node.funcargs['prices'] = []\n",
        ANY + "request.node.funcargs.update(prices=[])\n",
        ANY + "request.function.__code__ = print.__code__\n",
        ANY + "request.module.total = sum\n",
        ANY + "request.cls.test_total = print\n",
        ANY + "for item in request.session.items:\n        item.obj = print\n",
        ANY + "request.session.items.clear()\n",
        ANY + "request.config.pluginmanager.register(Liar())\n",
        "import pytest\npytest.Function.runtest = lambda self: None\n",
        "import pytest as p\nKind = p.Function\nKind.runtest = print\n",
        "import pytest as p\nKind = p.Function\nKind.setup = print\nKind = None\n",
        "from _pytest.python import Function as F\nsetattr(F, 'runtest', print)\n",
        "from _pytest import python\ndel python.Function.setup\n",
        "def test_aa():\n    import pytest\n    pytest.Function.setup = print\n",
        "__import__('pytest').Function.setup = print\n",
        "import sys\nsys.modules['pytest'].Function.setup = print\n",
        "import importlib\nimportlib.import_module('_pytest.python').Function.setup = print\n",
        "from unittest import mock\nmock.patch('_pytest.python.Function.setup').start()\n",
        "import unittest\nunittest.TestCase.assertEqual = print\n",
        "def setUp(self):\n    self.assertEqual = print\n",
        "import builtins\nbuiltins.AssertionError = print\n",
        "__builtins__['AssertionError'] = print\n",
        ANY + "monkeypatch.setattr('builtins.AssertionError', print)\n",
        "import sys\nsys.modules['shop'] = Shop()\n",
        "import sys\nsys.modules |= {'shop': Shop()}\n",
        "import sys\nsys.modules.update(shop=Shop())\n",
        "import sys\nsys.meta_path.insert(0, Finder())\n",
        "import sys\nsys.settrace(jump)\n",
        "from threading import settrace\nsettrace(jump)\n",
    ],
)
@pytest.mark.parametrize(
    ("path", "before"), [(NEW, None), (CONFTEST, None), (OLD, "import shop\n")]
)
def test_what_reaches_into_the_run_of_others_is_named(path, before, text) -> None:
    (*_, last) = said(path, before, text)
    assert last.startswith(f"{path}::*: `")
    assert last.endswith("reaches into what runs the tests")


@pytest.mark.parametrize(
    "text",
    [
        "import shop\nshop.total = print\n",
        "from . import shop\nshop.total = print\n",
        "import shop\nsetattr(shop, 'total', print)\n",
        "import shop\ndel shop.Cart.total\n",
        "import shop\nclass TestAa:\n    shop.total = print\n",
        "import pytest, shop\npytest.MonkeyPatch().setattr(shop, 'total', print)\n",
        "from unittest.mock import patch\npatch('shop.total', print).start()\n",
        "import shop\ndef setUpModule():\n    shop.total = print\n",
        "import shop\n" + AUTOUSE + "shop.total = print\n",
    ],
)
def test_what_is_replaced_for_every_test_is_named_wherever_it_is(text) -> None:
    for path in (NEW, CONFTEST):
        (found,) = said(path, None, text)
        assert found.endswith("replaces it for every test")


@pytest.mark.parametrize(
    "patch",
    [
        "monkeypatch.setattr(shop, 'total', print)",
        "monkeypatch.setattr('shop.total', print)",
        "mocker.patch.object(shop, 'total')",
    ],
)
def test_a_patch_that_nobody_asks_for_counts_where_the_tests_of_others_are(patch) -> None:
    text = f"import shop\n{AUTOUSE}{patch}\n"
    for path, before in ((CONFTEST, None), (OLD, "import shop\n")):
        assert said(path, before, text) == (f"{path}::*: `{patch}` replaces it for every test",)
    assert said(NEW, None, text) == ()
    assert said(CONFTEST, None, text.replace("(autouse=True)", "")) == ()


def test_a_new_test_file_that_names_a_plugin_is_named() -> None:
    """pytest loads it for all of them, hooks included, however the file is called."""
    (found,) = said(NEW, None, "pytest_plugins = ['tests.quiet']\n")
    assert found == f"{NEW}::*: `pytest_plugins` was added"


@pytest.mark.parametrize(
    "text",
    [
        AUTOUSE + "if request.node.get_closest_marker('slow'):\n        wait(request.node.name)\n",
        AUTOUSE + "request.cls.driver = Driver()\n",
        AUTOUSE + "request.node.user_properties.append(('seed', 1))\n",
        AUTOUSE + "monkeypatch.setattr(time, 'sleep', print)\n",
        AUTOUSE + "monkeypatch.setattr('time.sleep', print)\n",
        AUTOUSE + "monkeypatch.setenv('HOME', '/')\n    request.addfinalizer(print)\n",
        ANY + "monkeypatch.setattr('builtins.input', print)\n",
        "import sys\ndef test_x(monkeypatch):\n    monkeypatch.setattr(sys, 'argv', [])\n",
        "import sys\nsys.argv = []\ndel sys.modules['shop']\nsys.path.insert(0, 'lib')\n",
        "import shop\nshop.app.config['TESTING'] = True\n",
        "import shop\ndef test_x():\n    shop.limit = 1\n",
        "import shop\napp = shop.create()\napp.debug = True\n",
        "import unittest\nunittest.TestCase.maxDiff = None\n",
        "from unittest import mock\nboxed = mock.Mock()\nboxed.total = 1\n",
        "from unittest import mock\ndef test_x(mock):\n    mock.total = 1\n",
        "import pytest\ndef test_x():\n    pytest = Shop()\n    pytest.total = 1\n",
        "import time\ntime.sleep = print\n",
        "@patch('shop.total')\ndef test_x(total):\n    assert total\n",
        "def view(request):\n    request.user = 1\n    request.session['cart'] = []\n",
        "import threading\nthreading.Thread(target=print).start()\n",
    ],
)
def test_what_tests_do_every_day_reaches_nothing(text) -> None:
    for path, before in ((NEW, None), (CONFTEST, None), (OLD, "import shop\n")):
        assert said(path, before, text) == ()


def test_what_reached_before_is_no_news() -> None:
    text = "import pytest\npytest.Function.setup = print\n"
    assert said(OLD, text, f"{text}\n\ndef test_more():\n    assert total()\n") == ()
    assert len(said(OLD, text, f"{text}{text}")) == 1


def row(values: str, more: str = "", names: str = '"cart"', before: str = "") -> str:
    return (
        f"{before}@pytest.mark.parametrize({names}, {values}{more})\ndef test_total(cart):\n"
        "    assert total(cart)\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (row("[[1, 2], [3]]"), row("[[], [3]]"), "`[1, 2]` asks with other values: `[]`"),
        (row("[1, 2]", ", ids=['a', 'b']"), row("[0, 2]", ", ids=['a', 'b']"), "`1` asks"),
        (row("[1, 2]", ", ids=name"), row("[0, 2]", ", ids=name"), "`1` asks"),
        (row("[param(1, id='a')]"), row("[param(0, id='a')]"), "`1` asks"),
        (row("[('a', [1])]", "", "'x, y'"), row("[('a', [])]", "", "'x, y'"), "`'a', [1]` asks"),
        (row("[(1, [1])]", "", "['x', 'y']"), row("[(1, [])]", "", "['x', 'y']"), "`1, [1]` asks"),
        (row("", "argvalues=[[1]]"), row("", "argvalues=[[]]"), "`[1]` asks"),
        (row("ALL", before="ALL = [[1]]\n"), row("ALL", before="ALL = [[]]\n"), "`[1]` asks"),
        (
            row("ALL.values()", ", ids=ALL", before="ALL = {'a': 1}\n"),
            row("ALL.values()", ", ids=ALL", before="ALL = {'a': 0}\n"),
            "`1` asks",
        ),
        (
            row("ALL.items()", "", "'x, y'", before="ALL = {'a': [1]}\n"),
            row("ALL.items()", "", "'x, y'", before="ALL = {'a': []}\n"),
            "`'a', [1]` asks",
        ),
        (row("{'a': 1}", ", ids=name"), row("{'b': 1}", ", ids=name"), "`'a'` asks"),
    ],
)
def test_a_case_that_keeps_its_name_and_asks_with_other_values_is_named(
    before, after, words
) -> None:
    (found,) = said(OLD, before, after)
    assert found.startswith(f"{OLD}::test_total: the case {words}")


def test_the_cases_of_a_class_and_of_a_fixture_are_compared_as_well() -> None:
    text = (
        "@pytest.fixture(params=[[1]])\ndef cart(request):\n    return request.param\n\n\n"
        "@pytest.mark.parametrize('x', [[2]])\nclass TestTotal:\n    def test_x(self, x):\n"
        "        assert total(x)\n"
    )
    found = said(OLD, text, text.replace("[[1]]", "[[]]").replace("[[2]]", "[[]]"))
    assert [one.partition(": ")[0] for one in found] == [f"{OLD}::cart", f"{OLD}::TestTotal"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (row("[[1], [2]]"), row("[[2], [1]]")),
        (row("[[1], [2]]"), row("[[0], [1], [2]]")),
        (row("[[1]]"), row("[[1], [2]]", ", ids=['a', 'b']")),
        # the case is lost under its old name, which the run sees
        (row("[1, 2]"), row("[0, 2]")),
        (row("[1]", ", ids=['a']"), row("[0]", ", ids=['b']")),
        (row("[(1,)]", "", "'x,'"), row("[(1, 2)]", "", "'x, y'")),
        (row("[param(1, id='a')]"), row("[param(1, 2, id='a')]", "", "'x, y'")),
        (row("read('carts')"), row("read('others')")),
        (row("[]", ", ids=None, **more"), row("[]", ", **more")),
        (row("{**ALL}"), row("{**SOME}")),
    ],
)
def test_cases_that_moved_or_got_company_are_no_weaker(before, after) -> None:
    assert said(OLD, before, after) == ()


def test_more_cases_than_anybody_compares_are_not_known_to_be_the_same() -> None:
    """Tests share a table, so half a megabyte can hold a billion cases."""
    table = f"ALL = [{'0,' * 5000}]\n"
    shared = "@pytest.mark.parametrize('x', ALL)\ndef test_x(x):\n    assert x\n"
    assert said(OLD, table + shared, table + shared * 2) == ()
    assert said(OLD, table + shared, table + shared * 2000) is UNKNOWN
