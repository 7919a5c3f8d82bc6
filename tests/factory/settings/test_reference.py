"""The reference of `factory.toml`: page, schema and reader know the same keys, defaults and
bounds."""

import json
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from harness.cli.main import cli
from harness.domain.errors import ConfigError
from harness.factory.settings.config import read_config
from harness.factory.settings.reference import (
    CHECK,
    MODEL,
    PAGE,
    SCHEMA_FILE,
    TABLES,
    Form,
    Key,
    Table,
    example,
    keys_of,
    page,
    reference_schema,
    schema_text,
)

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = Draft7Validator(reference_schema())
BY_NAME = {table.name: table for table in TABLES}
KEYS = tuple((table, key) for table in TABLES for key in keys_of(table))
IDS = [f"{table.name}.{key.name}" for table, key in KEYS]
BOUNDED = [(table, key) for table, key in KEYS if key.setting.least is not None]
CHOSEN = [(table, key) for table, key in KEYS if key.setting.choices]
NEEDED = [(table, key) for table, key in KEYS if key.required]


def named(pairs: list[tuple[Table, Key]]) -> list[str]:
    return [f"{table.name}.{key.name}" for table, key in pairs]


def document(table: Table, given: dict[str, str], *, without: str = "") -> str:
    """A file with these keys (as they stand in it) in one table, and what the table needs."""
    values = {key.name: key.setting.example for key in keys_of(table) if key.required} | given
    values.pop(without, None)
    inline = f"{{ {', '.join(f'{name} = {value}' for name, value in values.items())} }}"
    lines = "\n".join(f"{name} = {value}" for name, value in values.items())
    match table.name:
        case name if name == MODEL:
            agents = '[agents.theirs]\nkind = "built-in"\n'
            return f"schema = 1\n[models]\nimplementer = {inline}\n{agents}"
        case name if name == CHECK:
            return f"schema = 1\n[merge]\nrequired_checks = [{inline}]\n"
        case "judge":  # a step takes at most a sixth of a journey
            return f"schema = 1\n[limits]\njourney_seconds = 6000\n[judge]\n{lines}\n"
    head = table.form.value.format(table.name).replace("NAME", "theirs")
    return f"schema = 1\n{head}\n{lines}\n"


def reader_takes(text: str) -> bool:
    try:
        read_config(text)
    except ConfigError:
        return False
    return True


def editor_takes(text: str) -> bool:
    return SCHEMA.is_valid(shown(tomllib.loads(text)))


