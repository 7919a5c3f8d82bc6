"""Changes single paths of a tree, and commits the result, without an index or a working copy."""

from collections.abc import Iterable, Mapping

from harness.domain.issue import TreeSha
from harness.repository.plumbing import Git


def changed_tree(git: Git, tree: TreeSha, changes: Mapping[bytes, bytes | None]) -> TreeSha:
    """The tree with each path set to its content, or removed if that is None. Other paths are not
    read.

    It works folder by folder with `mktree`: with no index and no path check, odd names elsewhere in
    the tree stay.
    """
    if not changes:
        return tree
    listed = git.output("ls-tree", "-z", tree)
    found = {record.split(b"\t", 1)[1]: record for record in listed.split(b"\0") if record}
    for name, within in _by_first_part(changes).items():
        record = _record(git, name, found.get(name), within)
        found.pop(name, None)
        if record is not None:
            found[name] = record
    return TreeSha(
        git.line("mktree", "-z", stdin=b"".join(record + b"\0" for record in found.values()))
    )


def _record(
    git: Git, name: bytes, old: bytes | None, within: Mapping[bytes, bytes | None]
) -> bytes | None:
    """One line of a folder's listing after the changes; None if nothing is left of it."""
    if b"" in within:
        content = within[b""]
        if content is None:
            return None
        return b"100644 blob %b\t%b" % (_written(git, content).encode(), name)
    is_folder = old is not None and old.startswith(b"040000")
    below = (
        TreeSha(old.split(b"\t")[0].split()[2].decode("ascii"))
        if old and is_folder
        else TreeSha(git.line("mktree"))
    )
    inner = changed_tree(git, below, within)
    # Git keeps no empty folder, so one that became empty goes as well.
    empty = not git.output("ls-tree", "-z", inner)
    return None if empty else b"040000 tree %b\t%b" % (inner.encode(), name)


def _by_first_part(changes: Mapping[bytes, bytes | None]) -> dict[bytes, dict[bytes, bytes | None]]:
    parted: dict[bytes, dict[bytes, bytes | None]] = {}
    for path, content in changes.items():
        first, _, rest = path.partition(b"/")
        parted.setdefault(first, {})[rest] = content
    return parted


def _written(git: Git, content: bytes) -> str:
    return git.line("hash-object", "-w", "--stdin", "--no-filters", stdin=content)


def committed(
    git: Git, tree: TreeSha, *, parents: Iterable[str], message: str, author: str, at: str
) -> str:
    """The name of a new commit by `author` (`Name <address>`) at `at` (ISO 8601)."""
    name, _, address = author.rstrip(">").partition(" <")
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", address), ("DATE", at))
    }
    above = (word for parent in parents for word in ("-p", parent))
    return git.line(
        "commit-tree", "--no-gpg-sign", tree, *above, stdin=message.encode("utf-8"), more=who
    )
