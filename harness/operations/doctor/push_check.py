"""The right to push to a branch, proved by a push that moves nothing.

It asks git's own server to move the branch from a commit where it is not to the one where it is.
The forge first looks whether this account may move the branch at all, protection and rules
included; then git finds that there is nothing to move from there, and says so. Either no is an
answer, and no ref has changed. No git program can be made to send this: it looks before it asks.
(gitprotocol-pack, "Pushing Data To a Server"; gitprotocol-capabilities, side-band-64k.)"""

import base64
import hashlib

from harness.operations.doctor.finding import Finding, fail, ok, warn
from harness.operations.doctor.forge_requests import ForgeLine

NOTHING = "0" * 40
_EMPTY = b"PACK" + (2).to_bytes(4, "big") + (0).to_bytes(4, "big")
EMPTY_PACK = _EMPTY + hashlib.sha1(_EMPTY, usedforsecurity=False).digest()
_STALE = (
    "failed to update ref",
    "cannot lock ref",
    "fetch first",
    "stale info",
    "already exists",
    "but expected",
)
_PROTECTED = (
    "protected",
    "declined",
    "rule violation",
    "gh006",
    "gh013",
    "not allowed",
    "must be made through",
)


def push_finding(line: ForgeLine, branch: str, *, head: str, before: str) -> Finding:
    """`head` is where the branch is, `before` the commit before it, empty where there is none.
    Raises Unwell."""
    where = f"{line.web}/{line.repository}.git"
    user = base64.b64encode(f"x-access-token:{line.secret}".encode()).decode()
    listed = line.send(
        "GET",
        f"{where}/info/refs?service=git-receive-pack",
        headers={"authorization": f"Basic {user}"},
    )
    if listed.status_code != 200:
        return fail(
            f"git answers {listed.status_code} at {where}, where the factory would push",
            "give the app or the token contents: write; `factory connect` looks again"
            if listed.status_code < 500
            else "look at the forge's status page; the API may answer while git does not",
        )
    said = line.send(
        "POST",
        f"{where}/git-receive-pack",
        content=request(branch, head=head, before=before),
        headers={
            "authorization": f"Basic {user}",
            "content-type": "application/x-git-receive-pack-request",
        },
    )
    if said.status_code != 200:
        return fail(
            f"git answers {said.status_code} to a push to {branch}",
            "give the app or the token contents: write",
        )
    return told(said.content, branch)


def request(branch: str, *, head: str, before: str) -> bytes:
    """The push as it goes over the wire."""
    command = (
        f"{before or NOTHING} {head} refs/heads/{branch}\0report-status side-band-64k"
        " agent=factory-doctor\n".encode()
    )
    return b"%04x" % (len(command) + 4) + command + b"0000" + EMPTY_PACK


def told(answer: bytes, branch: str) -> Finding:
    """What git's server said to such a push."""
    report, remarks = _channels(answer)
    words = " ".join(remarks.split())[:300]
    on_it = (f"ng refs/heads/{branch} ", f"ok refs/heads/{branch}")
    line = next((line for line in report.splitlines() if line.startswith(on_it)), "")
    text = f"{line} {words}".lower()
    if line.startswith("ng") and "status check" in text:
        return warn(
            f"{branch} takes a push only with its required checks ({words}), which a candidate has"
            " when it lands",
            "see that those checks run on the factory's branches, too",
        )
    if (
        line.startswith("ng")
        and any(word in text for word in _PROTECTED)
        and not any(word in line.lower() for word in _STALE)
    ):
        return fail(
            f"the push to {branch} is refused: {words or line}",
            "let the factory's app past the rule: `factory rules export ruleset --lands-as app:ID`"
            " writes one that does",
        )
    if line.startswith("ng"):
        return ok(
            f"a push to {branch} is let through: one that moves nothing was turned down for that"
            " alone"
        )
    return fail(
        f"git gave no report on a push to {branch}: {report[:120]!r} {words}",
        "look at the version of the forge",
    )


def _channels(answer: bytes) -> tuple[str, str]:
    """The report, and what was said beside it, out of the packets and the bands in them."""
    bands = {1: b"", 2: b"", 3: b""}
    for packet in _packets(answer):
        if packet and packet[0] in bands:
            bands[packet[0]] += packet[1:]
    report = b"".join(_packets(bands[1])) or bands[1]
    return report.decode("utf-8", "replace"), (bands[2] + bands[3]).decode("utf-8", "replace")


def _packets(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 4 <= len(data):
        try:
            size = int(data[at : at + 4], 16)
        except ValueError:
            break
        if size >= 4:
            found.append(data[at + 4 : at + size])
        at += max(size, 4)
    return found