def shown(value: Any) -> Any:
    """A document as an editor hands it to a schema: days are texts."""
    if isinstance(value, dict):
        return {key: shown(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shown(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def test_page_and_schema_are_the_ones_that_the_types_make() -> None:
    assert (ROOT / "docs" / PAGE).read_text("utf-8") == page(), "make docs"
    assert SCHEMA_FILE.read_text("utf-8") == schema_text(), "make docs"
    Draft7Validator.check_schema(reference_schema())


def test_the_schema_is_printed_for_an_editor() -> None:
    done = CliRunner().invoke(cli, ["init", "--schema"], standalone_mode=False)
    assert (done.exit_code, done.output) == (0, schema_text())


@pytest.mark.parametrize("table", TABLES, ids=BY_NAME)
def test_the_reader_takes_exactly_the_keys_of_the_reference(table: Table) -> None:
    """The reader names what it knows when it is given something else."""
    with pytest.raises(ConfigError) as refused:
        read_config(document(table, {"zzzzzzzzzz": "1"}))
    words = refused.value.message
    known = words.partition("known here: ")[2] or words.partition("expected exactly ")[2]
    assert set(known.split(", ")) == {key.name for key in keys_of(table)}
    assert not editor_takes(document(table, {"zzzzzzzzzz": "1"}))


def test_the_reader_takes_exactly_the_tables_of_the_reference() -> None:
    with pytest.raises(ConfigError) as refused:
        read_config("schema = 1\n[zzzzzzzzzz]\n")
    known = set(refused.value.message.partition("known here: ")[2].split(", "))
    assert known == {one.name for one in TABLES if one.form is not Form.INLINE} | {"families"}
    assert known | {"schema"} == set(reference_schema()["properties"])
    assert not editor_takes("schema = 1\n[zzzzzzzzzz]\n")


@pytest.mark.parametrize("table", [one for one in TABLES if one.form is Form.ONE])
def test_the_defaults_are_those_of_a_file_that_says_nothing(table: Table) -> None:
    config = read_config("schema = 1\n")
    found = config.caps if table.name == "budget" else getattr(config, table.name)
    assert {key.name: getattr(found, key.name) for key in keys_of(table)} == {
        key.name: key.default for key in keys_of(table)
    }
    written = reference_schema()["properties"][table.name]["properties"]
    again = read_config(document(table, dict(as_toml(written))))
    assert (again.caps if table.name == "budget" else getattr(again, table.name)) == found


def as_toml(written: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every default that the schema shows an editor, as it would stand in the file."""
    for name, one in written.items():
        # JSON's texts, numbers, lists and empty objects are TOML's, too.
        yield name, json.dumps(one["default"])


@pytest.mark.parametrize(("table", "key"), KEYS, ids=IDS)
def test_the_example_of_a_key_is_taken_and_is_not_its_default(table: Table, key: Key) -> None:
    text = document(table, {key.name: key.setting.example})
    read_config(text)
    assert editor_takes(text), list(SCHEMA.iter_errors(shown(tomllib.loads(text))))
    if not key.required:
        assert tomllib.loads(f"x = {key.setting.example}")["x"] != key.default
    assert key.setting.sentence.endswith(".")


def test_all_examples_together_are_a_file() -> None:
    read_config(example())
    assert editor_takes(example())


@pytest.mark.parametrize(("table", "key"), KEYS, ids=IDS)
def test_a_value_of_another_type_is_refused_by_reader_and_editor(table: Table, key: Key) -> None:
    is_text = isinstance(tomllib.loads(f"x = {key.setting.example}")["x"], str)
    for wrong in ("3" if is_text else '"three"', "[[1]]"):
        text = document(table, {key.name: wrong})
        # A model is a name as well as a list of tables.
        if key.kind != keys_of(BY_NAME["models"])[0].kind or wrong == "[[1]]":
            assert (reader_takes(text), editor_takes(text)) == (False, False), text


@pytest.mark.parametrize(("table", "key"), BOUNDED, ids=named(BOUNDED))
def test_reader_and_editor_have_the_same_bounds(table: Table, key: Key) -> None:
    least, most = key.setting.least, key.setting.most
    assert least is not None
    inside = [least] if most is None else [least, most]
    outside = [least - 1] if most is None else [least - 1, most + 1]
    for value, taken in [*((one, True) for one in inside), *((one, False) for one in outside)]:
        text = document(table, {key.name: f"{value:.10g}"})
        assert (reader_takes(text), editor_takes(text)) == (taken, taken), text


@pytest.mark.parametrize(("table", "key"), CHOSEN, ids=named(CHOSEN))
def test_reader_and_editor_take_the_same_words(table: Table, key: Key) -> None:
    is_list = key.setting.example.startswith("[")
    for word, taken in (*((one, True) for one in key.setting.choices), ("nobody-knows", False)):
        value = f'["{word}"]' if is_list else f'"{word}"'
        text = document(table, {key.name: value})
        assert (reader_takes(text), editor_takes(text)) == (taken, taken), text


@pytest.mark.parametrize(("table", "key"), NEEDED, ids=named(NEEDED))
def test_what_is_needed_is_needed_by_reader_and_editor(table: Table, key: Key) -> None:
    text = document(table, {}, without=key.name)
    assert (reader_takes(text), editor_takes(text)) == (False, False), text


def test_editors_take_every_factory_toml_of_this_repository() -> None:
    found = sorted((ROOT / "examples").rglob("factory.toml"))
    assert found
    for file in found:
        text = file.read_text("utf-8")
        assert editor_takes(text), (file, list(SCHEMA.iter_errors(shown(tomllib.loads(text)))))
