"""What a workflow of the project's own must not ask for is refused when it is read, with file, line
and what to write."""

import pytest

from harness.factory.settings.workflows import effective_workflows_in

GOOD = """name: nightly
on: {schedule: "30 3 * * *"}
nodes:
  - {id: look, run: [python, look.py]}
"""


def own(node: str, *, top: str = "") -> str:
    return f"name: nightly\n{top}nodes:\n  - {{id: look, run: [x], output: {{all: {{type: array}}}}}}\n  - {{{node}}}\n"


def faults(tmp_path, **documents: str) -> list[str]:
    folder = tmp_path / "workflows"
    folder.mkdir(exist_ok=True)
    for name, text in documents.items():
        (folder / f"{name}.yaml").write_text(text)
    return [str(fault) for fault in effective_workflows_in(tmp_path).faults]


REFUSED = {
    "a landing": (own("id: land, use: merge.land"), "nothing else judges or lands a change"),
    "a proposal past the rules": (own("id: go, use: implement.propose"), "for the four built-in"),
    "a gate": (own("id: law, gate: law"), "for the four built-in workflows"),
    "a model": (own("id: ask, agent: triage"), "there is no template `triage.md.j2`"),
    "a judgement": (own("id: judge, validate: sealed"), "for the four built-in workflows"),
    "an effect that is none": (own("id: x, use: issue.close"), "there is no effect"),
    "an effect without a grant": (
        own("id: x, use: issue.file, with: {title: a, text: b}"),
        "workflows/nightly.yaml:4: `use`: no rule grants `issue.file` to `nightly`",
    ),
    "an effect without its text": (own("id: x, use: issue.file, with: {title: a}"), "title, text"),
    "an effect tried again": (
        own("id: x, use: issue.file, with: {title: a, text: b}, retry: {attempts: 2}"),
        "happens once",
    ),
    "a notice with a command's words": (
        "name: nightly\nnodes:\n  - {id: look, run: [x], output: {a: {type: string}}}\n"
        "  - {id: x, use: notice.send, needs: [look], with: {text: {from: look.a}}}\n",
        "from this document alone",
    ),
    "a call of one of the four": (own("id: x, call: merge"), "no workflow of your own `merge`"),
    "a call of nobody": (own("id: x, call: nightlyy"), "did you mean `nightly`"),
    "a call of itself": (own("id: x, call: nightly"), "calls lead back: nightly → nightly"),
    "a fan-out of itself": (
        own("id: x, each: look.all, do: nightly, limit: 2, needs: [look]"),
        "calls lead back",
    ),
    "a wait of months": (own("id: x, wait: 721h"), "more than 720h"),
    "a question for months": (
        own("id: x, approve: write, shows: a, expires: 721h"),
        "more than 720h",
    ),
    "a question that sends itself back": (
        own("id: x, approve: write, shows: a, expires: 1h, revises: x"),
        "does not follow",
    ),
    "a question that sends back what it does not follow": (
        own("id: x, approve: write, shows: a, expires: 1h, revises: look"),
        "does not follow",
    ),
    "a schedule with an input": (
        own("id: x, run: [y]", top='on: {schedule: "1 1 * * *"}\ninput: {a: {type: string}}\n'),
        "gives no `input`",
    ),
    "an event": (own("id: x, run: [y]", top="on: {event: [issue_opened]}\n"), "start by an event"),
    "another name": (GOOD.replace("name: nightly", "name: daily"), "calls itself `daily`"),
    "what is no workflow": ("a: 1\n", "no such key"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_when_it_is_read(tmp_path, text, message) -> None:
    (tmp_path / "workflows").mkdir()
    # The folder is the factory's by another file, so that nothing in it is overlooked.
    found = faults(tmp_path, nightly=text, other=GOOD.replace("nightly", "other"))
    assert any(message in one for one in found), found
    assert all(one.startswith("workflows/nightly.yaml") for one in found)


def test_a_good_one_is_read_beside_the_four_built_in_ones(tmp_path) -> None:
    assert faults(tmp_path, nightly=GOOD) == []
    found = effective_workflows_in(tmp_path)
    assert set(found.own_workflows) == {"nightly"}
    assert set(found.workflows) == {"triage", "implement", "validate", "merge"}


def test_a_products_own_folder_of_this_name_is_left_alone(tmp_path) -> None:
    assert faults(tmp_path, deploy="steps: [a]\n", other="name: x\njobs: []\n") == []
    assert effective_workflows_in(tmp_path).own == ()


def test_calls_that_go_round_or_too_deep_are_refused(tmp_path) -> None:
    def calls(name: str, other: str) -> str:
        return f"name: {name}\nnodes:\n  - {{id: go, call: {other}}}\n"

    ring = faults(tmp_path, a=calls("a", "b"), b=calls("b", "c"), c=calls("c", "a"))
    assert "calls lead back: a → b → c → a" in ring[0]
    last = "name: e\nnodes:\n  - {id: x, run: [y]}\n"
    line = faults(tmp_path, c=calls("c", "d"), d=calls("d", "e"), e=last)
    assert line == [
        "workflows/a.yaml:3: `call`: more than 4 deep: a → b → c → d → e",
    ]


def test_an_input_is_checked_where_it_is_given(tmp_path) -> None:
    called = "name: part\ninput: {item: {type: string}}\nnodes:\n  - {id: x, run: [y]}\n"
    without = faults(tmp_path, part=called, nightly=own("id: go, call: part"))
    assert without == ["workflows/nightly.yaml:4: `call`: `part` needs `item`"]
    wrong = faults(tmp_path, nightly=own("id: go, call: part, with: {item: a, itm: b}"))
    assert "takes no `itm`; did you mean `item`" in wrong[0]


def test_an_effect_is_never_made_again_by_a_revision(tmp_path) -> None:
    text = """name: nightly
nodes:
  - {id: look, run: [x]}
  - {id: go, call: part, needs: [look]}
  - {id: ask, approve: write, shows: a, expires: 1h, revises: look, needs: [go]}
"""
    part = "name: part\nnodes:\n  - {id: x, run: [y]}\n"
    (fault,) = faults(tmp_path, nightly=text, part=part)
    assert "would have `go` made again; only commands can be" in fault
