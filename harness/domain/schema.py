"""The JSON schemas of what a model answers."""

from harness.domain.plain import JsonDict, JsonObject


def closed_object(properties: JsonObject, *, may: JsonObject | None = None) -> JsonDict:
    """The schema of an object that has these properties, perhaps those of `may`, and no others."""
    return {
        "type": "object",
        "properties": {**properties, **(may or {})},
        "required": list(properties),
        "additionalProperties": False,
    }
