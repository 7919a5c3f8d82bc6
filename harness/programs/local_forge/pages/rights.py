"""What each may do, as one table: the pages offer it, the server enforces it, and a person's page
says it."""

from dataclasses import dataclass

from harness.programs.local_forge.refused import forbidden, unauthenticated
from harness.programs.local_forge.storage.records import Issue, Role, User

WORDS = {
    Role.NONE: "sees nothing here",
    Role.READ: "files issues, comments, and edits, closes and reopens their own",
    Role.TRIAGE: "also closes and reopens all issues, labels them, and gives them to people",
    Role.WRITE: "also pushes, merges, and edits what others wrote",
    Role.ADMIN: "also decides who may do what",
}


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do about one issue or pull request."""

    say: bool
    turn: bool  # close it, and open it again
    tend: bool  # label it, and give it to people
    reword: bool  # edit its title and description


def rights(viewer: User | None, role: Role, issue: Issue, *, open_door: bool) -> Rights:
    """The rights of a viewer with that role. Who is not signed in may speak where the door is open,
    and no more."""
    if viewer is None:
        return Rights(say=open_door, turn=False, tend=False, reword=False)
    own, can_read = viewer.id == issue.author.id, role >= Role.READ
    return Rights(
        say=can_read,
        turn=role >= Role.TRIAGE or (own and can_read),
        tend=role >= Role.TRIAGE,
        reword=role >= Role.WRITE or (own and can_read),
    )


def may_edit(viewer: User | None, role: Role, author: User) -> bool:
    """Whether a viewer may edit what `author` said: their own words, and with the write role
    everybody's."""
    return viewer is not None and (
        role >= Role.WRITE or (viewer.id == author.id and role >= Role.READ)
    )


def need(allowed: bool, viewer: User | None, *, role: Role) -> User:
    """The viewer, who may. Raises Refused: 401 for nobody, 403 with the role that would do."""
    if viewer is None:
        raise unauthenticated()
    if not allowed:
        raise forbidden(role.word)
    return viewer
