"""System calls that no box needs and that no namespace holds, refused by a filter in the kernel.

Keyrings come first: they are in no namespace, so a box would inherit the caller's session keyring with every key in
it (seen: a box read one). The rest widen the kernel's surface: programs, probes and modules in the kernel, files by
handle, other namespaces. A box without a browser makes no user namespace of its own either; Chromium's sandbox must.
"""

import errno
import platform
import struct

# name: the number on x86_64, on aarch64
REFUSED = {
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "kexec_load": (246, 104), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "open_by_handle_at": (304, 265), "setns": (308, 268), "quotactl": (179, 60), "acct": (163, 89),
}
CLONE, UNSHARE, CLONE3 = (56, 220), (272, 97), (435, 435)
NEW_USER_NAMESPACE = 0x10000000
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}      # column above, AUDIT_ARCH
X32 = 0x40000000        # on x86_64 the same calls exist a second time from here on

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06      # classic BPF
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16     # offsets in struct seccomp_data
ALLOW, REFUSE = 0x7FFF0000, 0x00050000


def works_here() -> bool:
    """Whether the numbers of this machine's system calls are known."""
    return platform.machine() in MACHINES


def program(*, user_namespaces: bool) -> bytes:
    """The filter as bubblewrap reads it, an array of struct sock_filter. Call only where it `works_here`."""
    column, architecture = MACHINES[platform.machine()]
    lines = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), _refuse(errno.ENOSYS), (LOAD, 0, 0, NUMBER)]
    lines += [(AT_LEAST, 0, 1, X32), _refuse(errno.ENOSYS)]
    for numbers in REFUSED.values():
        lines += [(EQUAL, 0, 1, numbers[column]), _refuse(errno.EPERM)]
    if not user_namespaces:
        # clone3 hides its flags in memory, where a filter cannot look; libraries fall back to clone.
        lines += [(EQUAL, 0, 1, CLONE3[column]), _refuse(errno.ENOSYS)]
        for numbers in (CLONE, UNSHARE):
            lines += [(EQUAL, 0, 4, numbers[column]), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_BIT, 0, 1, NEW_USER_NAMESPACE),
                      _refuse(errno.EPERM), (RETURN, 0, 0, ALLOW)]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _refuse(code: int) -> tuple[int, int, int, int]:
    return RETURN, 0, 0, REFUSE | code
