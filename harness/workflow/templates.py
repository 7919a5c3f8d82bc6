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
    used: dict[str, Place] = {}
    for template in _read_all(name, prompts).values():
        used = {**template.used, **used}
    return used


def included(name: str, prompts: Mapping[str, str]) -> tuple[str, ...]:
    """The template and every other that it includes, near and far. Raises ConfigError as
    `used_values` does."""
    return tuple(_read_all(name, prompts))


def _read_all(name: str, prompts: Mapping[str, str]) -> Mapping[str, _Template]:
    given = tuple(sorted(prompts.items()))
    seen: dict[str, _Template] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        seen[current] = read = _read(current, given)
        waiting += [other for other in read.includes if other not in seen]
    return seen


@dataclass(frozen=True, slots=True)
class _Template:
    """What one template holds by itself: the values that it takes from outside, and the templates
    that it includes."""

    used: Mapping[str, Place]
    includes: tuple[str, ...]


@lru_cache(maxsize=256)
def _read(name: str, prompts: tuple[tuple[str, str], ...]) -> _Template:
    """Every program that reads a policy asks this of every prompt, and parsing takes as long as
    rendering ten times: so each template is parsed once, and compiled where it is rendered."""
    from jinja2 import TemplateError, TemplateNotFound
    from jinja2.meta import find_referenced_templates, find_undeclared_variables
    from jinja2.nodes import Name

    try:
        if (text := dict(prompts).get(name)) is None:
            raise TemplateNotFound(name)
        parsed = _environment(prompts).parse(text)
        undeclared = find_undeclared_variables(parsed)
    except TemplateError as error:
        raise _refusal(error, name) from error
    lines: dict[str, int] = {}
    for found in parsed.find_all(Name):
        lines.setdefault(found.name, found.lineno)
    includes = tuple(find_referenced_templates(parsed))
    # A template chosen by a value could be chosen by a stranger's text.
    if None in includes:
        raise ConfigError("includes a template by a value; write its name", file=_file(name))
    return _Template(
        {value: Place(_file(name), lines[value]) for value in sorted(undeclared)},
        tuple(other for other in includes if other is not None),
    )


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
