"""Renders prompts: sandboxed Jinja in which every name must be known, over given texts and nothing
on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject

if TYPE_CHECKING:
    from jinja2 import Environment


def rendered(name: str, values: JsonObject, *, prompts: Mapping[str, str]) -> str:
    """The template with `values` in it. A value is never read as a template.

    Raises ConfigError with file and line where the template is missing, wrong, or uses a name that
    has no value."""
    from jinja2 import TemplateError

    environment = _environment(tuple(sorted(prompts.items())))
    try:
        return environment.get_template(name).render(values)
    except TemplateError as error:
        raise _refusal(error, name) from error


@dataclass(frozen=True, slots=True)
class Place:
    """Where a template uses a value first."""

    file: str
    line: int


def used_values(name: str, prompts: Mapping[str, str]) -> Mapping[str, Place]:
    """The values that the template, and every other that it includes, takes from outside, with
    where it uses each.

    Raises ConfigError, with file and line, where one of them is missing or cannot be read."""
    return _used_values(name, tuple(sorted(prompts.items())))


@lru_cache(maxsize=64)
def _used_values(name: str, prompts: tuple[tuple[str, str], ...]) -> Mapping[str, Place]:
    """Each round of each issue asks, and parsing takes as long as rendering ten times."""
    used: dict[str, Place] = {}
    for template in included(name, texts := dict(prompts)):
        used = {**_used(template, texts), **used}
    return used


def included(name: str, prompts: Mapping[str, str]) -> tuple[str, ...]:
    """The template and every other that it includes, near and far. Raises ConfigError as
    `used_values` does."""
    from jinja2 import TemplateError
    from jinja2.meta import find_referenced_templates

    environment = _environment(tuple(sorted(prompts.items())))
    seen: dict[str, None] = {}
    waiting = [name]
    while waiting:
        seen[current := waiting.pop()] = None
        try:
            environment.get_template(current)
            named = tuple(find_referenced_templates(environment.parse(prompts[current])))
        except TemplateError as error:
            raise _refusal(error, current) from error
        # A template chosen by a value could be chosen by a stranger's text.
        if None in named:
            raise ConfigError("includes a template by a value; write its name", file=_file(current))
        waiting += [other for other in named if other is not None and other not in seen]
    return tuple(seen)


def _used(name: str, prompts: Mapping[str, str]) -> Mapping[str, Place]:
    from jinja2.meta import find_undeclared_variables
    from jinja2.nodes import Name

    parsed = _environment(tuple(sorted(prompts.items()))).parse(prompts[name])
    lines: dict[str, int] = {}
    for found in parsed.find_all(Name):
        lines.setdefault(found.name, found.lineno)
    return {
        value: Place(_file(name), lines[value])
        for value in sorted(find_undeclared_variables(parsed))
    }


def _file(name: str) -> str:
    return f"workflows/prompts/{name}"


@lru_cache(maxsize=8)
def _environment(prompts: tuple[tuple[str, str], ...]) -> Environment:
    from jinja2 import DictLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        loader=DictLoader(dict(prompts)),
        # a name without a value is a mistake in the prompt, and not an empty text
        undefined=StrictUndefined,
        # a prompt is text for a model, not a page
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _refusal(error: Exception, name: str) -> ConfigError:
    from jinja2 import TemplateNotFound, TemplateSyntaxError

    if isinstance(error, TemplateNotFound):
        return ConfigError(f"there is no template `{error.name}`", file=_file(name))
    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line_in(error, name)
    return ConfigError(str(error), file=_file(name), line=line)


def _line_in(error: Exception, name: str) -> int | None:
    """Jinja rewrites tracebacks to template lines; the innermost frame of a template is the
    place."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in (name, "<template>"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
