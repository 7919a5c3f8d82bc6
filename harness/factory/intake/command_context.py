"""One comment, or review, while its commands run: who wrote it, what they may, what they will be
answered."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.domain.issue import Comment, Permission
from harness.factory.records.history import History, history_of
from harness.factory.reporting.slash_commands import Command, may_give
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services

COMMENT, REVIEW = "comment", "review"
"""Where a command may stand."""


class RefusalReason(StrEnum):
    """Why a command was refused."""

    UNKNOWN = "unknown"
    EDITED = "edited"
    NO_RIGHT = "no-right"
    REFUSED = "refused"
    REVIEW_WITHOUT_RIGHT = "review-without-right"


@dataclass(slots=True)
class CommandContext:
    """One comment, or review, while its commands run; `answer` collects what the reply will
    contain, `explained` why commands in it were refused."""

    services: Services
    policy: PolicySnapshot
    issue: int
    thread: int
    comment: Comment
    answer: list[str] = field(default_factory=list)
    explained: set[RefusalReason] = field(default_factory=set)
    permission: Permission | None = None
    original: bool | None = None
    source: str = COMMENT

    @property
    def key(self) -> str:
        """The ledger key of the entry that closes it. Comments and reviews are numbered apart."""
        return f"{self.source}/{self.comment.id}"

    @property
    def name(self) -> str:
        """What its answer is found again by."""
        return f"{self.comment.id}" if self.source == COMMENT else self.key.replace("/", "-")

    @property
    def history(self) -> History:
        return history_of(self.services.ledger, self.issue)

    @property
    def is_filer(self) -> bool:
        return bool(self.history.author) and self.comment.author.id == self.history.author

    def may(self, command: Command) -> bool:
        return may_give(
            command, Permission.NONE, is_filer=self.is_filer
        ) or self.author_permission().reaches(command.least)

    def is_original(self) -> bool:
        """Whether nobody has edited the comment, by the forge, asked once."""
        if self.original is None:
            self.original = self.services.forge.is_original(self.comment)
        return self.original

    def author_permission(self) -> Permission:
        """What the forge allows the author to do, asked once."""
        if self.permission is None:
            self.permission = self.services.forge.permission(self.comment.author)
        return self.permission
