"""Checks names from outside before they become part of an argument list.

Strangers write issue texts and branch names: `--upload-pack=…`, `../../x`, `-f`.
"""

import re
from urllib.parse import urlsplit

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha

_SHA = re.compile(r"[0-9a-f]{40}")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_FORBIDDEN_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def sha(name: str) -> CommitSha:
    """A full SHA-1 object name. Raises GitError for anything else, above all for a ref, which could
    move."""
    if not _SHA.fullmatch(name):
        raise GitError(f"expected a full object name of 40 hex digits, found {name!r}")
    return CommitSha(name)


def is_sha(name: str) -> bool:
    """Whether this is a full SHA-1 object name."""
    return _SHA.fullmatch(name) is not None


def branch_ref(branch: str) -> str:
    """`refs/heads/<branch>`. Raises GitError for a name that git, a shell or a server could
    misread."""
    return full_ref(f"refs/heads/{branch}")


def full_ref(ref: str) -> str:
    """A full ref name that `git check-ref-format` accepts, and that no command takes for an option.

    Source: gitrevisions and git-check-ref-format(1). It is stricter in one point: a component may
    not begin with a dash.
    """
    components = ref.split("/")
    faults = (
        components[0] != "refs" or len(components) < 3,
        _FORBIDDEN_IN_REF.search(ref) is not None,
        any(
            not part or part.startswith((".", "-")) or part.endswith((".lock", "."))
            for part in components
        ),
        not _is_text(ref) or len(ref) > 1000,
    )
    if any(faults):
        raise GitError(
            f"not a ref name: {ref!r}; expected what `git check-ref-format` accepts, with no"
            " leading dash"
        )
    return ref


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def run_name(name: str) -> str:
    """A run's name that is safe as a folder name. Raises GitError otherwise."""
    if not _RUN.fullmatch(name):
        raise GitError(
            f"not a run's name: {name!r}; expected letters, digits, dot, dash and underscore"
        )
    return name


def remote_url(url: str) -> str:
    """An address to fetch from: https, http on this machine alone, file, or an absolute path.

    Raises GitError for a transport that runs commands, and for a URL with a password.
    """
    parts = urlsplit(url)
    if parts.scheme == "" and url.startswith("/"):
        return url
    if parts.scheme not in ("https", "http", "file"):
        raise GitError(
            "expected an https, http or file URL or an absolute path, found"
            f" {parts.scheme or 'neither'!r}"
        )
    if "@" in parts.netloc:
        raise GitError(
            f"the URL of {parts.hostname} carries a user or password; give the token apart from"
            " the URL"
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise GitError(
            f"plain http to {parts.hostname} would show the token to the network; use https"
        )
    return url


def shown(path: bytes) -> str:
    """A path for a message: every byte visible, with no terminal control and no look-alike
    letters."""
    return ascii(path.decode("utf-8", "surrogateescape"))
