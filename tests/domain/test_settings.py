"""What a key of `factory.toml` means is kept with its field, each part in its place."""

from dataclasses import dataclass, field, fields

from harness.domain.budget import MOST_USD, _column
from harness.domain.setting import (
    Setting,
    expected_words,
    missing_words,
    required,
    setting,
    setting_of,
)

WHOLE = {"example": "3", "unit": "pieces", "least": 1, "most": 9}


def test_a_setting_keeps_its_sentence_its_example_its_bounds_and_its_default() -> None:
    @dataclass
    class Table:
        key: int = setting(2, "How many.", **WHOLE, choices=("a",), required=True)
        short: str = setting("x", "Which.", example="y")
        none: int = 0

    key, short, none = map(setting_of, fields(Table))
    assert key == Setting("How many.", "3", "pieces", 1, 9, ("a",), required=True)
    assert short == Setting("Which.", "y", "", None, None, (), required=False)
    assert none is None
    assert (Table().key, Table().short) == (2, "x")


def test_what_is_required_has_no_default() -> None:
    [one] = required("How many.", **WHOLE).values()
    assert one == Setting("How many.", "3", "pieces", 1, 9, required=True)
    [short] = required("Which.", example="y").values()
    assert short == Setting("Which.", "y", required=True)
    [price] = _column("Of what is sent.", "0.4").values()
    unit = "US dollars per million tokens"
    assert price == Setting("Of what is sent.", "0.4", unit, 0, MOST_USD, required=True)


def test_a_message_names_what_is_expected_and_what_is_missing() -> None:
    @dataclass
    class Table:
        first: int
        second: bool
        third: str
        usual: int = 1
        made: list[str] = field(default_factory=list)

    assert (expected_words(int), expected_words(bool)) == ("a whole number", "true or false")
    assert missing_words(Table, ()) == "needs `first`, `second` and `third`"
    assert missing_words(Table, ("first", "usual")) == "needs `second` and `third`"
    assert missing_words(Table, ("first", "second")) == "needs `third`"
    assert missing_words(Table, ("first", "second", "third")) == ""
