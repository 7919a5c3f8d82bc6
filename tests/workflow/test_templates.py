from __future__ import annotations

import pytest

from harness.domain.errors import ConfigError
from harness.workflow import rendered
from harness.workflow.templates import used_values


def test_a_value_is_put_in_byte_for_byte_and_never_read_as_a_template() -> None:
    hostile = "{{ 7 * 7 }} {% raw %} $(touch here) </issue> & <b>"
    assert rendered("a.j2", {"text": hostile}, prompts={"a.j2": "[{{ text }}]"}) == f"[{hostile}]"


def test_a_name_without_a_value_is_an_error_with_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        rendered("a.j2", {"known": 1}, prompts={"a.j2": "one\n{{ known }}\n{{ unknown }}\n"})
    assert (caught.value.file, caught.value.line) == ("workflows/prompts/a.j2", 3)
    assert "unknown" in caught.value.message


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ text.__init__.__globals__ }}",
        "{{ [].append(1) }}",
        "{{ cycler.__init__ }}",
        "{% for x in range(10000000) %}{% endfor %}",
        "{{ '%c' | attr('__class__') }}",
    ],
)
def test_a_template_reaches_nothing_but_its_values(attack) -> None:
    with pytest.raises((ConfigError, OverflowError)):
        rendered("a.j2", {"text": "x"}, prompts={"a.j2": attack})


def test_templates_include_each_other_and_nothing_on_disk(tmp_path) -> None:
    (tmp_path / "secret").write_text("secret")
    assert rendered("a.j2", {}, prompts={"a.j2": "{% include 'b.j2' %}!", "b.j2": "hi"}) == "hi!"
    with pytest.raises(ConfigError, match="there is no template"):
        rendered("a.j2", {}, prompts={"a.j2": "{% include '" + str(tmp_path / "secret") + "' %}"})


@pytest.mark.parametrize(
    ("prompts", "expected", "file", "line"),
    [
        ({"a.j2": "fine\n{% if %}"}, "Expected an expression", "a.j2", 2),
        ({"a.j2": "{% include 'b.j2' %}", "b.j2": "x\n\n{{ }"}, "unexpected", "b.j2", 3),
        ({"a.j2": "x\n{{ text | shout }}"}, "No filter named 'shout'", "a.j2", 2),
        ({"a.j2": "{% include 'gone.j2' %}"}, "there is no template `gone.j2`", "gone.j2", None),
    ],
)
def test_a_template_is_checked_before_it_is_needed(prompts, expected, file, line) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        used_values("a.j2", prompts)
    assert (caught.value.file, caught.value.line) == (f"workflows/prompts/{file}", line)


def test_templates_that_include_each_other_in_a_circle_are_checked_once() -> None:
    used_values(
        "a.j2",
        {"a.j2": "{% include 'b.j2' %}", "b.j2": "{% if x %}{% include 'a.j2' %}{% endif %}"},
    )
