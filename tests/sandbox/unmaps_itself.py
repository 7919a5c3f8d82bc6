"""A program, for x86-64, that goes on in memory of its own and maps nothing of its file any more. It
prints one character, and waits."""

import struct

_BASE, _PAGE, _HEADERS = 0x400000, 0x1000, 64 + 56
_MOVES = (
    b"\x31\xff\xbe\x00\x10\x00\x00\xba\x07\x00\x00\x00"       # rdi = 0, rsi = a page, rdx = all rights
    b"\x41\xba\x22\x00\x00\x00\x49\x83\xc8\xff\x45\x31\xc9"   # r10 = anonymous, r8 = -1, r9 = 0
    b"\xb8\x09\x00\x00\x00\x0f\x05"                           # mmap
    b"\x48\x89\xc7\xbe\x00\x00\x40\x00"                       # rdi = the new page, rsi = _BASE
    b"\xb9\x00\x10\x00\x00\xf3\xa4"                           # copy a page
    b"\x48\x05BEHI\xff\xe0"                                   # go on there, behind this line
)  # fmt: skip
_WAITS = (
    b"\xbf\x00\x00\x40\x00\xbe\x00\x10\x00\x00"               # rdi = _BASE, rsi = a page
    b"\xb8\x0b\x00\x00\x00\x0f\x05"                           # munmap
    b"\xbf\x01\x00\x00\x00\x48\x89\xe6\xba\x01\x00\x00\x00"   # rdi = 1, rsi = the stack, rdx = 1
    b"\xb8\x01\x00\x00\x00\x0f\x05"                           # write
    b"\xb8\x22\x00\x00\x00\x0f\x05\xeb\xf7"                   # pause, for ever
)  # fmt: skip
_CODE = _MOVES.replace(b"BEHI", struct.pack("<i", _HEADERS + len(_MOVES))) + _WAITS
_SIZE = _HEADERS + len(_CODE)
UNMAPS_ITSELF = (
    b"\x7fELF\x02\x01\x01"
    + bytes(9)
    + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    + struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, _SIZE, _SIZE, _PAGE)
    + _CODE
)
