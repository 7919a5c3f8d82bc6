"""Journeys of a booking, from thorough to shallow, and the driver as its own program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from validators.performance.plan import PlannedRun, ready_line

STEPS = """
  - open: /
  - fill: {label: "Name", value: "{{ any.name }}"}
  - fill: {label: "Group size", value: "{{ any.int(5, 8) }}"}
  - click: {button: "Book"}
"""
LOOKS = """
  - text: {role: status, equals: "Booked for {{ filled.group_size }}"}
  - row: {cells: ["{{ filled.name }}", "{{ filled.group_size }}"], in: {table: "Bookings"}, times: 1}
"""
KEPT = "  - after_reload: same\n  - other_session: same\n"
NEVER = 'never: [{http_status: ">=500"}, {console: error}, {text: "Traceback"}]\n'
WRONG_VALUE = 'twin:\n  expect:\n    - text: {role: status, equals: "Booked for 0"}\n'
WRONG_INPUT = """twin:
  steps:
    - open: /
    - fill: {label: "Name", value: "{{ any.name }}"}
    - fill: {label: "Group size", value: "9"}
    - click: {button: "Book"}
  expect:
    - row: {cells: ["{{ filled.name }}", "9"], in: {table: "Bookings"}}
"""
WALKS = """expect:
  - row: {cells: [%s], in: {table: "Walks"}, times: 1}
twin: {expect: [{row: {cells: [Atlantis], in: {table: "Walks"}}}]}
"""
GLANCING = 'promise: issue\nsteps: [{open: "/?place=Oslo"}]\n' + WALKS % "Oslo"
FINDING = (
    """promise: issue
steps:
  - open: /
  - fill: {label: "Place", value: "{{ any.choice(Bergen|Molde) }}"}
  - click: {button: "Find"}
"""
    + WALKS % '"{{ filled.place }}"'
)
THOROUGH = f"promise: M-BOOK\nsteps:{STEPS}expect:{LOOKS}{KEPT}{NEVER}{WRONG_VALUE}"
REFUSING = f"promise: M-BOOK\nsteps:{STEPS}expect:{LOOKS}{KEPT}{NEVER}{WRONG_INPUT}"
SHALLOW = f"promise: M-BOOK\nsteps:{STEPS}expect:{LOOKS}{NEVER}{WRONG_VALUE}"


def driver(
    plan: str, out: Path, runs: Iterable[PlannedRun] = ()
) -> subprocess.CompletedProcess[str]:
    """The driver's end, after the launcher reported that the apps of these runs answer."""
    ready = "".join(ready_line(run.port) for run in runs)
    command = [sys.executable, "-m", "validators.driver", str(out)]
    return subprocess.run(
        command, input=f"{plan}\n{ready}", capture_output=True, text=True, timeout=900, check=False
    )
