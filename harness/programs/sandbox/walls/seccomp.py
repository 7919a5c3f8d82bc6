"""System calls that no box needs and that no wall holds, refused by a filter in the kernel.

Keyrings come first: they are in no namespace, so a box would inherit the caller's session keyring
with every key in it (seen: a box read one). The rest widen the kernel's surface: programs, probes
and modules in the kernel, files by handle, other namespaces. A box without a browser makes no user
namespace of its own either; Chromium's sandbox must. Which calls, and when, is a table in `calls`;
this module writes the kernel's small language."""

import errno
import platform
import struct
from collections.abc import Iterable

from harness.programs.sandbox.walls.system_calls import Only

# struct sock_filter: code, lines to skip if true, if false, a number
Line = tuple[int, int, int, int]

# column of the table, AUDIT_ARCH
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# on x86_64 the same calls exist a second time from here on
X32 = 0x40000000

# classic BPF
LOAD, AND, EQUAL, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
# offsets in struct seccomp_data, little endian
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, ARGUMENT_SIZE = (0, 4, 16, 8)
ALLOW = 0x7FFF0000


def works_here() -> bool:
    """Whether the numbers of this machine's system calls are known."""
    return platform.machine() in MACHINES


def program(rules: Iterable[Only]) -> bytes:
    """The filter as the kernel reads it, an array of struct sock_filter. Call only where it
    `works_here`."""
    column, architecture = MACHINES[platform.machine()]
    absent: Line = (RETURN, 0, 0, 0x00050000 | errno.ENOSYS)
    lines: list[Line] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        absent,
        (LOAD, 0, 0, NUMBER),
    ]
    lines += [(AT_LEAST, 0, 1, X32), absent]
    for rule in rules:
        number = rule.numbers[column]
        if number is not None:
            decided = _decided(rule)
            lines += [(EQUAL, 0, len(decided), number), *decided]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _decided(rule: Only) -> list[Line]:
    """What happens to this call. It always ends with an answer: the number of the call is no longer
    loaded."""
    otherwise: Line = (RETURN, 0, 0, rule.otherwise.value)
    lines: list[Line] = []
    for argument, bits, values in rule.whens:
        lines += [(LOAD, 0, 0, FIRST_ARGUMENT + ARGUMENT_SIZE * argument), (AND, 0, 0, bits)]
        lines += [(EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
        lines.append(otherwise)
    return [*lines, (RETURN, 0, 0, ALLOW)] if rule.whens else [otherwise]
