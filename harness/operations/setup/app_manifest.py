"""An app by its manifest: what GitHub is asked to make, and the one page from which a person asks
it.

(GitHub's documentation: "Registering a GitHub App from a manifest".)
"""

import html
import json
from dataclasses import dataclass
from urllib.parse import quote

from harness.forge.permissions import EVENTS, NEEDS, wanted

NAME_CHARACTERS = 34


@dataclass(frozen=True, slots=True)
class Wish:
    """For which repository an app is wanted, on the forge with its pages at `web`, owned by whoever
    is signed in there or by the organisation `org`. `hook` is where webhooks would reach the
    factory; empty where they do not."""

    repository: str
    web: str
    org: str = ""
    hook: str = ""

    @property
    def name(self) -> str:
        """A name to begin with: names are unique on a forge, and a person may write another on its
        page."""
        return f"factory {self.repository.replace('/', ' ')}"[:NAME_CHARACTERS].strip()

    def asked_at(self, state: str) -> str:
        """Where the manifest is posted to."""
        place = f"organizations/{quote(self.org, safe='')}/settings" if self.org else "settings"
        return f"{self.web}/{place}/apps/new?state={quote(state)}"


def manifest_of(wish: Wish, *, back: str) -> str:
    """The manifest as JSON. `back` is where the forge sends the browser with the code. Without
    webhooks it names the repository's own page as their address, for it must name one, and lets
    them be inactive."""
    page = f"{wish.web}/{wish.repository}"
    return json.dumps(
        {
            "name": wish.name,
            "url": page,
            "public": False,
            "redirect_url": back,
            "description": (
                f"Takes the issues of {wish.repository} in and ships validated code out."
            ),
            "hook_attributes": {"url": wish.hook or page, "active": bool(wish.hook)},
            "default_permissions": wanted(),
            "default_events": list(EVENTS) if wish.hook else [],
        }
    )


def page_of(wish: Wish, *, state: str, back: str) -> str:
    """The page: what the app will be allowed, each with its reason, and one button."""
    rows = "\n".join(
        f'<tr><th scope="row"><code>{need.name}</code></th><td>{need.level}</td><td>to'
        f" {html.escape(need.why)}</td></tr>"
        for need in NEEDS
    )
    return _PAGE.format(
        repository=html.escape(wish.repository),
        web=html.escape(wish.web),
        action=html.escape(wish.asked_at(state)),
        manifest=html.escape(manifest_of(wish, back=back)),
        rows=rows,
    )


def thanks(slug: str, install: str) -> str:
    """The page after the app was made."""
    return _THANKS.format(slug=html.escape(slug), install=html.escape(install))


_PAGE = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>An app for {repository}</title>
<h1>An app for {repository}</h1>
<p>The factory works on {web} as an app of its own. It asks for this, and for nothing more:</p>
<table><thead><tr><th scope="col">permission</th><th scope="col">level</th><th scope="col">what for</th></tr></thead>
<tbody>
{rows}
</tbody></table>
<p>The next page is the forge's own: you may change the app's name there. Its key comes back to this machine and stays on it.</p>
<form method="post" action="{action}"><input type="hidden" name="manifest" value="{manifest}">
<button type="submit">Make the app</button></form>
</html>
"""
_THANKS = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{slug} is made</title>
<h1>{slug} is made</h1>
<p>Its key is on this machine. <a href="{install}">Install it</a> on the one repository it is for; the terminal goes on by
itself then, and this page may be closed.</p>
</html>
"""
