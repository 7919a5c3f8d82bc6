"""Classes of tests that keep every test, and ask nothing any more."""

import pytest

from harness.governance.facts.assertions import weakened_tests
from tests.governance.policy_texts import change

FILE = "tests/test_a.py"
SHOP = """import unittest

class TestShop(unittest.TestCase):
    def test_total(self):
        self.assertEqual(total(1), 1)
"""
SMALL = "class TestShop:\n    def test_total(self):\n        assert total(1) == 1\n"


def weakened(before: str, after: str):
    return weakened_tests(
        [change(FILE, old_mode="100644")], lambda _: before.encode(), lambda _: after.encode()
    )


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ("    def assertEqual(self, *_):\n        pass\n", "assertEqual"),
        ("    assertEqual = print\n", "assertEqual"),
        ("    def run(self, result):\n        result.addSuccess(self)\n", "run"),
        ("    def __call__(self, result):\n        result.addSuccess(self)\n", "__call__"),
        (
            "    if True:\n        def _callTestMethod(self, _):\n            pass\n",
            "_callTestMethod",
        ),
        ("    def __getattribute__(self, name):\n        return print\n", "__getattribute__"),
        ("TestShop.run = lambda self, result: result.addSuccess(self)\n", "run"),
    ],
)
def test_a_class_that_replaces_what_its_tests_are_run_by_is_named(more, name) -> None:
    (found, *_) = (one for one in weakened(SHOP, SHOP + more) if "::TestShop:" in one)
    assert found == (
        f"{FILE}::TestShop: it defines `{name}` itself now, by which its tests are run or ask"
    )


def test_what_a_mixin_replaces_is_its_classes() -> None:
    mixin = "class Quiet:\n    def assertEqual(self, *_):\n        pass\n"
    mixed = SHOP.replace("(unittest", "(Quiet, unittest")
    (found,) = weakened(mixin + SHOP, mixin + mixed)
    assert found.startswith(f"{FILE}::TestShop: it defines `assertEqual` itself now")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (SHOP, SHOP.replace("def test", "async def test")),
        (
            SHOP.replace("def test", "async def test").replace(
                "TestCase", "IsolatedAsyncioTestCase"
            ),
            SHOP.replace("def test", "async def test"),
        ),
        (
            SHOP,
            "from unittest import TestCase as Case\nclass Base(Case):\n    pass\n"
            + SHOP.replace("unittest.TestCase", "Base").replace("def test", "async def test"),
        ),
    ],
)
def test_a_test_that_nobody_awaits_is_named(before, after) -> None:
    assert weakened(before, after) == (
        f"{FILE}::TestShop.test_total: it is `async` in a class whose tests nobody awaits, so it"
        " does not run",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # a helper of the project's own
        (SHOP, SHOP + "    def assertBooked(self, walk):\n        self.assertTrue(walk)\n"),
        (SHOP, SHOP + "    def setUp(self):\n        self.shop = Shop()\n"),
        # pytest has no `run`
        (SMALL, SMALL + "    def run(self):\n        return start()\n"),
        (SMALL.replace(":\n    def", "(object):\n    def", 1), SMALL + "    run = start\n"),
        # a class without tests, and one that is new
        (SHOP, SHOP + "class Server(Thread):\n    def run(self):\n        pass\n"),
        ("", SHOP + "    def run(self, result):\n        super().run(result)\n"),
        # whose tests are awaited
        (
            SHOP,
            SHOP.replace("def test", "async def test").replace(
                "TestCase", "IsolatedAsyncioTestCase"
            ),
        ),
        (
            SHOP.replace("import unittest", "from django import test as unittest"),
            SHOP.replace("import unittest", "from django import test as unittest").replace(
                "def test", "async def test"
            ),
        ),
        (SHOP, SHOP + "    async def test_more(self):\n        pass\n"),
    ],
)
def test_an_honest_edit_of_a_class_is_not_reported(before, after) -> None:
    assert weakened(before, after) == ()
