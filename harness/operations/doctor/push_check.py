"""Proves the right to push to a branch, by a push that moves nothing.

It asks git's server to move the branch from a commit where it is not to the commit where it is. The
forge first checks whether this account may move the branch at all, protection and rules included.
Then git finds that the old commit is stale, and refuses. Either refusal is an answer, and no ref
has changed. No git program sends such a request, because it checks the branch before it pushes.
Sources: gitprotocol-pack, "Pushing Data To a Server"; gitprotocol-capabilities, side-band-64k."""

import base64
import hashlib

from harness.operations.doctor.finding import HealthFinding, fail, ok, warn
from harness.operations.doctor.forge_requests import ForgeConnection

NOTHING = "0" * 40
# A push that moves a branch must bring a pack, even if it has no object in it.
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


def push_finding(forge: ForgeConnection, branch: str, *, head: str, before: str) -> HealthFinding:
    """`head` is the commit where the branch is; `before` is its parent, empty if it has none.
    Raises CheckFailed."""
    where = f"{forge.web}/{forge.repository}.git"
    user = base64.b64encode(f"x-access-token:{forge.secret}".encode()).decode()
    listed = forge.send(
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
    pushed = forge.send(
        "POST",
        f"{where}/git-receive-pack",
        content=request(branch, head=head, before=before),
        headers={
            "authorization": f"Basic {user}",
            "content-type": "application/x-git-receive-pack-request",
        },
    )
    if pushed.status_code != 200:
        return fail(
            f"git answers {pushed.status_code} to a push to {branch}",
            "give the app or the token contents: write",
        )
    return finding_of_push(pushed.content, branch)


def request(branch: str, *, head: str, before: str) -> bytes:
    """The bytes of the push."""
    command = (
        f"{before or NOTHING} {head} refs/heads/{branch}\0report-status side-band-64k"
        " agent=factory-doctor\n".encode()
    )
    return b"%04x" % (len(command) + 4) + command + b"0000" + EMPTY_PACK


def finding_of_push(answer: bytes, branch: str) -> HealthFinding:
    """What the answer of git's server to such a push proves."""
    report, remarks = _channels(answer)
    remark = " ".join(remarks.split())[:300]
    on_branch = (f"ng refs/heads/{branch} ", f"ok refs/heads/{branch}")
    line = next((line for line in report.splitlines() if line.startswith(on_branch)), "")
    text = f"{line} {remark}".lower()
    if not line.startswith("ng"):
        return fail(
            f"git gave no report on a push to {branch}: {report[:120]!r} {remark}",
            "look at the version of the forge",
        )
    # Some rules refuse only because this commit has no checks, which a landing has.
    if "status check" in text:
        return warn(
            f"{branch} takes a push only with its required checks ({remark}), which a candidate"
            " has when it lands",
            "make sure that those checks run on the factory's branches too",
        )
    # The words of a stale push may stand beside remarks on protection, which then does not apply.
    is_stale = any(word in line.lower() for word in _STALE)
    if any(word in text for word in _PROTECTED) and not is_stale:
        return fail(
            f"the push to {branch} is refused: {remark or line}",
            "let the factory's app past the rule: `factory rules export ruleset --lands-as app:ID`"
            " writes one that does",
        )
    return ok(
        f"the factory may push to {branch}: a push that moves nothing was refused for that alone"
    )


def _channels(answer: bytes) -> tuple[str, str]:
    """The report and the remarks beside it, from the packets of the answer and the side bands in
    them."""
    bands = {1: b"", 2: b"", 3: b""}
    for packet in _packets(answer):
        if packet and packet[0] in bands:
            bands[packet[0]] += packet[1:]
    # Inside of its side band the report is cut into packets once more.
    report = b"".join(_packets(bands[1])) or bands[1]
    return report.decode("utf-8", "replace"), (bands[2] + bands[3]).decode("utf-8", "replace")


def _packets(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 4 <= len(data):
        try:
            size = int(data[at : at + 4], 16)
        except ValueError:
            break
        # Sizes below 4 are marks of the protocol and carry nothing.
        if size >= 4:
            found.append(data[at + 4 : at + size])
        at += max(size, 4)
    return found
