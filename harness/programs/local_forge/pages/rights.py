"""The rights of each role, as one table: the pages show it and the server enforces it."""

from dataclasses import dataclass

from harness.programs.local_forge.refused import forbidden, unauthenticated
from harness.programs.local_forge.storage.records import Issue, Role, User

WORDS = {
    Role.NONE: "sees nothing here",
    Role.READ: "files issues, comments, and edits, closes and reopens their own",
    Role.TRIAGE: "also closes and reopens all issues, labels them, and gives them to people",
    Role.WRITE: "also pushes, merges, and edits what others wrote",
    Role.MAINTAIN: "also approves what a rule leaves to a person",
    Role.ADMIN: "also decides who may do what",
}


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do with one issue or pull request."""

    comment: bool
    # Close it, and open it again.
    close: bool
    # Label it, and give it to people.
    manage: bool
    # Edit its title and description.
    edit: bool
    # Ask for changes in it.
    review: bool


def rights(viewer: User | None, role: Role, issue: Issue, *, open_door: bool) -> Rights:
    """A viewer's rights. Without a sign-in, only comments are allowed, and only with
    `open_door`."""
    if viewer is None:
        return Rights(comment=open_door, close=False, manage=False, edit=False, review=False)
    own, can_read = viewer.id == issue.author.id, role >= Role.READ
    return Rights(
        comment=can_read,
        close=role >= Role.TRIAGE or (own and can_read),
        manage=role >= Role.TRIAGE,
        edit=role >= Role.WRITE or (own and can_read),
        review=issue.is_pull and issue.is_open and can_read and not own,
    )


def may_edit(viewer: User | None, role: Role, author: User) -> bool:
    """Whether a viewer may edit `author`'s text: their own, or anybody's with the write role."""
    return viewer is not None and (
        role >= Role.WRITE or (viewer.id == author.id and role >= Role.READ)
    )


def need(allowed: bool, viewer: User | None, *, role: Role) -> User:
    """The viewer, if allowed. Raises Refused: 401 for nobody, 403 with the role that is needed."""
    if viewer is None:
        raise unauthenticated()
    if not allowed:
        raise forbidden(role.word)
    return viewer
