"""Who a sandbox claims to be: its account, its host, and the name of its first process."""

from harness.domain.sandbox import SandboxSpec

USUAL = "app"
# What most containers begin with, and what the machine of a person does.
CONTAINERS_FIRST, PERSONS_FIRST = "/usr/bin/tini", "/sbin/init"


def first_name(spec: SandboxSpec) -> str:
    """The name of the sandbox's first process."""
    return CONTAINERS_FIRST if spec.user == USUAL else PERSONS_FIRST


def files(spec: SandboxSpec, *, uid: int) -> dict[str, str]:
    """The files in /etc that name the account and the host, with their texts."""
    user, shell = spec.user, "/bin/sh" if spec.user == USUAL else "/bin/bash"
    account = f"{user}:x:{uid}:{uid}::{spec.home}:{shell}"
    hosts = " ".join(dict.fromkeys(("localhost", spec.hostname)))
    return {
        "/etc/passwd": f"root:x:0:0::/:/bin/sh\n{account}\n",
        "/etc/group": f"root:x:0:\n{user}:x:{uid}:\n",
        "/etc/hosts": f"127.0.0.1 {hosts}\n",
        "/etc/hostname": f"{spec.hostname}\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
