"""Read what a client sent: each field has a type and a limit, and an error names the field."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from harness.programs.local_forge.refused import invalid

BODY_LIMIT = 65_536
TITLE_LIMIT = 256
LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?(?:\[bot\])?")
REPOSITORY_NAME = re.compile(
    r"(?!\.{1,2}$)(?!.*\.(?:git|lock|wiki)$)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}"
)
RESERVED = frozenset(
    {"api", "admin", "sign-in", "sign-out", "static", "favicon", "new", "settings", "apps"}
)

Body = Mapping[str, object]


def sound_text(resource: str, field: str, value: object, *, limit: int) -> str:
    """`value` as text of at most `limit` characters (GitHub's limit for bodies is
    65,536). Raises Refused (422)."""
    if not isinstance(value, str):
        raise invalid(resource, field, f"{field} must be a string")
    if len(value) > limit:
        raise invalid(resource, field, f"{field} is too long (maximum is {limit} characters)")
    # SQLite stores neither, and the error would come later without the name of the field.
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise invalid(
            resource, field, f"{field} holds a NUL or half a character; send valid Unicode"
        )
    return value


def text(body: Body, field: str, resource: str, *, limit: int = BODY_LIMIT) -> str | None:
    """A field that may be absent or null."""
    value = body.get(field)
    return None if value is None else sound_text(resource, field, value, limit=limit)


def needed_text(body: Body, field: str, resource: str, *, limit: int = BODY_LIMIT) -> str:
    """A field that must be present and not blank."""
    value = text(body, field, resource, limit=limit)
    if value is None or not value.strip():
        raise invalid(resource, field, f"{field} can't be blank", code="missing_field")
    return value


def choice(body: Body, field: str, resource: str, *, among: frozenset[str]) -> str | None:
    """A field with a closed set of values."""
    value = text(body, field, resource)
    if value is not None and value not in among:
        raise invalid(resource, field, f"{field} must be one of {', '.join(sorted(among))}")
    return value


def number(body: Body, field: str, resource: str, *, among: range) -> int:
    """A whole number within `among`."""
    value = body.get(field)
    # bool is a subclass of int in Python; JSON's true is no number.
    if not isinstance(value, int) or isinstance(value, bool) or value not in among:
        raise invalid(
            resource,
            field,
            f"{field} must be a whole number from {among.start} to {among.stop - 1}",
        )
    return value


def names(value: object, resource: str, field: str, *, limit: int = 50) -> tuple[str, ...]:
    """A list of names, each a string or an object with a `name`. Duplicates are dropped."""
    if not isinstance(value, list):
        raise invalid(resource, field, f"{field} must be a list")
    found = [item.get("name") if isinstance(item, dict) else item for item in value]
    return tuple(dict.fromkeys(sound_text(resource, field, name, limit=limit) for name in found))


def numbers(value: object, resource: str, field: str) -> frozenset[int]:
    """A list of whole numbers."""
    if not isinstance(value, list) or not all(
        isinstance(item, int) and not isinstance(item, bool) for item in value
    ):
        raise invalid(resource, field, f"{field} must be a list of whole numbers")
    return frozenset(value)


def web_address(body: Body, field: str, resource: str) -> str | None:
    """An http or https address. Any other scheme could run code in a reader's browser."""
    value = text(body, field, resource, limit=2_000)
    if value and (
        urlsplit(value).scheme not in ("http", "https") or any(letter.isspace() for letter in value)
    ):
        raise invalid(resource, field, f"{field} must be an http or https address")
    return value or None


def login(value: object) -> str:
    """A login: letters, digits and inner hyphens, at most 39, with an optional `[bot]` suffix."""
    name = sound_text("User", "login", value, limit=44)
    if not LOGIN.fullmatch(name) or name.lower() in RESERVED:
        raise invalid(
            "User",
            "login",
            "login must be letters, digits and inner hyphens, and not a reserved word",
        )
    return name


def repository_name(value: object) -> str:
    """A repository name: letters, digits, `.`, `_` and `-`, at most 100."""
    name = sound_text("Repository", "name", value, limit=100)
    if not REPOSITORY_NAME.fullmatch(name):
        raise invalid(
            "Repository", "name", "name must be letters, digits, dots, hyphens and underscores"
        )
    return name
