"""The accessibility tree as a value: what a snapshot contains, which tables stand in it, what is
granted of what is wished."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.browser.aria_snapshot import nodes
from validators.domain.journeys.aria import (
    AriaKey,
    AriaNode,
    aria_key,
    options,
    rows,
    tables,
    tree_matches,
)
from validators.language.reader import read

SNAPSHOT = """\
- heading "Walks" [level=1]
- navigation "Main":
  - list:
    - listitem:
      - link "Home":
        - /url: /
    - listitem:
      - 'link "All: walks"':
        - /url: "/walks"
- table "Walks":
  - rowgroup:
    - row "Day ▼ Menu Walk":
      - columnheader "Day ▼ Menu":
        - link "Day ▼":
          - /url: "?sort=day"
        - img "Menu"
      - columnheader "Walk"
  - rowgroup:
    - row "1 Seal watch new":
      - cell "1"
      - cell "Seal watch new":
        - text: Seal
        - strong: watch
        - img "new"
    - row "2":
      - cell "2"
      - cell
    - 'row "3 a: b"':
      - rowheader "3"
      - 'cell "a: b"'
- textbox "Size": "4"
- combobox "Walk":
  - option "Seal watch" [selected]
- checkbox "I can swim" [checked]
- text: plain words
"""


def test_a_snapshot_is_read_into_nodes() -> None:
    tree = nodes(SNAPSHOT)
    assert [node.role for node in tree] == [
        "heading",
        "navigation",
        "table",
        "textbox",
        "combobox",
        "checkbox",
        "text",
    ]
    assert tree[0] == AriaNode("heading", "Walks", states=(("level", "1"),))
    assert tree[1].children[0].children[1].children == (
        AriaNode("link", "All: walks"),
    )  # its /url is no element
    assert tree[3].text == "4"
    assert [one.name for one in options(tree)] == ["Seal watch"]
    assert tree[-1] == AriaNode("text", text="plain words")


DEEP = "\n".join(f"{'  ' * depth}- list:" for depth in range(1_500))


@pytest.mark.parametrize(
    "none",
    [
        "- - a",
        "- {a: b, c: d}",
        "- {}",
        "- a: [[b]]",
        "- [",
        "\x00",
        pytest.param(DEEP, id="a list in a list without end"),
    ],
)
def test_what_is_no_snapshot_is_refused(none) -> None:
    with pytest.raises(ValueError, match="no snapshot"):
        nodes(none)


def test_a_table_has_headers_by_every_name_and_rows_by_the_text_of_their_cells() -> None:
    (table,) = tables(nodes(SNAPSHOT))
    assert [header.names for header in table.headers] == [("Day ▼ Menu", "Day ▼", "Day"), ("Walk",)]
    assert table.rows == (("1", "Seal watch"), ("2", ""), ("3", "a: b"))
    assert [table.column(name) for name in ("Day", "Day ▼ Menu", "WALK", "Da", "Menu")] == [
        0,
        0,
        1,
        None,
        None,
    ]
    assert table.cells(1) == ("Seal watch", "", "a: b")
    assert rows(nodes(SNAPSHOT))[:2] == (("Day ▼", "Walk"), ("1", "Seal watch"))


@pytest.mark.parametrize(
    ("body", "headers", "states"),
    [
        ('- table:\n  - row:\n    - cell "a"\n    - cell "b"', 0, (("a", "b"),)),
        ('- table:\n  - row:\n    - columnheader "a"', 1, ()),
        (
            (
                '- table:\n  - row:\n    - columnheader "a"\n    - columnheader "b"\n  - row: [cell'
                ' "No rows"]'
            ),
            2,
            (("No rows",),),
        ),
        ('- grid:\n  - row:\n    - gridcell "x"', 0, (("x",),)),
    ],
)
def test_tables_of_other_shapes(body, headers, states) -> None:
    (table,) = tables(nodes(body))
    assert (len(table.headers), table.rows) == (headers, states)
    assert table.cells(1) == tuple(row[1] for row in states if len(row) > 1)
    assert table.cells(0) == tuple(
        row[0] for row in states if len(row) >= headers
    )  # "No rows" is in no column


def test_two_headers_of_one_name_are_none() -> None:
    (table,) = tables(nodes('- table:\n  - row:\n    - columnheader "a"\n    - columnheader "a"'))
    assert table.column("a") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("list", AriaKey("list", None, ())),
        ('link "Home"', AriaKey("link", "Home", ())),
        (r'link "say \"hi\""', AriaKey("link", 'say "hi"', ())),
        ('heading "A" [level=2]', AriaKey("heading", "A", (("level", "2"),))),
        ('checkbox "A" [checked] [disabled]', AriaKey("checkbox", "A", (("checked", "true"), ("disabled", "true")))),
        ("Link", None), ('link "a', None), ("link /a/", None), ("", None), ("link 'a'", None), (r'link "\q"', None),
    ],
)  # fmt: skip
def test_an_element_is_written_one_way(text, found) -> None:
    assert aria_key(text) == found


def matched(pattern: str) -> bool:
    journey = read(
        f"journey: j\npromise: issue\nsteps:\n  - open: /\nexpect:\n  - aria: {{has: {pattern}}}\n"
    )
    return tree_matches(
        nodes(SNAPSHOT), journey.expect[0].looks[0].patterns, lambda held: held.source
    )


@pytest.mark.parametrize(
    ("wish", "holds"),
    [
        ("[heading]", True),
        ('["heading \\"Walks\\" [level=1]"]', True),
        ('["heading \\"Walks\\" [level=2]"]', False),
        ('["heading \\"Walk\\""]', False),
        ("[link]", True),
        ('[heading, "checkbox [checked]"]', True),
        ('["checkbox [checked]", heading]', False),  # in this order
        ('[listitem: [link "Home"]]', True),
        ('[listitem: [link "Home", \'link "All: walks"\']]', False),  # not in one item
        ("[list: [listitem, listitem]]", True),
        ("[list: [listitem, listitem, listitem]]", False),
        ('["textbox \\"Size\\"": "4"]', True),
        ('["textbox \\"Size\\"": "5"]', False),
        ('["cell": "Seal watch"]', True),
        ("[text: plain words]", True),
        ("[text: plain]", False),
    ],
)
def test_a_pattern_matches_what_stands_in_one_place_and_order(wish, holds) -> None:
    assert matched(wish) is holds


leaf = st.builds(
    AriaNode, st.sampled_from(["link", "cell", "text"]), st.sampled_from(["", "a", "b"])
)
trees = st.recursive(
    leaf,
    lambda inside: st.builds(
        AriaNode,
        st.sampled_from(["row", "table", "list"]),
        children=st.lists(inside, max_size=4).map(tuple),
    ),
    max_leaves=12,
)


@given(st.lists(trees, max_size=3))
def test_every_tree_has_tables_rows_and_texts(roots) -> None:
    for table in tables(roots):
        assert all(len(table.cells(at)) <= len(table.rows) for at in range(4))
    assert all(isinstance(node.reads, str) for root in roots for node in root.within())
    assert tree_matches(roots, (), lambda held: held.source)


@given(st.text(max_size=200))
def test_any_text_is_a_snapshot_or_refused(text) -> None:
    try:
        found = nodes(text)
    except ValueError:
        return
    assert all(isinstance(node, AriaNode) for node in found)
