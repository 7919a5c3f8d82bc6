from __future__ import annotations

from decimal import Decimal

import pytest

from harness.domain.errors import ConfigError
from harness.domain.workflow import (
    AgentNode,
    Allowance,
    ApproveNode,
    CallNode,
    Comparison,
    EachNode,
    FieldOf,
    GateNode,
    RetryPolicy,
    RunNode,
    Triggers,
    UseNode,
    ValidateNode,
    WaitNode,
    WhenEnded,
    WhenField,
    Workflow,
)
from harness.workflow import Declared, Role, examined, read_workflow
from tests.workflow.documents import (
    ASKED,
    FORM,
    GOOD,
    MEANING,
    PROMPTS,
    one,
)


def read(text: str, **known) -> Workflow:
    return read_workflow(text, file="workflows/w.yaml", known=Declared(PROMPTS, **known))


def refusal(text: str, **known) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text, **known)
    return caught.value


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_good_document_is_read(text) -> None:
    assert read(text).nodes


@pytest.mark.parametrize(
    ("text", "message"), [*FORM.values(), *MEANING.values()], ids=[*FORM, *MEANING]
)
def test_a_bad_document_is_refused_with_the_file_the_line_and_what_was_expected(
    text, message
) -> None:
    error = refusal(text)
    assert message in str(error)
    assert error.file == "workflows/w.yaml"
    assert 1 <= error.line <= text.count("\n") + 1


def test_every_word_of_the_language_arrives_as_a_value() -> None:
    workflow = read(GOOD["all of it"])
    assert (workflow.name, workflow.triggers) == (
        "nightly-sweep",
        Triggers("17 2 * * *", ("issue_opened",)),
    )
    a, ask, tests, build, policy, judge, person, last, rest, monday, other, many = workflow.nodes
    assert workflow.input is not None
    assert workflow.input["required"] == ["why"]
    assert a == UseNode(
        id="a", action="triage.intake", retry=RetryPolicy(3, 10.0, 1.5), timeout_seconds=90
    )
    assert isinstance(ask, AgentNode)
    assert (ask.role, ask.prompt, ask.tools) == ("judge", "triage.md.j2", ("run", "give_up"))
    assert ask.budget == Allowance(3, Decimal("0.25"))
    assert ask.output == {
        "type": "object",
        "required": ["verdict", "items"],
        "additionalProperties": False,
        "properties": {
            "verdict": {"enum": ["in", "out"]},
            "score": {"type": "number"},
            "items": {"type": "array"},
        },
    }
    assert isinstance(tests, RunNode)
    assert (tests.command, tests.env) == (
        "tests",
        {"WHY": FieldOf("ask", ("verdict",)), "LANG": "C"},
    )
    assert tests.when == WhenField(FieldOf("ask", ("verdict",)), Comparison.EQUAL, "in")
    assert isinstance(build, RunNode)
    assert (build.command, build.when) == (("make", "-C", "app", "all"), WhenEnded("a", True))
    assert policy == GateNode(id="law", checks=("size", "secrets"), needs=("tests",))
    assert judge == ValidateNode(
        id="judge", journeys="sealed", needs=("law",), budget=Allowance(None, Decimal(2))
    )
    assert build.files == ("docs/a.md",)
    assert build.output is not None
    assert build.output["required"] == ["head", "changed"]
    assert isinstance(person, ApproveNode)
    assert (person.permission, person.needs, person.when) == (
        "admin",
        ("judge", "build"),
        WhenEnded("judge", False),
    )
    assert (person.shows, person.expires_seconds, person.revises) == (
        FieldOf("build", ("head",)),
        72 * 3600,
        "build",
    )
    assert isinstance(last, UseNode)
    assert last.given == {"text": FieldOf("ask", ("verdict",)), "more": "words"}
    assert rest == WaitNode(id="rest", seconds=90 * 60)
    assert monday == WaitNode(id="monday", until="0 9 * * 1", needs=("rest",))
    assert isinstance(other, CallNode)
    assert (other.workflow, other.given) == ("tidy-up", {"why": FieldOf("input", ("why",))})
    assert isinstance(many, EachNode)
    assert (many.items, many.workflow, many.limit) == (FieldOf("ask", ("items",)), "tidy-up", 5)
    assert last.when == WhenField(FieldOf("ask", ("score",)), Comparison.AT_LEAST, 0.8)


def test_an_agent_is_its_own_role_and_prompt_and_has_no_tools_unless_given_some() -> None:
    node = read(one("id: a, agent: triage")).node("a")
    assert isinstance(node, AgentNode)
    assert (node.role, node.prompt, node.tools) == ("triage", "triage.md.j2", ())


def test_money_never_passes_through_a_float() -> None:
    node = read(one("id: a, agent: triage, budget: {usd: 0.1}")).node("a")
    assert isinstance(node, AgentNode)
    assert node.budget.usd == Decimal("0.1")


