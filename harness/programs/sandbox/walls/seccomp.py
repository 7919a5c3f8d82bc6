"""System calls that no sandbox needs and that no wall holds, refused by a filter in the kernel.

Keyrings come first: no namespace separates them, so a sandbox would inherit the caller's session
keyring with every key in it (once a sandbox read one). The rest widen the kernel's surface:
programs, probes and modules in the kernel, files by handle, other namespaces. A sandbox without a
browser makes no user namespace of its own either; Chromium's sandbox must. `system_calls` has the
table of calls; this module compiles it to classic BPF.
"""

import errno
import platform
import struct
from collections.abc import Iterable

from harness.programs.sandbox.walls.system_calls import Rule

# struct sock_filter: code, instructions to skip if true, if false, a number.
Instruction = tuple[int, int, int, int]

# The column of the table, and AUDIT_ARCH.
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# On x86_64 the same calls exist a second time from here on.
X32 = 0x40000000

# Classic BPF.
LOAD, AND, EQUAL, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
# Offsets in struct seccomp_data, little endian.
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, ARGUMENT_SIZE = (0, 4, 16, 8)
ALLOW = 0x7FFF0000


def works_here() -> bool:
    """Whether the system call numbers of this machine are in the table."""
    return platform.machine() in MACHINES


def program(rules: Iterable[Rule]) -> bytes:
    """The filter as the kernel reads it, an array of struct sock_filter. Only where it
    `works_here`."""
    column, architecture = MACHINES[platform.machine()]
    no_such_call: Instruction = (RETURN, 0, 0, 0x00050000 | errno.ENOSYS)
    instructions: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        no_such_call,
        (LOAD, 0, 0, NUMBER),
    ]
    instructions += [(AT_LEAST, 0, 1, X32), no_such_call]
    for rule in rules:
        number = rule.numbers[column]
        if number is not None:
            answer = _instructions(rule)
            instructions += [(EQUAL, 0, len(answer), number), *answer]
    instructions.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in instructions)


def _instructions(rule: Rule) -> list[Instruction]:
    """The instructions for this call. They always end with a return: the call's number is no longer
    loaded."""
    otherwise: Instruction = (RETURN, 0, 0, rule.otherwise.value)
    instructions: list[Instruction] = []
    for argument, bits, values in rule.conditions:
        instructions += [(LOAD, 0, 0, FIRST_ARGUMENT + ARGUMENT_SIZE * argument), (AND, 0, 0, bits)]
        instructions += [
            (EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)
        ]
        instructions.append(otherwise)
    return [*instructions, (RETURN, 0, 0, ALLOW)] if rule.conditions else [otherwise]
