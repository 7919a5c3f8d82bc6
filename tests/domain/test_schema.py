"""A model's answer has every property that it must have, and none that nobody named."""

import pytest
from jsonschema import Draft202012Validator

from harness.domain.schema import closed_object


@pytest.mark.parametrize(
    ("answer", "is_valid"),
    [
        ({"says": "x"}, True),
        ({"says": "x", "lessons": []}, True),
        ({"lessons": []}, False),
        ({"says": 1}, False),
        ({"says": "x", "lessons": {}}, False),
        ({"says": "x", "more": 1}, False),
        ([], False),
    ],
)
def test_what_is_not_named_is_refused_and_what_must_be_there_is_asked_for(answer, is_valid) -> None:
    schema = closed_object({"says": {"type": "string"}}, may={"lessons": {"type": "array"}})
    assert Draft202012Validator(schema).is_valid(answer) is is_valid
