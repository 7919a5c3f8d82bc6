"""An App's manifest: what a person approves before the App is created."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from harness.programs.local_forge import fields
from harness.programs.local_forge.refused import invalid
from harness.programs.local_forge.storage.records import LEVELS

PERMISSIONS = frozenset(
    {
        "actions",
        "administration",
        "checks",
        "contents",
        "issues",
        "metadata",
        "pull_requests",
        "statuses",
        "workflows",
    }
)
_RESOURCE = "Integration"
Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Manifest:
    """GitHub's manifest, as far as this forge uses it. `redirect_url` is where the code is sent."""

    name: str
    url: str
    redirect_url: str | None
    setup_url: str | None
    # None where there is no hook, or it is not active.
    hook_url: str | None
    description: str
    permissions: Mapping[str, str]
    events: tuple[str, ...]


def manifest_in(text: str) -> Manifest:
    """The manifest in a JSON document. Raises Refused (422) naming the field."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid(_RESOURCE, "manifest", "manifest must be one JSON object") from None
    return manifest_from(document)


def manifest_from(document: object) -> Manifest:
    """A manifest from its parsed JSON. Raises Refused (422) naming the field."""
    if not isinstance(document, dict):
        raise invalid(_RESOURCE, "manifest", "manifest must be one JSON object")
    url = fields.web_address(document, "url", _RESOURCE)
    if url is None:
        raise invalid(
            _RESOURCE, "url", "url must be an http or https address", code="missing_field"
        )
    return Manifest(
        name=fields.needed_text(document, "name", _RESOURCE, limit=34).strip(),
        url=url,
        redirect_url=fields.web_address(document, "redirect_url", _RESOURCE),
        setup_url=fields.web_address(document, "setup_url", _RESOURCE),
        hook_url=_hook(document),
        description=fields.text(document, "description", _RESOURCE, limit=1_000) or "",
        permissions=permissions(document.get("default_permissions", {})),
        events=fields.names(document.get("default_events", []), _RESOURCE, "default_events"),
    )


def permissions(value: object) -> Mapping[str, str]:
    """Permissions by name, each `read`, `write` or `admin`; `metadata: read` is always
    included. Raises Refused (422)."""
    if not isinstance(value, dict):
        raise invalid(_RESOURCE, "default_permissions", "default_permissions must be an object")
    for name, level in value.items():
        if name not in PERMISSIONS or level not in LEVELS:
            known = ", ".join(sorted(PERMISSIONS))
            raise invalid(
                _RESOURCE,
                "default_permissions",
                f"{name}: {level} is no permission: name one of {known}, as read, write or admin",
            )
    return {**value, "metadata": "read"}


def _hook(document: Document) -> str | None:
    hook = document.get("hook_attributes")
    if not isinstance(hook, dict) or hook.get("active", True) is not True:
        return None
    return fields.web_address(hook, "url", _RESOURCE)
