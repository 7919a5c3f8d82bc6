"""Restricts itself, then becomes the sandbox's command: Landlock for files, seccomp for the rest.

It runs from one file and the standard library, with an empty environment: a variable of the
sandbox, such as LD_PRELOAD, must not act before the walls stand. The supervisor (`landlock`) writes
the rules as JSON into a descriptor: `{"files": [[path, rights], …], "handled": {"files", "ports",
"scopes"}, "filter": base64, "environ": {…}}`.

`--init` is its side of a socket to the outer init. As soon as the walls stand, it sends the
descriptor by which the kernel asks about the command's calls, or else the reason why they do not
stand. From then on there is no way back, for it and for all that it starts.

    enclose.py --rules FD --init FD -- COMMAND…
"""

import array
import base64
import ctypes
import json
import os
import platform
import socket
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

NO_NEW_PRIVILEGES = 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
BENEATH_A_PATH = 1
SECCOMP = {"x86_64": 317, "aarch64": 277}
INSTALL_FILTER, WITH_LISTENER, FINISH_ANSWERED = 1, 1 << 3, 1 << 5

_libc = ctypes.CDLL(None, use_errno=True)


def main(argv: list[str]) -> "NoReturn":
    """Never returns: the process becomes the command, or prints why not and ends with 125, 126 or
    127."""
    split = argv.index("--")
    option = dict(zip(argv[:split:2], argv[1:split:2], strict=True))
    rules, init = _document(int(option["--rules"])), socket.socket(fileno=int(option["--init"]))
    init.set_inheritable(False)
    try:
        asks = enforce(rules)
    except OSError as error:
        init.send(str(error).encode())
        os._exit(125)
    init.sendmsg([b"closed"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [asks]))])
    os.close(asks)
    init.close()
    command = argv[split + 1 :]
    try:
        os.execvpe(command[0], command, rules["environ"])  # noqa: S606 - there is no shell, on purpose
    except (OSError, ValueError) as error:
        os.write(2, f"{command[0]}: {error}\n".encode(errors="backslashreplace"))
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def enforce(rules: "dict[str, Any]") -> int:
    """Put up the walls; the descriptor of the filter's questions. Raises OSError when one does not
    stand."""
    handled = rules["handled"]
    files, ports, scopes = (handled[name] for name in ("files", "ports", "scopes"))
    attributes = struct.pack("QQQ", files, ports, scopes)
    ruleset = _call(CREATE_RULESET, attributes, len(attributes), 0)
    for path, rights in rules["files"]:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        _call(ADD_RULE, ruleset, BENEATH_A_PATH, struct.pack("=Qi", rights, place), 0)
        os.close(place)
    if _libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs cannot be set")
    _call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    lines = base64.b64decode(rules["filter"])
    text = ctypes.create_string_buffer(lines, len(lines))
    program = struct.pack("HP", len(lines) // 8, ctypes.addressof(text))
    return _call(
        SECCOMP[platform.machine()], INSTALL_FILTER, WITH_LISTENER | FINISH_ANSWERED, program
    )


def _document(descriptor: int) -> "dict[str, Any]":
    with open(descriptor, "rb") as text:
        found: dict[str, Any] = json.load(text)
        return found


def _call(number: int, *arguments: "int | bytes") -> int:
    given = [
        ctypes.c_char_p(option) if isinstance(option, bytes) else ctypes.c_long(option)
        for option in arguments
    ]
    done: int = _libc.syscall(ctypes.c_long(number), *given)
    if done < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"system call {number}: {os.strerror(code)}")
    return done


if __name__ == "__main__":
    main(sys.argv[1:])
