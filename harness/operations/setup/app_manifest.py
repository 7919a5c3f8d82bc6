"""The manifest of a GitHub App, and the page from which a person asks GitHub to create the app.

Source: GitHub's documentation, "Registering a GitHub App from a manifest".
"""

import html
import json
from dataclasses import dataclass
from urllib.parse import quote

from harness.forge.permissions import EVENTS, NEEDS, wanted

NAME_CHARACTERS = 34


@dataclass(frozen=True, slots=True)
class AppRequest:
    """Which app to create: for `repository`, on the forge with its pages at `web`, owned by the
    organisation `org` or by whoever is signed in there. `hook` is the factory's address for
    webhooks; empty without webhooks."""

    repository: str
    web: str
    org: str = ""
    hook: str = ""

    @property
    def name(self) -> str:
        """A proposal for the app's name. Names are unique on a forge, and a person may change it on
        the forge's page."""
        return f"factory {self.repository.replace('/', ' ')}"[:NAME_CHARACTERS].strip()

    def asked_at(self, state: str) -> str:
        """The address to which the manifest is posted."""
        place = f"organizations/{quote(self.org, safe='')}/settings" if self.org else "settings"
        return f"{self.web}/{place}/apps/new?state={quote(state)}"


def manifest_of(request: AppRequest, *, back: str) -> str:
    """The manifest as JSON. `back` is the address to which the forge redirects the browser with the
    code."""
    # A manifest must name an address for webhooks. Without webhooks it is the repository's page,
    # and they are inactive.
    page = f"{request.web}/{request.repository}"
    return json.dumps(
        {
            "name": request.name,
            "url": page,
            "public": False,
            "redirect_url": back,
            "description": (
                f"Takes the issues of {request.repository} in and ships validated code out."
            ),
            "hook_attributes": {"url": request.hook or page, "active": bool(request.hook)},
            "default_permissions": wanted(),
            "default_events": list(EVENTS) if request.hook else [],
        }
    )


def page_of(request: AppRequest, *, state: str, back: str) -> str:
    """The page: each permission of the app with its reason, and one button."""
    rows = "\n".join(
        f'<tr><th scope="row"><code>{need.name}</code></th><td>{need.level}</td><td>to'
        f" {html.escape(need.why)}</td></tr>"
        for need in NEEDS
    )
    return _PAGE.format(
        repository=html.escape(request.repository),
        web=html.escape(request.web),
        action=html.escape(request.asked_at(state)),
        manifest=html.escape(manifest_of(request, back=back)),
        rows=rows,
    )


def thanks(slug: str, install: str) -> str:
    """The page after the app was created."""
    return _THANKS.format(slug=html.escape(slug), install=html.escape(install))


_PAGE = """\
<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>An app for {repository}</title>
<h1>An app for {repository}</h1>
<p>The factory works on {web} as an app of its own. It needs these permissions and no others:</p>
<table><thead><tr><th scope="col">permission</th><th scope="col">level</th>
<th scope="col">what for</th></tr></thead>
<tbody>
{rows}
</tbody></table>
<p>The next page is the forge's own: you may change the app's name there. Its key comes back to this
machine and stays on it.</p>
<form method="post" action="{action}"><input type="hidden" name="manifest" value="{manifest}">
<button type="submit">Create the app</button></form>
</html>
"""
_THANKS = """\
<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{slug} is created</title>
<h1>{slug} is created</h1>
<p>Its key is on this machine. <a href="{install}">Install it</a> on the one repository it is for.
The terminal then continues by itself, and you may close this page.</p>
</html>
"""
