from __future__ import annotations

import re

import pytest

from harness.workflow import Declared, drawn, read_workflow
from harness.workflow.drawing import FORMS, work_of
from harness.workflow.language import KINDS
from tests.workflow.documents import ASKED, GOOD, PROMPTS, one


def read(text: str):
    return read_workflow(text, file="w.yaml", known=Declared(PROMPTS))


def test_a_row_is_drawn_as_one() -> None:
    text = one(
        "id: b, run: [make, all], needs: [a], timeout: 90s, retry: {attempts: 3}",
        "  - {id: a, use: x.y, timeout: 2h}\n",
    )
    assert drawn(read(text), "text") == (
        "w\n"
        "\n"
        "  ● a  use x.y       at most 2h\n"
        "  │\n"
        "  ● b  run make all  up to 3 times · at most 90s\n"
    )


def test_who_needs_another_than_the_one_above_is_marked_with_it_and_when() -> None:
    text = one(
        'id: c, use: x.y, needs: [ask, b], when: ask.verdict == "in"',
        ASKED + "  - {id: b, use: x.y}\n",
    )
    assert '● c    use x.y       after ask, b · when ask.verdict == "in"' in drawn(
        read(text), "text"
    )


@pytest.mark.parametrize("form", FORMS)
def test_every_node_and_every_need_is_in_every_picture(form) -> None:
    workflow = read(GOOD["all of it"])
    picture = drawn(workflow, form)
    assert all(re.search(rf"\b{node.id}\b", picture) for node in workflow.nodes)
    assert {work_of(node).split(" ")[0] for node in workflow.nodes} == set(KINDS)
    if form != "text":
        assert picture.count("->") - picture.count("-->") * (form == "dot") == sum(
            len(node.needs) for node in workflow.nodes
        )


def test_the_words_of_a_document_stay_words() -> None:
    workflow = read(one("""id: end, run: [sh, -c, 'echo "<b>" # & `x` \\\\n']"""))
    mermaid, dot = drawn(workflow, "mermaid"), drawn(workflow, "dot")
    label = mermaid.splitlines()[4]
    assert label.startswith('  n_end["end<br>run sh -c echo #34;#60;b#62;#34; #35; #38; #96;x#96; ')
    assert label.count('"') == 2
    assert dot.splitlines()[2].startswith(
        '  "end" [label="end\\nrun sh -c echo \\"<b>\\" # & `x` \\\\'
    )
