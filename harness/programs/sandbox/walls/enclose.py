"""Shuts itself in, then becomes the command of the box: Landlock for files, signals and ports, a
filter for the rest.

It runs from one file and the standard library, with an empty environment: a variable of the box,
such as LD_PRELOAD, must not act before the walls stand. What to allow comes as JSON in a
descriptor, written by the supervisor (`landlock`): `{"files": [[path, rights], …], "handled":
{"files", "ports", "scopes"}, "filter": base64, "environ": {…}}`.

Its side of the socket `--warden` gets the descriptor by which the kernel asks about the command's
calls, as soon as the walls stand, or the reason why they do not. From then on there is no way back
out, for it and for all that it starts.

    enclose.py --rules FD --warden FD -- COMMAND…
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
    """Never returns: the process becomes the command, or says why not and ends with 125, 126 or
    127."""
    split = argv.index("--")
    one = dict(zip(argv[:split:2], argv[1:split:2], strict=True))
    rules, warden = _document(int(one["--rules"])), socket.socket(fileno=int(one["--warden"]))
    warden.set_inheritable(False)
    try:
        asks = closed(rules)
    except OSError as error:
        warden.send(str(error).encode())
        os._exit(125)
    warden.sendmsg([b"closed"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [asks]))])
    os.close(asks)
    warden.close()
    command = argv[split + 1 :]
    try:
        os.execvpe(command[0], command, rules["environ"])  # noqa: S606 - there is no shell, on purpose
    except (OSError, ValueError) as error:
        os.write(2, f"{command[0]}: {error}\n".encode(errors="backslashreplace"))
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def closed(rules: "dict[str, Any]") -> int:
    """Put up the walls; the descriptor of the filter's questions. Raises OSError when one of them
    does not stand."""
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
        ctypes.c_char_p(one) if isinstance(one, bytes) else ctypes.c_long(one) for one in arguments
    ]
    done: int = _libc.syscall(ctypes.c_long(number), *given)
    if done < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"system call {number}: {os.strerror(code)}")
    return done


if __name__ == "__main__":
    main(sys.argv[1:])