def test_nodes_are_put_after_what_they_need() -> None:
    assert [node.id for node in read(GOOD["later nodes first"]).nodes] == ["a", "b"]


def test_the_line_is_that_of_the_key_at_fault() -> None:
    error = refusal("name: w\nnodes:\n  - id: a\n    use: x.y\n\n    timeoutt: 5s\n")
    assert (error.line, error.key) == (6, "timeoutt")
    assert str(error) == "workflows/w.yaml:6: `timeoutt`: no such key; did you mean `timeout`?"


def test_names_are_checked_against_what_there_is_where_that_is_known() -> None:
    assert "did you mean `triage.intake`" in str(
        refusal(one("id: a, use: triage.intak"), actions=["triage.intake"])
    )
    assert "did you mean `size`" in str(
        refusal(one("id: a, gate: [size, sizee]"), checks=["size", "secrets"])
    )
    assert "known: tests" in str(refusal(one("id: a, run: deploy"), commands=["tests"]))


ROLES = {"triage": Role(tools=("ask",), shows=("issue",), offers=("others",)), "author": Role()}


@pytest.mark.parametrize(
    ("node", "prompt", "message"),
    [
        (
            "agent: triag, prompt: triage.md.j2",
            "{{ issue }}",
            "there is no role `triag`; did you mean `triage`?",
        ),
        ("agent: triage, role: autor", "{{ issue }}", "did you mean `author`"),
        ("agent: triage, tools: [ask, run]", "{{ issue }}", "there is no tool of `triage`: `run`"),
        (
            "agent: triage",
            "{{ issue }} {{ other }}",
            "`other`: `triage` is given no such value; did you mean `others`?",
        ),
        ("agent: triage", "{{ others }}", "never shows `{{ issue }}`"),
        ("agent: triage", "{% include 'more.j2' %}", "no such value"),
        ("agent: triage", "{% include issue %}", "includes a template by a value"),
    ],
)
def test_a_role_its_tools_and_what_its_prompt_uses_are_checked_against_what_it_is_given(
    node, prompt, message
) -> None:
    known = Declared({"triage.md.j2": prompt, "more.j2": "{{ issue }}\n{{ secret }}"}, roles=ROLES)
    with pytest.raises(ConfigError) as caught:
        read_workflow(one(f"id: a, {node}"), file="workflows/w.yaml", known=known)
    assert message in str(caught.value)


def test_a_prompt_may_use_what_its_role_is_given_and_what_it_makes_itself() -> None:
    prompt = (
        "{% for one in others %}{{ loop.index }} {{ one }}{% endfor %}{% set x = issue %}{{ x }}"
    )
    known = Declared({"triage.md.j2": prompt}, roles=ROLES)
    assert read_workflow(one("id: a, agent: triage"), file="w.yaml", known=known).nodes


def test_every_node_with_a_fault_is_named_and_the_first_is_the_one_that_is_raised() -> None:
    text = one(
        "id: a, use: x",
        "  - {id: b, gate: []}\n  - {id: c, use: x.y}\n  - {id: d, use: x.y, wen: 1}\n",
    )
    reading = examined(text, file="w.yaml", known=Declared({}))
    assert reading.workflow is None
    assert [fault.line for fault in reading.faults] == [3, 5, 6]
    assert str(refusal(text)).startswith("workflows/w.yaml:3")


def test_a_fault_that_somebody_else_found_is_placed_at_its_key_its_node_or_the_document() -> None:
    reading = examined(
        "name: w\nnodes:\n  - id: a\n    use: x.y\n", file="w.yaml", known=Declared({})
    )
    places = [
        reading.error("x", node="a", key="use"),
        reading.error("x", node="a", key="needs"),
        reading.error("x", key="name"),
        reading.error("x"),
    ]
    assert [(error.line, error.key) for error in places] == [
        (4, "use"),
        (3, "needs"),
        (1, "name"),
        (3, "nodes"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [1,\n",
        "a: b: c\n",
        "\x00",
        "%x\n",
        "name: w\n---\nname: v\n",
        "{" * 40,
        "[" * 1200 + "]" * 1200,
    ],
)
def test_what_is_no_single_yaml_document_is_refused_by_name(text) -> None:
    assert refusal(text).file == "workflows/w.yaml"


def test_a_template_that_cannot_be_read_is_found_before_anything_runs() -> None:
    with pytest.raises(ConfigError) as caught:
        read_workflow(
            one("id: a, agent: triage"), file="w.yaml", known=Declared({"triage.md.j2": "x\n{% if"})
        )
    assert (caught.value.file, caught.value.line) == ("workflows/prompts/triage.md.j2", 2)


def test_a_value_is_compared_as_it_was_written() -> None:
    node = read(one('id: b, use: x.y, needs: [ask], when: ask.note == "12:30 on"', ASKED)).node("b")
    assert node.when == WhenField(FieldOf("ask", ("note",)), Comparison.EQUAL, "12:30 on")
