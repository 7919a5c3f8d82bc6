"""The reference of `factory.toml`: the page for people and the JSON schema for editors, both made
from the types that read it (`python -m harness.factory.settings.reference FOLDER` writes them).

What a value means beyond its own key (a role's agent, a step's time, two equal names) only the
reader knows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

from harness.domain.budget import Caps, Price
from harness.domain.checks import RequiredCheck
from harness.domain.deployment import Environment
from harness.domain.model_choice.agents import AgentChoice
from harness.domain.model_choice.breaker import BreakerSettings
from harness.domain.model_choice.roles import FallbackChain, Tier
from harness.domain.plain import JsonDict
from harness.domain.sandbox import Service
from harness.domain.setting import KIND_WORDS, PAIRS, TEXTS, Setting, setting_of
from harness.factory.settings.app_config import App, Dependencies, Tests
from harness.factory.settings.config import (
    ForgeSettings,
    Persona,
    SandboxSettings,
    Seal,
)
from harness.factory.settings.limits_config import (
    ContextSettings,
    ErrorSettings,
    Judge,
    Limits,
    Triage,
)
from harness.factory.settings.merge_config import Merge
from harness.factory.settings.model_config import Models, Review
from harness.factory.settings.trust_config import TrustSettings
from harness.factory.settings.watch_config import Watch

SCHEMA_FILE = Path(__file__).with_name("factory.schema.json")
PAGE = "factory-toml.md"
MODEL, CHECK = "models.ROLE", "merge.required_checks"
CHECKS = tuple[RequiredCheck, ...]


class Form(StrEnum):
    """How a table stands in the file."""

    ONE = "[{}]"
    NAMED = "[{}.NAME]"
    LISTED = "[[{}]]"
    # A value of a key of another table, not a table by itself.
    INLINE = "{}"


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file, the type that its keys are read into, and a sentence about it."""

    name: str
    kind: type
    sentence: str
    form: Form = Form.ONE


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table. `default` is the value of the type; MISSING if there is none."""

    name: str
    kind: Any
    default: Any
    setting: Setting

    @property
    def required(self) -> bool:
        return self.setting.required or self.default is MISSING


TABLES = (
    Table("app", App, "How production starts the app, so that the judge starts it the same way."
          " Without `start` journeys run `commands` alone; without both nothing can be judged."),
    Table("dependencies", Dependencies, "What is installed beside the app: lock files, with"
          " hashes."),
    Table("tests", Tests, "The project's own tests."),
    Table("models", Models, "The models of each role: one, or a list of which a later one is used"
          " when those before it have failed. See [Roles](roles.md)."),
    Table(MODEL, Tier, "A model with settings, in place of its name.", Form.INLINE),
    Table("limits", Limits, "How often, how long, and how many at once."),
    Table("triage", Triage, "How many issues are triaged within 24 hours, and how long people have"
          " to answer. Rules with `applies: issue` may be stricter."),
    Table("budget", Caps, "What models may cost. At a cap of a call, a run or an issue the issue"
          " goes to a person; at one of a day or a month (UTC) the factory pauses."),
    Table("seal", Seal, "Whose signatures count."),
    Table("merge", Merge, "How a change lands, beside what the branch's own rules on the forge"
          " require."),
    Table("watch", Watch, "The journeys of landed work, performed on the default branch itself. No"
          " model is asked, until a fix run begins. See"
          " [After a landing](operator.md#before-and-after-a-landing)."),
    Table("trust", TrustSettings, "How long a landing is followed. What is trusted with what are"
          " rules. See [Trust](operator.md#trust)."),
    Table(CHECK, RequiredCheck, "A required check: any account may report one of any name, so it"
          " has an app.", Form.INLINE),
    Table("forge", ForgeSettings, "What is shown on the forge beside comments, labels and checks."),
    Table("personas", Persona, "A persona that explores what has passed. See"
          " [The seal](seal.md#personas).", Form.LISTED),
    Table("services", Service, "A service beside the app. It is started before the app, the"
          " project's tests and commands, and an implementer, fresh and in their own sandbox. See"
          " [Services](maintainer.md#services).", Form.LISTED),
    Table("sandbox", SandboxSettings, "What the sandboxes of the app, its tests, its commands and"
          " an implementer are made of. See"
          " [Root file systems](maintainer.md#root-file-systems)."),
    Table("review", Review, "Who reviews what would land, before the judge. Without a lens nobody"
          " does. See [Roles](roles.md#reviewers)."),
    Table("breaker", BreakerSettings, "When a model that fails is left alone for a while."),
    Table("prices", Price, "What a model costs, by its name, where the built-in list lacks it or"
          " is wrong. All keys are needed.", Form.NAMED),
    Table("agents", AgentChoice, "An agent by the name that models refer to. See"
          " [Roles](roles.md#agent-clis).", Form.NAMED),
    Table("context", ContextSettings, "What an implementer is shown of the repository; more after a"
          " failed attempt."),
    Table("judge", Judge, "How long the judge's browser waits on a quiet machine; a slower machine"
          " gets more. No time may be shorter than its default."),
    Table("errors", ErrorSettings, "What follows when the running app reports errors. See"
          " [Errors of the running app](operator.md#errors-of-the-running-app)."),
    Table("environments", Environment, "A place where what has landed runs. A release passes them"
          " in this order; the last one is production. Without one, nothing is deployed. See"
          " [Releases](operator.md#releases).", Form.LISTED),
)  # fmt: skip
FAMILIES = "The beginnings of model names, and the family of these models; see [Roles](roles.md)."
FAMILIES_EXAMPLE = 'claude = "anthropic"'
_SCHEMAS: dict[Any, JsonDict] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Decimal: {"type": "number"},
    bool: {"type": "boolean"},
    # Editors hand a day of TOML to the schema as a text.
    date: {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    TEXTS: {"type": "array", "items": {"type": "string"}},
    PAIRS: {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
    FallbackChain: {"$ref": "#/definitions/models"},
    CHECKS: {"type": "array", "items": {"$ref": "#/definitions/check"}, "uniqueItems": True},
}
_WORDS: dict[Any, str] = {
    **KIND_WORDS,
    date: "day",
    FallbackChain: "model, or list of models",
    CHECKS: "list of tables",
}


def keys_of(table: Table) -> tuple[Key, ...]:
    """The keys of a table, in the order of its type."""
    hints = get_type_hints(table.kind)
    return tuple(
        Key(one.name, _plain_type(hints[one.name]), _default(one), described)
        for one in fields(table.kind)
        if (described := setting_of(one)) is not None
    )


def reference_schema() -> JsonDict:
    """JSON schema, draft 7: the newest that TOML editors understand."""
    described = {one.name: one for one in TABLES}
    tables = {one.name: _placed(one) for one in TABLES if one.form is not Form.INLINE}
    tables["families"] = {
        "type": "object",
        "description": _words(FAMILIES),
        "additionalProperties": {"type": "string", "minLength": 1},
    }
    model = {"anyOf": [{"type": "string", "minLength": 1}, _object(described[MODEL])]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "factory.toml of lights-out-factory",
        "type": "object",
        "required": ["schema"],
        "additionalProperties": False,
        "properties": {
            "schema": {"const": 1, "description": "The version of this file's form."},
            **tables,
        },
        "definitions": {
            "models": {"anyOf": [*model["anyOf"], {"type": "array", "items": model}]},
            "check": _object(described[CHECK]),
        },
    }


def schema_text() -> str:
    """The file `factory.schema.json`, byte for byte."""
    return json.dumps(reference_schema(), indent=1, ensure_ascii=False) + "\n"


def page() -> str:
    """The page `docs/factory-toml.md`, byte for byte."""
    return "\n".join(_page_lines()) + "\n"


def example() -> str:
    """A `factory.toml` with the example of every key."""
    lines = ["schema = 1"]
    for table in TABLES:
        if table.form is not Form.INLINE:
            lines += ["", table.form.value.format(table.name).replace("NAME", "theirs")]
            lines += [f"{key.name} = {key.setting.example}" for key in keys_of(table)]
    return "\n".join([*lines, "", "[families]", FAMILIES_EXAMPLE, ""])


def _page_lines() -> Iterator[str]:
    yield from _HEAD
    for table in TABLES:
        title = table.form.value.format(table.name)
        yield from ("", f"## `{title}`", "", table.sentence, "")
        yield from ("| key | type | unit | default | example | |", "|---|---|---|---|---|---|")
        yield from (_row(key) for key in keys_of(table))
    yield from ("", "## `[families]`", "", FAMILIES, "", "```toml", "[families]")
    yield from (FAMILIES_EXAMPLE, "```")


_HEAD = (
    "# factory.toml",
    "",
    "The settings of a repository for its factory: `factory.toml` at its root, read at the base"
    " commit, never from a",
    "branch. It begins with `schema = 1`; every table and key may be left out, unless it is marked"
    " as needed. An unknown",
    "key is refused with the nearest known one. This page and the editors' schema are made from"
    " the types that read the",
    "file, by `make docs`.",
    "",
    "**In an editor** with Taplo (Even Better TOML in VS Code), keys are completed and checked:",
    "",
    "```sh",
    "factory init --schema > .factory.schema.json",
    "```",
    "",
    "and as the first line of `factory.toml`: `#:schema ./.factory.schema.json`.",
)


def _row(key: Key) -> str:
    described = key.setting
    kind = ", ".join(filter(None, (_words_of(key), _range(described))))
    default = "needed" if key.required else f"`{'{}' if key.kind == PAIRS else _toml(key.default)}`"
    sentence = described.sentence
    if described.choices:
        some = "Some" if key.kind == TEXTS else "One"
        sentence += f" {some} of {', '.join(f'`{one}`' for one in described.choices)}."
    cells = (f"`{key.name}`", kind, described.unit, default, f"`{described.example}`", sentence)
    return f"| {' | '.join(cells)} |"


def _range(bounds: Setting) -> str:
    least, most = (None if one is None else f"{one:,.10g}" for one in (bounds.least, bounds.most))
    if least and most:
        return f"{least} to {most}"
    return f"at least {least}" if least else ""


def _words_of(key: Key) -> str:
    return "text" if _is_choice(key.kind) else _WORDS[key.kind]


def _toml(value: Any) -> str:
    """A default as it would stand in the file."""
    match value:
        case bool() | str():
            return json.dumps(value)
        case Tier(model=model):
            return _toml(model)
        case tuple() if len(value) == 1 and isinstance(value[0], Tier):
            return _toml(value[0])
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return f"{value:g}" if isinstance(value, float) else str(value)


def _placed(table: Table) -> JsonDict:
    found = _object(table)
    match table.form:
        case Form.LISTED:
            return {"type": "array", "description": _words(table.sentence), "items": found}
        case Form.NAMED:
            return {
                "type": "object",
                "description": _words(table.sentence),
                "additionalProperties": found,
            }
        case _:
            return found


def _object(table: Table) -> JsonDict:
    keys = keys_of(table)
    needed = [key.name for key in keys if key.required]
    return {
        "type": "object",
        "description": _words(table.sentence),
        **({"required": needed} if needed else {}),
        "additionalProperties": False,
        "properties": {key.name: _schema_of(key) for key in keys},
    }


def _schema_of(key: Key) -> JsonDict:
    found = dict({"type": "string"} if _is_choice(key.kind) else _SCHEMAS[key.kind])
    described = key.setting
    if described.choices:
        choices = {"enum": list(described.choices)}
        if key.kind == TEXTS:
            found |= {"items": choices, "uniqueItems": True}
        else:
            found |= choices
    for word, bound in (("minimum", described.least), ("maximum", described.most)):
        if bound is not None:
            found[word] = bound
    unit = f" In {described.unit}." if described.unit else ""
    found["description"] = _words(described.sentence) + unit
    if not key.required:
        found["default"] = {} if key.kind == PAIRS else _json(key.default)
    # In draft 7 nothing beside `$ref` counts.
    return {"allOf": [{"$ref": found.pop("$ref")}], **found} if "$ref" in found else found


def _json(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == int(value) else float(value)
        case Tier(model=model):
            return model
        case tuple() if len(value) == 1 and isinstance(value[0], Tier):
            return value[0].model
        case tuple():
            return [_json(one) for one in value]
        case _:
            return value


def _words(text: str) -> str:
    """A sentence of the page for an editor, which shows no links."""
    words, _, rest = text.partition("[")
    return words + "".join(_unlinked(rest)) if rest else words


def _unlinked(rest: str) -> Iterator[str]:
    title, _, after = rest.partition("](")
    yield title
    yield after.partition(")")[2]


def _plain_type(kind: Any) -> Any:
    return int if kind == int | None else kind


def _is_choice(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _default(one: Field[Any]) -> Any:
    return one.default


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), "utf-8")
    (Path(sys.argv[1]) / PAGE).write_text(page(), "utf-8")
