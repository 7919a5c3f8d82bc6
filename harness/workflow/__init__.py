"""Workflows: YAML coordinates, code computes, agents advise. This room knows nodes; it has never
heard of an issue."""

from harness.workflow.document import nearest
from harness.workflow.drawing import drawn
from harness.workflow.executor import run
from harness.workflow.kinds import Declared, Role
from harness.workflow.node_executor import EngineExecutor, NodeCall, NodeExecutor
from harness.workflow.reader import Reading, examined, read_workflow
from harness.workflow.templates import included, rendered, used_values

__all__ = [
    "Declared",
    "EngineExecutor",
    "NodeCall",
    "NodeExecutor",
    "Reading",
    "Role",
    "drawn",
    "examined",
    "included",
    "nearest",
    "read_workflow",
    "rendered",
    "run",
    "used_values",
]
