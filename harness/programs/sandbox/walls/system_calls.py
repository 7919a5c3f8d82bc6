"""System calls by number, and which of them a box without namespaces may make.

A box that Landlock closes shares the machine's network, memory segments, schedulers and process
table with everybody. What Landlock does not see is closed here: sockets of every kind but TCP over
IPv4 (UDP, netlink, raw, unix and the protocols beside TCP that its port rules do not know), data
sent along with opening a connection, events about other people's files, and calls that reach
another process. `bind`, `connect` and `listen` are not decided by a filter, which cannot follow a
pointer to an address: the kernel asks the warden of the box (`doors`)."""

import errno
from dataclasses import dataclass
from enum import Enum

# name: the number on x86_64, on aarch64 (None: there is no such call)
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
NEIGHBOURS: dict[
    str, Numbers
    # other processes, other people's files, segments that no folder holds
] = {
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
CLONE3: Numbers = (435, 435)
BIND: Numbers = (49, 200)
CONNECT: Numbers = (42, 203)
LISTEN: Numbers = (50, 201)
WHOLE = 0xFFFFFFFF
NEW_USER_NAMESPACE = 0x10000000
# every CLONE_NEW* but that of time, whose bit is part of the signal's number in clone
NEW_NAMESPACES = 0x7E020000
# MSG_FASTOPEN
SEND_WHILE_CONNECTING = 0x20000000
TCP = 6
IPV4, UNIX, IPV6, NETLINK = 2, 1, 10, 16
# 17: UDP, 262: multipath TCP, which Go asks for first. Of netlink, 0 is routes: libc's
PROTOCOLS = (0, UNIX, TCP, 17, 262)
SOCKET: Numbers = (41, 198)
PAIR: Numbers = (53, 199)
# the other bits of a socket's type are flags
STREAM, PACKETS, KIND = 1, 5, 0xF


class Answer(Enum):
    """What the kernel does with a call: nothing, an error, or it asks the box's warden."""

    REFUSE = 0x00050000 | errno.EPERM
    ABSENT = 0x00050000 | errno.ENOSYS
    NO_FAMILY = 0x00050000 | errno.EAFNOSUPPORT
    ASK = 0x7FC00000


@dataclass(frozen=True, slots=True)
class Only:
    """A call that is allowed when each of its `whens` holds and otherwise answered; without any it
    never is.

    A when is an argument's place, the bits that count, and the values of which one must be there.
    Arguments of calls named here are 32 bits wide in the kernel, or their upper half does not
    count."""

    numbers: Numbers
    otherwise: Answer = Answer.REFUSE
    whens: tuple[tuple[int, int, tuple[int, ...]], ...] = ()


NETWORK = (
    # socket
    Only(
        SOCKET, Answer.NO_FAMILY, ((0, WHOLE, (IPV4,)), (1, KIND, (STREAM,)), (2, WHOLE, (0, TCP)))
    ),
    # Packets keep their pair; single datagrams could be sent to any name, also through one end of a
    # pair. socketpair
    Only(PAIR, Answer.REFUSE, ((0, WHOLE, (UNIX,)), (1, KIND, (STREAM, PACKETS)))),
    Only(BIND, Answer.ASK),
    Only(CONNECT, Answer.ASK),
    Only(LISTEN, Answer.ASK),
    # sendto
    Only((44, 206), Answer.REFUSE, ((3, SEND_WHILE_CONNECTING, (0,)),)),
    # sendmsg
    Only((46, 211), Answer.REFUSE, ((2, SEND_WHILE_CONNECTING, (0,)),)),
    # sendmmsg
    Only((307, 269), Answer.REFUSE, ((3, SEND_WHILE_CONNECTING, (0,)),)),
)
# a namespace is no wall to the others: AF_VSOCK goes to the hypervisor, AF_ALG into the kernel
FAMILIES = (
    Only(
        SOCKET, Answer.NO_FAMILY, ((0, WHOLE, (UNIX, IPV4, IPV6, NETLINK)), (2, WHOLE, PROTOCOLS))
    ),
    Only(PAIR, Answer.NO_FAMILY, ((0, WHOLE, (UNIX,)),)),
)
# allowed on the calling process alone: its number as an argument is 0
ITSELF = (
    # prlimit64
    Only((302, 261), Answer.REFUSE, ((0, WHOLE, (0,)),)),
    # sched_setaffinity
    Only((203, 122), Answer.REFUSE, ((0, WHOLE, (0,)),)),
    # sched_setparam
    Only((142, 118), Answer.REFUSE, ((0, WHOLE, (0,)),)),
    # sched_setscheduler
    Only((144, 119), Answer.REFUSE, ((0, WHOLE, (0,)),)),
    # sched_setattr
    Only((314, 274), Answer.REFUSE, ((0, WHOLE, (0,)),)),
    # setpriority: of a process, this one
    Only((141, 140), Answer.REFUSE, ((0, WHOLE, (0,)), (1, WHOLE, (0,)))),
)


def namespaces(bits: int) -> tuple[Only, ...]:
    """No new namespace of these kinds. clone3 hides its flags in memory, where a filter cannot
    look; libraries fall back to clone when it is not there."""
    return (
        Only(CLONE3, Answer.ABSENT),
        Only((56, 220), Answer.REFUSE, ((0, bits, (0,)),)),
        Only((272, 97), Answer.REFUSE, ((0, bits, (0,)),)),
    )


def in_namespaces(*, user_namespaces: bool) -> tuple[Only, ...]:
    """The rules for a box that has namespaces of its own. Chromium's sandbox makes more of them."""
    return (
        *map(Only, KERNEL.values()),
        *FAMILIES,
        *(() if user_namespaces else namespaces(NEW_USER_NAMESPACE)),
    )


def without_namespaces(*, browser: bool) -> tuple[Only, ...]:
    """The rules for a box that shares everything. Chromium's sandbox makes namespaces; nobody else
    does."""
    refused = {**KERNEL, **NEIGHBOURS, **MOUNTS}
    return (
        *map(Only, refused.values()),
        *NETWORK,
        *ITSELF,
        *(() if browser else namespaces(NEW_NAMESPACES)),
    )
