"""`when:` — the outcome of a node, or one comparison with a field that the node's output declares.
Nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping

from harness.domain.plain import JsonObject
from harness.domain.workflow import Comparison, FieldOf, When, WhenEnded, WhenField
from harness.workflow.document import DocumentValue
from harness.workflow.language import WHEN
from harness.workflow.outputs import declared_field
from harness.workflow.values import among

FORM = '`node.succeeded`, `node.failed`, or a comparison like `node.field == "value"`'


def condition(
    value: DocumentValue, outputs: Mapping[str, JsonObject | None], *, needs: tuple[str, ...]
) -> When:
    """The condition in `value`. Raises ConfigError: it may speak only of a node that is needed."""
    match = WHEN.fullmatch(str(value.plain()))
    if match is None:
        raise value.error(f"expected {FORM}, found {value.shown}")
    node, path, comparison = match["node"], match["path"].split("."), match["comparison"]
    if node not in needs:
        raise value.error(f"speaks of `{node}`, which is not in this node's `needs`; add it there")
    if comparison is None:
        return WhenEnded(
            node, among(value, match["path"], ("succeeded", "failed"), "outcome") == "succeeded"
        )
    declared = declared_field(value, outputs[node], node=node, path=path)
    literal = json.loads(match["value"])
    # A comparison with a word that the field can never have would always be false, in silence.
    if isinstance(literal, str) and isinstance(choices := declared.get("enum"), list):
        among(value, literal, choices, f"choice for `{node}.{match['path']}`:")
    return WhenField(FieldOf(node, tuple(path)), Comparison(comparison), literal)
