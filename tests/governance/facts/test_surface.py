"""What callers of a module lose, from syntax trees: a table of modules before and after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.facts import UNKNOWN, ChangeKind
from harness.governance.facts.surface import LARGEST, api_facts
from tests.governance.policy_texts import change


def lost(before: str, after: str | None, path: str = "lib/m.py") -> list[str]:
    edited = change(path, kind=ChangeKind.MODIFIED if after is not None else ChangeKind.DELETED)
    facts = api_facts(
        (edited,),
        before=lambda name: before.encode(),
        after=lambda name: None if after is None else after.encode(),
    )
    return ["unread"] if facts.unread else [f"{loss.name} {loss.message}" for loss in facts.lost]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("def f(a): pass", "def f(a): return 1", []),
        ("def f(a): pass", "", ["f is gone"]),
        ("def f(a): pass", None, ["f is gone"]),
        ("async def f(a): pass", "def g(a): pass", ["f is gone"]),
        ("def _f(a): pass\n_X = 1", "", []),
        ("def f(a, b=1): pass", "def f(a): pass", ["f lost `b`"]),
        ("def f(a, *, b): pass", "def f(a): pass", ["f lost `b`"]),
        (
            "def f(a, b): pass",
            "def f(b, a): pass",
            ["f takes its arguments in another order, or no longer by place"],
        ),
        (
            "def f(a, b): pass",
            "def f(a, *, b): pass",
            ["f takes its arguments in another order, or no longer by place"],
        ),
        (
            "def f(a, b=1): pass",
            "def f(a, c=0, b=1): pass",
            ["f takes its arguments in another order, or no longer by place"],
        ),
        ("def f(a): pass", "def f(a, /): pass", ["f no longer takes `a` by name"]),
        ("def f(a=1): pass", "def f(a): pass", ["f now needs `a`"]),
        ("def f(a): pass", "def f(a, *, b): pass", ["f now needs `b`"]),
        ("def f(a): pass", "def f(a, b=1, *c, d=2, **e): pass", []),
        (
            "def f(*a, **k): pass",
            "def f(*a): pass",
            ["f no longer takes whatever else it is given"],
        ),
        ("def f(a): pass", "f = other", ["f is no function any more that can be compared"]),
        (
            "X = 1\ny: int = 2\na, (b, *c) = z",
            "X = 2",
            ["a is gone", "b is gone", "c is gone", "y is gone"],
        ),
        (
            "class A:\n  x: int\n  def m(self, a): pass\n  def _p(self): pass",
            "class A:\n  def m(self): pass",
            ["A.m lost `a`", "A.x is gone"],
        ),
        ("class A:\n  def m(self): pass", "", ["A is gone"]),
        (
            "class A:\n  def __init__(self, a): pass",
            "class A:\n  def __init__(self): pass",
            ["A.__init__ lost `a`"],
        ),
        ("if X:\n  def f(): pass\nelse:\n  g = 1", "", ["f is gone", "g is gone"]),
        (
            "try:\n  from q import f as f\nexcept E:\n  def h(): pass",
            "",
            ["f is gone", "h is gone"],
        ),
        ("from q import f", "", []),
        ("from q import f as f", "", ["f is gone"]),
        ("__all__ = ['f']\nfrom q import f\ndef g(): pass", "__all__ = ['f']\nfrom q import f", []),
        ("__all__ = ['_f']\ndef _f(a): pass", "__all__ = ['_f']\ndef _f(): pass", ["_f lost `a`"]),
        ("__all__ = ['f']\n__all__ += ['g']", "__all__ = ['f']", ["g is gone"]),
        ("from .x import *", "", ["* from .x is gone"]),
        ("__all__ = names()", "__all__ = names()", ["unread"]),
        ("def f(:", "def f(): pass", ["unread"]),
        ("def f(): pass", "def f(:", ["unread"]),
        ("def f(): pass", "def f(): pass\0", ["unread"]),
        ("x = 1", "x = " + "(" * 5000 + ")" * 5000, ["unread"]),
        ("x = 1", "#" * (LARGEST + 1), ["unread"]),
    ],
)
def test_what_callers_lose_is_named(before, after, expected) -> None:
    assert lost(before, after) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("lib/__init__.py", ["f is gone"]),
        ("lib/m.py", []),
        ("lib/_m.py", []),
        ("_lib/__init__.py", []),
        ("m.txt", []),
    ],
)
def test_what_a_package_passes_on_is_public_and_what_has_an_underscore_is_not(
    path, expected
) -> None:
    assert lost("from .m import f", "", path) == expected


def test_a_file_that_is_new_takes_nothing_from_anybody_and_no_files_are_no_answer() -> None:
    assert (
        api_facts((change("a.py"),), before=lambda name: None, after=lambda name: b"def f(:").unread
        == ()
    )
    assert api_facts(UNKNOWN, before=lambda name: None, after=lambda name: None) is UNKNOWN


@given(st.text(alphabet="defclass fg(ab=1,*/):\n _[]'+.", max_size=60))
def test_any_text_is_compared_or_unread_and_loses_nothing_to_itself(text) -> None:
    assert lost(text, text) in ([], ["unread"])
