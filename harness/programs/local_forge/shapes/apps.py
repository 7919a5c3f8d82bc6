"""The JSON of Apps, installations and their tokens."""

from collections.abc import Sequence

from harness.programs.local_forge.links import Links
from harness.programs.local_forge.shapes.common import Json, moment, node_id
from harness.programs.local_forge.shapes.people import account, repository
from harness.programs.local_forge.storage.records import App, Conversion, Grant, Installation, Repo


def app(links: Links, item: App, *, installations: int | None = None) -> Json:
    """GitHub's `integration`."""
    shape: Json = {
        "id": item.id,
        "slug": item.slug,
        "client_id": item.client_id,
        "node_id": node_id("App", item.id),
        "owner": account(links, item.owner),
        "name": item.name,
        "description": item.description or None,
        "external_url": item.external_url,
        "html_url": links.app_page(item.slug),
        "created_at": moment(item.created_at),
        "updated_at": moment(item.created_at),
        "permissions": dict(item.permissions),
        "events": list(item.events),
    }
    return shape if installations is None else shape | {"installations_count": installations}


def conversion(links: Links, item: Conversion) -> Json:
    """The result of a manifest conversion, shown only once."""
    return app(links, item.app) | {
        "client_secret": item.client_secret,
        "webhook_secret": item.webhook_secret,
        "pem": item.private_key,
    }


def installation(links: Links, item: Installation) -> Json:
    """GitHub's `installation`."""
    here = f"{links.api}/app/installations/{item.id}"
    return {
        "id": item.id,
        "account": account(links, item.account),
        "access_tokens_url": f"{here}/access_tokens",
        "repositories_url": f"{links.api}/installation/repositories",
        "target_id": item.account.id,
        "target_type": "User",
        "html_url": f"{links.web}/settings/installations/{item.id}",
        "app_id": item.app.id,
        "app_slug": item.app.slug,
        "client_id": item.app.client_id,
        "permissions": dict(item.app.permissions),
        "events": list(item.app.events),
        "repository_selection": "all" if item.everywhere else "selected",
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_at": None,
        "suspended_by": None,
        "created_at": moment(item.created_at),
        "updated_at": moment(item.created_at),
    }


def token(links: Links, value: str, grant: Grant, *, repositories: Sequence[Repo] | None) -> Json:
    """GitHub's `installation-token`."""
    everywhere = grant.installation.everywhere and grant.only is None
    shape: Json = {
        "token": value,
        "expires_at": moment(grant.expires_at),
        "permissions": dict(grant.permissions),
        "repository_selection": "all" if everywhere else "selected",
    }
    return (
        shape
        if repositories is None
        else shape | {"repositories": [repository(links, one) for one in repositories]}
    )
