"""The tables. Numbers are never used twice, so that an id in a log means one thing for ever."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA = 5
metadata = MetaData()
NAME = String(collation="NOCASE")


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _of(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, ForeignKey(f"{target}.id"), nullable=nullable)


def _needed(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


users = Table(
    "users",
    metadata,
    _id(),
    Column("login", NAME, unique=True, nullable=False),
    Column("kind", Text, nullable=False),
    _needed("role"),
    _needed("created_at"),
    sqlite_autoincrement=True,
)
# Tokens and sessions, as SHA-256 digests.
keys = Table(
    "keys",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    _of("user_id", "users"),
    _needed("created_at"),
)
repositories = Table(
    "repositories",
    metadata,
    _id(),
    _of("owner_id", "users"),
    Column("name", NAME, nullable=False),
    Column("description", Text, nullable=False),
    Column("default_branch", Text, nullable=False),
    Column("seen", Text, nullable=False),
    _needed("next_number"),
    _needed("created_at"),
    # The repository it was forked from, which may be deleted.
    Column("source_id", Integer),
    UniqueConstraint("owner_id", "name"),
    sqlite_autoincrement=True,
)
grants = Table(
    "grants",
    metadata,
    _of("repository_id", "repositories"),
    _of("user_id", "users"),
    _needed("role"),
    UniqueConstraint("repository_id", "user_id"),
)
issues = Table(
    "issues",
    metadata,
    _id(),
    _of("repository_id", "repositories"),
    _needed("number"),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    _of("author_id", "users"),
    Column("is_pull", Boolean, nullable=False),
    _needed("created_at"),
    _needed("updated_at"),
    Column("closed_at", Integer),
    _of("closed_by_id", "users", nullable=True),
    UniqueConstraint("repository_id", "number"),
    sqlite_autoincrement=True,
)
Index("all_issues_by_update", issues.c.repository_id, issues.c.updated_at, issues.c.number)
Index(
    "open_issues_by_age",
    issues.c.repository_id,
    issues.c.state,
    issues.c.created_at,
    issues.c.number,
)
Index(
    "open_issues_by_update",
    issues.c.repository_id,
    issues.c.state,
    issues.c.updated_at,
    issues.c.number,
)
Index("all_issues_by_age", issues.c.repository_id, issues.c.created_at, issues.c.number)
pins = Table(
    "pins",
    metadata,
    Column("issue_id", ForeignKey("issues.id"), primary_key=True),
    _of("actor_id", "users"),
    _needed("created_at"),
)
pulls = Table(
    "pulls",
    metadata,
    Column("issue_id", ForeignKey("issues.id"), primary_key=True),
    Column("base", Text, nullable=False),
    Column("base_sha", Text, nullable=False),
    Column("head", Text, nullable=False),
    Column("head_sha", Text, nullable=False),
    Column("merged_at", Integer),
    _of("merged_by_id", "users", nullable=True),
    Column("merge_commit", Text),
    Column("head_repository_id", Integer),
    # No foreign key: a fork may be deleted, its number stays.
    Column("head_owner_id", Integer),
)
labels = Table(
    "labels",
    metadata,
    _id(),
    _of("repository_id", "repositories"),
    Column("name", NAME, nullable=False),
    Column("color", Text, nullable=False),
    Column("description", Text, nullable=False),
    UniqueConstraint("repository_id", "name"),
    sqlite_autoincrement=True,
)
issue_labels = Table(
    "issue_labels",
    metadata,
    _of("issue_id", "issues"),
    _of("label_id", "labels"),
    UniqueConstraint("issue_id", "label_id"),
)
comments = Table(
    "comments",
    metadata,
    _id(),
    _of("issue_id", "issues"),
    _of("author_id", "users"),
    Column("body", Text, nullable=False),
    _needed("created_at"),
    _needed("updated_at"),
    Column("edited_at", Integer),
    sqlite_autoincrement=True,
)
Index("comments_of_issue", comments.c.issue_id)
reviews = Table(
    "reviews",
    metadata,
    _id(),
    _of("issue_id", "issues"),
    _of("author_id", "users"),
    # APPROVED, CHANGES_REQUESTED or COMMENTED.
    Column("state", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("commit_id", Text, nullable=False),
    _needed("created_at"),
    sqlite_autoincrement=True,
)
Index("reviews_of_issue", reviews.c.issue_id)
review_comments = Table(
    "review_comments",
    metadata,
    _id(),
    _of("issue_id", "issues"),
    _of("review_id", "reviews"),
    Column("path", Text, nullable=False),
    _needed("line"),
    Column("side", Text, nullable=False),
    # Lines from the first hunk of the file's diff.
    _needed("position"),
    Column("hunk", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("comments_of_review", review_comments.c.review_id)
Index("review_comments_of_issue", review_comments.c.issue_id)
events = Table(
    "events",
    metadata,
    _id(),
    _of("issue_id", "issues"),
    _of("actor_id", "users"),
    Column("kind", Text, nullable=False),
    Column("label_name", Text),
    Column("label_color", Text),
    Column("renamed_from", Text),
    Column("renamed_to", Text),
    Column("commit_id", Text),
    _needed("created_at"),
    sqlite_autoincrement=True,
)
Index("events_of_issue", events.c.issue_id)
assignees = Table(
    "assignees",
    metadata,
    _of("issue_id", "issues"),
    _of("user_id", "users"),
    UniqueConstraint("issue_id", "user_id"),
)
# Whom an event assigned to an issue or unassigned.
event_people = Table(
    "event_people",
    metadata,
    Column("event_id", ForeignKey("events.id"), primary_key=True),
    _of("user_id", "users"),
)
check_runs = Table(
    "check_runs",
    metadata,
    _id(),
    _of("repository_id", "repositories"),
    Column("head_sha", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("conclusion", Text),
    Column("details_url", Text),
    Column("external_id", Text, nullable=False),
    Column("title", Text),
    Column("summary", Text),
    Column("text", Text),
    _of("creator_id", "users"),
    _needed("started_at"),
    Column("completed_at", Integer),
    Column("annotations", Text),
    sqlite_autoincrement=True,
)
Index("checks_of_commit", check_runs.c.repository_id, check_runs.c.head_sha)
statuses = Table(
    "statuses",
    metadata,
    _id(),
    _of("repository_id", "repositories"),
    Column("sha", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("description", Text),
    Column("target_url", Text),
    _of("creator_id", "users"),
    _needed("created_at"),
    sqlite_autoincrement=True,
)
Index("statuses_of_commit", statuses.c.repository_id, statuses.c.sha)
# an App has the number of its bot account, so that the numbers of writers of checks are never two
# things
apps = Table(
    "apps",
    metadata,
    Column("id", ForeignKey("users.id"), primary_key=True),
    Column("slug", NAME, unique=True, nullable=False),
    Column("name", Text, nullable=False),
    _of("owner_id", "users"),
    Column("client_id", Text, unique=True, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("external_url", Text, nullable=False),
    Column("setup_url", Text),
    Column("hook_url", Text),
    _needed("created_at"),
)
app_codes = Table(
    "app_codes",
    metadata,
    Column("digest", Text, primary_key=True),
    _of("app_id", "apps"),
    _needed("created_at"),
)
installations = Table(
    "installations",
    metadata,
    _id(),
    _of("app_id", "apps"),
    _of("account_id", "users"),
    Column("everywhere", Boolean, nullable=False),
    _needed("created_at"),
    UniqueConstraint("app_id", "account_id"),
    sqlite_autoincrement=True,
)
# The repositories of an installation that is not on all.
installed = Table(
    "installed",
    metadata,
    _of("installation_id", "installations"),
    _of("repository_id", "repositories"),
    UniqueConstraint("installation_id", "repository_id"),
)
app_tokens = Table(
    "app_tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    _of("installation_id", "installations"),
    Column("permissions", Text, nullable=False),
    Column("repositories", Text),
    _needed("expires_at"),
)
# what protects branches: `protection` of one branch by its name, or a `ruleset` of its own number
rules = Table(
    "rules",
    metadata,
    _id(),
    _of("repository_id", "repositories"),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("body", Text, nullable=False),
    _needed("created_at"),
    _needed("updated_at"),
    UniqueConstraint("repository_id", "kind", "name"),
    sqlite_autoincrement=True,
)
hooks = Table(
    "hooks",
    metadata,
    _id(),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("app_id", Integer),
    sqlite_autoincrement=True,
)
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    _of("hook_id", "hooks"),
    Column("event", Text, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    _needed("delivered_at"),
)

STEPS = {
    1: (
        "DROP INDEX IF EXISTS issues_by_update",
        "ALTER TABLE repositories ADD COLUMN source_id INTEGER",
        "ALTER TABLE pulls ADD COLUMN head_repository_id INTEGER",
        "ALTER TABLE pulls ADD COLUMN head_owner_id INTEGER",
        (
            "UPDATE pulls SET head_repository_id = (SELECT repository_id FROM issues WHERE"
            " issues.id = pulls.issue_id)"
        ),
        (
            "UPDATE pulls SET head_owner_id = (SELECT owner_id FROM repositories WHERE"
            " repositories.id = head_repository_id)"
        ),
        "ALTER TABLE check_runs ADD COLUMN annotations TEXT",
        "ALTER TABLE hooks ADD COLUMN app_id INTEGER",
    ),
    # Schema 3 adds the maintain role between write and admin, so admin moves from 4 to 5.
    2: (
        "UPDATE users SET role = 5 WHERE role = 4",
        "UPDATE grants SET role = 5 WHERE role = 4",
    ),
    # Schema 4 only adds tables.
    3: (),
    4: (
        "ALTER TABLE comments ADD COLUMN edited_at INTEGER",
        "UPDATE comments SET edited_at = updated_at WHERE updated_at != created_at",
    ),
}
"""What brings a database of that schema to the next one; tables and indexes that are
new are made besides."""
