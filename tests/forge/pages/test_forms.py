"""Issue forms as documents: what is read of them, what is wrong with them, and the
Markdown that their answers make."""

import pytest
import yaml

from harness.domain.governance import ScopeEntry, ScopeKind, Source
from harness.governance.export.forms import issue_forms
from harness.programs.local_forge.pages.answers import answered, at_first
from harness.programs.local_forge.pages.forms import (
    Checkboxes,
    Dropdown,
    FormField,
    Input,
    Malformed,
    Prose,
    TextArea,
    form_from,
)
from tests.forge.pages.reading import FORM


def form(text=FORM):
    return form_from("bug.yml", yaml.safe_load(text))


def posted(**given):
    return lambda name: tuple(given.get(name.removeprefix("answer-").replace("-", "_"), ()))


def test_a_form_is_read_as_github_reads_it() -> None:
    read = form()
    assert (read.name, read.title, read.labels) == ("A bug", "[Bug] ", ("kind:bug", "2"))
    assert [type(one) for one in read.elements] == [
        Prose,
        Input,
        TextArea,
        TextArea,
        Dropdown,
        Dropdown,
        Checkboxes,
    ]
    assert (read.elements[1].required, read.elements[1].placeholder) == (True, "1.2")
    assert read.elements[2].id == "field-2"
    assert [tick.required for tick in read.elements[6].ticks] == [True, False]


def test_the_answers_make_the_markdown_that_github_makes() -> None:
    result = answered(
        form(),
        posted(
            version=["1.2\r\n3"],
            field_2=["One\n\ntwo "],
            log=["a ``` b"],
            where=["Phone"],
            with_=[],
            terms=["0"],
        ),
    )
    assert result.wrong == {}
    assert (
        result.body
        == "### Version\n\n1.2 3\n\n### What happened?\n\nOne\n\ntwo\n\n### Log\n\n````shell\na ```"
        " b\n````\n\n### Where\n\nPhone\n\n### With\n\n_No response_\n\n### Before\n\n- [x]"
        " Looked\n- [ ] Can help"
    )


def test_several_choices_are_written_in_the_forms_own_order() -> None:
    result = answered(form(), lambda name: ("Safari", "Firefox") if name == "answer-with" else ())
    assert "### With\n\nFirefox, Safari" in result.body


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"terms": ["0"]}, {"version": "Write an answer."}),
        ({"version": [" "], "terms": ["0"]}, {"version": "Write an answer."}),
        ({"version": ["1"]}, {"terms": "Tick “Looked” to file this."}),
        ({"version": ["1"], "terms": ["1"]}, {"terms": "Tick “Looked” to file this."}),
        ({"version": ["1"], "terms": ["7", "0"]}, {}),
    ],
)
def test_what_is_required_is_asked_for_by_name(given, wrong) -> None:
    assert answered(form(), posted(**given)).wrong == wrong


def test_a_choice_that_was_never_offered_is_no_answer() -> None:
    result = answered(form(), posted(where=["<script>", "Desk"], version=["1"], terms=["0"]))
    assert result.values["where"] == ("Desk",)
    assert "script" not in result.body


def test_a_form_begins_with_its_defaults_or_with_what_its_link_asked_for() -> None:
    assert at_first(form(), lambda name: ())["where"] == ("Desk",)
    assert at_first(form(), lambda name: ())["field-2"] == ("It broke",)
    assert at_first(form(), lambda name: ("Phone",) if name == "where" else ())["where"] == (
        "Phone",
    )


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("[]", "the document must be a mapping"),
        ("name: x", "body must be a list"),
        ("body: []", "body asks nothing"),
        ("name: x\nbody: [{type: markdown, attributes: {value: v}}]", "body asks nothing"),
        ("body: [{type: input, attributes: {label: L}}]", "name is missing"),
        (
            "name: x\nbody: [{type: input, attributes: {}}]",
            r"body\[0\].attributes.label is missing",
        ),
        (
            "name: x\nbody: [{type: input, attributes: {label: yes}}]",
            r"body\[0\].attributes.label must be text; put it in quotes",
        ),
        (
            "name: x\nbody: [{type: button, attributes: {label: L}}]",
            r"body\[0\].type must be markdown, input",
        ),
        (
            "name: x\nbody: [{type: input, id: '<b>', attributes: {label: L}}]",
            r"body\[0\].id must be letters",
        ),
        (
            (
                "name: x\nbody: [{type: input, id: a, attributes: {label: L}}, {type: input, id: a,"
                " attributes: {label: M}}]"
            ),
            "id a is",
        ),
        (
            "name: x\nbody: [{type: dropdown, attributes: {label: L, options: [no]}}]",
            r"options\[0\] must be text",
        ),
        (
            "name: x\nbody: [{type: dropdown, attributes: {label: L, options: [a, a]}}]",
            "each different",
        ),
        (
            "name: x\nbody: [{type: dropdown, attributes: {label: L, options: [a], default: 1}}]",
            "from 0 to 0",
        ),
        (
            "name: x\nbody: [{type: checkboxes, attributes: {label: L, options: []}}]",
            "at least one checkbox",
        ),
        (
            (
                "name: x\nbody: [{type: input, attributes: {label: L}, validations: {required:"
                " 'yes'}}]"
            ),
            "must be true or false",
        ),
        (
            "name: x\nbody: " + "[" + "{type: input, attributes: {label: L}}," * 51 + "]",
            "a list of at most 50",
        ),
    ],
)
def test_a_form_that_is_wrong_is_named_by_its_key(text, result) -> None:
    with pytest.raises(Malformed, match=result):
        form(text)


def test_the_forms_that_the_rules_export_are_forms_here() -> None:
    left_out = ScopeEntry(
        "M-NOPAY",
        "Payments",
        ScopeKind.OUT,
        Source("mission.md", 3, 5),
        reply="No money passes here.",
    )
    made = [one for one in issue_forms([left_out]).files if not one.path.endswith("config.yml")]
    read = [form_from(one.path, yaml.safe_load(one.text)) for one in made]
    assert [one.name for one in read] == ["Something does not work", "Something is missing"]
    assert "**Payments.** No money passes here." in read[1].elements[0].text
    assert {
        one.required for form in read for one in form.elements if isinstance(one, FormField)
    } == {True}
