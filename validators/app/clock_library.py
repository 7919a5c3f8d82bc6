"""Build a preload library that puts an app's clock ahead, without the app's help.

It replaces `clock_gettime`, `gettimeofday` and `time` of the C library. So all that asks the C
library for the time of day is ahead (CPython, Node, Ruby, SQLite, a shell); a monotonic clock is
not. A program that makes its own system calls (a static Go program) keeps the machine's time.
There is no compiler where this runs, so the ELF file is assembled here, for x86-64: three functions
of a few instructions, and the tables that a loader needs to find them."""

from __future__ import annotations

import platform
import struct

MACHINE = "x86_64"
LIBRARY = "/ahead.so"
_PAGE = 0x1000
_NAMES = ("clock_gettime", "gettimeofday", "time")

# AHEAD stands for the distance to the number of seconds, which lies behind the code. `library`
# replaces it.
_AHEAD = b"AHEAD"
_ADD = b"\x48\x8b\x05" + _AHEAD  # mov rax, [rip+AHEAD]
_CLOCK_GETTIME = (
    b"\xb8\xe4\x00\x00\x00\x0f\x05"                               # mov eax, 228; syscall
    b"\x85\xc0\x75\x17"                                           # test eax, eax; jnz failed
    b"\x85\xff\x74\x06"                                           # test edi, edi; jz realtime
    # cmp edi, 5 (coarse); je realtime; ret
    b"\x83\xff\x05\x74\x01\xc3"
    # realtime: add [rsi], rax; xor eax, eax; ret
    + _ADD + b"\x48\x01\x06\x31\xc0\xc3"
    b"\xb8\xff\xff\xff\xff\xc3"                                   # failed: mov eax, -1; ret
)  # fmt: skip
_GETTIMEOFDAY = (
    b"\xb8\x60\x00\x00\x00\x0f\x05"                               # mov eax, 96; syscall
    # test eax, eax; jnz end; test rdi, rdi; jz end
    b"\x85\xc0\x75\x0f\x48\x85\xff\x74\x0a"
    # add [rdi], rax; end: xor eax, eax; ret
    + _ADD + b"\x48\x01\x07\x31\xc0\xc3"
)  # fmt: skip
_TIME = (
    # mov r8, rdi; sub rsp, 24; xor edi, edi; mov rsi, rsp
    b"\x49\x89\xf8\x48\x83\xec\x18\x31\xff\x48\x89\xe6"
    # mov eax, 228; syscall; mov rdx, [rsp]; add rsp, 24
    b"\xb8\xe4\x00\x00\x00\x0f\x05\x48\x8b\x14\x24\x48\x83\xc4\x18"
    # add rax, rdx; test r8, r8; jz end; mov [r8], rax; end: ret
    + _ADD + b"\x48\x01\xd0\x4d\x85\xc0\x74\x03\x49\x89\x00\xc3"
)  # fmt: skip


def clock_can_be_ahead() -> bool:
    """Whether the library can be built for this machine."""
    return platform.machine() == MACHINE


def library(seconds: int) -> bytes:
    """The bytes of the library for this number of seconds."""
    bodies = (_CLOCK_GETTIME, _GETTIMEOFDAY, _TIME)
    lengths = [len(body) - len(_AHEAD) + 4 for body in bodies]
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in _NAMES)
    at = 64 + 4 * 56
    symbols_at, strings_at = at, at + 24 * (len(_NAMES) + 1)
    hash_at = -(-(strings_at + len(strings)) // 8) * 8
    text_at = -(-(hash_at + 4 * (2 + 1 + len(_NAMES) + 1)) // 16) * 16
    ahead_at = text_at + sum(lengths)

    symbols, text, names = bytes(24), b"", 1
    for name, body, length in zip(_NAMES, bodies, lengths, strict=True):
        start = text_at + len(text)
        # A global function, defined here.
        symbols += struct.pack("<IBBHQQ", names, 0x12, 0, 1, start, length)
        after = start + body.index(_AHEAD) + 4
        text += body.replace(_AHEAD, struct.pack("<i", ahead_at - after))
        names += len(name) + 1
    # One bucket, with every symbol in it.
    chain = [0, *range(2, len(_NAMES) + 1), 0]
    table = struct.pack(f"<{3 + len(chain)}I", 1, len(_NAMES) + 1, 1, *chain)
    tags = {4: hash_at, 5: strings_at, 6: symbols_at, 10: len(strings), 11: 24, 0: 0}
    dynamic = b"".join(struct.pack("<QQ", tag, value) for tag, value in tags.items())
    size = ahead_at + 8
    header = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 4, 0, 0, 0)
    )
    headers = (
        struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, _PAGE)
        + struct.pack("<IIQQQQQQ", 1, 6, _PAGE, _PAGE, _PAGE, len(dynamic), len(dynamic), _PAGE)
        + struct.pack("<IIQQQQQQ", 2, 6, _PAGE, _PAGE, _PAGE, len(dynamic), len(dynamic), 8)
        # A stack that holds no code.
        + struct.pack("<IIQQQQQQ", 0x6474E551, 6, 0, 0, 0, 0, 0, 16)
    )
    image = bytearray(_PAGE + len(dynamic))
    parts = {
        0: header,
        64: headers,
        symbols_at: symbols,
        strings_at: strings,
        hash_at: table,
        text_at: text,
        ahead_at: struct.pack("<q", seconds),
        _PAGE: dynamic,
    }
    for place, part in parts.items():
        image[place : place + len(part)] = part
    return bytes(image)
