"""`python tests/forge/api/openapi/trim.py api.github.com.json`: cut GitHub's OpenAPI description down
to what the forge serves.

The description is `generated/api.github.com.json` of the npm package `@octokit/openapi`. What is
kept are the operations of the routes that are registered, with every schema that they name, as JSON
Schema: `nullable` becomes a type, prose goes. Run it again when a route is added; until
then `test_openapi.py` fails."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from harness.programs.local_forge.api.routes import VIEWS

HERE = Path(__file__).parent
KEPT = HERE / "github.json"
# A folder's listing has an address of its own, without a path.
ALSO = {"/repos/{}/{}/contents": "/repos/{}/{}/contents/{}"}
PROSE = {
    "description",
    "example",
    "examples",
    "title",
    "externalDocs",
    "deprecated",
    "default",
    "summary",
}


def plain(path: str) -> str:
    """A route's template with its parameters unnamed: theirs and ours have other names for them."""
    found = re.sub(r"\{[^}]*\}", "{}", path)
    return ALSO.get(found, found)


def trimmed(document: dict[str, Any]) -> dict[str, Any]:
    """The operations of our routes and their schemas."""
    theirs = {plain(path): operations for path, operations in document["paths"].items()}
    operations: dict[str, Any] = {}
    for method, path, _ in VIEWS:
        operation = theirs.get(plain(path), {}).get(method.lower())
        if operation is None:
            raise SystemExit(
                f"GitHub has no {method} {path}: a route of ours that its clients cannot know"
            )
        operations[f"{method} {plain(path)}"] = _operation(operation, document)
    _mend(operations)
    schemas = _reached(operations, document["components"]["schemas"])
    return {"version": document["info"]["version"], "operations": operations, "schemas": schemas}


def _mend(operations: dict[str, Any]) -> None:
    """The list of installations has its own copy of their schema, whose account is a
    user *and* an enterprise at once."""
    one = operations["GET /app/installations/{}"]["responses"]["200"]
    operations["GET /app/installations"]["responses"]["200"] = {"type": "array", "items": one}


def _operation(operation: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    answers = {
        status: _resolved(answer, document) for status, answer in operation["responses"].items()
    }
    return {
        "request": _content(operation.get("requestBody", {})),
        "responses": {status: _content(answer) for status, answer in sorted(answers.items())},
    }


def _resolved(answer: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = answer.get("$ref", "").rpartition("/")[2]
    return document["components"]["responses"][name] if name else answer


def _content(holder: dict[str, Any]) -> Any:
    """The schema of a JSON body; None where there is no body."""
    kinds = holder.get("content", {})
    found = next(
        (kinds[kind] for kind in ("application/json", "application/scim+json") if kind in kinds),
        None,
    )
    return None if found is None or "schema" not in found else as_json_schema(found["schema"])


def as_json_schema(schema: Any) -> Any:
    """OpenAPI 3.0's dialect as JSON Schema. `oneOf` becomes `anyOf`: GitHub's
    alternatives overlap."""
    if isinstance(schema, list):
        return [as_json_schema(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: value for name, value in schema.items() if name not in PROSE}
    found = {
        name: value
        for name, value in found.items()
        if not name.startswith("x-") and name not in ("nullable", "readOnly")
    }
    made = {}
    for name, value in found.items():
        if name == "properties":
            made[name] = {key: as_json_schema(one) for key, one in value.items()}
        elif name == "$ref":
            made[name] = f"urn:github#/schemas/{value.rpartition('/')[2]}"
        elif name == "enum":
            made[name] = [*value, None] if schema.get("nullable") and None not in value else value
        else:
            made["anyOf" if name == "oneOf" else name] = as_json_schema(value)
    if schema.get("nullable"):
        return _or_null(made)
    return made


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _reached(operations: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = _named(operations)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = as_json_schema(schemas[name])
            waiting |= _named(found[name]) - found.keys()
    return dict(sorted(found.items()))


def _named(schema: Any) -> set[str]:
    return set(re.findall(r'"\$ref": "urn:github#/schemas/([^"]+)"', json.dumps(schema)))


if __name__ == "__main__":
    result = trimmed(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    KEPT.write_text(
        json.dumps(result, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8"
    )
    print(
        f"{KEPT.name}: {len(result['operations'])} operations, {len(result['schemas'])} schemas,"
        f" {KEPT.stat().st_size:,} bytes"
    )
