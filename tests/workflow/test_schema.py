from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.workflow.document import document
from harness.workflow.language import COMMON, KEYS, KINDS
from harness.workflow.schema import schema_text, workflow_schema
from tests.workflow.documents import FORM, GOOD, MEANING

WORKFLOWS = Path(__file__).parents[2] / "workflows"
SCHEMA = Draft202012Validator(workflow_schema())


def accepts(text: str) -> bool:
    return SCHEMA.is_valid(document(text, file="w.yaml").plain())


def test_the_file_that_editors_read_is_the_one_that_the_language_makes() -> None:
    expected = schema_text()
    found = (WORKFLOWS / "schema.json").read_text("utf-8")
    assert found == expected, "make docs"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(workflow_schema())


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_editors_accept_what_the_reader_accepts(text) -> None:
    assert accepts(text)


@pytest.mark.parametrize("text", [text for text, _ in FORM.values()], ids=FORM)
def test_editors_refuse_what_is_wrong_in_form(text) -> None:
    assert not accepts(text)


@pytest.mark.parametrize(
    "text",
    [text for name, (text, _) in MEANING.items() if name not in ("a key twice", "an alias")],
    ids=[name for name in MEANING if name not in ("a key twice", "an alias")],
)
def test_what_is_wrong_in_meaning_alone_only_the_reader_knows(text) -> None:
    assert accepts(text)


def test_every_key_belongs_to_some_kind_of_node() -> None:
    assert set(KEYS) == {*COMMON, *KINDS, *(key for own in KINDS.values() for key in own)}
