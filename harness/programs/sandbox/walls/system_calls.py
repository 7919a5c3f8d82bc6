"""System calls by number, and the rules for which of them a sandbox may make.

A sandbox that Landlock closes shares the machine's network, memory segments, schedulers and process
table with everybody. The rules here close what Landlock does not see: sockets of every kind but TCP
over IPv4 (UDP, netlink, raw, unix, and protocols beside TCP that its port rules do not cover), data
sent along with opening a connection, events about other people's files, and calls that reach
another process. A filter cannot decide `bind`, `connect` and `listen`, because it cannot follow a
pointer to an address. For these the kernel asks the sandbox's outer init (`port_proxy`).
"""

import errno
from dataclasses import dataclass
from enum import Enum

# The number on x86_64 and on aarch64 (None: there is no such call).
Numbers = tuple[int, int | None]

KERNEL: dict[str, Numbers] = {
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "quotactl": (179, 60),
    "acct": (163, 89),
}
# Other processes, other people's files, and segments that no folder holds.
OTHER_PROCESSES: dict[str, Numbers] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "ioprio_set": (251, 30),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "name_to_handle_at": (303, 264),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
}
MOUNTS: dict[str, Numbers] = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
}
CLONE: Numbers = (56, 220)
CLONE3: Numbers = (435, 435)
UNSHARE: Numbers = (272, 97)
SENDTO: Numbers = (44, 206)
SENDMSG: Numbers = (46, 211)
SENDMMSG: Numbers = (307, 269)
PRLIMIT64: Numbers = (302, 261)
SCHED_SETAFFINITY: Numbers = (203, 122)
SCHED_SETPARAM: Numbers = (142, 118)
SCHED_SETSCHEDULER: Numbers = (144, 119)
SCHED_SETATTR: Numbers = (314, 274)
SETPRIORITY: Numbers = (141, 140)
BIND: Numbers = (49, 200)
CONNECT: Numbers = (42, 203)
LISTEN: Numbers = (50, 201)
WHOLE = 0xFFFFFFFF
NEW_USER_NAMESPACE = 0x10000000
# Every CLONE_NEW* but that of time, whose bit is part of the signal number in clone.
NEW_NAMESPACES = 0x7E020000
# MSG_FASTOPEN
SEND_WHILE_CONNECTING = 0x20000000
TCP = 6
IPV4, UNIX, IPV6, NETLINK = 2, 1, 10, 16
# 17 is UDP, and 262 multipath TCP, which Go asks for first. libc needs 0 of netlink: routes.
PROTOCOLS = (0, UNIX, TCP, 17, 262)
SOCKET: Numbers = (41, 198)
PAIR: Numbers = (53, 199)
# The other bits of a socket's type are flags.
STREAM, PACKETS, KIND = 1, 5, 0xF


class Action(Enum):
    """What the kernel does with a call: return an error, or ask the sandbox's outer init."""

    REFUSE = 0x00050000 | errno.EPERM
    ABSENT = 0x00050000 | errno.ENOSYS
    NO_FAMILY = 0x00050000 | errno.EAFNOSUPPORT
    ASK = 0x7FC00000


@dataclass(frozen=True, slots=True)
class Rule:
    """A call that is allowed when each of its `conditions` holds, and otherwise gets `otherwise`.

    Without conditions it is never allowed. A condition is an argument's index, the bits that count,
    and the values of which one must be there. Arguments of the calls named here are 32 bits wide in
    the kernel, or their upper half does not count.
    """

    numbers: Numbers
    otherwise: Action = Action.REFUSE
    conditions: tuple[tuple[int, int, tuple[int, ...]], ...] = ()


NETWORK = (
    Rule(
        SOCKET, Action.NO_FAMILY, ((0, WHOLE, (IPV4,)), (1, KIND, (STREAM,)), (2, WHOLE, (0, TCP)))
    ),
    # Packets stay in their pair. A datagram could be sent to any name, even by one end of a pair.
    Rule(PAIR, Action.REFUSE, ((0, WHOLE, (UNIX,)), (1, KIND, (STREAM, PACKETS)))),
    Rule(BIND, Action.ASK),
    Rule(CONNECT, Action.ASK),
    Rule(LISTEN, Action.ASK),
    Rule(SENDTO, Action.REFUSE, ((3, SEND_WHILE_CONNECTING, (0,)),)),
    Rule(SENDMSG, Action.REFUSE, ((2, SEND_WHILE_CONNECTING, (0,)),)),
    Rule(SENDMMSG, Action.REFUSE, ((3, SEND_WHILE_CONNECTING, (0,)),)),
)
# A namespace does not hold the other families: AF_VSOCK goes to the hypervisor, AF_ALG into the
# kernel.
FAMILIES = (
    Rule(
        SOCKET, Action.NO_FAMILY, ((0, WHOLE, (UNIX, IPV4, IPV6, NETLINK)), (2, WHOLE, PROTOCOLS))
    ),
    Rule(PAIR, Action.NO_FAMILY, ((0, WHOLE, (UNIX,)),)),
)
# Allowed on the calling process alone, which is 0 as an argument. The second 0 of setpriority is
# PRIO_PROCESS.
OWN_PROCESS_ONLY = (
    Rule(PRLIMIT64, Action.REFUSE, ((0, WHOLE, (0,)),)),
    Rule(SCHED_SETAFFINITY, Action.REFUSE, ((0, WHOLE, (0,)),)),
    Rule(SCHED_SETPARAM, Action.REFUSE, ((0, WHOLE, (0,)),)),
    Rule(SCHED_SETSCHEDULER, Action.REFUSE, ((0, WHOLE, (0,)),)),
    Rule(SCHED_SETATTR, Action.REFUSE, ((0, WHOLE, (0,)),)),
    Rule(SETPRIORITY, Action.REFUSE, ((0, WHOLE, (0,)), (1, WHOLE, (0,)))),
)


def namespaces(bits: int) -> tuple[Rule, ...]:
    """No new namespace of these kinds.

    clone3 hides its flags in memory, where a filter cannot look. Libraries fall back to clone when
    it is absent.
    """
    return (
        Rule(CLONE3, Action.ABSENT),
        Rule(CLONE, Action.REFUSE, ((0, bits, (0,)),)),
        Rule(UNSHARE, Action.REFUSE, ((0, bits, (0,)),)),
    )


def in_namespaces(*, user_namespaces: bool) -> tuple[Rule, ...]:
    """The rules for a sandbox that has namespaces of its own. Chromium's sandbox makes more of
    them."""
    return (
        *map(Rule, KERNEL.values()),
        *FAMILIES,
        *(() if user_namespaces else namespaces(NEW_USER_NAMESPACE)),
    )


def without_namespaces(*, browser: bool) -> tuple[Rule, ...]:
    """The rules for a sandbox that shares everything. Only Chromium's sandbox may make
    namespaces."""
    refused = {**KERNEL, **OTHER_PROCESSES, **MOUNTS}
    return (
        *map(Rule, refused.values()),
        *NETWORK,
        *OWN_PROCESS_ONLY,
        *(() if browser else namespaces(NEW_NAMESPACES)),
    )
