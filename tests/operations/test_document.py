"""`home.json`: read whole, brought up from an older schema, refused from a newer one."""

import json
from dataclasses import replace

import pytest

from harness.domain.errors import ConfigError
from harness.domain.sandbox import Form
from harness.home.document import SCHEMA, HomeFile, read_home, write_home
from harness.operations.doctor.finding import Severity
from harness.operations.doctor.home_checks import home_file
from harness.programs.sandbox.forms import probed

DOCUMENT = HomeFile(
    owner="tidehouse",
    name="tidebook",
    forge="embedded",
    port=8300,
    number=1,
    token_file="keys/forge.token",
)
FIRST = {
    "schema": 1,
    "owner": "tidehouse",
    "name": "tidebook",
    "forge": "embedded",
    "port": 8300,
    "number": 1,
    "token_file": "keys/forge.token",
    "models": "replay",
    "replay": "recordings",
    "upstream": "https://api.anthropic.com",
}


def written(home, document):
    (home / "home.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return home


def test_what_was_written_is_read(tmp_path) -> None:
    write_home(tmp_path, DOCUMENT)
    assert read_home(tmp_path) == DOCUMENT
    assert [path.name for path in tmp_path.iterdir()] == ["home.json"]


def test_a_home_of_the_first_schema_is_brought_up_and_what_it_was_is_kept_beside_it(
    tmp_path,
) -> None:
    before = (written(tmp_path, FIRST) / "home.json").read_bytes()
    found = read_home(tmp_path)
    assert (found.owner, found.models, found.upstream, found.origin) == (
        "tidehouse",
        "replay",
        "",
        "",
    )
    assert json.loads((tmp_path / "home.json").read_text())["schema"] == SCHEMA
    assert (tmp_path / "home.json.schema-1").read_bytes() == before
    assert read_home(tmp_path) == found


def test_an_endpoint_that_an_older_home_names_stays(tmp_path) -> None:
    written(tmp_path, FIRST | {"upstream": "https://models.example.org"})
    assert read_home(tmp_path).upstream == "https://models.example.org"


@pytest.mark.parametrize("schema", [0, SCHEMA + 1, "1", True, None, 1.0])
def test_a_home_of_an_unknown_schema_is_refused_naming_both_and_left_as_it_is(
    tmp_path, schema
) -> None:
    before = (written(tmp_path, FIRST | {"schema": schema}) / "home.json").read_bytes()
    with pytest.raises(ConfigError) as refused:
        read_home(tmp_path)
    assert f"has schema {json.dumps(schema)}" in str(refused.value)
    assert f"reads schema {SCHEMA}" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert (tmp_path / "home.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_an_older_home_that_cannot_be_understood_is_left_as_it_is(tmp_path) -> None:
    before = (written(tmp_path, FIRST | {"prot": 1}) / "home.json").read_bytes()
    with pytest.raises(ConfigError, match="did you mean `port`"):
        read_home(tmp_path)
    assert (tmp_path / "home.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


NOW = {**FIRST, "schema": SCHEMA}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (NOW | {"upstrem": "x"}, "`upstrem`: no such key; did you mean `upstream`?"),
        (NOW | {"zzz": "x"}, "`zzz`: no such key; known here: owner, name"),
        (NOW | {"port": "8300"}, "`port`: expected a whole number, found '8300'"),
        (NOW | {"port": True}, "`port`: expected a whole number, found True"),
        (NOW | {"models": "lvie"}, "`models`: expected live or replay, found 'lvie'"),
        (
            NOW | {"box": "unsealed"},
            "`box`: expected auto or bwrap-root or bwrap-userns or landlock, found 'unsealed'",
        ),
        (
            NOW | {"other_box": "auto"},
            (
                "`other_box`: expected bwrap-root or bwrap-userns or landlock, or nothing, found"
                " 'auto'"
            ),
        ),
        (
            NOW | {"recordings_days": -1},
            "`recordings_days`: expected a number of days, or 0 to keep them for ever, found -1",
        ),
        (
            {key: value for key, value in NOW.items() if key != "owner"},
            "needs `owner`; put back the file",
        ),
        ([], "expected one JSON object; put back the file"),
        (
            "{",
            "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1);"
            " put back the file that the factory wrote, from a copy of the home",
        ),
    ],
    ids=[
        "misspelt",
        "unknown",
        "text-for-number",
        "flag-for-number",
        "mode",
        "box",
        "other box",
        "days",
        "missing",
        "list",
        "cut",
    ],
)
def test_a_document_that_cannot_be_obeyed_is_named(tmp_path, document, message) -> None:
    written(tmp_path, document)
    with pytest.raises(ConfigError) as refused:
        read_home(tmp_path)
    assert message in str(refused.value)
    assert str(tmp_path / "home.json") in str(refused.value)


def test_a_document_that_is_no_file_is_named(tmp_path) -> None:
    (tmp_path / "home.json").mkdir()
    with pytest.raises(ConfigError, match=r"Is a directory; it has to be a file"):
        read_home(tmp_path)


def test_where_there_is_none_the_next_move_is_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"there is no factory at .*FACTORY_HOME"):
        read_home(tmp_path)


@pytest.mark.parametrize("form", ["auto", *(form.value for form in Form if form.sealed)])
def test_a_form_of_sandbox_that_is_demanded_and_does_not_hold_here_is_a_failure_with_the_reason(
    tmp_path, form
) -> None:
    """Landlock is not for root, and a sandbox's own uid only for root: on no machine do all of
    them hold."""
    write_home(tmp_path, replace(DOCUMENT, sandbox=form))
    found = home_file(tmp_path)
    holds = form == "auto" or probed(Form(form)).works
    assert (found.level is Severity.OK) == holds
    assert (
        holds
        or f"demands sandboxes of the form {form}, which do not hold here: needs" in found.message
    )
